"""The predictions of a run for its dev examples, one class for each kind of task."""

import dataclasses
import functools
import hashlib
from typing import ClassVar

import numpy as np

from bert_tf.data.targets import Number, OneLabel, SomeLabels
from bert_tf.report.scores import ACCURACY, EXACT_MATCH, F1

# The kinds of tasks in task.json; a run without that file is a classification.
CLASSIFICATION, REGRESSION, MULTI_LABEL = OneLabel.kind, Number.kind, SomeLabels.kind

# A regression has collapsed if its predictions spread less than this share of the spread of the labels.
_LEAST_SPREAD = 0.01
# A label of a task with many labels is predicted if its probability is at least this: `MultiLabelHead.threshold`.
THRESHOLD = 0.5


def digest(*parts: object) -> str:
    """Returns a short digest of values: 16 hexadecimal digits."""
    return hashlib.sha256(repr(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]


@dataclasses.dataclass(frozen=True, eq=False)
class ClassPredictions:
    """A probability for each class, for a task where one class is right.

    Attributes:
        guids: of the dev examples, in file order.
        label_ids: int [examples].
        classes: the names of the labels.
        probabilities: float [examples, classes].
        answer: the name of a prediction in a sentence.
        share_correct: the name of the share of correct predictions.
    """

    guids: tuple[str, ...]
    label_ids: np.ndarray
    classes: tuple[str, ...]
    probabilities: np.ndarray

    answer: ClassVar[str] = "predicted class"
    share_correct: ClassVar[str] = "accuracy"

    @functools.cached_property
    def predicted(self) -> np.ndarray:
        """The class with the highest probability, int [examples]."""
        return self.probabilities.argmax(axis=1)

    @property
    def correct(self) -> np.ndarray:
        """True where the predicted class is the label, bool [examples]."""
        return self.predicted == self.label_ids

    @property
    def confidence(self) -> np.ndarray:
        """The probability of the predicted class, float [examples]."""
        return self.probabilities.max(axis=1)

    @property
    def collapsed(self) -> bool:
        """True if all examples got the same class although their labels differ."""
        return len(np.unique(self.predicted)) == 1 < len(np.unique(self.label_ids))

    @property
    def values(self) -> dict[str, np.ndarray]:
        """The scores that are means over examples: their values, float [examples], by their names."""
        return {ACCURACY: self.correct.astype(float)}

    @functools.cached_property
    def dev_set(self) -> str:
        """A digest of guids, labels and classes. Runs with the same digest can be compared example by example."""
        return digest(self.guids, self.label_ids.tolist(), self.classes)


@dataclasses.dataclass(frozen=True, eq=False)
class NumberPredictions:
    """A number for each example, for a regression.

    Attributes:
        guids: of the dev examples, in file order.
        labels: float [examples].
        predicted: float [examples].
    """

    guids: tuple[str, ...]
    labels: np.ndarray
    predicted: np.ndarray

    values: ClassVar[dict[str, np.ndarray]] = {}

    @property
    def collapsed(self) -> bool:
        """True if all examples got nearly the same number although their labels differ."""
        return float(np.std(self.predicted)) < _LEAST_SPREAD * float(np.std(self.labels))

    @functools.cached_property
    def dev_set(self) -> str:
        """A digest of guids and labels."""
        return digest(self.guids, self.labels.tolist())


@dataclasses.dataclass(frozen=True, eq=False)
class LabelSetPredictions:
    """A probability for each label, for a task where any number of labels may be right.

    Attributes:
        guids: of the dev examples, in file order.
        labels: bool [examples, classes].
        classes: the names of the labels.
        probabilities: float [examples, classes].
    """

    guids: tuple[str, ...]
    labels: np.ndarray
    classes: tuple[str, ...]
    probabilities: np.ndarray

    values: ClassVar[dict[str, np.ndarray]] = {}

    @functools.cached_property
    def predicted(self) -> np.ndarray:
        """True for each label that is predicted, bool [examples, classes]."""
        return self.probabilities >= THRESHOLD

    @property
    def collapsed(self) -> bool:
        """True if all examples got the same labels although theirs differ."""
        return len(np.unique(self.predicted, axis=0)) == 1 < len(np.unique(self.labels, axis=0))

    @functools.cached_property
    def dev_set(self) -> str:
        """A digest of guids, labels and classes."""
        return digest(self.guids, self.labels.tolist(), self.classes)


@dataclasses.dataclass(frozen=True, eq=False)
class AnswerPredictions:
    """An answer for each question, for question answering.

    Attributes:
        guids: of the questions, in file order.
        answers: the gold answers of each question; none if its text has no answer.
        predicted: a text for each question; empty if the model says that there is no answer.
        confidence: the probability of each predicted answer, float [questions].
        exact_match: 1 if it is a gold answer, else 0, float [questions].
        f1: of its words and those of a gold answer, float [questions].
        answer: the name of a prediction in a sentence.
        share_correct: the name of the share of correct predictions.
    """

    guids: tuple[str, ...]
    answers: tuple[tuple[str, ...], ...]
    predicted: tuple[str, ...]
    confidence: np.ndarray
    exact_match: np.ndarray
    f1: np.ndarray

    answer: ClassVar[str] = "answer"
    share_correct: ClassVar[str] = "exact match"

    @property
    def correct(self) -> np.ndarray:
        """True where the answer is a gold answer, bool [questions]."""
        return self.exact_match == 1

    @functools.cached_property
    def has_no_answer(self) -> np.ndarray:
        """True for each question that its text does not answer, bool [questions]."""
        return np.array([not answers for answers in self.answers])

    @property
    def collapsed(self) -> bool:
        """True if all questions got the same answer although their gold answers differ."""
        return len(set(self.predicted)) == 1 < len(set(self.answers))

    @property
    def values(self) -> dict[str, np.ndarray]:
        """The scores that are means over questions: their values, float [questions], by their names."""
        return {F1: self.f1, EXACT_MATCH: self.exact_match}

    @functools.cached_property
    def dev_set(self) -> str:
        """A digest of guids and gold answers."""
        return digest(self.guids, self.answers)


Predictions = ClassPredictions | NumberPredictions | LabelSetPredictions | AnswerPredictions
# Those with the probability of each answer, whose calibration can be shown.
WITH_CONFIDENCE = (ClassPredictions, AnswerPredictions)
