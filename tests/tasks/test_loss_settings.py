"""Class weights and label smoothing: what is possible with which labels."""

import numpy as np
import pytest

from bert_tf.data.targets import Number, OneLabel, SomeLabels, Targets
from bert_tf.errors import UserError
from bert_tf.tasks.loss_settings import LossSettings

LABELS = ("bad", "good", "great")
ONE_OF_THREE = OneLabel(LABELS)


def error_of(settings: LossSettings, targets: Targets = ONE_OF_THREE) -> str:
    with pytest.raises(UserError) as caught:
        settings.check(targets)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("class_weight", [None, "", "balanced", "1,2,3", " 1, 0.5 ,2e1"])
def test_weights_for_each_label_balanced_ones_or_none_are_possible(class_weight):
    LossSettings(class_weight, 0.1).check(ONE_OF_THREE)


@pytest.mark.parametrize(
    ("class_weight", "message"),
    [
        ("1,5", "is '1,5', but there are 3 labels (bad, good, great); write balanced, or a number for each label with"),
        ("1,2,3,4", "is '1,2,3,4', but there are 3 labels"),
        ("1", "is '1', but there are 3 labels"),
        ("Balanced", "'Balanced' is no weight; write balanced, or a number above 0 for each label, as in 1,5"),
        ("1;2;3", "'1;2;3' is no weight"),
        ("1,2,", "'' is no weight"),
        ("1,2,0", "'0' is no weight"),
        ("1,2,-3", "'-3' is no weight"),
        ("1,2,nan", "'nan' is no weight"),
        ("1,2,inf", "'inf' is no weight"),
        ("1,2,1e39", "'1e39' is no weight"),
        ("1,2,1e-60", "'1e-60' is no weight"),
    ],
)
def test_other_weights_are_one_line(class_weight, message):
    assert error_of(LossSettings(class_weight)).startswith(f"class_weight: {message}")


@pytest.mark.parametrize("targets", [Number(), SomeLabels(LABELS)])
def test_tasks_without_one_label_an_example_have_neither(targets):
    LossSettings().check(targets)
    remedy = f"is only for tasks with one label an example, and this one is {targets.kind}; leave the flag out"
    assert error_of(LossSettings("balanced", 0.1), targets) == f"class_weight: {remedy}"
    assert error_of(LossSettings(label_smoothing=0.1), targets) == f"label_smoothing: {remedy}"


def test_balanced_weights_give_each_class_the_same_part():
    label_ids = np.array([0] * 90 + [1] * 9 + [2])
    weights = LossSettings("balanced").example_weights(label_ids, LABELS)
    sums = [weights[label_ids == label].sum() for label in range(3)]
    np.testing.assert_allclose(sums, [100 / 3] * 3)


def test_a_label_that_never_occurs_changes_no_balanced_weight():
    np.testing.assert_allclose(LossSettings("balanced").example_weights(np.array([2, 0, 0]), LABELS), [1.5, 0.75, 0.75])
