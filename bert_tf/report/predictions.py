"""The predictions of a run for its dev examples, one class for each kind of task."""

import dataclasses
import functools
import hashlib

import numpy as np

from bert_tf.data.targets import Number, OneLabel, SomeLabels

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
    """

    guids: tuple[str, ...]
    label_ids: np.ndarray
    classes: tuple[str, ...]
    probabilities: np.ndarray

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


Predictions = ClassPredictions | NumberPredictions | LabelSetPredictions
