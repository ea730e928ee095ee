r"""Predicts with a fine-tuned model: a text or a pair, lines of standard input, or a file of any size.

    python scripts/predict.py output/MRPC/all-MiniLM-L6-v2 "It rains ." "Rain falls ."
    printf 'It rains .\tRain falls .\n' | python scripts/predict.py output/MRPC/all-MiniLM-L6-v2 --format=jsonl
    python scripts/predict.py output/reviews/all-MiniLM-L6-v2 --input_file=new.csv --output_file=predicted.csv

    python scripts/predict.py output/SQuAD/all-MiniLM-L6-v2 "Who came?" "Ann came at noon."
    python scripts/predict.py output/SQuAD/all-MiniLM-L6-v2 --input_file=questions.json --output_file=answers.jsonl

    python scripts/predict.py output/NER/all-MiniLM-L6-v2 "Ann Lee came to Osk ."
    python scripts/predict.py output/NER/all-MiniLM-L6-v2 --input_file=new.conll --output_file=tagged.conll

The first argument is the output folder of a finished run. Without texts behind it and without --input_file, each line
of standard input is a text, or a pair with a tab between. A text that begins with - comes after a -- of its own.
"""

import contextlib
import gc
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import IO, NamedTuple

from absl import logging

from bert_tf import run_files
from bert_tf.checkpoints.completeness import check_files
from bert_tf.checkpoints.locate import resolve
from bert_tf.data.columns import WantedColumns
from bert_tf.data.label_files import read_kind, read_labels
from bert_tf.data.run_facts import named_columns, takes_pairs
from bert_tf.data.targets import PRETRAINING, QUESTION_ANSWERING, TOKEN_CLASSIFICATION
from bert_tf.data.text_rows import RowCheck, TextRow
from bert_tf.errors import UserError, printable, user_error_for
from bert_tf.files import atomic_write, make_folder, read_json_or_empty
from bert_tf.flags import config_from_flags, run_program
from bert_tf.modeling.config import BertConfig
from bert_tf.models.pretraining_models import not_fine_tuned
from bert_tf.paths import checked_path, is_hub_name
from bert_tf.programs.model_kind import find_kind
from bert_tf.programs.output_file import check_output_file
from bert_tf.programs.predict_config import PredictConfig
from bert_tf.programs.predict_input import TextInput, command_line, file_input, standard_input
from bert_tf.programs.predict_questions import answer_questions
from bert_tf.programs.predict_tags import tag_texts
from bert_tf.remote import AnyPath, as_path
from bert_tf.serving.answer_forms import added_names
from bert_tf.streams import checked_stdout, hide_start_up_messages

_REMEDY = "give a finished run's output folder"
# Python's 700 make it search all packages for garbage while they are loaded, a seventh of the time to a first answer.
_OBJECTS_BETWEEN_COLLECTIONS = 100_000
_USAGE = 'give the folder of a finished run, e.g. predict output/MRPC/all-MiniLM-L6-v2 "It rains ." "Rain falls ."'


# What is done with models that predict no labels of texts.
_SPECIAL = {QUESTION_ANSWERING: answer_questions, TOKEN_CLASSIFICATION: tag_texts}


class FolderFacts(NamedTuple):
    """The facts about a model before it is loaded.

    Attributes:
        labels: their names; empty if they are not known.
        pairs: True if it takes pairs of texts; None if that is not known.
        columns: of the texts, which the user named for the training.
    """

    labels: Sequence[str] = ()
    pairs: bool | None = None
    columns: WantedColumns = WantedColumns()


def main(words: Sequence[str]) -> None:
    """Predicts the texts that the command line names."""
    config = config_from_flags(PredictConfig)
    if not words:
        raise UserError(f"no folder given; {_USAGE}")
    folder, texts = words[0], words[1:]
    config.check(texts)
    check_output_file(config.output_file, config.input_file, config.overwrite)
    kind = find_kind(config, folder)
    if kind == PRETRAINING:
        raise not_fine_tuned(folder)
    special = _SPECIAL.get(kind)
    if special is not None:
        hide_start_up_messages()
        gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
        special(config, folder, texts, _opened_output)
        return
    config.check_labels()
    # A model that is completed by flags, or has a name in a hub, can only be looked at when it is loaded.
    is_open = config.model_files or is_hub_name(folder)
    facts = FolderFacts() if is_open else check_folder(as_path(checked_path(folder, "folder")))
    found = find_input(config, texts, facts)
    predict(config, folder, found)


def check_folder(folder: AnyPath) -> FolderFacts:
    """Checks a folder as far as it is possible without TensorFlow, and returns what it says if it is that of a run.

    Raises:
        UserError: there is no such folder, or a file of the run is missing or broken.
    """
    with user_error_for(OSError, folder, "cannot be read", "check the path"):
        if not folder.exists():
            raise UserError(f"{printable(folder)}: there is no such folder; {_USAGE}")
        if not (folder / run_files.RUN).is_file():
            return FolderFacts()
    kind = read_kind(folder, _REMEDY)
    files = resolve(str(folder))
    check_files(files, BertConfig.from_json_file(files.config_file))
    run = read_json_or_empty(folder / run_files.RUN)
    return FolderFacts(read_labels(folder, kind, _REMEDY), takes_pairs(run), named_columns(run))


def find_input(config: PredictConfig, texts: Sequence[str], facts: FolderFacts) -> TextInput:
    """Finds the texts, and checks those that are there already.

    Args:
        config: the flags.
        texts: of the command line.
        facts: of the model.

    Raises:
        UserError: a text or row is wrong.
    """
    if texts:
        return command_line(texts, facts.pairs)
    if config.input_file is None:
        return standard_input()
    said = WantedColumns(config.text_column, config.text_pair_column)
    wanted = said if any(said) else facts.columns
    return file_input(config.input_file, wanted, config.form, facts.labels, facts.pairs, config.predict_batch_size)


def predict(config: PredictConfig, folder: str, texts: TextInput) -> None:
    """Loads the model, predicts the texts and writes the answers.

    Raises:
        UserError: the model cannot be loaded, a text is not what it takes, or the answers cannot be written.
    """
    is_typed = texts.count is None and sys.stdin is not None and sys.stdin.isatty()
    if is_typed:
        logging.info("Reading texts, one a line, or two with a tab between them; Ctrl-D ends.")
    hide_start_up_messages()
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    # TensorFlow takes seconds to load: mistakes in flags, texts and folder are reported before.
    from bert_tf.serving.answers import make_writer
    from bert_tf.serving.bulk import predict_chunks
    from bert_tf.serving.predictor import load

    model = load(folder, **config.model_files)
    check = RowCheck(model.pairs, added_names(config.form, model.labels), texts.remedies)
    chunks = _checked(texts.chunks(), check, is_typed)
    style = texts.style if texts.form == config.form else None
    with _opened_output(config, texts.count) as (stream, finish):
        writer = make_writer(config.form, stream, model.labels, style)
        predict_chunks(model, chunks, writer, config.predict_batch_size, finish)


def _checked(chunks: Iterable[Iterable[TextRow]], check: RowCheck, is_typed: bool) -> Iterator[list[TextRow]]:
    """Yields chunks that are checked and not empty. Somebody who types is told of a mistake, and can go on."""
    for chunk in chunks:
        try:
            rows = list(check.check(chunk))
        except UserError as error:
            if not is_typed:
                raise
            logging.warning("%s.", error)
            continue
        if rows:
            yield rows


@contextlib.contextmanager
def _opened_output(config: PredictConfig, count: int | None) -> Iterator[tuple[IO[str], Callable[[int], None]]]:
    """Opens what is written to, and gives a function to call after each chunk."""
    if config.output_file is None:
        with checked_stdout() as stream:
            yield stream, lambda _: stream.flush()
        return
    from bert_tf.training.progress import ProgressBar

    remedy = "name a file on another disk"
    # All that is read in the block reports its own errors.
    make_folder(as_path(config.output_file).parent, "output_file")
    guard = user_error_for(OSError, config.output_file, "cannot be written", remedy)
    with guard, atomic_write(config.output_file) as stream, ProgressBar("predict", count, 1) as bar:
        yield stream, bar.update


def run_main() -> None:
    """Starts the program."""
    run_program(main, PredictConfig, takes_arguments=True)
