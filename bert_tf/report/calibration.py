"""Calibration of predicted classes, on NumPy arrays."""

import dataclasses

import numpy as np

CALIBRATION_BINS = 15


@dataclasses.dataclass(frozen=True)
class Reliability:
    """A reliability diagram: accuracy by confidence. Empty bins are left out.

    Attributes:
        confidence: float [bins], the mean probability of the predicted class.
        accuracy: float [bins], the share of correct predictions.
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
    """Sorts predictions by confidence into bins of equal width between 0 and 1.

    Args:
        confidence: float [predictions], the probability of the predicted class.
        correct: bool [predictions].
        bins: the number of bins; each includes its upper end, as in Guo et al. 2017, section 2.

    Example:
        >>> diagram = reliability(np.array([0.9, 0.9, 0.6, 0.6]), np.array([1, 1, 1, 0]), bins=10)
        >>> round(diagram.expected_calibration_error, 6)
        0.1
    """
    bin_ids = np.clip(np.ceil(np.asarray(confidence) * bins).astype(int) - 1, 0, bins - 1)
    counts = np.bincount(bin_ids, minlength=bins)
    full = counts > 0
    sums = [np.bincount(bin_ids, weights=values, minlength=bins)[full] for values in (confidence, correct)]
    return Reliability(sums[0] / counts[full], sums[1] / counts[full], counts[full] / len(bin_ids))
