"""Finds where the rows of tagged sentences begin and end, and in which row a word counts. Needs no TensorFlow.

A sentence that does not fit into a row is cut into windows. They overlap, and each word counts in one of them.

Pieces are counted over all sentences, one after the other.
"""

from typing import NamedTuple

import numpy as np

from bert_tf.data.spans import counted_up

# The pieces of a row beside the text: [CLS] and [SEP].
SPECIAL_PIECES = 2
# The default of run_ner.py: how many pieces a window of a long sentence has on both sides for context only.
DOC_CONTEXT = 32


class SentenceRows(NamedTuple):
    """The rows of all sentences.

    Attributes:
        sentence: int32 [rows], the sentence that each row is for.
        start: int64 [rows], its first piece.
        length: int64 [rows], the number of its pieces.
        counted: int64 [rows], its first piece that counts there. The piece before that of the next row is its last.
    """

    sentence: np.ndarray
    start: np.ndarray
    length: np.ndarray
    counted: np.ndarray


class WordPlaces(NamedTuple):
    """The first pieces of words, in the rows in which the words count.

    Attributes:
        row: int32 [words], ascending.
        position: int32 [words], the position in the row.
        word: int32 [words], the number of the word in its sentence.
    """

    row: np.ndarray
    position: np.ndarray
    word: np.ndarray


def sentence_limits(splits: np.ndarray) -> np.ndarray:
    """Returns the pieces that a row can have if it has only its own sentence, int64 [sentences, 2]: first and end.

    Args:
        splits: int64 [sentences + 1], the first piece of each sentence.
    """
    return np.stack([splits[:-1], splits[1:]], axis=1)


def document_limits(splits: np.ndarray, documents: np.ndarray) -> np.ndarray:
    """Returns the pieces that a row can have if it has the sentences around its own, too, int64 [sentences, 2].

    Args:
        splits: int64 [sentences + 1], the first piece of each sentence.
        documents: int [sentences], the document of each.

    Example:
        >>> document_limits(np.array([0, 5, 9, 12]), np.array([0, 0, 1])).tolist()
        [[0, 9], [0, 9], [9, 12]]
    """
    bounds = np.concatenate([[0], np.flatnonzero(np.diff(documents)) + 1, [len(documents)]])
    return np.repeat(sentence_limits(splits[bounds]), np.diff(bounds), axis=0)


def fitting_context(doc_context: int, room: int) -> int:
    """Returns how many pieces of context a window has on each side: at most a third of it, so that a third counts.

    With little more than context in each window, a long sentence would have hundreds of windows.

    Example:
        >>> fitting_context(32, room=126), fitting_context(32, room=62)
        (32, 20)
    """
    return min(doc_context, room // 3)


def make_rows(splits: np.ndarray, limits: np.ndarray, room: int, doc_context: int) -> SentenceRows:
    """Cuts sentences into rows.

    A sentence that fits is one row. A longer one is cut into windows: each piece counts in one of them, and has there
    `doc_context` pieces on both sides, as far as the limits have them.

    Args:
        splits: int64 [sentences + 1], the first piece of each sentence.
        limits: int64 [sentences, 2], the first and the end of the pieces that its rows can have. Around a sentence that
            is shorter than that the row has as much on its left as on its right, if there is enough.
        room: how many pieces fit into a row.
        doc_context: see `fitting_context`.

    Example:
        >>> splits = np.array([0, 4, 16])
        >>> rows = make_rows(splits, sentence_limits(splits), room=8, doc_context=2)
        >>> rows.start.tolist(), rows.counted.tolist(), rows.length.tolist()
        ([0, 4, 8], [0, 4, 10], [4, 8, 8])
    """
    start, end = splits[:-1], splits[1:]
    context = fitting_context(doc_context, room)
    step = room - 2 * context
    before = np.minimum(context, start - limits[:, 0])
    after = np.minimum(context, limits[:, 1] - end)
    length = end - start
    count = np.where(length > room, 1 - (room - before - length - after) // step, np.minimum(length, 1))
    sentence, number = np.repeat(np.arange(len(length), dtype=np.int32), count), counted_up(count)
    counted = start[sentence] + np.where(number > 0, number * step + context - before[sentence], 0)
    return SentenceRows(sentence, *_around(counted, splits[-1], limits[sentence], room), counted)


def _around(counted: np.ndarray, end: int, limits: np.ndarray, room: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns start and length of rows that have the pieces that count in their middle, as far as the limits allow."""
    lower, upper = limits.T
    spare = room - np.diff(counted, append=end)
    return np.clip(counted - spare // 2, lower, np.maximum(upper - room, lower)), np.minimum(room, upper - lower)


def place_words(rows: SentenceRows, first_pieces: np.ndarray, words: np.ndarray) -> tuple[SentenceRows, WordPlaces]:
    """Finds the row in which each word counts: the one in which its first piece does.

    Args:
        rows: the result of `make_rows`.
        first_pieces: int64 [words], ascending.
        words: int [words], the number of each in its sentence.

    Returns:
        The rows in which a word counts, and the places of the words there. A row without such a word, somewhere in a
        very long one, has nothing to learn and nothing to find.

    Example:
        >>> splits = np.array([0, 12])
        >>> rows = make_rows(splits, sentence_limits(splits), room=8, doc_context=2)
        >>> _, places = place_words(rows, np.array([0, 7, 10]), np.array([0, 1, 2]))
        >>> places.row.tolist(), places.position.tolist()
        ([0, 1, 1], [1, 4, 7])
    """
    kept, row = np.unique(np.searchsorted(rows.counted, first_pieces, side="right") - 1, return_inverse=True)
    rows = SentenceRows(*(column[kept] for column in rows))
    position = first_pieces - rows.start[row] + 1
    return rows, WordPlaces(*(column.astype(np.int32) for column in (row, position, words)))
