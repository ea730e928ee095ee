"""Lookup tables of Unicode properties; test_tokenization.py compares their use with the original."""

import string
import unicodedata
from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf

from bert_tf.data.characters import (
    CASED,
    IGNORABLE,
    LETTER,
    SINGLE,
    SPACE,
    UNCASED,
    CodePointTable,
    character_kinds,
    mark_order,
    normalization,
    sigma_contexts,
)

# The rules, asked of one character at a time; characters without a meaning are letters that stay the same.


def is_assigned(char: str) -> bool:
    return unicodedata.category(char) not in ("Cn", "Co", "Cs")


def is_dropped(char: str) -> bool:
    return char not in "\t\n\r" and (char in "\0\ufffd" or unicodedata.category(char) in ("Cc", "Cf"))


def decomposed(char: str) -> str:
    return unicodedata.normalize("NFD", char.lower())


def replacement(char: str, do_lower_case: bool) -> str:
    if is_dropped(char) or not do_lower_case:
        return "" if is_dropped(char) else char
    return "".join(c for c in decomposed(char) if unicodedata.category(c) != "Mn")


def kind(char: str) -> int:
    chinese = [(0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F), (0x2B740, 0x2B81F)]
    chinese += [(0x2B820, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F)]
    if char in string.punctuation or unicodedata.category(char).startswith("P"):
        return SINGLE
    if any(first <= ord(char) <= last for first, last in chinese):
        return SINGLE
    return SPACE if is_assigned(char) and char.isspace() else LETTER


def sigma_context(char: str) -> int:
    if not is_assigned(char):
        return UNCASED
    if is_dropped(char):
        return IGNORABLE
    if (char + "Σ").lower().endswith("ς"):
        return CASED
    return IGNORABLE if ("A" + char + "Σ").lower().endswith("ς") else UNCASED


def starts_run(char: str) -> int:
    if not is_assigned(char):
        return 1
    return int(not is_dropped(char) and any(not unicodedata.combining(c) for c in decomposed(char)))


def of_every_code_point(rule: Callable[[str], object]) -> list:
    return [rule(chr(code_point)) for code_point in range(0x110000)]


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


@pytest.mark.slow
@pytest.mark.parametrize(
    ("table", "rule"),
    [
        (character_kinds, kind),
        (sigma_contexts, sigma_context),
        (lambda: mark_order().starts_run, starts_run),
    ],
)
def test_a_table_has_what_the_rule_says_of_each_code_point(table, rule):
    assert table()(tf.range(0x110000)).numpy().tolist() == of_every_code_point(rule)


@pytest.mark.slow
@pytest.mark.parametrize("do_lower_case", [True, False])
def test_each_code_point_is_replaced_as_the_rule_says(do_lower_case):
    table = normalization(do_lower_case)
    lines = table.line(tf.range(0x110000)).numpy()
    offsets = [line[present].tolist() for line, present in zip(table.offsets, table.present, strict=True)]
    found = ["".join(chr(code_point + offset) for offset in offsets[line]) for code_point, line in enumerate(lines)]
    assert found == of_every_code_point(lambda char: replacement(char, do_lower_case))


@pytest.mark.slow
def test_a_simple_line_replaces_by_one_character_that_keeps_its_place():
    table = normalization(True)
    new = of_every_code_point(lambda char: replacement(char, True))
    is_simple = [len(text) == 1 and not unicodedata.combining(text) for text in new]
    assert (table.line(tf.range(0x110000)).numpy() < table.simple_lines).tolist() == is_simple
