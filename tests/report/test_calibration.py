import numpy as np
import pytest

from bert_tf.report.calibration import reliability


def test_the_calibration_error_by_hand():
    # Bins of ten: (0.5, 0.6] holds 0.55 and 0.6, half right; (0.9, 1] holds 0.95, 0.95, 1 and 1, three of four right.
    confidence = np.array([0.55, 0.6, 0.95, 0.95, 1.0, 1.0])
    diagram = reliability(confidence, np.array([1, 0, 1, 1, 1, 0]), bins=10)
    assert diagram.accuracy.tolist() == [0.5, 0.75]
    assert diagram.expected_calibration_error == pytest.approx(2 / 6 * 0.075 + 4 / 6 * 0.225)


@pytest.mark.parametrize("seed", range(3))
def test_reliability_agrees_with_scikit_learn(seed):
    calibration = pytest.importorskip("sklearn.calibration")
    generator = np.random.default_rng(seed)
    confidence, correct = 0.5 + generator.random(500) / 2, generator.random(500) < 0.8
    accuracy, mean = calibration.calibration_curve(correct, confidence, n_bins=15)
    diagram = reliability(confidence, correct, bins=15)
    np.testing.assert_allclose(diagram.accuracy, accuracy)
    np.testing.assert_allclose(diagram.confidence, mean)
    assert diagram.share.sum() == pytest.approx(1)
