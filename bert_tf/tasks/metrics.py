"""Scores of a classification, computed from a probability for each class and example."""

import numpy as np


def accuracy(label_ids: np.ndarray, predictions: np.ndarray) -> float:
    """Returns the share of predictions that are right.

    Example:
        >>> accuracy(np.array([0, 1, 1, 1]), np.array([0, 1, 1, 0]))
        0.75
    """
    return float(np.mean(label_ids == predictions))


def f1(label_ids: np.ndarray, predictions: np.ndarray) -> float:
    """Returns F1 of the class with id 1, as GLUE reports it for MRPC; 0 if there is no true positive.

    Example:
        >>> f1(np.array([0, 1, 1, 1]), np.array([1, 1, 1, 0]))
        0.6666666666666666
    """
    found = np.sum((predictions == 1) & (label_ids == 1))
    return float(2 * found / max(np.sum(predictions == 1) + np.sum(label_ids == 1), 1))


METRICS = {"accuracy": accuracy, "f1": f1}


def per_example_loss(probabilities: np.ndarray, label_ids: np.ndarray) -> np.ndarray:
    """Returns minus the logarithm of the probability of each example's label, float64 [examples]."""
    chosen = probabilities[np.arange(len(label_ids)), label_ids].astype(np.float64)
    return -np.log(np.maximum(chosen, np.finfo(np.float32).tiny))


def mean_of_batches(losses: np.ndarray, batch_size: int) -> float:
    """Returns the mean over batches of each batch's mean loss, in file order: the original Estimator's `loss`.

    It differs from the mean over examples if the last batch is smaller.

    Example:
        >>> mean_of_batches(np.array([1.0, 3.0, 8.0]), batch_size=2)
        5.0
    """
    starts = range(0, len(losses), batch_size)
    return float(np.mean([np.mean(losses[start : start + batch_size]) for start in starts]))
