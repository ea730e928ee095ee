"""Any number of labels as a task: scores, values and files."""

import numpy as np
import pytest

from bert_tf.data.examples import InputExample
from bert_tf.data.processors import DataProcessor
from bert_tf.tasks.multi_label import MultiLabelTask

LABELS = [("sad", "short"), (), ("funny",)]
EXAMPLES = [InputExample(f"dev-{number}", "a", None, labels) for number, labels in enumerate(LABELS)]
ANSWERS = np.array([[0.9, 0.2, 0.5], [0.1, 0.2, 0.3], [0.75, 0.25, 0.4]], np.float32)


class Reviews(DataProcessor):
    kind = "multi_label"
    labels = ("short", "funny", "sad")
    reports_classes = True


@pytest.fixture
def task() -> MultiLabelTask:
    return MultiLabelTask("reviews", Reviews())


def test_scores_are_those_of_a_worked_example(task):
    # Chosen are short and sad (0.5 is enough), none, and short.
    scores, values = task.evaluate(ANSWERS, EXAMPLES, batch_size=2)
    chosen = np.array([[0.9, 0.8, 0.5], [0.9, 0.8, 0.7], [0.25, 0.25, 0.6]])
    losses = -np.log(chosen).mean(axis=1)
    assert scores == {
        "eval_micro_f1": pytest.approx(4 / 6),
        "eval_macro_f1": pytest.approx((2 / 3 + 0 + 1) / 3),
        "eval_subset_accuracy": pytest.approx(2 / 3),
        "eval_loss": pytest.approx(losses.mean()),
        "loss": pytest.approx((losses[:2].mean() + losses[2]) / 2),
    }
    assert list(scores) == task.score_names and task.headline == "eval_micro_f1"
    assert values.tolist() == [1.0, 1.0, 0.0]


def test_the_targets_have_a_column_for_each_label(task):
    [(name, has_label)] = task.targets(EXAMPLES).items()
    assert (name, has_label.numpy().tolist()) == ("has_label", [[1, 0, 1], [0, 0, 0], [0, 1, 0]])


def test_scores_of_each_label_are_there_if_the_processor_asks_for_them(task):
    assert task.per_class(ANSWERS, EXAMPLES) == {
        "short": {"precision": 0.5, "recall": 1.0, "f1": pytest.approx(2 / 3), "support": 1},
        "funny": {"precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 1},
        "sad": {"precision": 1.0, "recall": 1.0, "f1": 1.0, "support": 1},
    }


def test_files_have_the_labels_with_commas_between(task):
    rows = ["0.9\t0.2\t0.5", "0.1\t0.2\t0.3", "0.75\t0.25\t0.4"]
    header = "guid\tlabels\tshort\tfunny\tsad"
    found = task.result_files("dev", ANSWERS, EXAMPLES)
    lines = [f"dev-0\tsad,short\t{rows[0]}", f"dev-1\t\t{rows[1]}", f"dev-2\tfunny\t{rows[2]}"]
    assert found == {"eval_predictions.tsv": [header, *lines]}
    found = task.result_files("test", ANSWERS, EXAMPLES)
    lines = [f"dev-0\tshort,sad\t{rows[0]}", f"dev-1\t\t{rows[1]}", f"dev-2\tshort\t{rows[2]}"]
    assert found == {"test_results.tsv": rows, "test_predictions.tsv": [header, *lines]}


@pytest.mark.parametrize(
    ("labels", "separator"),
    [(("a", "b, c"), ";"), (("a;", "b, c"), "|"), (("a;", "b, c|"), "\x1f")],
)
def test_a_label_with_a_comma_has_another_separator_beside_it(labels, separator):
    names = labels

    class Odd(Reviews):
        labels = names

    task = MultiLabelTask("odd", Odd())
    found = task.result_files("dev", np.ones((1, 2), np.float32), [InputExample("dev-0", "a", None, labels)])
    assert found["eval_predictions.tsv"][1].split("\t")[1] == separator.join(labels)


def test_the_output_folder_remembers_the_kind_and_the_labels(task):
    assert task.describe() == {"task.json": '{"kind": "multi_label"}\n', "labels.txt": "short\nfunny\nsad\n"}
