"""The predictions that are farthest from the truth, with their texts."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from bert_tf.data.examples import InputExample
from bert_tf.report.dev_set import read_dev_examples
from bert_tf.report.inventory import Run
from bert_tf.report.predictions import (
    THRESHOLD,
    ClassPredictions,
    LabelSetPredictions,
    NumberPredictions,
)

_NO_LABEL = "none"


@dataclasses.dataclass(frozen=True)
class Mistake:
    """A dev example with a wrong prediction.

    Attributes:
        guid: of the example.
        label: the right answer.
        predicted: the wrong answer.
        probability: of the wrong class, the mean over seeds; None for numbers and sets of labels.
        example: with its texts; None if they cannot be read.
    """

    guid: str
    label: str
    predicted: str
    probability: float | None
    example: InputExample | None


def worst_mistakes(runs: Sequence[Run], count: int = 10) -> tuple[list[Mistake], str | None]:
    """Finds the dev examples whose mean prediction over seeds is wrong by most.

    For classes these are the wrong ones with the highest probability, for numbers those farthest from the label, and
    for sets of labels those with the most wrong labels.

    Args:
        runs: of one configuration, all with predictions.
        count: the largest number of mistakes.

    Returns:
        The mistakes, the worst first, and the reason if their texts are missing, else None.
    """
    find = {ClassPredictions: _wrong_classes, NumberPredictions: _wrong_numbers, LabelSetPredictions: _wrong_sets}
    predictions = [run.predictions for run in runs]
    rows, labels, predicted, probabilities = find[type(predictions[0])](predictions, count)
    examples, reason = read_dev_examples(runs[0])
    mistakes = [
        Mistake(predictions[0].guids[row], label, answer, probability, examples[row] if examples else None)
        for row, label, answer, probability in zip(rows, labels, predicted, probabilities, strict=True)
    ]
    return mistakes, reason


def _wrong_classes(predictions: Sequence[ClassPredictions], count: int) -> tuple:
    first = predictions[0]
    probabilities = sum(each.probabilities for each in predictions) / len(predictions)
    predicted = probabilities.argmax(axis=1)
    wrong = np.flatnonzero(predicted != first.label_ids)
    rows = wrong[np.argsort(-probabilities.max(axis=1)[wrong], kind="stable")][:count]
    labels, answers = ([first.classes[ids[row]] for row in rows] for ids in (first.label_ids, predicted))
    return rows, labels, answers, [float(probabilities[row].max()) for row in rows]


def _wrong_numbers(predictions: Sequence[NumberPredictions], count: int) -> tuple:
    labels = predictions[0].labels
    predicted = sum(each.predicted for each in predictions) / len(predictions)
    rows = np.argsort(-np.abs(predicted - labels), kind="stable")[:count]
    return rows, *([f"{numbers[row]:.3g}" for row in rows] for numbers in (labels, predicted)), [None] * len(rows)


def _wrong_sets(predictions: Sequence[LabelSetPredictions], count: int) -> tuple:
    first = predictions[0]
    probabilities = sum(each.probabilities for each in predictions) / len(predictions)
    predicted = probabilities >= THRESHOLD
    wrong = (predicted != first.labels).sum(axis=1)
    # Of examples with the same number of wrong labels, those come first whose probabilities are farther off.
    distance = np.abs(probabilities - first.labels).sum(axis=1)
    rows = np.lexsort((-distance, -wrong))[: min(count, int((wrong > 0).sum()))]
    classes = np.array(first.classes)
    texts = ([", ".join(classes[sets[row]]) or _NO_LABEL for row in rows] for sets in (first.labels, predicted))
    return rows, *texts, [None] * len(rows)
