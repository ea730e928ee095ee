"""A first row is told apart as header or data, in tasks that expect a header and in tasks that do not."""

import pytest

from bert_tf.data.headers import is_header

LABELS = {"0": "0", "1": "1"}
TEXTS = [["A cat sat .", "0"], ["Cat the sat .", "1"]]


@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize(
    "first",
    [["text", "label"], ["sentence", "gold_label"], ["Review Text", "Rating"], ["0", "1"], ["#1 String", "Quality"]],
)
def test_names_of_columns_are_a_header_whether_it_is_expected_or_not(first, declared):
    assert is_header([first, *TEXTS], [0], 1, LABELS, declared)
    assert is_header([first], [0], 1, LABELS, declared)


@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize("first", [["sentence", "1"], ["A dog ran .", " 0"], ["5", "1 "], ["text", "2"]])
def test_a_row_with_a_label_is_data_whatever_its_text(first, declared):
    assert is_header([first, *TEXTS], [0], 1, LABELS, declared) == (first == ["text", "2"] and not declared)


def test_labels_that_are_names_of_columns_need_both_names():
    labels = {"label": "label", "text": "text"}
    assert is_header([["text", "label"], *TEXTS], [0], 1, labels, True)
    assert not is_header([["A cat .", "label"], *TEXTS], [0], 1, labels, True)


def test_a_misspelled_label_below_no_header_is_not_taken_for_one():
    assert not is_header([["A cat sat .", "unlabeled"], *TEXTS], [0], 1, LABELS, False)
    assert not is_header([["cat", "lable"], *TEXTS], [0], 1, LABELS, False)


def test_a_sentence_with_a_misspelled_label_is_not_lost_as_a_header():
    assert not is_header([["A cat sat .", "positiv"], *TEXTS], [0], 1, LABELS, True)
    assert not is_header([["A cat sat .", "label"], *TEXTS], [0], 1, LABELS, False)
    assert is_header([["Describe the problem in full.", "category"], *TEXTS], [0], 1, LABELS, True)


def test_a_label_in_other_capitals_is_not_lost_as_a_header():
    assert not is_header([["Nice film", "Good"], *TEXTS], [0], 1, {"bad": "bad", "good": "good"}, True)
    assert is_header([["review", "Good"], *TEXTS], [0], 1, {"bad": "bad", "good": "good"}, True)


def test_any_other_names_are_a_header_if_one_is_expected():
    first = ["What did you like about the course?", "\u00c9tiquette"]
    assert is_header([first, *TEXTS], [0], 1, LABELS, True)
    assert not is_header([first, *TEXTS], [0], 1, LABELS, False)


@pytest.mark.parametrize(
    ("first", "with_expected", "with_none_expected"),
    [
        (["index", "sentence"], True, True),
        (["id", "What did you like about the course?"], True, False),
        (["0", "The cat sat ."], False, False),
        (["a7", "The cat sat ."], False, False),
        (["a7", "\u732b\u5750\u3002"], False, False),
        (["a7", "Good film"], True, False),
        (["7", "Good film"], False, False),
        (["0", "1"], True, True),
        (["sentence"], True, False),
    ],
)
def test_without_labels_the_texts_and_numbers_decide(first, with_expected, with_none_expected):
    rows = [first, ["1", "A dog ran ."]]
    assert is_header(rows, [1], None, {}, True) == with_expected
    assert is_header(rows, [1], None, {}, False) == with_none_expected


def test_the_numbers_that_pandas_gives_to_columns_are_a_header():
    rows = [["", "0", "1"], ["0", "A dog ran .", "7"], ["1", "A cat sat .", "8"]]
    assert is_header(rows, [1], None, {}, False)
    assert not is_header([["0", "1"], ["2", "3"]], [1], None, {}, False)


def test_a_list_of_words_may_begin_with_a_name():
    words = [["sentence"], ["word"], ["cat"]]
    assert not is_header(words, [0], None, {}, False)
    assert is_header(words, [0], None, {}, True)
