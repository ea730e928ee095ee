"""Texts become rows of word pieces inside a graph; `bert_tf.data.sentence_spans` does it for a training.

windows = TagWindows(ids, max_seq_length=128, doc_context=32)
rows = windows.rows(tf.range(windows.count), cls_id, sep_id)
"""

from typing import NamedTuple

import tensorflow as tf

from bert_tf.data.sentence_spans import SPECIAL_PIECES, fitting_context


class TagRows(NamedTuple):
    """Some windows as the inputs of a model: `[CLS] pieces [SEP]` each.

    Attributes:
        ids: int32 [rows, length], padded with 0.
        is_real: bool [rows, length]; False for padding.
        pieces: int32 [pieces], the pieces that count in these rows, counted over all texts.
        places: int32 [pieces, 2], the row and the position of each of them.
    """

    ids: tf.Tensor
    is_real: tf.Tensor
    pieces: tf.Tensor
    places: tf.Tensor


class TagWindows:
    """The windows of texts. Each piece counts in one of them, and has context on both sides there.

    A text that fits into a row is one window; a text without pieces has none.

    Args:
        ids: int32 ragged [texts, (pieces)].
        max_seq_length: the length of a row.
        doc_context: how many pieces of context a window of a longer text has on both sides.

    Attributes:
        count: int32 [], the number of windows of all texts.
        lengths: int32 [windows], the number of pieces of each row.
    """

    def __init__(self, ids: tf.RaggedTensor, max_seq_length: int, doc_context: int):
        room = max_seq_length - SPECIAL_PIECES
        context = fitting_context(doc_context, room)
        step = room - 2 * context
        self._ids = ids.values
        sizes, starts = (tf.cast(each, tf.int32) for each in (ids.row_lengths(), ids.row_starts()))
        counts = tf.where(sizes > room, 1 - (room - sizes) // step, tf.minimum(sizes, 1))
        text = tf.repeat(tf.range(tf.size(sizes)), counts)
        self.count = tf.size(text)
        number = tf.range(self.count) - tf.gather(tf.cumsum(counts, exclusive=True), text)
        size, start = tf.gather(sizes, text), tf.gather(starts, text)
        first = tf.where(number > 0, number * step + context, 0)
        is_last = number + 1 == tf.gather(counts, text)
        following = tf.where(is_last, size, (number + 1) * step + context)
        # What counts is in the middle of the row, as far as the text allows.
        spare = room - (following - first)
        self._start = start + tf.clip_by_value(first - spare // 2, 0, tf.maximum(size - room, 0))
        self._counted = start + first
        self._num_counted = following - first
        self.lengths = SPECIAL_PIECES + tf.minimum(size, room)

    def rows(self, windows: tf.Tensor, cls_id: int, sep_id: int) -> TagRows:
        """Makes the rows of some windows.

        Args:
            windows: int32 [rows], their indices; at least one.
            cls_id: of the piece `[CLS]`.
            sep_id: of the piece `[SEP]`.
        """
        lengths, start = (tf.gather(each, windows)[:, tf.newaxis] for each in (self.lengths, self._start))
        position = tf.range(tf.reduce_max(lengths))[tf.newaxis]
        is_piece = (position > 0) & (position < lengths - 1)
        piece = tf.where(is_piece, start + position - 1, 0)
        ids = tf.where(is_piece, tf.gather(self._ids, piece), tf.where(position == 0, cls_id, sep_id))
        is_real = position < lengths
        first, count = tf.gather(self._counted, windows), tf.gather(self._num_counted, windows)
        pieces = tf.ragged.range(first, first + count)
        row = tf.cast(pieces.value_rowids(), tf.int32)
        places = tf.stack([row, pieces.values - tf.gather(start[:, 0], row) + 1], axis=1)
        return TagRows(tf.where(is_real, ids, 0), is_real, pieces.values, places)
