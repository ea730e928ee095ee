"""Kind, names and order of labels, found in a training set."""

import pytest

from bert_tf.data.examples import InputExample
from bert_tf.data.found_labels import LabelOptions
from bert_tf.data.in_memory import in_memory
from bert_tf.data.own_data import OwnDataOptions, OwnDataProcessor
from bert_tf.errors import UserError


def processor(labels: list, dev: list | None = None, **options: object) -> OwnDataProcessor:
    """A task whose training set has these labels."""
    sources = {"train": labels, **({"dev": dev} if dev else {})}
    openers = {
        split: lambda wanted, split=split, cells=cells: in_memory(
            [(f"text {i}", x) for i, x in enumerate(cells)], split
        )
        for split, cells in sources.items()
    }
    return OwnDataProcessor(openers, OwnDataOptions(labels=LabelOptions(**options), dev_split=0.0))


def labels_of(examples: list[InputExample]) -> list:
    return [example.label for example in examples]


@pytest.mark.parametrize(
    ("cells", "labels"),
    [
        (["good", "bad", "good"], ["bad", "good"]),
        (["10", "9", "10", "-1", "9", "-1"], ["-1", "9", "10"]),
        ([5, 1, 3, 1, 5, 3], ["1", "3", "5"]),
        ([1.0, 2.0, 2.0, 10.0, 1.0], ["1", "2", "10"]),
        (["1.0", "1", "2", "2.0"], ["1", "2"]),
        ([True, False, True], ["false", "true"]),
        (["9007199254740993", "9007199254740992"] * 2, ["9007199254740992", "9007199254740993"]),
        (["007", "7", "007", "7"], ["007", "7"]),
        ([" good", "good ", "bad", "bad"], ["bad", "good"]),
        (["1", "2", "neutral", "2", "1"], ["1", "2", "neutral"]),
        (
            ["très\xa0bon", "نمی\u200cشود", "\U0001f469\u200d\U0001f4bb"] * 2,
            ["très\xa0bon", "نمی\u200cشود", "\U0001f469\u200d\U0001f4bb"],
        ),
    ],
)
def test_classes_are_ordered_by_value_or_else_by_name_whatever_the_rows_are(cells, labels):
    assert processor(cells).get_labels() == labels
    assert processor(cells[::-1]).get_labels() == labels
    assert processor(cells).kind == "classification"


def test_numbers_with_a_fraction_make_a_regression_and_whole_ones_only_if_they_are_meant():
    assert processor([1.5, 2.0, "3"]).kind == "regression"
    assert labels_of(processor([1.5, 2.0, "3"]).get_train_examples()) == [1.5, 2.0, 3.0]
    assert processor([1, 2, 1]).kind == "classification"
    assert processor([1, 2, 1], regression=True).kind == "regression"
    assert processor([1.5, 2.5, 1.5], regression=False).get_labels() == ["1.5", "2.5"]


@pytest.mark.parametrize(
    ("cells", "separator", "found"),
    [
        (["a,b", "", "c", "a"], None, [("a", "b"), (), ("c",), ("a",)]),
        (["b;a", "c", "a"], None, [("a", "b"), ("c",), ("a",)]),
        (["b|a", "c", "a"], None, [("a", "b"), ("c",), ("a",)]),
        (["b / a", "c", "a"], "/", [("a", "b"), ("c",), ("a",)]),
        ([["b", "a"], [], ["c"]], None, [("a", "b"), (), ("c",)]),
        ([["x, y", "a"], ["a"]], None, [("a", "x, y"), ("a",)]),
    ],
)
def test_many_labels_are_parted_by_a_separator_or_are_lists(cells, separator, found):
    task = processor(cells, multi_label=True, separator=separator)
    assert labels_of(task.get_train_examples()) == found
    assert task.get_labels() == sorted({label for labels in found for label in labels})


def test_given_names_fix_the_order():
    task = processor(["good", "bad", "good"], names=("good", "bad", "unseen"))
    assert task.get_labels() == ["good", "bad", "unseen"]


@pytest.mark.parametrize(
    ("cells", "options", "message"),
    [
        (["a", "a", "a"], {}, "train: column 'label': all 3 rows have the label 'a'"),
        (["a"], {}, "there is only one row, 'a', but at least two different ones are needed"),
        (["1.5", "1.5"], {}, "all 2 rows have the label '1.5'"),
        ([str(i) for i in range(4)], {}, "has 4 different labels in 4 rows, too many to learn; name the right column"),
        ([str(i % 30) for i in range(40)], {}, "has 30 different labels in 40 rows"),
        (["a", None, "b"], {}, "train[1]: the label (column 'label') is missing; fill it in or remove the row"),
        (["a", float("nan"), "b"], {}, "train[1]: the label (column 'label') is missing"),
        (["a", "b", "c\nd", "a"], {}, "train[2]: column 'label': the label 'c\\nd' has a line end"),
        (["a", "b", "a\u200b"], {}, "train[2]: column 'label': the label 'a\\u200b' has"),
        (["['a', 'b']", "['b']"], {"multi_label": True}, "train[0]: column 'label': the label \"['a', 'b']\" is a"),
        (
            [[1, 0, 0], [1, 1, 0]],
            {"multi_label": True},
            "train[0]: column 'label': the label has 0 and 1 for each name",
        ),
        (["a,b", "b"], {"multi_label": True, "separator": "\\t"}, "label_separator: no label has '\\\\t' in it"),
        (["a", ["b"]], {}, "train[1]: the label is a list; pass --multi_label"),
        (["1", "two", "3"], {"regression": True}, "train[1]: column 'label': the label 'two' is no number"),
        (["1", "inf", "3"], {"regression": True}, "train[1]: column 'label': the label 'inf' is no number"),
        (["", ""], {"multi_label": True}, "no row has a label"),
        (["a", object()], {}, "train[1]: the label is <object"),
        (["a", "b"], {"names": ("a", "c")}, "train[1]: column 'label': unknown label 'b'; use one of the task's: a, c"),
    ],
)
def test_what_cannot_be_learned_is_one_line(cells, options, message):
    with pytest.raises(UserError) as caught:
        processor(cells, **options).get_train_examples()
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_a_dev_label_that_training_never_saw_is_named_with_its_place():
    with pytest.raises(UserError, match=r"dev\[1\]: column 'label': unknown label 'c'; use one of the task's: a, b"):
        processor(["a", "b", "a"], dev=["a", "c"]).get_dev_examples()
    assert labels_of(processor(["1", "2", "1"], dev=["2.0", 1]).get_dev_examples()) == ["2", "1"]


@pytest.mark.parametrize(
    ("trained", "later"), [([True, False, True], ["True", "FALSE"]), (["Yes", "no"] * 2, ["Yes", "no"])]
)
def test_true_and_false_are_the_same_labels_in_each_spelling(trained, later):
    names = labels_of(processor(trained).get_train_examples())[:2]
    assert labels_of(processor(trained, dev=later).get_dev_examples()) == names


def test_labels_that_differ_in_capitals_are_two():
    assert processor(["True", "true", "True", "false"]).get_labels() == ["True", "false", "true"]


@pytest.mark.parametrize("cell", ["b;a", "b|a", "b, a", ["b", "a"]])
def test_the_separator_of_a_dev_set_may_be_another_one(cell):
    task = processor(["a|b", "c", "a"], multi_label=True, dev=[cell, "c"])
    assert labels_of(task.get_dev_examples()) == [("a", "b"), ("c",)]
