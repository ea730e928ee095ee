"""Questions with their contexts become rows of word pieces, inside a graph; the original does it in Python.

windows = Windows(question, context, max_seq_length=384, doc_stride=128)
rows = windows.rows(tf.range(windows.count), cls_id, sep_id)
"""

from typing import NamedTuple

import tensorflow as tf

from bert_tf.data.spans import SPECIAL_PIECES


class Rows(NamedTuple):
    """Some windows as the inputs of a model: `[CLS] question [SEP] part of the context [SEP]` each.

    Attributes:
        ids: int32 [rows, length], padded with 0.
        is_real: bool [rows, length]; False for padding.
        types: int32 [rows, length]; 1 for the context.
        pieces: int32 [rows, length], the piece of the context at a position; -1 if there is none.
        may_start: bool [rows, length]; whether an answer may start there: no other window shows more around the piece.
    """

    ids: tf.Tensor
    is_real: tf.Tensor
    types: tf.Tensor
    pieces: tf.Tensor
    may_start: tf.Tensor


class Windows:
    """The windows of contexts that are too long for one row: the original's `convert_examples_to_features`.

    Args:
        question: int32 ragged [questions, (pieces)], not too long.
        context: int32 ragged [questions, (pieces)].
        max_seq_length: the length of a row.
        doc_stride: how many pieces of the context lie between the beginnings of two windows.

    Attributes:
        counts: int32 [questions], the number of windows of each; a context without pieces has none.
        count: int32 [], of all.
        example: int32 [windows], the question of each window.
        lengths: int32 [windows], the number of pieces of each row.
    """

    def __init__(self, question: tf.RaggedTensor, context: tf.RaggedTensor, max_seq_length: int, doc_stride: int):
        self._question = _Flat(question)
        self._context = _Flat(context)
        self._room = max_seq_length - SPECIAL_PIECES - self._question.sizes
        self._stride = tf.minimum(doc_stride, self._room)
        more = tf.maximum(self._context.sizes - self._room, 0)
        # Rounded up: the last window is as short as the context wants it.
        more_windows = (more + self._stride - 1) // self._stride
        self.counts = tf.where(self._context.sizes > 0, 1 + more_windows, 0)
        self.example = tf.repeat(tf.range(tf.size(self.counts)), self.counts)
        self.count = tf.size(self.example)
        self._number = tf.range(self.count) - tf.gather(tf.cumsum(self.counts, exclusive=True), self.example)
        self._first = self._number * tf.gather(self._stride, self.example)
        self._size = tf.minimum(
            tf.gather(self._room, self.example), tf.gather(self._context.sizes, self.example) - self._first
        )
        self.lengths = SPECIAL_PIECES + tf.gather(self._question.sizes, self.example) + self._size

    def rows(self, windows: tf.Tensor, cls_id: int, sep_id: int) -> Rows:
        """Makes the rows of some windows.

        Args:
            windows: int32 [rows], their indices; at least one.
            cls_id: of the piece `[CLS]`.
            sep_id: of the piece `[SEP]`.
        """
        lengths = tf.gather(self.lengths, windows)[:, None]
        example = tf.gather(self.example, windows)[:, None]
        position = tf.range(tf.reduce_max(lengths))[None]
        separator = 1 + tf.gather(self._question.sizes, example)
        piece = tf.gather(self._first, windows)[:, None] + position - separator - 1
        is_context = (position > separator) & (position < lengths - 1)
        is_question = (position > 0) & (position < separator)
        is_separator = (position == separator) | (position == lengths - 1)
        ids = tf.where(is_separator, sep_id, tf.where(position == 0, cls_id, 0))
        ids = tf.where(is_question, self._question.at(example, position - 1), ids)
        ids = tf.where(is_context, self._context.at(example, piece), ids)
        is_real = position < lengths
        may_start = is_context & (self._fullest(example, piece) == tf.gather(self._number, windows)[:, None])
        types = tf.cast((position > separator) & is_real, tf.int32)
        return Rows(ids, is_real, types, tf.where(is_context, piece, -1), may_start)

    def _fullest(self, example: tf.Tensor, piece: tf.Tensor) -> tf.Tensor:
        """Returns the number of the window that shows most around a piece: the original's `_check_is_max_context`.

        All windows but the last one have the same size. Among these it is the one whose middle is nearest; of two as
        near, the first.
        """
        room, stride = tf.gather(self._room, example), tf.gather(self._stride, example)
        last = tf.gather(self.counts, example) - 1
        # Twice the distance from the middle of the first window, so that all are whole numbers.
        distance = 2 * piece - (room - 1)
        nearest = tf.clip_by_value((distance + stride - 1) // (2 * stride), 0, tf.maximum(last - 1, 0))
        size_of_last = tf.gather(self._context.sizes, example) - last * stride
        better = _shown(piece - last * stride, size_of_last) > _shown(piece - nearest * stride, room)
        return tf.where(better, last, nearest)


def _shown(place: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """Returns the original's measure of what a window shows around a place in it; it is negative outside.

    In the original's numbers of 64 bits, because equal measures decide.
    """
    around = tf.cast(tf.minimum(place, size - 1 - place), tf.float64)
    is_inside = (place >= 0) & (place < size)
    return tf.where(is_inside, around + 0.01 * tf.cast(size, tf.float64), -1.0)


class _Flat:
    """A ragged tensor that can be asked for places beyond its rows, for the sake of `tf.where`."""

    def __init__(self, ragged: tf.RaggedTensor):
        self.sizes = tf.cast(ragged.row_lengths(), tf.int32)
        self._starts = tf.cast(ragged.row_starts(), tf.int32)
        self._values = tf.concat([ragged.values, [0]], axis=0)

    def at(self, row: tf.Tensor, place: tf.Tensor) -> tf.Tensor:
        index = tf.gather(self._starts, row) + place
        return tf.gather(self._values, tf.clip_by_value(index, 0, tf.size(self._values) - 1))
