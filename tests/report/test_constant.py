import numpy as np
import pytest
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.metrics import f1_score, matthews_corrcoef
from support.synthetic_runs import LABELS, draw_numbers, draw_probabilities

from bert_tf.report.constant import constant
from bert_tf.report.predictions import ClassPredictions, LabelSetPredictions, NumberPredictions

IDS = np.array([int(label) for label in LABELS])


def of_classes(ids, num_classes=2):
    probabilities = draw_probabilities([str(each) for each in ids], 0.8, 1, num_classes)
    names = tuple("abc"[:num_classes])
    return ClassPredictions(tuple(map(str, range(len(ids)))), ids, names, probabilities)


@pytest.mark.parametrize(
    ("headline", "score"),
    [
        ("eval_accuracy", lambda labels, answers: np.mean(labels == answers)),
        ("eval_f1", f1_score),
        ("eval_matthews", matthews_corrcoef),
        ("eval_macro_f1", lambda labels, answers: f1_score(labels, answers, average="macro")),
        ("eval_auc", lambda labels, answers: 0.5),
    ],
)
def test_the_score_of_the_most_frequent_class_is_that_of_scikit_learns_dummy(headline, score):
    answers = DummyClassifier(strategy="most_frequent").fit(IDS[:, None], IDS).predict(IDS[:, None])
    found = constant(of_classes(IDS), headline, None)
    assert (found.answer, found.share) == ("b", pytest.approx(2 / 3))
    assert found.score == pytest.approx(score(IDS, answers))


def test_f1_of_the_second_class_is_0_if_the_first_is_the_most_frequent():
    assert constant(of_classes(1 - IDS), "eval_f1", None).score == 0


@pytest.mark.parametrize("headline", ["eval_f1", "eval_auc", "eval_own"])
def test_scores_that_the_task_does_not_define_are_unknown(headline):
    found = constant(of_classes(np.arange(60) % 3, 3), headline, None)
    assert found.score is None and found.share == pytest.approx(1 / 3)


def test_values_are_comparable_only_if_those_of_the_run_are_right_answers():
    predictions = of_classes(IDS)
    right = predictions.correct.astype(float)
    assert constant(predictions, "eval_f1", right).values.tolist() == [(IDS == 1).astype(float).tolist()]
    assert constant(predictions, "eval_f1", right / 2).values is None


def test_a_regression_is_compared_in_squared_error_with_the_mean():
    labels, predicted = draw_numbers(0.5, 0)
    predictions = NumberPredictions(tuple(map(str, range(60))), labels, predicted)
    answers = DummyRegressor().fit(labels[:, None], labels).predict(labels[:, None])
    found = constant(predictions, "eval_pearson", -np.square(predicted - labels))
    np.testing.assert_allclose(found.values, -np.square(answers - labels)[None])
    assert (found.answer, found.score, found.share) == (f"{labels.mean():.3g}", None, None)


def test_many_labels_are_compared_with_the_most_frequent_set():
    labels = np.array([[1, 0], [1, 0], [0, 1], [0, 0]], bool)
    predictions = LabelSetPredictions(tuple("abcd"), labels, ("joy", "fear"), labels * 0.9)
    found = constant(predictions, "eval_micro_f1", np.ones(4))
    assert (found.answer, found.share, found.score) == (
        "joy",
        0.5,
        pytest.approx(f1_score(labels, [[1, 0]] * 4, average="micro")),
    )
    assert found.values.tolist() == [[1, 1, 0, 0]]


def test_no_label_at_all_may_be_the_most_frequent_answer():
    labels = np.array([[0, 0], [0, 0], [0, 1]], bool)
    predictions = LabelSetPredictions(tuple("abc"), labels, ("joy", "fear"), labels * 0.9)
    found = constant(predictions, "eval_micro_f1", np.ones(3))
    assert (found.answer, found.score) == ("none of the labels", 0) and found.values.tolist() == [[1, 1, 0]]
