"""Groups of examples, such as languages, have scores of their own, whatever the labels are."""

import numpy as np
import pytest

from bert_tf.data.examples import InputExample
from bert_tf.data.processors import DataProcessor, MrpcProcessor
from bert_tf.errors import UserError
from bert_tf.tasks.example_reader import ExampleReader
from bert_tf.tasks.kinds import make_task


class Sizes(DataProcessor):
    kind = "regression"
    group_name = "city"


class Moods(DataProcessor):
    kind = "multi_label"
    labels = ("short", "funny")


def examples(groups, labels):
    return [InputExample(f"dev-{n}", "a", None, *each) for n, each in enumerate(zip(labels, groups, strict=True))]


def scores_of(processor, answers, groups, labels):
    task = make_task("x", processor)
    return task, task.per_group(np.array(answers, np.float32), examples(groups, labels), batch_size=8)


def test_the_scores_of_a_group_are_those_of_its_examples_alone():
    answers = [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.3, 0.7]]
    task, found = scores_of(MrpcProcessor(), answers, ["fr", "de", "fr", "de"], ["0", "0", "1", "1"])
    assert list(found) == ["fr", "de"] and task.group_name == "group"
    for group, rows in (("fr", [0, 2]), ("de", [1, 3])):
        alone = examples([group] * 2, [["0", "0", "1", "1"][row] for row in rows])
        evaluation = task.evaluate(np.array(answers, np.float32)[rows], alone, 8)
        assert found[group] == {"examples": 2, **evaluation.scores}
    assert found["fr"]["eval_accuracy"] == 0.5 and found["fr"]["eval_loss"] == pytest.approx(
        -np.log(np.float32([0.9, 0.4])).mean()
    )


def test_numbers_and_sets_of_labels_have_groups_too():
    task, found = scores_of(Sizes(), [1.0, 2.0, 5.0], ["Osk", "Osk", "Lom"], [1.0, 3.0, 4.0])
    assert task.group_name == "city" and found["Osk"]["eval_mse"] == 0.5 and found["Lom"]["eval_mse"] == 1.0
    sets = [("short",), ("funny",), ()]
    _, found = scores_of(Moods(), [[0.9, 0.1], [0.9, 0.1], [0.1, 0.2]], ["a", "b", "b"], sets)
    assert found["a"]["eval_subset_accuracy"] == 1.0 and found["b"]["eval_subset_accuracy"] == 0.5


def test_examples_without_a_group_are_in_none():
    _, found = scores_of(MrpcProcessor(), [[0.9, 0.1]] * 3, [None, "de", None], ["0", "1", "0"])
    assert list(found) == ["de"] and found["de"]["examples"] == 1
    assert scores_of(MrpcProcessor(), [[0.9, 0.1]], [None], ["0"])[1] == {}


@pytest.mark.parametrize("group", [7, "", "a\tb", "a\nb", ("de",)])
def test_a_group_that_no_table_can_hold_is_one_line(group):
    class Own(MrpcProcessor):
        def get_dev_examples(self, data_dir):
            return [InputExample("dev-1", "a", "b", "1", group)]

    with pytest.raises(UserError, match=r"^Own.get_dev_examples: example 0 \(dev-1\): the group is .*; make it a str"):
        ExampleReader(Own()).read("dev", ".")


def test_an_example_of_a_class_of_the_users_own_needs_no_group():
    class Example(InputExample):
        def __init__(self, text):
            self.guid, self.text_a, self.text_b, self.label = None, text, text, "1"

    class Own(MrpcProcessor):
        def get_dev_examples(self, data_dir):
            return [Example("a")]

    assert ExampleReader(Own()).read("dev", ".") == [InputExample("dev-0", "a", "a", "1")]
