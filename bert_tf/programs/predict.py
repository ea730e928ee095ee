r"""Predicts with a fine-tuned model: a text or a pair, lines of standard input, or a file of any size.

    python scripts/predict.py output/MRPC/all-MiniLM-L6-v2 "It rains ." "Rain falls ."
    printf 'It rains .\tRain falls .\n' | python scripts/predict.py output/MRPC/all-MiniLM-L6-v2 --format=jsonl
    python scripts/predict.py output/reviews/all-MiniLM-L6-v2 --input_file=new.csv --output_file=predicted.csv

The first argument is the output folder of a finished run. Without texts behind it and without --input_file, each line
of standard input is a text, or a pair with a tab between. A text that begins with - comes after a -- of its own.
"""

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import IO

from absl import logging

from bert_tf import run_files
from bert_tf.checkpoints.completeness import check_files
from bert_tf.checkpoints.locate import resolve
from bert_tf.data.columns import WantedColumns
from bert_tf.data.label_files import read_kind, read_labels
from bert_tf.data.text_rows import RowCheck
from bert_tf.errors import UserError, printable
from bert_tf.files import atomic_write, make_folder, read_json_or_empty
from bert_tf.flags import config_from_flags, run_program
from bert_tf.modeling.config import BertConfig
from bert_tf.paths import checked_path
from bert_tf.programs.predict_config import PredictConfig
from bert_tf.programs.predict_input import TextInput, command_line, file_input, standard_input
from bert_tf.remote import AnyPath, as_path
from bert_tf.serving.answer_forms import added_names
from bert_tf.streams import checked_stdout, hide_start_up_messages

_USAGE = 'give the folder of a finished run, e.g. predict output/MRPC/all-MiniLM-L6-v2 "It rains ." "Rain falls ."'


def main(words: Sequence[str]) -> None:
    """Predicts the texts that the command line names."""
    config = config_from_flags(PredictConfig)
    if not words:
        raise UserError(f"no folder given; {_USAGE}")
    folder, texts = as_path(checked_path(words[0], "folder")), words[1:]
    config.check(texts)
    check_output_file(config)
    labels = check_folder(folder)
    predict(config, folder, find_input(config, folder, texts, labels))


def check_output_file(config: PredictConfig) -> None:
    """Raises `UserError` if `output_file` cannot be written, or must not be."""
    _ = config.form
    if config.output_file is None:
        return
    path = as_path(config.output_file)
    if path.is_dir():
        raise UserError(f"output_file: {printable(path)}: is a folder; name a file in it")
    if path.exists() and _is_same(path, config.input_file):
        raise UserError(f"output_file: {printable(path)}: is the input_file; name another file")
    if path.exists() and not config.overwrite:
        raise UserError(f"output_file: {printable(path)}: is there already; name another file, or pass --overwrite")
    make_folder(path.parent, "output_file")


def _is_same(path: AnyPath, other: str | None) -> bool:
    return other is not None and path.resolve() == as_path(other).resolve()


def check_folder(folder: AnyPath) -> Sequence[str]:
    """Checks a folder as far as it is possible without TensorFlow. Returns the labels if it is that of a run.

    Raises:
        UserError: there is no such folder, or a file of the run is missing or broken.
    """
    if not folder.is_dir():
        raise UserError(f"{printable(folder)}: there is no such folder; {_USAGE}")
    if not (folder / run_files.RUN).is_file():
        return ()
    kind = read_kind(folder, "give a finished run's output folder")
    files = resolve(str(folder))
    check_files(files, BertConfig.from_json_file(files.config_file))
    return read_labels(folder, kind, "give a finished run's output folder")


def find_input(config: PredictConfig, folder: AnyPath, texts: Sequence[str], labels: Sequence[str]) -> TextInput:
    """Finds the texts, and checks those that are there already.

    Raises:
        UserError: a text or row is wrong.
    """
    if texts:
        return command_line(texts)
    if config.input_file is None:
        return standard_input()
    wanted = _wanted_columns(config, folder)
    return file_input(config.input_file, wanted, config.form, labels, config.predict_batch_size)


def _wanted_columns(config: PredictConfig, folder: AnyPath) -> WantedColumns:
    """Returns the columns that the user named, or else those that the user named for the training."""
    said = WantedColumns(config.text_column, config.text_pair_column)
    training = read_json_or_empty(folder / run_files.RUN).get("training")
    if any(said) or not isinstance(training, dict):
        return said
    kept = (training.get(field) for field in ("text_column", "text_pair_column"))
    return WantedColumns(*(name if isinstance(name, str) else None for name in kept))


def predict(config: PredictConfig, folder: AnyPath, texts: TextInput) -> None:
    """Loads the model, predicts the texts and writes the answers.

    Raises:
        UserError: the model cannot be loaded, a text is not what it takes, or the answers cannot be written.
    """
    if texts.count is None and sys.stdin is not None and sys.stdin.isatty():
        logging.info("Reading texts, one a line, or two with a tab between them; Ctrl-D ends.")
    hide_start_up_messages()
    # TensorFlow takes seconds to load: mistakes in flags, texts and folder are reported before.
    from bert_tf.serving.answers import make_writer
    from bert_tf.serving.bulk import predict_chunks
    from bert_tf.serving.predictor import load

    model = load(str(folder), **config.model_files)
    check = RowCheck(getattr(model, "pairs", None), added_names(config.form, model.labels))
    chunks = (list(check.check(chunk)) for chunk in texts.chunks())
    style = texts.style if texts.form == config.form else None
    with _opened_output(config, texts.count) as (stream, finish):
        writer = make_writer(config.form, stream, model.labels, style)
        predict_chunks(model, filter(None, chunks), writer, config.predict_batch_size, finish)


@contextlib.contextmanager
def _opened_output(config: PredictConfig, count: int | None) -> Iterator[tuple[IO[str], Callable[[int], None]]]:
    """Opens what is written to, and gives a function to call after each chunk."""
    if config.output_file is None:
        with checked_stdout() as stream:
            yield stream, lambda _: stream.flush()
        return
    from bert_tf.training.progress import ProgressBar

    with atomic_write(config.output_file) as stream, ProgressBar("predict", count, 1) as bar:
        yield stream, bar.update


def run_main() -> None:
    """Starts the program."""
    run_program(main, PredictConfig, takes_arguments=True)
