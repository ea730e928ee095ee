"""The statistics of a comparison: spread over seeds, paired tests, calibration.

All work on numpy arrays; `correct` arrays are bool or 0/1, `[examples]` or `[seeds, examples]`.
"""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
from scipy import stats

RESAMPLES = 10_000
CALIBRATION_BINS = 15
_CHUNK = 1 << 22  # numbers held at a time while resampling


def mean_and_sd(values: Sequence[float]) -> tuple[float | None, float | None]:
    """The mean, and the sample standard deviation (divisor n - 1); None where there are too few values for it.

    Example:
        >>> mean_and_sd([1.0, 2.0, 3.0])
        (2.0, 1.0)
        >>> mean_and_sd([1.0])
        (1.0, None)
    """
    if not values:
        return None, None
    return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else None


def accuracy_standard_error(accuracy: float, num_examples: int) -> float:
    """The binomial standard error of an accuracy measured on so many examples.

    Example:
        >>> round(accuracy_standard_error(0.85, 408), 4)
        0.0177
    """
    return math.sqrt(accuracy * (1 - accuracy) / num_examples)


def mcnemar_exact(correct_a: np.ndarray, correct_b: np.ndarray) -> float:
    """The two-sided p-value of McNemar's exact test: do two models err equally often on the same examples?

    Only the examples count that one has right and the other wrong; under the null each falls to either side
    with probability 1/2.

    Args:
        correct_a: bool [examples], whether the first model is right.
        correct_b: bool [examples], the same for the second.

    Example:
        >>> mcnemar_exact(np.array([1, 1, 1, 0]), np.array([0, 0, 0, 0]))
        0.25
    """
    correct_a, correct_b = np.asarray(correct_a, bool), np.asarray(correct_b, bool)
    only_a, only_b = int(np.sum(correct_a & ~correct_b)), int(np.sum(correct_b & ~correct_a))
    if only_a + only_b == 0:
        return 1.0
    return float(stats.binomtest(only_a, only_a + only_b, 0.5).pvalue)


def paired_bootstrap(
    correct_a: np.ndarray, correct_b: np.ndarray, resamples: int = RESAMPLES, seed: int = 0
) -> tuple[float, float]:
    """Compares the mean accuracies of two configurations, resampling examples and seeds.

    Each resample draws the examples, the same for both sides, and the seeds of each side by itself: a
    two-way bootstrap (Owen 2007, "The pigeonhole bootstrap", Annals of Applied Statistics 1(2)). Of S seeds
    S - 1 are drawn, which keeps the variance of their mean unbiased where S is small (Rao and Wu 1988, JASA
    83). A side with one seed has that one always: its spread over seeds is then not in the result.

    How often p < 0.05 came out for two equal configurations, in 400 simulations each with 408 examples: where the
    accuracy's standard deviation over seeds was 1.4 points, 0 to 0.5 %; at 2.5 points 1 to 4 %; at 4.3 points 5 %
    with five seeds, 9 % with three, 10 % with two. One seed against three: 1.5 %, 18 % and 29 %.

    Args:
        correct_a: bool [seeds of the first, examples].
        correct_b: bool [seeds of the second, examples].
        resamples: how many.
        seed: of the generator; the result can be repeated.

    Returns:
        The two-sided p-value of no difference (how often a resampled difference is as far from the observed
        one as that is from 0) and the bootstrap's standard error of the difference.

    Example:
        >>> right = np.ones([2, 100])
        >>> paired_bootstrap(right, right)[0]
        1.0
    """
    sides = [np.atleast_2d(correct_a).astype(float), np.atleast_2d(correct_b).astype(float)]
    num_examples = sides[0].shape[1]
    observed = sides[0].mean() - sides[1].mean()
    # Examples on which all seeds of both sides fare alike are one kind: drawing kinds is drawing examples, but faster.
    kinds, counts = np.unique(np.vstack(sides), axis=1, return_counts=True)
    sides = np.split(kinds, [len(sides[0])])
    generator = np.random.default_rng(seed)
    differences = np.empty(resamples)
    chunk = max(1, _CHUNK // len(counts))
    for start in range(0, resamples, chunk):
        size = min(chunk, resamples - start)
        weights = generator.multinomial(num_examples, counts / num_examples, size) / num_examples
        means = [_resampled_seed_means(weights @ side.T, generator) for side in sides]
        differences[start : start + size] = means[0] - means[1]
    # Differences of counts are exact but for rounding, and a tie must count as a tie.
    extreme = np.abs(differences - observed) >= abs(observed) - 1e-12
    return float((1 + extreme.sum()) / (1 + resamples)), float(differences.std())


def _resampled_seed_means(accuracies: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """The mean over resampled seeds, [resamples], of accuracies [resamples, seeds]."""
    size, seeds = accuracies.shape
    draws = max(1, seeds - 1)
    return (accuracies * generator.multinomial(draws, np.full(seeds, 1 / seeds), size)).sum(axis=1) / draws


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's correction for several tests (Holm 1979): adjusted p-values in the order given.

    Example:
        >>> holm([0.01, 0.04, 0.03])
        [0.03, 0.06, 0.06]
    """
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted


@dataclasses.dataclass(frozen=True)
class Reliability:
    """A reliability diagram: what predictions of like confidence are worth. Empty bins are left out.

    Attributes:
        confidence: float [bins], the mean probability of the predicted class.
        accuracy: float [bins], the share that is right.
        share: float [bins], the share of all predictions; sums to 1.
    """

    confidence: np.ndarray
    accuracy: np.ndarray
    share: np.ndarray

    @property
    def expected_calibration_error(self) -> float:
        """The mean over predictions of |accuracy - confidence| of their bin (Guo et al. 2017, equation 3)."""
        return float(np.sum(self.share * np.abs(self.accuracy - self.confidence)))


def reliability(confidence: np.ndarray, correct: np.ndarray, bins: int = CALIBRATION_BINS) -> Reliability:
    """Sorts predictions into bins of equal width between 0 and 1 by their confidence.

    Args:
        confidence: float [predictions], the probability of the predicted class.
        correct: bool [predictions].
        bins: their number; each includes its upper end, as in Guo et al. 2017, section 2.

    Example:
        >>> found = reliability(np.array([0.9, 0.9, 0.6, 0.6]), np.array([1, 1, 1, 0]), bins=10)
        >>> round(found.expected_calibration_error, 6)
        0.1
    """
    which = np.clip(np.ceil(np.asarray(confidence) * bins).astype(int) - 1, 0, bins - 1)
    counts = np.bincount(which, minlength=bins)
    full = counts > 0
    sums = [np.bincount(which, weights=values, minlength=bins)[full] for values in (confidence, correct)]
    return Reliability(sums[0] / counts[full], sums[1] / counts[full], counts[full] / len(which))


def confusion_matrix(label_ids: np.ndarray, predicted: np.ndarray, num_classes: int) -> np.ndarray:
    """How often each label (row) was predicted as each class (column): int [classes, classes].

    Example:
        >>> confusion_matrix(np.array([0, 1, 1]), np.array([0, 0, 1]), 2).tolist()
        [[1, 0], [1, 1]]
    """
    pairs = np.asarray(label_ids) * num_classes + np.asarray(predicted)
    return np.bincount(pairs, minlength=num_classes**2).reshape(num_classes, num_classes)
