"""Cuts long documents into windows, and finds the window that counts for a piece. Needs no TensorFlow.

A document that does not fit into a row is cut into windows, which overlap: the original's `doc_spans`.
"""

import dataclasses
from typing import NamedTuple

import numpy as np

# The pieces of a row beside question and document: [CLS], and a [SEP] after each of the two.
SPECIAL_PIECES = 3


@dataclasses.dataclass(frozen=True)
class WindowSettings:
    """The windows in which a model reads a document.

    Attributes:
        doc_stride: from the start of a window to that of the next, in word pieces.
        max_query_length: longer questions are cut.
        pad_to_max_length: whether padding is computed, too, as the original does.
    """

    doc_stride: int = 128
    max_query_length: int = 64
    pad_to_max_length: bool = True


class Window(NamedTuple):
    """Holds the part of a document that one row shows.

    Attributes:
        example_index: the example that the row belongs to.
        doc_span_index: the number of this window among those of the example.
        first: the position in the row of the first piece of the document.
        pieces: int32 [n], the ids of the document's pieces.
        words: int32 [n], the index of the doc token of each piece (the original's `token_to_orig_map`).
        is_max_context: bool [n], True where no other window shows more of the text around the piece.
        places: int64 [n, 2], where in its doc token each piece starts and ends, in characters; None if nobody asked.
    """

    example_index: int
    doc_span_index: int
    first: int
    pieces: np.ndarray
    words: np.ndarray
    is_max_context: np.ndarray
    places: np.ndarray | None = None


class Spans(NamedTuple):
    """The windows of the document of each example.

    Attributes:
        num_pieces: int64 [examples], of its document.
        room: int64 [examples], how many of them fit into a row.
        step: int64 [examples], the distance of two windows.
        count: int64 [examples], the number of windows; 0 for a document without pieces.
    """

    num_pieces: np.ndarray
    room: np.ndarray
    step: np.ndarray
    count: np.ndarray


class Rows(NamedTuple):
    """The windows of all examples, one after the other.

    Attributes:
        example_index: int32 [rows], the example of each.
        doc_span_index: int32 [rows], its number among the windows of the example.
        start: int64 [rows], its first piece in the document.
        length: int64 [rows], the number of its pieces.
    """

    example_index: np.ndarray
    doc_span_index: np.ndarray
    start: np.ndarray
    length: np.ndarray


def make_spans(num_pieces: np.ndarray, room: np.ndarray, doc_stride: int) -> Spans:
    """Cuts documents into windows, without the original's loop.

    Args:
        num_pieces: int64 [examples], of the document.
        room: int64 [examples], how many of them fit into a row.
        doc_stride: the distance of two windows. A longer one than the window counts as its length.

    Example:
        >>> make_spans(np.array([0, 5, 12]), np.array([6, 6, 6]), doc_stride=4).count.tolist()
        [0, 1, 3]
    """
    step = np.minimum(doc_stride, room)
    beyond_the_first = np.maximum(num_pieces - room, 0)
    return Spans(num_pieces, room, step, np.where(num_pieces > 0, 1 - (-beyond_the_first // step), 0))


def rows_of(spans: Spans) -> Rows:
    """Lists the windows.

    Example:
        >>> rows_of(make_spans(np.array([5, 12]), np.array([6, 6]), doc_stride=4)).start.tolist()
        [0, 0, 4, 8]
    """
    example = np.repeat(np.arange(len(spans.count), dtype=np.int32), spans.count)
    number = counted_up(spans.count).astype(np.int32)
    start = number * spans.step[example]
    return Rows(example, number, start, np.minimum(spans.room[example], spans.num_pieces[example] - start))


def is_max_context(num_pieces: int, room: int, step: int, count: int, span: int) -> np.ndarray:
    """Returns which pieces of a window have the maximum context there: the original's `_check_is_max_context`.

    The score of a piece in a window is the smaller number of pieces on its left and its right in the window, plus 0.01
    times the length of the window. The first window with the best score counts. All windows but the last have the same
    length, so the best of them is the one whose middle is nearest, and only that one and the last are compared.

    Args:
        num_pieces: of the document.
        room: the length of each window but the last, which may be shorter.
        step: the distance of two windows.
        count: the number of windows.
        span: the window.

    Returns:
        bool [pieces of the window].

    Example:
        >>> is_max_context(num_pieces=15, room=10, step=5, count=2, span=0).tolist()
        [True, True, True, True, True, True, True, True, False, False]
    """
    start = span * step
    position = np.arange(start, min(start + room, num_pieces))
    last = count - 1
    if last == 0:
        return np.ones(len(position), bool)
    # The middle of window j is at j * step + (room - 1) / 2. If two are as near, the first counts.
    nearest = np.clip(-((room - 1 + step - 2 * position) // (2 * step)), 0, last - 1)
    score = _context_score(position, nearest * step, room)
    score_in_last = _context_score(position, last * step, num_pieces - last * step)
    return np.where(score_in_last > score, last, nearest) == span


def _context_score(position: np.ndarray, start: np.ndarray | int, length: int) -> np.ndarray:
    left, right = position - start, start + length - 1 - position
    fewest = np.minimum(left, right)
    # The original's float64, to the last bit.
    return np.where(fewest >= 0, fewest + 0.01 * length, -np.inf)


def improve_answer_span(pieces: np.ndarray, start: int, end: int, answer: np.ndarray) -> tuple[int, int]:
    """Returns the first place within a span where the pieces of the answer are: the original's `_improve_answer_span`.

    The doc token "(1895-1943)." has the answer "1895" within it.

    Args:
        pieces: int32 [pieces of the document].
        start: the first piece of the answer's doc tokens.
        end: the last one.
        answer: int32, the pieces of the answer.

    Returns:
        The first and the last piece of the answer; the span as it was if the answer is not there.

    Example:
        >>> improve_answer_span(np.array([7, 8, 9, 5], np.int32), 0, 3, np.array([8, 9], np.int32))
        (1, 2)
    """
    wanted, text = answer.tobytes(), pieces[start : end + 1].tobytes()
    place = text.find(wanted) if wanted and start <= end else -1
    while place > 0 and place % answer.itemsize:  # The bytes of two neighbors can look like a piece.
        place = text.find(wanted, place + 1)
    if place < 0:
        return start, end
    first = start + place // answer.itemsize
    return first, first + len(answer) - 1


def answer_positions(answers: np.ndarray, rows: Rows, first: np.ndarray) -> np.ndarray:
    """Returns the positions of the answers in the rows, int32 [rows, 2]; 0 where a window does not have all of one.

    Args:
        answers: int64 [examples, 2], the first and the last piece of the answer in the document; -1 if there is none.
        rows: the windows.
        first: int64 [rows], the position in the row of the first piece of the document.

    Example:
        >>> rows = rows_of(make_spans(np.array([12]), np.array([6]), doc_stride=4))
        >>> answer_positions(np.array([[5, 7]]), rows, np.array([9, 9, 9])).tolist()
        [[0, 0], [10, 12], [0, 0]]
    """
    answers = answers[rows.example_index]
    is_there = (answers[:, 0] >= rows.start) & (answers[:, 1] < rows.start + rows.length)
    positions = answers + (first - rows.start)[:, None]
    return np.where(is_there[:, None], positions, 0).astype(np.int32)


def counted_up(counts: np.ndarray) -> np.ndarray:
    """Returns 0, 1, ... for each of the counts, one after the other.

    Example:
        >>> counted_up(np.array([2, 0, 3])).tolist()
        [0, 1, 0, 1, 2]
    """
    return np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
