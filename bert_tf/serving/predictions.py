"""The answer for one text or pair, for each kind of labels.

KINDS["classification"].make_prediction(("bad", "good"), np.array([0.25, 0.75]))
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from bert_tf.data.targets import Number, OneLabel, SomeLabels
from bert_tf.serving.export_facts import PROBABILITIES, VALUE

# With any number of labels, one with at least this probability is predicted: `MultiLabelHead.threshold`.
THRESHOLD = 0.5


@dataclasses.dataclass(frozen=True)
class Prediction:
    """The answer of a classifier.

    Attributes:
        label: the most probable label.
        probabilities: of each label, between 0 and 1; they sum to 1.
    """

    label: str
    probabilities: dict[str, float]


@dataclasses.dataclass(frozen=True)
class NumberPrediction:
    """The answer of a regression.

    Attributes:
        value: the predicted number.
    """

    value: float


@dataclasses.dataclass(frozen=True)
class LabelsPrediction:
    """The answer where there can be any number of labels.

    Attributes:
        labels: those with a probability of at least 0.5, also none.
        probabilities: of each label, between 0 and 1.
    """

    labels: tuple[str, ...]
    probabilities: dict[str, float]


AnyPrediction = Prediction | NumberPrediction | LabelsPrediction


class Kind(NamedTuple):
    """The parts of a prediction that depend on the kind of labels.

    Attributes:
        answers: converts the head's outputs, [rows, outputs], to answers: `Head.answers` of this kind.
        outputs: returns all outputs of an exported model by name, given the answers and the names of the labels.
        make_prediction: converts the answer for one text, given the labels.
    """

    answers: Callable[[tf.Tensor], tf.Tensor]
    outputs: Callable[[tf.Tensor, tf.Tensor], dict[str, tf.Tensor]]
    make_prediction: Callable[[Sequence[str], np.ndarray], AnyPrediction]


def _label(labels: Sequence[str], answer: np.ndarray) -> Prediction:
    return Prediction(labels[int(answer.argmax())], _by_label(labels, answer))


def _number(labels: Sequence[str], answer: np.ndarray) -> NumberPrediction:
    return NumberPrediction(float(answer))


def _labels(labels: Sequence[str], answer: np.ndarray) -> LabelsPrediction:
    chosen = np.flatnonzero(answer >= THRESHOLD)
    return LabelsPrediction(tuple(labels[index] for index in chosen), _by_label(labels, answer))


def _by_label(labels: Sequence[str], answer: np.ndarray) -> dict[str, float]:
    return dict(zip(labels, map(float, answer), strict=True))


def _outputs_of_label(answers: tf.Tensor, labels: tf.Tensor) -> dict[str, tf.Tensor]:
    return {"label": tf.gather(labels, tf.argmax(answers, axis=-1)), PROBABILITIES: answers}


def _outputs_of_number(answers: tf.Tensor, labels: tf.Tensor) -> dict[str, tf.Tensor]:
    return {VALUE: answers}


def _outputs_of_labels(answers: tf.Tensor, labels: tf.Tensor) -> dict[str, tf.Tensor]:
    """`labels` [examples, labels] has the name of each label that was found, and an empty text for the others."""
    return {"labels": tf.where(answers >= THRESHOLD, labels, ""), PROBABILITIES: answers}


KINDS: Mapping[str, Kind] = {
    OneLabel.kind: Kind(tf.nn.softmax, _outputs_of_label, _label),
    Number.kind: Kind(lambda outputs: tf.squeeze(outputs, -1), _outputs_of_number, _number),
    SomeLabels.kind: Kind(tf.sigmoid, _outputs_of_labels, _labels),
}
