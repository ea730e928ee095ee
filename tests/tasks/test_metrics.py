"""Metrics against numbers worked out by hand."""

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
