"""Asks models of other runtimes in the shapes that they take, and names their files. Needs no TensorFlow.

run_in_shape(run, Shape(batch_size=1, length=128), (ids, mask, types))
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np


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


def model_file(suffix: str, int8: bool) -> str:
    """Returns the name of a model's file.

    Example:
        >>> model_file(".tflite", int8=True)
        'model_int8.tflite'
    """
    return f"model_int8{suffix}" if int8 else f"model{suffix}"


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
    if (rows, length) == pieces.shape:
        return pieces
    if length < pieces.shape[1]:
        raise ValueError(f"the model takes {length} positions, not {pieces.shape[1]}")
    return np.pad(pieces, ((0, rows - pieces.shape[0]), (0, length - pieces.shape[1])))
