"""Classification as a task: scores, values and files."""

import logging

import numpy as np
import pytest

from bert_tf.data.examples import InputExample
from bert_tf.data.processors import ColaProcessor, DataProcessor, MrpcProcessor
from bert_tf.tasks.classification import ClassificationTask
from bert_tf.tasks.loss_settings import LossSettings

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
    scores, _ = task.evaluate(PROBABILITIES, EXAMPLES, batch_size=8)
    assert scores.keys() == {"eval_accuracy", "eval_matthews", "eval_loss", "loss"}


class Reviews(DataProcessor):
    labels = ("0", "1")
    metrics = ("matthews", "auc", "macro_f1", "micro_f1")
    reports_classes = True


def test_the_first_metric_of_the_processor_is_the_headline():
    task = ClassificationTask("reviews", Reviews())
    scores, values = task.evaluate(PROBABILITIES, EXAMPLES, batch_size=8)
    assert task.headline == "eval_matthews"
    assert list(scores) == task.score_names
    assert scores["eval_auc"] == 1.0
    assert scores["eval_micro_f1"] == pytest.approx(scores["eval_accuracy"]) == values.mean()
    assert {type(score) for score in scores.values()} == {float}


def test_a_dev_set_with_one_class_has_no_area_and_a_line_says_so(caplog):
    task = ClassificationTask("reviews", Reviews())
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            scores, _ = task.evaluate(PROBABILITIES[:2], EXAMPLES[:2], batch_size=8)
            assert scores.keys() == set(task.score_names) - {"eval_auc"}
    assert [each.getMessage() for each in caplog.records] == [
        "The dev set has examples of one label only, so there is no eval_auc."
    ]


def test_scores_of_each_class_are_there_if_the_processor_asks_for_them(task):
    assert task.per_class(PROBABILITIES, EXAMPLES) == {}
    found = ClassificationTask("reviews", Reviews()).per_class(PROBABILITIES, EXAMPLES)
    assert found["1"] == {"precision": pytest.approx(2 / 3), "recall": 1.0, "f1": pytest.approx(0.8), "support": 2}


@pytest.mark.parametrize(
    ("class_weight", "weights"), [("balanced", [5 / 6, 5 / 6, 5 / 4, 5 / 6, 5 / 4]), ("1,5", [1, 1, 5, 1, 5])]
)
def test_each_example_has_the_weight_of_its_class(class_weight, weights):
    task = ClassificationTask("MRPC", MrpcProcessor(), LossSettings(class_weight))
    targets = task.targets(EXAMPLES)
    assert targets["label_ids"].numpy().tolist() == [0, 0, 1, 0, 1]
    np.testing.assert_allclose(targets["weights"], weights, rtol=1e-6)


def test_without_class_weights_there_are_none(task):
    assert task.targets(EXAMPLES).keys() == {"label_ids"}


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


def test_run_json_remembers_whether_the_texts_come_in_pairs(task):
    singles = [InputExample("dev-1", "a", None, "0")]
    assert task.facts(EXAMPLES) == {"pairs": True} and task.facts(singles) == {"pairs": False}
    # A test set may have pairs whose second text is empty.
    assert task.facts([InputExample("dev-1", "a", "", "0")]) == {"pairs": True}


def test_the_digest_changes_with_texts_and_labels_and_not_with_names(task):
    digest = task.digest(EXAMPLES)
    assert digest == task.digest([InputExample("other", "a", "b", each.label) for each in EXAMPLES])
    assert digest != task.digest(EXAMPLES[::-1])
