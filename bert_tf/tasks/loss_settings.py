"""The flags that change the loss of a classification. Needs no TensorFlow.

settings = LossSettings(class_weight="balanced", label_smoothing=0.1)
settings.check(processor.targets())
"""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from bert_tf.data.targets import OneLabel, Targets
from bert_tf.errors import UserError, first_few, shown

BALANCED = "balanced"
_MIN_FLOAT32, _MAX_FLOAT32 = float(np.finfo(np.float32).tiny), float(np.finfo(np.float32).max)


@dataclasses.dataclass(frozen=True)
class LossSettings:
    """Changes to the cross-entropy of a classification in training; an evaluation reports it without them.

    Attributes:
        class_weight: `"balanced"`, or a number for each label in their order, such as `"1,5"`; None for equal weights.
        label_smoothing: the share of the probability that is spread over all labels (Szegedy et al. 2016, section 7).
    """

    class_weight: str | None = None
    label_smoothing: float = 0.0

    def check(self, targets: Targets) -> None:
        """Raises `UserError` if a setting is not possible with these labels."""
        used = [field.name for field in dataclasses.fields(self) if getattr(self, field.name)]
        if used and targets.kind != OneLabel.kind:
            raise UserError(
                f"{used[0]}: is only for tasks with one label an example, and this one is {targets.kind}; "
                "leave the flag out"
            )
        if self.class_weight and self.class_weight != BALANCED:
            self._numbers(targets.labels)

    def example_weights(self, label_ids: np.ndarray, labels: Sequence[str]) -> np.ndarray:
        """Returns the weight of each example, float64 [examples].

        Balanced weights are those of scikit-learn: the number of examples, divided by the number of classes and by that
        of the examples of the class. So each class has the same part in the loss.

        Args:
            label_ids: of each example.
            labels: the names, by id.

        Example:
            >>> LossSettings(class_weight="balanced").example_weights(np.array([0, 1, 1, 1]), ["bad", "good"])
            array([2.        , 0.66666667, 0.66666667, 0.66666667])
            >>> LossSettings(class_weight="1,5").example_weights(np.array([0, 1]), ["bad", "good"])
            array([1., 5.])
        """
        if self.class_weight == BALANCED:
            from sklearn.utils.class_weight import compute_sample_weight

            return compute_sample_weight(BALANCED, label_ids)
        return np.array(self._numbers(labels))[label_ids]

    def _numbers(self, labels: Sequence[str]) -> list[float]:
        numbers = [_number(part) for part in self.class_weight.split(",")]
        if len(numbers) != len(labels):
            raise UserError(
                f"class_weight: is {shown(self.class_weight)}, but there are {len(labels)} labels "
                f"({first_few(labels)}); write {BALANCED}, or a number for each label with commas between"
            )
        return numbers


UNCHANGED = LossSettings()


def _number(part: str) -> float:
    try:
        number = float(part)
    except ValueError:
        number = math.nan
    if not _MIN_FLOAT32 <= number <= _MAX_FLOAT32:
        raise UserError(
            f"class_weight: {shown(part)} is no weight; write {BALANCED}, or a number above 0 for each label, as in 1,5"
        )
    return number
