"""Classification as a task: scores, values and files."""

import numpy as np
import pytest

from bert_tf.data.examples import InputExample
from bert_tf.data.processors import ColaProcessor, MrpcProcessor
from bert_tf.tasks.classification import ClassificationTask

PROBABILITIES = np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.5, 0.5], [0.25, 0.75]], np.float32)
EXAMPLES = [InputExample(f"dev-{number}", "a", "b", label) for number, label in enumerate("00101")]


@pytest.fixture
def task() -> ClassificationTask:
    return ClassificationTask("MRPC", MrpcProcessor())


def test_scores_are_those_of_a_worked_example(task):
    scores, values = task.evaluate(PROBABILITIES, EXAMPLES, batch_size=2)
    losses = -np.log([0.9, 0.4, 0.8, 0.5, 0.75])
    assert scores == {
        "eval_accuracy": 0.8,
        "eval_f1": pytest.approx(0.8),
        "eval_loss": pytest.approx(losses.mean()),
        "loss": pytest.approx((losses[:2].mean() + losses[2:4].mean() + losses[4]) / 3),
    }
    assert {type(score) for score in scores.values()} == {float}
    assert values.tolist() == [1, 0, 1, 1, 1]


def test_the_headline_is_the_mean_of_the_values(task):
    scores, values = task.evaluate(PROBABILITIES, EXAMPLES, batch_size=8)
    assert scores[task.headline] == values.mean()


def test_only_the_tasks_metrics_are_reported():
    task = ClassificationTask("CoLA", ColaProcessor())
    scores, _ = task.evaluate(PROBABILITIES[:1], EXAMPLES[:1], batch_size=8)
    assert scores.keys() == {"eval_accuracy", "eval_loss", "loss"}


def lines(task: ClassificationTask, split: str, probabilities: list) -> dict[str, list[str]]:
    answers = np.array(probabilities, np.float32)
    return {name: list(found) for name, found in task.result_files(split, answers, EXAMPLES[: len(answers)]).items()}


def test_eval_predictions_have_a_header_and_a_row_for_each_example(task):
    found = lines(task, "dev", [[0.1, 0.9], [1 / 3, 2 / 3]])
    rows = ["guid\tlabel\t0\t1", "dev-0\t0\t0.1\t0.9", "dev-1\t0\t0.33333334\t0.6666667"]
    assert found == {"eval_predictions.tsv": rows}


def test_test_results_are_the_originals_rows_of_numpys_own_numbers(task):
    # The original: "\t".join(str(class_probability) for class_probability in probabilities) + "\n"
    found = lines(task, "test", [[0.1, 0.9], [1e-8, 1.0], [1 / 3, 2 / 3]])
    assert found["test_results.tsv"] == ["0.1\t0.9", "1e-08\t1.0", "0.33333334\t0.6666667"]


def test_test_predictions_have_a_header_guids_and_the_most_probable_label(task):
    found = lines(task, "test", [[0.9, 0.1], [1e-8, 1.0]])
    assert found["test_predictions.tsv"] == ["guid\tlabel\t0\t1", "dev-0\t0\t0.9\t0.1", "dev-1\t1\t1e-08\t1.0"]


def test_the_output_folder_remembers_the_kind_and_the_labels_in_their_order(task):
    assert task.describe() == {"task.json": '{"kind": "classification"}\n', "labels.txt": "0\n1\n"}


def test_the_digest_changes_with_texts_and_labels_and_not_with_names(task):
    digest = task.digest(EXAMPLES)
    assert digest == task.digest([InputExample("other", "a", "b", each.label) for each in EXAMPLES])
    assert digest != task.digest(EXAMPLES[::-1])
