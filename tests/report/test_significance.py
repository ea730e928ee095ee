import math

import numpy as np
import pytest
from scipy import stats

from bert_tf.report.significance import (
    binomial_standard_error,
    holm,
    mcnemar_exact,
    mean_and_sd,
    paired_bootstrap,
    standard_error,
    wilson_interval,
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


def test_the_standard_error_of_a_share_is_the_binomial_one():
    assert binomial_standard_error(0.84, 408) == pytest.approx(stats.binom(408, 0.84).std() / 408)
    assert round(100 * binomial_standard_error(0.84, 408), 1) == 1.8


def test_the_standard_error_of_zeros_and_ones_is_the_binomial_one():
    correct = np.array([[1.0] * 343 + [0.0] * 65, [1.0] * 333 + [0.0] * 75])
    assert standard_error(correct) == pytest.approx(binomial_standard_error(correct.mean(), 408))


def test_the_standard_error_of_real_values_is_that_of_their_mean():
    values = np.random.default_rng(0).normal(size=2000)
    assert standard_error(values[None]) == pytest.approx(stats.sem(values, ddof=0))


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


@pytest.mark.slow
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e9])
def test_the_bootstrap_of_real_values_comes_near_the_test_of_a_mean(scale):
    generator = np.random.default_rng(2)
    difficulty = generator.normal(size=1000)
    first, second = (scale * (difficulty + generator.normal(shift, 1, 1000)) for shift in (0.1, 0))
    p_value, error = paired_bootstrap(first, second)
    assert p_value == pytest.approx(stats.ttest_rel(first, second).pvalue, abs=0.02)
    assert error == pytest.approx(stats.sem(first - second), rel=0.05)


def test_the_unit_of_the_values_does_not_matter():
    # Differences of counts tie often, and a tie counts, whatever rounding makes of it.
    first, second = random_pair(3, 30)
    p_values = {paired_bootstrap(unit * first, unit * second)[0] for unit in (1e-9 / 7, 0.1, 1e9 / 7)}
    assert len(p_values) == 1


def test_equal_real_values_do_not_differ():
    values = 1e9 * np.random.default_rng(2).normal(size=[2, 300])
    assert paired_bootstrap(values, values[::-1])[0] == 1


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


@pytest.mark.parametrize(("right", "examples"), [(30, 30), (0, 7), (1, 1), (343, 408), (8_000, 9_815)])
def test_the_interval_of_a_share_agrees_with_scipy(right, examples):
    expected = stats.binomtest(right, examples).proportion_ci(method="wilson")
    assert wilson_interval(right / examples, examples) == pytest.approx((expected.low, expected.high))


def test_many_examples_with_real_values_take_fewer_resamples(monkeypatch):
    values = np.random.default_rng(1).normal(size=[2, 100])
    monkeypatch.setattr("bert_tf.report.significance._MAX_DRAWS", 150_000)
    assert paired_bootstrap(*values) == paired_bootstrap(*values, resamples=1_500)
    assert paired_bootstrap(*(values > 0)) != paired_bootstrap(*(values > 0), resamples=1_500)
