"""Tests how each kind of label reads a field of a file."""

import pytest

from bert_tf.data.targets import Number, OneLabel, SomeLabels, make_targets


def test_a_label_may_have_spaces_around_it_and_other_spellings():
    targets = OneLabel(["a b", "c"], {"see": "c"})
    assert [targets.parse(cell) for cell in ("a b", " a b ", "see", "c")] == ["a b", "a b", "c", "c"]
    assert targets.filler == "a b"


@pytest.mark.parametrize(("cell", "number"), [("3.8", 3.8), (" -1e-3 ", -0.001), ("5", 5.0)])
def test_a_number_is_read_as_python_reads_it(cell, number):
    assert Number().parse(cell) == number


def test_several_labels_come_in_the_tasks_order_and_once():
    targets = SomeLabels(["x", "y", "z"], separator="|")
    assert targets.parse("z | x|z") == ("x", "z")
    assert targets.parse("") == targets.parse(" | ") == targets.filler == ()


@pytest.mark.parametrize(
    ("targets", "cell", "message"),
    [
        (OneLabel(["0", "1"]), "2", "unknown label '2'; use one of the task's: 0, 1"),
        (Number(), "nan", "the label 'nan' is no number; write one such as 3.8"),
        (Number(), "1e999", "the label '1e999' is no number; write one such as 3.8"),
        (Number(), "-1e16", "the label '-1e16' is too large; write numbers below 1e+15"),
        (Number(), "1_0", "the label '1_0' is no number; write one such as 3.8"),
        (Number(), "", "the label '' is no number; write one such as 3.8"),
        (SomeLabels(["x", "y"]), "x,w", "unknown label 'w'; use some of the task's: x, y"),
    ],
)
def test_what_is_no_label_is_named(targets, cell, message):
    with pytest.raises(ValueError) as caught:
        targets.parse(cell)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("targets", "label", "message"),
    [
        (OneLabel(["0", "1"]), 1, "the label 1 (int) is unknown; use one of '0', '1'"),
        (OneLabel(["0", "1"]), ["0"], "the label ['0'] (list) is unknown; use one of '0', '1'"),
        (Number(), "3", "the label '3' (str) is no finite number; give a float"),
        (Number(), True, "the label True (bool) is no finite number; give a float"),
        (
            Number(),
            10**400,
            "the label 100000000000000000...0000000000000000000 is too large; give numbers below 1e+15",
        ),
        (Number(), float("-inf"), "the label -inf (float) is no finite number; give a float"),
        (Number(), float("nan"), "the label nan (float) is no finite number; give a float"),
        (SomeLabels(["x"]), "x", "the labels are 'x' (str); give a tuple of names"),
        (SomeLabels(["x"]), ("y",), "the label 'y' (str) is unknown; use one of 'x'"),
    ],
)
def test_what_is_no_label_of_an_example_is_named(targets, label, message):
    assert targets.problem(label) == message


def test_every_parsed_label_is_right_for_an_example():
    for targets, cell in ((OneLabel(["0", "1"]), "1"), (Number(), "7"), (SomeLabels(["x", "y"]), "y,x")):
        assert not targets.problem(targets.parse(cell))
        assert not targets.problem(targets.filler)


def test_an_unknown_kind_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="the kind 'ranking' is unknown; known: classification, regression, multi_l"):
        make_targets("ranking", [])
