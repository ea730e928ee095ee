"""Regression as a task: scores, values and files."""

import logging

import numpy as np
import pytest

from bert_tf.data.examples import InputExample
from bert_tf.data.processors import DataProcessor
from bert_tf.tasks.regression import RegressionTask

EXAMPLES = [InputExample(f"dev-{number}", "a", "b", label) for number, label in enumerate((1.0, 2.5, 4, 5.0, 0.0))]
ANSWERS = np.array([1.5, 2.5, 3.0, 4.0, 1.0], np.float32)


class Similarity(DataProcessor):
    kind = "regression"

    def get_train_examples(self, data_dir):
        return [InputExample(None, "a", None, label) for label in self.numbers]

    get_dev_examples = get_train_examples


@pytest.fixture
def task() -> RegressionTask:
    return RegressionTask("similarity", Similarity())


def test_scores_are_those_of_a_worked_example(task):
    errors = np.array([0.25, 0.0, 1.0, 1.0, 1.0])
    scores, values = task.evaluate(ANSWERS, EXAMPLES, batch_size=2)
    assert scores == {
        "eval_pearson": pytest.approx(np.corrcoef(ANSWERS, [1.0, 2.5, 4, 5.0, 0.0])[0, 1]),
        "eval_spearman": pytest.approx(1.0),
        "eval_mse": 0.65,
        "eval_loss": 0.65,
        "loss": pytest.approx((0.125 + 1.0 + 1.0) / 3),
    }
    assert list(scores) == task.score_names and task.headline == "eval_pearson"
    assert {type(score) for score in scores.values()} == {float}
    np.testing.assert_array_equal(values, -errors)


def test_the_targets_are_the_numbers(task):
    [(name, numbers)] = task.targets(EXAMPLES).items()
    assert (name, numbers.dtype, numbers.numpy().tolist()) == ("numbers", "float32", [1.0, 2.5, 4.0, 5.0, 0.0])


def test_files_have_the_numbers_under_headers(task):
    found = {name: list(lines) for name, lines in task.result_files("dev", ANSWERS[:2], EXAMPLES[:2]).items()}
    assert found == {"eval_predictions.tsv": ["guid\tlabel\tprediction", "dev-0\t1.0\t1.5", "dev-1\t2.5\t2.5"]}
    found = {name: list(lines) for name, lines in task.result_files("test", ANSWERS[:2], EXAMPLES[:2]).items()}
    assert found == {
        "test_results.tsv": ["1.5", "2.5"],
        "test_predictions.tsv": ["guid\tprediction", "dev-0\t1.5", "dev-1\t2.5"],
    }


def test_the_output_folder_remembers_the_kind_and_has_no_labels(task):
    assert task.describe() == {"task.json": '{"kind": "regression"}\n'}
    assert task.per_class(ANSWERS, EXAMPLES) == {}


@pytest.mark.parametrize(
    ("numbers", "line"),
    [
        ([0.0, 5.0, -20.0], None),
        (
            [12, -450_000.0],
            "train: the numbers reach 450000, and training learns only small ones well: divide them by 100000.",
        ),
    ],
)
def test_numbers_that_are_too_large_to_be_learned_well_are_said_once(task, numbers, line, caplog):
    Similarity.numbers = numbers
    with caplog.at_level(logging.WARNING):
        for split in ("train", "dev"):
            task.read(split, "none")
    assert [record.getMessage() for record in caplog.records] == ([line] if line else [])
