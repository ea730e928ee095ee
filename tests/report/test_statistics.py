import math

import numpy as np
import pytest
from scipy import stats

from bert_tf.report.statistics import (
    accuracy_standard_error,
    confusion_matrix,
    holm,
    mcnemar_exact,
    mean_and_sd,
    paired_bootstrap,
    reliability,
)


def random_pair(seed, examples=300):
    generator = np.random.default_rng(seed)
    return generator.random(examples) < 0.8, generator.random(examples) < 0.75


def test_the_standard_deviation_is_that_of_a_sample():
    values = np.random.default_rng(0).normal(size=7).tolist()
    mean, sd = mean_and_sd(values)
    assert mean == pytest.approx(np.mean(values))
    assert sd == pytest.approx(stats.tstd(values))


def test_too_few_values_have_no_mean_or_no_standard_deviation():
    assert mean_and_sd([]) == (None, None)
    assert mean_and_sd([0.5]) == (0.5, None)


def test_the_standard_error_is_the_binomial_one():
    assert accuracy_standard_error(0.84, 408) == pytest.approx(stats.binom(408, 0.84).std() / 408)
    assert round(100 * accuracy_standard_error(0.84, 408), 1) == 1.8


def test_mcnemar_counts_by_hand():
    # 1 against 6 of 7 discordant examples: 2 (1 + 7) / 2^7.
    first = np.array([1, 1, 1, 1, 1, 1, 0, 1, 1, 0])
    second = np.array([0, 0, 0, 0, 0, 0, 1, 1, 1, 0])
    assert mcnemar_exact(first, second) == pytest.approx(16 / 128)


@pytest.mark.parametrize("seed", range(5))
def test_mcnemar_agrees_with_the_binomial_distribution(seed):
    first, second = random_pair(seed)
    only_first, only_second = np.sum(first & ~second), np.sum(second & ~first)
    tail = stats.binom.cdf(min(only_first, only_second), only_first + only_second, 0.5)
    assert mcnemar_exact(first, second) == pytest.approx(min(1, 2 * tail))
    assert mcnemar_exact(first, second) == mcnemar_exact(second, first)


def test_mcnemar_finds_no_difference_where_there_is_none():
    first, _ = random_pair(0)
    assert mcnemar_exact(first, first) == 1


@pytest.mark.parametrize("seed", range(3))
def test_the_bootstrap_of_one_seed_agrees_with_scipy(seed):
    first, second = random_pair(seed)
    expected = stats.bootstrap(
        (first.astype(float) - second,), np.mean, n_resamples=4000, method="percentile", rng=np.random.default_rng(seed)
    )
    _, error = paired_bootstrap(first, second)
    assert error == pytest.approx(expected.standard_error, rel=0.05)


@pytest.mark.parametrize("seed", range(6))
def test_the_bootstrap_of_examples_comes_near_the_test_of_a_mean(seed):
    first, second = random_pair(seed, 2000)
    first[:60] = False  # else the two differ too clearly to say much
    p_value, _ = paired_bootstrap(first, second)
    assert p_value == pytest.approx(stats.ttest_rel(first.astype(float), second.astype(float)).pvalue, abs=0.03)


def test_the_spread_over_seeds_enters_without_bias():
    # All examples of a seed are alike, so that seeds alone vary: the variance of a mean of seeds is s^2 / S.
    first, second = np.repeat([[1.0], [0.0], [1.0]], 50, axis=1), np.repeat([[1.0], [0.0], [0.0], [0.0]], 50, axis=1)
    expected = math.sqrt(sum(np.var(side[:, 0], ddof=1) / len(side) for side in (first, second)))
    assert paired_bootstrap(first, second)[1] == pytest.approx(expected, rel=0.03)


def test_the_bootstrap_sees_a_clear_difference_and_not_a_small_one():
    generator = np.random.default_rng(3)
    difficulty = generator.random(400)
    good, same, bad = (np.array([generator.random(400) * 0.3 + difficulty < q for _ in range(3)]) for q in (1, 1, 0.8))
    assert paired_bootstrap(good, same)[0] > 0.1
    assert paired_bootstrap(good, bad)[0] < 0.001
    assert paired_bootstrap(good, bad) == paired_bootstrap(good, bad)


def test_holm_by_hand():
    # Sorted 0.005, 0.01, 0.03, 0.04, times 4, 3, 2, 1, never falling.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([]) == []


@pytest.mark.parametrize("seed", range(4))
def test_holm_rejects_what_the_step_down_procedure_rejects(seed):
    p_values = np.random.default_rng(seed).random(8) ** 4
    rejected = np.zeros(8, bool)
    for rank, index in enumerate(np.argsort(p_values)):
        if p_values[index] > 0.05 / (8 - rank):
            break
        rejected[index] = True
    assert (np.array(holm(p_values.tolist())) <= 0.05).tolist() == rejected.tolist()


def test_the_calibration_error_by_hand():
    # Bins of ten: (0.5, 0.6] holds 0.55 and 0.6, half right; (0.9, 1] holds 0.95, 0.95, 1 and 1, three of four right.
    confidence = np.array([0.55, 0.6, 0.95, 0.95, 1.0, 1.0])
    found = reliability(confidence, np.array([1, 0, 1, 1, 1, 0]), bins=10)
    assert found.accuracy.tolist() == [0.5, 0.75]
    assert found.expected_calibration_error == pytest.approx(2 / 6 * 0.075 + 4 / 6 * 0.225)


@pytest.mark.parametrize("seed", range(3))
def test_reliability_agrees_with_scikit_learn(seed):
    calibration = pytest.importorskip("sklearn.calibration")
    generator = np.random.default_rng(seed)
    confidence, correct = 0.5 + generator.random(500) / 2, generator.random(500) < 0.8
    accuracy, mean = calibration.calibration_curve(correct, confidence, n_bins=15)
    found = reliability(confidence, correct, bins=15)
    np.testing.assert_allclose(found.accuracy, accuracy)
    np.testing.assert_allclose(found.confidence, mean)
    assert found.share.sum() == pytest.approx(1)


@pytest.mark.parametrize("seed", range(3))
def test_the_confusion_matrix_agrees_with_scikit_learn(seed):
    metrics = pytest.importorskip("sklearn.metrics")
    generator = np.random.default_rng(seed)
    labels, predicted = generator.integers(0, 3, 200), generator.integers(0, 3, 200)
    expected = metrics.confusion_matrix(labels, predicted, labels=[0, 1, 2])
    np.testing.assert_array_equal(confusion_matrix(labels, predicted, 3), expected)
