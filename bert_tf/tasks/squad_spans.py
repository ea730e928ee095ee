"""Finds the spans of a question's windows that can be its answer, best first. Needs no TensorFlow.

It is the first half of the original's `run_squad.write_predictions`, with NumPy in place of its loops over all pairs.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from bert_tf.data.spans import Window

# Of a question's spans few are needed, because most are of different texts.
_SPANS_AT_A_TIME = 64

# The windows of a question, each with the logits of starts and ends, float32 [positions of the row].
Windows = Sequence[tuple[Window, np.ndarray, np.ndarray]]


class Span(NamedTuple):
    """A start and an end in one window.

    Attributes:
        window: the number of the window among those of the question.
        start: the position of the start in its row; 0, that of `[CLS]`, for no answer.
        end: the position of the end.
        start_logit: of that position.
        end_logit: of that position.
    """

    window: int
    start: int
    end: int
    start_logit: float
    end_logit: float


class _Spans(NamedTuple):
    """Several spans, a vector for each attribute of `Span`; the logits are float64."""

    window: np.ndarray
    start: np.ndarray
    end: np.ndarray
    start_logit: np.ndarray
    end_logit: np.ndarray


def best_spans(
    windows: Windows, n_best_size: int, max_answer_length: int, no_answer: tuple[float, float] | None
) -> Iterator[Span]:
    """Yields the spans that can be an answer by falling score. Equal scores have the original's order.

    Args:
        windows: of one question.
        n_best_size: the number of starts and ends of each window that are combined.
        max_answer_length: the largest number of word pieces.
        no_answer: the two logits of no answer, which is then one of the spans; None in version 1.1.
    """
    found = [_find_spans(number, *window, n_best_size, max_answer_length) for number, window in enumerate(windows)]
    if no_answer:
        found.append(_Spans(*np.zeros((3, 1), np.int64), *np.array([no_answer]).T))
    if not found:
        return
    spans = _Spans(*map(np.concatenate, zip(*found, strict=True)))
    order = np.argsort(-(spans.start_logit + spans.end_logit), kind="stable")
    for first in range(0, len(order), _SPANS_AT_A_TIME):
        rows = order[first : first + _SPANS_AT_A_TIME]
        yield from map(Span, *(column[rows].tolist() for column in spans))


def _find_spans(
    number: int,
    window: Window,
    start_logits: np.ndarray,
    end_logits: np.ndarray,
    n_best_size: int,
    max_answer_length: int,
) -> _Spans:
    """Pairs the best starts of a window with its best ends, in the original's order.

    An answer starts at a piece that has its maximum context in this window, and is not too long.
    """
    starts, ends = (_best_indexes(logits, n_best_size) for logits in (start_logits, end_logits))
    starts = starts[_in_document(starts, window)]
    starts = starts[window.is_max_context[starts - window.first]]
    ends = ends[_in_document(ends, window)]
    longer_by = ends - starts[:, np.newaxis]
    of_start, of_end = ((longer_by >= 0) & (longer_by < max_answer_length)).nonzero()
    starts, ends = starts[of_start], ends[of_end]
    logits = (start_logits[starts].astype(np.float64), end_logits[ends].astype(np.float64))
    return _Spans(np.full(len(starts), number), starts, ends, *logits)


def _in_document(positions: np.ndarray, window: Window) -> np.ndarray:
    return (positions >= window.first) & (positions < window.first + len(window.pieces))


def _best_indexes(logits: np.ndarray, count: int) -> np.ndarray:
    """Returns the indices of the highest logits, the highest first; of equal ones the first (`_get_best_indexes`)."""
    falling = -logits
    if not 0 < count < len(falling):
        return falling.argsort(kind="stable")[:count]
    (among,) = (falling <= np.partition(falling, count - 1)[count - 1]).nonzero()
    return among[falling[among].argsort(kind="stable")[:count]]
