"""Lookup tables of Unicode properties; test_tokenization.py compares their use with the original."""

import unicodedata

import numpy as np
import tensorflow as tf

from bert_tf.data.characters import CodePointTable, mark_order


def test_a_compressed_table_has_all_values():
    values = np.random.default_rng(1).integers(-5, 5, 0x110000, np.int32)
    values[0x3000:0x10FF00] = 7
    table = CodePointTable.from_values(values)
    np.testing.assert_array_equal(table(tf.range(0x110000)), values)
    assert len(table.entries) < 0x3000 + 3 * 256


def test_characters_without_a_value_have_the_default():
    table = CodePointTable.from_characters([("b", 5), ("\U0010ffff", 6)], default=-1)
    assert table(tf.constant([ord("a"), ord("b"), 0x10FFFF])).numpy().tolist() == [-1, 5, 6]


def test_combining_classes_are_those_of_this_python():
    classes = mark_order().combining_class(tf.range(0x110000)).numpy().tolist()
    assert classes == [unicodedata.combining(chr(c)) for c in range(0x110000)]
