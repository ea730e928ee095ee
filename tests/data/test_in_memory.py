"""Labeled texts as Python objects: the forms in which they come, and one line for each mistake."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

from bert_tf.data.examples import InputExample
from bert_tf.data.in_memory import in_memory
from bert_tf.data.own_data import OwnDataOptions, OwnDataProcessor
from bert_tf.errors import UserError

TEXTS, LABELS = ["It rains .", "It costs 3 euros .", "It snows ."], ["weather", "price", "weather"]
PAIRS = list(zip(TEXTS, TEXTS[::-1], strict=True))


def read(data: object) -> list[tuple]:
    task = OwnDataProcessor({"train": lambda wanted: in_memory(data, "train")}, OwnDataOptions(dev_split=0.0))
    return [(each.text_a, each.text_b, each.label) for each in task.get_train_examples()]


class Polars:
    """A table that is iterated as polars' are."""

    columns = ("review", "topic")

    def iter_rows(self):
        return zip(TEXTS, LABELS, strict=True)


@pytest.mark.parametrize(
    "data",
    [
        list(zip(TEXTS, LABELS, strict=True)),
        [list(row) for row in zip(TEXTS, LABELS, strict=True)],
        (TEXTS, LABELS),
        (np.array(TEXTS), pd.Series(LABELS)),
        {"text": TEXTS, "label": LABELS},
        [{"label": label, "text": text, "id": 7} for text, label in zip(TEXTS, LABELS, strict=True)],
        [InputExample("x", text, None, label) for text, label in zip(TEXTS, LABELS, strict=True)],
        pd.DataFrame({"review": TEXTS, "stars": LABELS}),
        pd.DataFrame({"review": TEXTS, "stars": LABELS}, index=[7, 7, 9]).astype({"stars": "category"}),
        Polars(),
        iter(zip(TEXTS, LABELS, strict=True)),
    ],
    ids=lambda data: type(data).__name__,
)
def test_single_texts_come_in_many_forms(data):
    assert read(data) == [(text, None, label) for text, label in zip(TEXTS, LABELS, strict=True)]


@pytest.mark.parametrize(
    "data",
    [
        [(*pair, label) for pair, label in zip(PAIRS, LABELS, strict=True)],
        (PAIRS, LABELS),
        pd.DataFrame({"premise": TEXTS, "hypothesis": TEXTS[::-1], "label": LABELS}),
        [InputExample("x", *pair, label) for pair, label in zip(PAIRS, LABELS, strict=True)],
    ],
    ids=lambda data: type(data).__name__,
)
def test_pairs_of_texts_too(data):
    assert read(data) == [(*pair, label) for pair, label in zip(PAIRS, LABELS, strict=True)]


def test_numbers_of_numpy_are_labels_by_their_value():
    assert [label for _, _, label in read((TEXTS, np.array([1, 10, 1])))] == ["1", "10", "1"]
    assert [label for _, _, label in read((TEXTS, np.array([1.5, 10, 1], np.float32)))] == [1.5, 10.0, 1.0]
    assert [label for _, _, label in read((TEXTS, np.array([True, False, True])))] == ["true", "false", "true"]
    assert [label for _, _, label in read((TEXTS, np.array([1, 10, 1], np.longdouble)))] == ["1", "10", "1"]


def test_fractions_and_decimals_as_databases_give_them_are_numbers():
    assert [label for _, _, label in read((TEXTS, [Fraction(1, 4), 2, 1]))] == [0.25, 2.0, 1.0]
    assert [label for _, _, label in read((TEXTS, [Decimal("3"), Decimal("4"), 3]))] == ["3", "4", "3"]


def test_texts_of_numpy_become_plain_ones_so_that_their_digest_is_that_of_the_same_texts_in_a_file():
    assert all(type(text) is str for text, _, _ in read((np.array(TEXTS), LABELS)))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (5, "train: is 5 (int); give a table with named columns, a list of (text, label)"),
        ("text", "train: is 'text' (str); give a table"),
        ([], "train: is empty"),
        (["a", "b"], "train[0]: is 'a' (str); give a table"),
        ([("a",) * 4], "train[0]: is ('a', 'a', 'a', 'a') (tuple)"),
        ([("a", 0), ("b",)], "train[1]: has 1 values; give all rows 2, as the first one has"),
        ([("a", 0), "b"], "train: has the row 'b' (str), of another form than its first one"),
        ([{"text": "a", "label": 0}, ("b", 1)], "train: has the row ('b', 1) (tuple), of another form"),
        ([("a", 0), {"text": "b", "label": 1}], "train: has the row {'label': 1, 'text': 'b'} (dict), of another form"),
        ([("a", 0), (cell for cell in "b1")], "(generator), of another form"),
        ([("a", 0), {"b", 1}], "(set), of another form"),
        ({}, "train: is empty; give a table"),
        ([("a", 0.5), ("b", float("inf"))], "train[1]: the label is inf (float); give a finite number"),
        ([("a", 0), ("b\ud83d", 1)], "train[1]: column 'text': has half of a surrogate pair"),
        ((["a"], [0, 1]), "train: has 1 texts and 2 labels; give one label for each text"),
        ({"text": ["a"], "label": [0, 1]}, "train: its columns have different lengths, {'text': 1, 'label': 2}"),
        ([("a", 0), (None, 1)], "train[1]: the text (column 'text') is empty; remove the row"),
        ([("a", 0), (7, 1)], "train[1]: column 'text': is 7 (int); make it a text"),
        ([("a", 0), ("b", None)], "train[1]: the label (column 'label') is missing"),
        ([("a", 0), ("b", {})], "train[1]: the label is {} (dict); give a text, a number, or a list of texts"),
        (pd.DataFrame({"a": ["x"], "b": ["y"]}), "train: has the columns a, b, and no name known for a text"),
        (pd.DataFrame({"text": ["a", pd.NA], "label": [0, 1]}), "train[1]: the text (column 'text') is empty"),
        (pd.DataFrame({"text": [], "label": []}), "train: there are no rows"),
    ],
)
def test_a_mistake_is_one_line_that_names_the_row(data, message):
    with pytest.raises(UserError) as caught:
        read(data)
    assert message in str(caught.value) and "\n" not in str(caught.value)
