"""Reads a fine-tuned model from its folder: all that predicting, exporting and exchanging it needs. Needs no Keras.

model = read_fine_tuned("output/MRPC/all-MiniLM-L6-v2")
model.labels, model.arrays["output_weights"].shape  # ('0', '1'), (2, 384)
"""

import dataclasses
import os
from collections.abc import Mapping, Sequence

import numpy as np

from bert_tf.checkpoints.casing import check_casing, find_casing
from bert_tf.checkpoints.fit import check_sizes, check_vocabulary, fitting_arrays
from bert_tf.checkpoints.formats import read_checkpoint
from bert_tf.checkpoints.locate import CheckpointFiles, resolve
from bert_tf.data.label_files import read_kind, read_labels
from bert_tf.data.processors import find_processor, is_known_task
from bert_tf.data.tokenization import FullTokenizer
from bert_tf.data.vocabulary import load_vocab
from bert_tf.errors import UserError, printable
from bert_tf.modeling.config import BertConfig
from bert_tf.modeling.shapes import head_shapes, variable_shapes
from bert_tf.paths import checked_path
from bert_tf.remote import AnyPath
from bert_tf.tasks.metrics import METRICS
from bert_tf.training.output_dir import OutputDir
from bert_tf.training.unfinished import warn_if_unfinished

_DEFAULT_LENGTH = 128  # the default of run_classifier.py, for a folder that does not say
_REMEDY = "give a finished run's output folder"
# The type that a run computed in, for each --mixed_precision.
_COMPUTE_DTYPES = {"none": "float32", "bfloat16": "bfloat16", "float16": "float16"}


@dataclasses.dataclass(frozen=True)
class FineTunedModel:
    """A fine-tuned model as plain data.

    Attributes:
        folder: where it was read.
        kind: of its labels: `"classification"`, `"regression"` or `"multi_label"`.
        labels: in the order of the head's outputs; empty for a regression.
        config: the shape of the encoder.
        arrays: the weights of encoder and head, float32, under the original's names and in its shapes.
        vocab_file: the vocabulary.
        do_lower_case: whether text is lowercased.
        max_seq_length: longer texts are truncated, as in training.
        compute_dtype: in which the run computed its products: `"float32"`, `"bfloat16"` or `"float16"`.
        pairs: whether it was trained on pairs of texts; None if nothing says so.
        scores: of its evaluation, such as `eval_accuracy`; empty without one.
        run: the content of run.json; empty if others trained the model.
    """

    folder: AnyPath
    kind: str
    labels: tuple[str, ...]
    config: BertConfig
    arrays: Mapping[str, np.ndarray] = dataclasses.field(repr=False)
    vocab_file: AnyPath
    do_lower_case: bool
    max_seq_length: int
    compute_dtype: str
    pairs: bool | None
    scores: Mapping[str, float]
    run: Mapping[str, object] = dataclasses.field(repr=False)

    @property
    def num_outputs(self) -> int:
        """The number of the head's outputs: one for each label, or one for a regression."""
        return len(self.labels) or 1

    def tokenizer(self) -> FullTokenizer:
        """Makes the tokenizer."""
        return FullTokenizer(self.vocab_file, self.do_lower_case)


def read_fine_tuned(folder: str | os.PathLike) -> FineTunedModel:
    """Reads a fine-tuned model from the output folder of a finished run.

    Args:
        folder: it needs vocabulary, configuration, checkpoint and, but for a regression, `labels.txt`. A folder
            without `task.json` holds a classifier.

    Raises:
        UserError: something is missing, broken or does not fit; no label is invented.
    """
    folder = checked_path(folder, "load")
    output_dir = OutputDir(folder, is_writer=False)
    if not output_dir.path.is_dir():
        raise UserError(f"{printable(folder)}: there is no such folder; give the output folder of a finished run")
    kind = read_kind(output_dir.path, _REMEDY)
    labels = read_labels(output_dir.path, kind, _REMEDY)
    files = resolve(folder)
    run = output_dir.read_unchecked_run() or {}
    training = run.get("training", {})
    config = BertConfig.from_json_file(files.config_file)
    arrays = _read_arrays(files, config, max(1, len(labels)), training.get("num_train_steps"))
    casing = find_casing(files, folder)
    check_casing(casing.do_lower_case, files, folder)
    check_vocabulary(load_vocab(files.vocab_file), config, files)
    return FineTunedModel(
        folder=output_dir.path,
        kind=kind,
        labels=tuple(labels),
        config=config,
        arrays=arrays,
        vocab_file=files.vocab_file,
        do_lower_case=casing.do_lower_case,
        max_seq_length=_max_seq_length(training.get("max_seq_length"), config.max_position_embeddings),
        compute_dtype=_COMPUTE_DTYPES.get(str(training.get("mixed_precision")), "float32"),
        pairs=_takes_pairs(run),
        scores=_read_scores(output_dir, kind),
        run=run,
    )


def _read_arrays(
    files: CheckpointFiles, config: BertConfig, num_outputs: int, num_train_steps: int | None
) -> dict[str, np.ndarray]:
    arrays = read_checkpoint(files.checkpoint)
    check_sizes(config, arrays, files)
    warn_if_unfinished(files.checkpoint, arrays, num_train_steps)
    return fitting_arrays(variable_shapes(config) | head_shapes(num_outputs, config), arrays, files.checkpoint)


def _max_seq_length(trained: object, positions: int) -> int:
    """Returns the length that the run was trained with, if run.json has one that the model can take."""
    is_usable = type(trained) is int and 3 <= trained <= positions
    return trained if is_usable else min(_DEFAULT_LENGTH, positions)


def _takes_pairs(run: Mapping) -> bool | None:
    """Returns what the run was trained on; runs of earlier versions say only the name of their task."""
    if isinstance(run.get("pairs"), bool):
        return run["pairs"]
    name = run.get("training", {}).get("task_name")
    if not isinstance(name, str) or not is_known_task(name):
        return None
    train = find_processor(name).train
    return None if train is None else train.text_b is not None


def _read_scores(output_dir: OutputDir, kind: str) -> dict[str, float]:
    results = output_dir.read_results()
    names: Sequence[str] = [f"eval_{name}" for name in (*METRICS[kind], "loss")]
    return {name: results[name] for name in names if isinstance(results.get(name), float)}
