"""Scores of single classes or types of entities, and the classes that are taken for one another."""

import collections
import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from sklearn import metrics

from bert_tf.data.tag_schemes import Entity
from bert_tf.report.predictions import ClassPredictions, LabelSetPredictions, TagPredictions
from bert_tf.report.significance import mean_and_sd


@dataclasses.dataclass(frozen=True)
class ClassScores:
    """The scores of one class, or of one type of entities.

    Attributes:
        name: of the class.
        number: of the dev examples that have it; of a type, of its entities.
        precision: mean and standard deviation over seeds.
        recall: the same.
        f1: the same.
    """

    name: str
    number: int
    precision: tuple[float, float | None]
    recall: tuple[float, float | None]
    f1: tuple[float, float | None]


class Confusion(NamedTuple):
    """A class that is taken for another one.

    Attributes:
        label: the right class.
        predicted: the wrong class.
        number: of the predictions.
    """

    label: str
    predicted: str
    number: int


def scores_of_classes(predictions: Sequence[ClassPredictions | LabelSetPredictions]) -> list[ClassScores]:
    """Returns the scores of each class, in the order of the head's outputs.

    Args:
        predictions: one for each seed. A score that is 0 divided by 0 is 0.
    """
    first = predictions[0]
    numbers = _targets(first)[0]
    numbers = numbers.sum(axis=0) if numbers.ndim == 2 else np.bincount(numbers, minlength=len(first.classes))
    return _over_seeds(first.classes, numbers, np.array([_scores(each) for each in predictions]))


def _over_seeds(names: Sequence[str], numbers: Sequence[int], tables: np.ndarray) -> list[ClassScores]:
    """Takes mean and standard deviation of precision, recall and F1, float [seeds, 3, classes]."""
    return [
        ClassScores(name, int(number), *(mean_and_sd(tables[:, kind, column].tolist()) for kind in range(3)))
        for column, (name, number) in enumerate(zip(names, numbers, strict=True))
    ]


def scores_of_types(predictions: Sequence[TagPredictions]) -> list[ClassScores]:
    """Returns the scores of each type of entities, in the order of the alphabet.

    Args:
        predictions: one for each seed. A score that is 0 divided by 0 is 0.
    """
    gold = _count_types(predictions[0].gold_entities)
    names = sorted(gold.keys() | {name for each in predictions for name in _count_types(each.predicted_entities)})
    numbers = [gold[name] for name in names]
    return _over_seeds(names, numbers, np.array([_scores_of_types(each, names) for each in predictions]))


def _scores_of_types(predictions: TagPredictions, names: Sequence[str]) -> np.ndarray:
    """Returns precision, recall and F1 of each type, float [3, types]."""
    pairs = zip(predictions.gold_entities, predictions.predicted_entities, strict=True)
    all_entities = (
        [gold & predicted for gold, predicted in pairs],
        predictions.predicted_entities,
        predictions.gold_entities,
    )
    right, predicted, gold = ([_count_types(each)[name] for name in names] for each in all_entities)
    right, predicted, gold = map(np.array, (right, predicted, gold))
    parts = ((right, predicted), (right, gold), (2 * right, predicted + gold))
    return np.array([above / np.maximum(below, 1) for above, below in parts])


def _count_types(sentences: Sequence[frozenset[Entity]]) -> collections.Counter[str]:
    return collections.Counter(entity.type for entities in sentences for entity in entities)


def _scores(predictions: ClassPredictions | LabelSetPredictions) -> np.ndarray:
    """Returns precision, recall and F1 of each class, float [3, classes]."""
    ids = range(len(predictions.classes))
    labels, predicted = _targets(predictions)
    scores = metrics.precision_recall_fscore_support(labels, predicted, labels=ids, average=None, zero_division=0.0)
    return np.array(scores[:3])


def _targets(predictions: ClassPredictions | LabelSetPredictions) -> tuple[np.ndarray, np.ndarray]:
    if isinstance(predictions, ClassPredictions):
        return predictions.label_ids, predictions.predicted
    return predictions.labels.astype(int), predictions.predicted.astype(int)


def confusion(predictions: Sequence[ClassPredictions]) -> np.ndarray:
    """Counts each pair of label (row) and predicted class (column) over all seeds: int [classes, classes]."""
    ids = range(len(predictions[0].classes))
    return sum(metrics.confusion_matrix(each.label_ids, each.predicted, labels=ids) for each in predictions)


def most_frequent_confusions(predictions: Sequence[ClassPredictions], count: int) -> list[Confusion]:
    """Returns the most frequent wrong pairs over all seeds."""
    classes = predictions[0].classes
    labels, predicted = (np.concatenate(each) for each in zip(*map(_targets, predictions), strict=True))
    wrong = labels != predicted
    pairs, numbers = np.unique(np.stack([labels[wrong], predicted[wrong]]), axis=1, return_counts=True)
    order = np.argsort(-numbers, kind="stable")[:count]
    return [Confusion(classes[pairs[0, at]], classes[pairs[1, at]], int(numbers[at])) for at in order]
