"""The rows of texts in a graph, next to those that a training makes."""

import numpy as np
import pytest
import tensorflow as tf

from bert_tf.data.sentence_spans import SPECIAL_PIECES, make_rows, sentence_limits
from bert_tf.serving.tag_windows import TagWindows

CLS, SEP = 1, 2


@pytest.mark.parametrize("doc_context", [0, 3, 32])
@pytest.mark.parametrize("max_seq_length", [3, 7, 20, 128])
def test_rows_are_those_of_a_training(max_seq_length, doc_context):
    sizes = np.random.default_rng(max_seq_length).integers(0, 60, 40)
    ids = tf.RaggedTensor.from_row_lengths(tf.range(100, 100 + int(sizes.sum())), sizes)
    splits = np.concatenate([[0], np.cumsum(sizes)])
    wanted = make_rows(splits, sentence_limits(splits), max_seq_length - SPECIAL_PIECES, doc_context)
    windows = TagWindows(ids, max_seq_length, doc_context)
    assert windows.count == len(wanted.start)
    np.testing.assert_array_equal(windows.lengths, wanted.length + SPECIAL_PIECES)
    rows = windows.rows(tf.range(windows.count), CLS, SEP)
    for row, (start, length) in enumerate(zip(wanted.start, wanted.length, strict=True)):
        pieces = [CLS, *range(100 + start, 100 + start + length), SEP]
        assert rows.ids[row, : length + 2].numpy().tolist() == pieces
        assert not rows.ids[row, length + 2 :].numpy().any()
        assert rows.is_real[row].numpy().sum() == length + 2
    # Each piece counts once, in the row of the training.
    np.testing.assert_array_equal(rows.pieces, np.arange(sizes.sum()))
    row = np.searchsorted(wanted.counted, np.arange(sizes.sum()), side="right") - 1
    np.testing.assert_array_equal(rows.places[:, 0], row)
    np.testing.assert_array_equal(tf.gather_nd(rows.ids, rows.places), np.arange(100, 100 + sizes.sum()))


def test_some_windows_can_be_computed_at_a_time():
    ids = tf.ragged.constant([[5, 6, 7, 8, 9, 10, 11], [], [12]], dtype=tf.int32)
    windows = TagWindows(ids, max_seq_length=5, doc_context=1)
    rows = windows.rows(tf.constant([5, 0]), CLS, SEP)
    assert rows.ids.numpy().tolist() == [[CLS, 12, SEP, 0, 0], [CLS, 5, 6, 7, SEP]]
    assert rows.pieces.numpy().tolist() == [7, 0, 1]
    assert rows.places.numpy().tolist() == [[0, 1], [1, 1], [1, 2]]


def test_texts_without_pieces_have_no_window():
    windows = TagWindows(tf.RaggedTensor.from_row_lengths(tf.zeros([0], tf.int32), [0, 0]), 8, 2)
    assert windows.count == 0
