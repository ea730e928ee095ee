"""The folder of a model for another runtime: what using the model needs, beside its files. Needs no TensorFlow.

describe(folder, model, Shape(batch_size=1, length=128), max_seq_length=128)
read_portable(folder).kind
"""

import dataclasses
import hashlib
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from bert_tf import run_files
from bert_tf.data.label_files import read_kind, read_labels
from bert_tf.data.targets import Number
from bert_tf.data.vocabulary import MAX_VOCAB_BYTES
from bert_tf.errors import UserError, printable, reading
from bert_tf.files import read_bytes, read_json
from bert_tf.models.facts import Facts
from bert_tf.remote import AnyPath

# The description that stands beside a model, and its version.
DESCRIPTION = "model.json"
VERSION = 1

INPUTS = ("input_word_ids", "input_mask", "input_type_ids")
_REMEDY = "export the model again"


@dataclasses.dataclass(frozen=True)
class Shape:
    """The shape of the inputs that a model takes.

    Attributes:
        batch_size: the only number of rows; None for any.
        length: the only number of positions; None for any.
    """

    batch_size: int | None = None
    length: int | None = None


class Engine(Protocol):
    """Computes the answers of a batch of word pieces, int32 [rows, length] each.

    Attributes:
        answer_shape: the shape of the answer of one text: `(labels,)`, or `()` for a number.
    """

    answer_shape: tuple[int, ...]

    def answers_of_pieces(
        self, input_word_ids: np.ndarray, input_mask: np.ndarray, input_type_ids: np.ndarray
    ) -> np.ndarray:
        """Returns the answers, float32 [rows, labels] or [rows]."""


@dataclasses.dataclass(frozen=True)
class PortableModel:
    """What the folder of an exported model says; the attributes are those of `FineTunedModel`."""

    folder: AnyPath
    kind: str
    labels: tuple[str, ...]
    vocab_file: AnyPath
    do_lower_case: bool
    max_seq_length: int
    pairs: bool | None
    scores: dict[str, float]
    compute_dtype: str = "float32"

    @property
    def facts(self) -> Facts:
        """What a predictor needs to know."""
        names = [field.name for field in dataclasses.fields(Facts) if field.name != "digest"]
        return Facts(**{name: getattr(self, name) for name in names}, digest="")


def model_file(suffix: str, int8: bool) -> str:
    """Returns the name of a model's file.

    Example:
        >>> model_file(".tflite", int8=True)
        'model_int8.tflite'
    """
    return f"model_int8{suffix}" if int8 else f"model{suffix}"


def output_name(kind: str) -> str:
    """Returns the name of a model's output: `value` for a number, else `probabilities`."""
    return "value" if kind == Number.kind else "probabilities"


def read_portable(folder: AnyPath) -> PortableModel:
    """Reads what stands beside an exported model.

    Raises:
        UserError: a file is missing or broken, or another version wrote it.
    """
    path = folder / DESCRIPTION
    with reading(path, _REMEDY):
        said = read_json(path)
    if said.get("version") != VERSION:
        raise UserError(f"{printable(path)}: was written by another version of bert-tf; {_REMEDY}")
    kind = read_kind(folder, _REMEDY)
    vocab_file = folder / run_files.VOCAB
    with reading(vocab_file, _REMEDY):
        digest = digest_of(vocab_file)
    if digest != said.get("vocab_sha256"):
        raise UserError(f"{printable(vocab_file)}: is not the vocabulary of this model; {_REMEDY}")
    with reading(path, _REMEDY):
        return PortableModel(
            folder=folder,
            kind=kind,
            labels=tuple(read_labels(folder, kind, _REMEDY)),
            vocab_file=vocab_file,
            do_lower_case=_of_type(said, "do_lower_case", bool),
            max_seq_length=_of_type(said, "max_seq_length", int),
            pairs=_of_type(said, "pairs", bool | None),
            scores=_of_type(said, "scores", dict),
        )


def digest_of(vocab_file: AnyPath) -> str:
    """Returns the SHA-256 of a vocabulary's bytes."""
    return hashlib.sha256(read_bytes(vocab_file, MAX_VOCAB_BYTES)).hexdigest()


def _of_type(said: dict, name: str, kind: type) -> object:
    if not isinstance(said[name], kind):
        raise ValueError(f"has no usable {name}")
    return said[name]


def run_in_shape(run: Callable[..., np.ndarray], shape: Shape, pieces: Sequence[np.ndarray]) -> np.ndarray:
    """Runs a model on a batch of any size: in parts and with padding if its shape is fixed.

    Args:
        run: computes the answers of one batch, [rows, ...].
        shape: that `run` takes.
        pieces: the inputs, int32 [rows, length]; at least one row.

    Returns:
        The answers, [rows, ...].
    """
    rows = len(pieces[0])
    size = shape.batch_size or rows
    parts = [run(*(_padded(each[start : start + size], shape) for each in pieces)) for start in range(0, rows, size)]
    return np.concatenate(parts)[:rows]


def _padded(pieces: np.ndarray, shape: Shape) -> np.ndarray:
    rows, length = shape.batch_size or pieces.shape[0], shape.length or pieces.shape[1]
    if length < pieces.shape[1]:
        raise ValueError(f"the model takes {length} positions, not {pieces.shape[1]}")
    return np.pad(pieces, ((0, rows - pieces.shape[0]), (0, length - pieces.shape[1])))
