"""Metrics against numbers worked out by hand."""

import json
import warnings

import numpy as np
import pytest

from bert_tf.tasks import metrics

LABELS = np.array([1, 1, 1, 0, 0, 1, 0, 1])
PREDICTIONS = np.array([1, 0, 1, 1, 0, 1, 0, 0])  # 3 hits, 1 false alarm, 2 misses, 2 right refusals


def test_accuracy_and_f1_of_a_worked_example():
    assert metrics.accuracy(LABELS, PREDICTIONS) == 5 / 8
    assert metrics.f1(LABELS, PREDICTIONS) == pytest.approx(2 * (3 / 4) * (3 / 5) / (3 / 4 + 3 / 5))


@pytest.mark.parametrize(
    "labels, predictions, expected",
    [([1, 1], [0, 0], 0.0), ([0, 0], [1, 1], 0.0), ([0, 0], [0, 0], 0.0), ([1, 0], [1, 0], 1.0)],
)
def test_f1_has_a_value_where_a_class_is_missing(labels, predictions, expected):
    assert metrics.f1(np.array(labels), np.array(predictions)) == expected


def test_other_classes_than_1_are_not_found_by_f1():
    labels, predictions = np.array([2, 1, 0, 2]), np.array([2, 1, 1, 0])
    assert metrics.f1(labels, predictions) == pytest.approx(2 / 3)
    assert metrics.accuracy(labels, predictions) == 0.5


def test_scikit_learn_agrees():
    sklearn_metrics = pytest.importorskip("sklearn.metrics")
    random = np.random.default_rng(0)
    for _ in range(20):
        labels, predictions = random.integers(0, 2, [2, 50])
        assert metrics.accuracy(labels, predictions) == pytest.approx(
            sklearn_metrics.accuracy_score(labels, predictions)
        )
        assert metrics.f1(labels, predictions) == pytest.approx(sklearn_metrics.f1_score(labels, predictions))


def test_matthews_of_a_worked_example_and_of_answers_that_are_all_the_same():
    # tp = 3, tn = 2, fp = 1, fn = 2.
    assert metrics.matthews(LABELS, PREDICTIONS) == pytest.approx((3 * 2 - 1 * 2) / np.sqrt(4 * 5 * 3 * 4))
    assert metrics.matthews(LABELS, np.ones(8, int)) == metrics.matthews(np.ones(8, int), PREDICTIONS) == 0.0


def test_macro_f1_is_the_mean_over_classes_and_micro_f1_the_accuracy():
    labels, predictions = np.array([0, 0, 1, 1, 2]), np.array([0, 1, 1, 1, 0])
    assert metrics.macro_f1(labels, predictions) == pytest.approx((0.5 + 0.8 + 0.0) / 3)
    assert metrics.micro_f1(labels, predictions) == pytest.approx(metrics.accuracy(labels, predictions))


def test_the_area_under_the_curve_is_the_share_of_pairs_in_the_right_order():
    assert metrics.auc(np.array([0, 1, 0, 1]), np.array([0.1, 0.4, 0.4, 0.9])) == (1 + 0.5 + 1 + 1) / 4
    assert metrics.auc(np.array([1, 1]), np.array([0.1, 0.4])) is None


def test_correlations_of_worked_examples():
    numbers, predictions = np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, 4.0, 9.0, 7.0])
    assert metrics.pearson(numbers, predictions) == pytest.approx(11.5 / np.sqrt(5.0 * 36.75))
    assert metrics.spearman(numbers, predictions) == pytest.approx(0.8)
    assert metrics.mse(numbers, predictions) == (0 + 4 + 36 + 9) / 4


@pytest.mark.parametrize("correlation", [metrics.pearson, metrics.spearman])
@pytest.mark.parametrize(
    ("numbers", "predictions"),
    [
        ([2.0, 2.0, 2.0], [1.0, 2.0, 3.0]),
        ([1.0, 2.0, 3.0], [0.1, 0.1, 0.1]),
        ([1.0], [2.0]),
        ([1e200, -1e200, 0.0], [1.0, 2.0, 3.0]),
        ([1.0, 2.0, 3.0], [1.0, 1.0 + 1e-16, 1.0]),
    ],
)
def test_a_correlation_is_always_a_number_and_0_where_nothing_varies(correlation, numbers, predictions):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = correlation(np.array(numbers), np.array(predictions))
    assert -1 <= found <= 1
    if len(set(numbers)) < 2 or len(set(predictions)) < 2:
        assert found == 0


HAS_LABEL = np.array([[1, 1, 0], [0, 1, 0], [0, 0, 0], [0, 0, 0]], bool)
CHOSEN = np.array([[1, 0, 0], [0, 1, 1], [0, 0, 0], [1, 0, 0]], bool)


def test_scores_of_many_labels_of_a_worked_example():
    # By label: tp 1 fp 1 fn 0; tp 1 fp 0 fn 1; tp 0 fp 1 fn 0.
    assert metrics.micro_f1_of_labels(HAS_LABEL, CHOSEN) == pytest.approx(2 * 2 / (2 * 2 + 2 + 1))
    assert metrics.macro_f1_of_labels(HAS_LABEL, CHOSEN) == pytest.approx((2 / 3 + 2 / 3 + 0) / 3)
    assert metrics.subset_accuracy(HAS_LABEL, CHOSEN) == 0.25
    np.testing.assert_allclose(metrics.example_f1(HAS_LABEL, CHOSEN), [2 / 3, 2 / 3, 1, 0])


def test_the_loss_of_many_labels_is_a_mean_over_labels_and_finite_for_sure_mistakes():
    losses = metrics.multi_label_loss(np.array([[0.5, 0.25], [1.0, 0.0]], np.float32), np.array([[1, 0], [0, 1]], bool))
    np.testing.assert_allclose(losses, [(np.log(2) - np.log(0.75)) / 2, 24 * np.log(2)])


def test_scores_of_each_class_of_a_worked_example():
    is_class, is_predicted = np.eye(3, dtype=bool)[[0, 0, 1, 1, 1]], np.eye(3, dtype=bool)[[0, 1, 1, 1, 0]]
    found = metrics.per_class_scores(is_class, is_predicted, ["a", "b", "absent"])
    assert found == {
        "a": {"precision": 0.5, "recall": 0.5, "f1": 0.5, "support": 2},
        "b": {
            "precision": pytest.approx(2 / 3),
            "recall": pytest.approx(2 / 3),
            "f1": pytest.approx(2 / 3),
            "support": 3,
        },
        "absent": {"precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 0},
    }
    assert json.loads(json.dumps(found)) == found


@pytest.mark.parametrize("names", [["a", "b", "c"], ["a"]])
def test_scores_of_each_of_many_labels_are_in_their_order(names):
    width = len(names)
    has_label, chosen = HAS_LABEL[:, :width], CHOSEN[:, :width]
    found = metrics.per_class_scores(has_label, chosen, names)
    assert metrics.macro_f1_of_labels(has_label, chosen) == np.mean([scores["f1"] for scores in found.values()])
    assert list(found) == names
    assert found["a"] == {"precision": 0.5, "recall": 1.0, "f1": pytest.approx(2 / 3), "support": 1}


def test_a_tasks_first_metric_comes_first_and_the_usual_ones_replace_none():
    assert metrics.reported_metrics("classification", ("f1", "accuracy", "f1")) == ["f1", "accuracy"]
    assert metrics.reported_metrics("classification", ()) == ["accuracy"]
    assert metrics.reported_metrics("classification", {"f1", "auc", "accuracy"}) == ["accuracy", "f1", "auc"]
    assert metrics.reported_metrics("regression", ("spearman",)) == ["spearman", "mse"]
    assert metrics.reported_metrics("multi_label", ()) == ["micro_f1", "macro_f1", "subset_accuracy"]


def test_the_loss_is_minus_the_logarithm_of_the_labels_probability():
    probabilities = np.array([[0.5, 0.25, 0.25], [0.1, 0.1, 0.8], [1.0, 0.0, 0.0]], np.float32)
    losses = metrics.per_example_loss(probabilities, np.array([1, 2, 0]))
    np.testing.assert_allclose(losses, [np.log(4), -np.log(0.8), 0.0], rtol=1e-6, atol=1e-12)
    assert losses.dtype == np.float64


def test_a_probability_of_0_gives_a_finite_loss():
    losses = metrics.per_example_loss(np.array([[1.0, 0.0]], np.float32), np.array([1]))
    assert 80 < losses[0] < 100


def test_the_mean_of_batches_weighs_a_small_last_batch_like_a_whole_one():
    losses = np.array([1.0, 3.0, 5.0, 7.0, 10.0])
    assert metrics.mean_of_batches(losses, 4) == (4.0 + 10.0) / 2
    assert metrics.mean_of_batches(losses, 2) == (2.0 + 6.0 + 10.0) / 3
    assert metrics.mean_of_batches(losses, 5) == metrics.mean_of_batches(losses, 1) == 5.2
    assert metrics.mean_of_batches(losses, 100) == 5.2
