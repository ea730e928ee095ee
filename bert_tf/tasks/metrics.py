"""The scores of the three kinds of labels: their names, and the functions that compute them.

scikit-learn and scipy take a second to import, so the functions import them when they are called: the names are needed
before TensorFlow is loaded. For accuracy and F1 alone neither is needed.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence, Set

import numpy as np

from bert_tf.data.targets import Number, OneLabel, SomeLabels

# A probability in float32 cannot be told from 1 if it is closer than this.
_RESOLUTION = 2.0**-24


# One label an example: from ids, int [examples].


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


def matthews(label_ids: np.ndarray, predictions: np.ndarray) -> float:
    """Returns Matthews' correlation, as GLUE reports it for CoLA; 0 if all predictions or all labels are the same.

    Example:
        >>> round(matthews(np.array([0, 1, 1, 1]), np.array([0, 1, 1, 0])), 4)
        0.5774
    """
    from sklearn.metrics import matthews_corrcoef

    return float(matthews_corrcoef(label_ids, predictions))


def macro_f1(label_ids: np.ndarray, predictions: np.ndarray) -> float:
    """Returns the mean F1 of the classes that occur; F1 is 0 for a class without a true positive.

    Example:
        >>> macro_f1(np.array([0, 1, 1, 1]), np.array([0, 1, 1, 0]))
        0.7333333333333334
    """
    from sklearn.metrics import f1_score

    return float(f1_score(label_ids, predictions, average="macro", zero_division=0))


def micro_f1(label_ids: np.ndarray, predictions: np.ndarray) -> float:
    """Returns F1 over all decisions, which is the accuracy.

    Example:
        >>> micro_f1(np.array([0, 1, 1, 1]), np.array([0, 1, 1, 0]))
        0.75
    """
    from sklearn.metrics import f1_score

    return float(f1_score(label_ids, predictions, average="micro", zero_division=0))


def auc(label_ids: np.ndarray, probabilities: np.ndarray) -> float | None:
    """Returns the area under the ROC curve, given the probability of class 1; None if the labels are all the same.

    Example:
        >>> auc(np.array([0, 1, 1]), np.array([0.4, 0.9, 0.3]))
        0.5
    """
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(label_ids, probabilities)) if len(set(label_ids.tolist())) > 1 else None


# Numbers.


def pearson(numbers: np.ndarray, predictions: np.ndarray) -> float:
    """Returns Pearson's correlation; 0 if it has no value because all numbers or all predictions are the same.

    Example:
        >>> round(pearson(np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 4.0])), 4), pearson(np.ones(3), np.arange(3))
        (0.982, 0.0)
    """
    from scipy.stats import pearsonr

    return _correlation(pearsonr, numbers, predictions)


def spearman(numbers: np.ndarray, predictions: np.ndarray) -> float:
    """Returns Spearman's rank correlation; see `pearson`.

    Example:
        >>> spearman(np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 4.0]))
        1.0
    """
    from scipy.stats import spearmanr

    return _correlation(spearmanr, numbers, predictions)


def _correlation(function: Callable, numbers: np.ndarray, predictions: np.ndarray) -> float:
    if np.ptp(numbers) == 0 or np.ptp(predictions) == 0:
        return 0.0
    return float(np.clip(function(numbers, predictions).statistic, -1.0, 1.0))


def mse(numbers: np.ndarray, predictions: np.ndarray) -> float:
    """Returns the mean squared error.

    Example:
        >>> mse(np.array([1.0, 2.0]), np.array([1.0, 4.0]))
        2.0
    """
    return float(np.mean(np.square(numbers - predictions)))


# Any number of labels: from bool [examples, labels]. scikit-learn takes a single column for two classes, so it gets the
# decisions about one label after the other.


def micro_f1_of_labels(has_label: np.ndarray, predictions: np.ndarray) -> float:
    """Returns F1 over all decisions; 0 if there is no true positive.

    Example:
        >>> micro_f1_of_labels(np.array([[True, True], [True, False]]), np.array([[True, False], [True, False]]))
        0.8
    """
    return f1(has_label.ravel(), predictions.ravel())


def macro_f1_of_labels(has_label: np.ndarray, predictions: np.ndarray) -> float:
    """Returns the mean F1 of the labels; F1 is 0 for a label without a true positive.

    Example:
        >>> macro_f1_of_labels(np.array([[True, True], [True, False]]), np.array([[True, False], [True, False]]))
        0.5
    """
    return float(np.mean([f1(*columns) for columns in zip(has_label.T, predictions.T, strict=True)]))


def subset_accuracy(has_label: np.ndarray, predictions: np.ndarray) -> float:
    """Returns the share of examples of which all labels are right.

    Example:
        >>> subset_accuracy(np.array([[True, True], [True, False]]), np.array([[True, False], [True, False]]))
        0.5
    """
    return float(np.mean((has_label == predictions).all(axis=1)))


def example_f1(has_label: np.ndarray, predictions: np.ndarray) -> np.ndarray:
    """Returns F1 of each example's labels, float64 [examples]; 1 if there are none and none is predicted.

    Example:
        >>> example_f1(np.array([[True, True], [False, False]]), np.array([[True, False], [False, False]]))
        array([0.66666667, 1.        ])
    """
    both = 2.0 * (has_label & predictions).sum(axis=1)
    total = has_label.sum(axis=1) + predictions.sum(axis=1)
    return np.where(total == 0, 1.0, both / np.maximum(total, 1))


# Each class by itself.


def per_class_scores(
    is_class: np.ndarray, is_predicted: np.ndarray, names: Sequence[str]
) -> dict[str, dict[str, float | int]]:
    """Returns precision, recall, F1 and support of each class; support is the number of its examples.

    A score without a value, such as the precision of a class that is never predicted, is 0.

    Args:
        is_class: bool [examples, classes].
        is_predicted: of the same shape.
        names: of the classes.

    Example:
        >>> is_class, is_predicted = np.array([[True], [True]]), np.array([[True], [False]])
        >>> per_class_scores(is_class, is_predicted, ["good"])
        {'good': {'precision': 1.0, 'recall': 0.5, 'f1': 0.6666666666666666, 'support': 2}}
    """
    return {name: _scores_of_class(*columns) for name, *columns in zip(names, is_class.T, is_predicted.T, strict=True)}


def _scores_of_class(is_class: np.ndarray, is_predicted: np.ndarray) -> dict[str, float | int]:
    from sklearn.metrics import precision_recall_fscore_support

    scores = precision_recall_fscore_support(is_class, is_predicted, average="binary", zero_division=0)
    precision, recall, f1 = map(float, scores[:3])
    return {"precision": precision, "recall": recall, "f1": f1, "support": int(is_class.sum())}


# The names that a processor's `metrics` may have, by kind.
METRICS: Mapping[str, Mapping[str, Callable]] = {
    OneLabel.kind: {
        "accuracy": accuracy,
        "f1": f1,
        "matthews": matthews,
        "macro_f1": macro_f1,
        "micro_f1": micro_f1,
        "auc": auc,
    },
    Number.kind: {"pearson": pearson, "spearman": spearman, "mse": mse},
    SomeLabels.kind: {
        "micro_f1": micro_f1_of_labels,
        "macro_f1": macro_f1_of_labels,
        "subset_accuracy": subset_accuracy,
    },
}
# The metrics of a processor that names none, and those that are always reported.
_USUAL = {
    OneLabel.kind: ("accuracy",),
    Number.kind: ("pearson", "spearman"),
    SomeLabels.kind: ("micro_f1", "macro_f1", "subset_accuracy"),
}
_ALWAYS = {OneLabel.kind: ("accuracy",), Number.kind: ("mse",), SomeLabels.kind: ()}
# They cannot rank runs: of errors less is better, and a dev set with one class has no area.
NEVER_FIRST = ("mse", "auc")


def reported_metrics(kind: str, metrics: Sequence[str] | Set[str]) -> list[str]:
    """Returns the metrics that an evaluation reports, the main one first.

    Args:
        kind: of the labels.
        metrics: those of the processor, the main one first. A set has no order, so it is sorted.

    Example:
        >>> reported_metrics("classification", ("matthews",)), reported_metrics("regression", ())
        (['matthews', 'accuracy'], ['pearson', 'spearman', 'mse'])
    """
    ordered = sorted(metrics, key=lambda name: (name in NEVER_FIRST, name)) if isinstance(metrics, Set) else metrics
    return list(dict.fromkeys([*(ordered or _USUAL[kind]), *_ALWAYS[kind]]))


# Losses.


def per_example_loss(probabilities: np.ndarray, label_ids: np.ndarray) -> np.ndarray:
    """Returns minus the logarithm of the probability of each example's label, float64 [examples]."""
    chosen = probabilities[np.arange(len(label_ids)), label_ids].astype(np.float64)
    return -np.log(np.maximum(chosen, np.finfo(np.float32).tiny))


def multi_label_loss(probabilities: np.ndarray, has_label: np.ndarray) -> np.ndarray:
    """Returns the mean cross-entropy of each example's labels, float64 [examples].

    Args:
        probabilities: of each label, float [examples, labels].
        has_label: bool [examples, labels].

    Example:
        >>> multi_label_loss(np.array([[0.5, 0.25]]), np.array([[True, False]]))
        array([0.49041463])
    """
    chosen = np.clip(probabilities.astype(np.float64), _RESOLUTION, 1 - _RESOLUTION)
    return -np.log(np.where(has_label, chosen, 1 - chosen)).mean(axis=1)


def mean_of_batches(losses: np.ndarray, batch_size: int) -> float:
    """Returns the mean over batches of each batch's mean loss, in file order: the original Estimator's `loss`.

    It differs from the mean over examples if the last batch is smaller.

    Example:
        >>> mean_of_batches(np.array([1.0, 3.0, 8.0]), batch_size=2)
        5.0
    """
    starts = range(0, len(losses), batch_size)
    return float(np.mean([np.mean(losses[start : start + batch_size]) for start in starts]))


def loss_scores(losses: np.ndarray, batch_size: int) -> dict[str, float]:
    """Returns `eval_loss` and the original's `loss`, of the losses of the examples."""
    return {"eval_loss": float(losses.mean()), "loss": mean_of_batches(losses, batch_size)}


def eval_scores(names: Iterable[str], compute: Callable[[str], float | None]) -> dict[str, float]:
    """Returns `eval_NAME` of each metric that has a value."""
    values = {f"eval_{name}": compute(name) for name in names}
    return {name: value for name, value in values.items() if value is not None}
