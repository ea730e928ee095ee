"""The dev curve of a training: the scores at each evaluated step, and which of them is the best.

curve = DevCurve(task.score_names, "eval_accuracy")
curve.add(50, {"eval_accuracy": 0.71, "eval_loss": 0.6})
curve.best_step
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from bert_tf.tasks.task import LOWER_IS_BETTER

_STEPS = "training/evaluated_steps"
_SCORES = "training/scores/"


def evaluated_steps(eval_steps: str, num_examples: int, batch_size: int, num_train_steps: int) -> list[int]:
    """Returns the steps after which training evaluates, in order. The last step is one of them.

    Args:
        eval_steps: the flag: a number of steps, or `epoch` for the last step of each epoch.
        num_examples: of the training set.
        batch_size: of training.
        num_train_steps: of the whole training.

    Example:
        >>> evaluated_steps("4", num_examples=100, batch_size=32, num_train_steps=10)
        [4, 8, 10]
        >>> evaluated_steps("epoch", num_examples=100, batch_size=32, num_train_steps=10)
        [4, 7, 10]
    """
    every = num_examples / batch_size if eval_steps == "epoch" else int(eval_steps)
    # Rounded as `num_train_steps` is, so that the last step of training is the last epoch's.
    steps = {max(1, math.ceil(count * every - 1e-9)) for count in range(1, int(num_train_steps / every) + 1)}
    return sorted(steps | {num_train_steps})


class DevCurve:
    """The scores of the dev set at the steps that were evaluated.

    Args:
        score_names: of the task. The curve has those that begin with `eval_`: the original's `loss` is `eval_loss` but
            for the size of the last batch, and the training's loss has the same name.
        metric: the score that says which step is the best.

    Attributes:
        names: of the scores.
        metric: as given.
        scores: the scores of each evaluated step, by name, in the order of the steps.

    Example:
        >>> curve = DevCurve(["eval_accuracy", "loss"], "eval_accuracy")
        >>> for step, accuracy in ((10, 0.6), (20, 0.8), (30, 0.8), (40, 0.7)):
        ...     curve.add(step, {"eval_accuracy": accuracy, "loss": 0.5})
        >>> curve.best_step, curve.evaluations_since_best
        (20, 2)
    """

    def __init__(self, score_names: Sequence[str] = (), metric: str = ""):
        self.names = tuple(name for name in score_names if name.startswith("eval_") or name == metric)
        self.metric = metric
        self.scores: dict[int, dict[str, float]] = {}

    def add(self, step: int, scores: Mapping[str, float]) -> None:
        """Adds the scores of a step; one that is missing is NaN."""
        self.scores[step] = {name: float(scores.get(name, math.nan)) for name in self.names}

    @property
    def best_step(self) -> int:
        """The step with the best score, the earliest of several; 0 before the first evaluation."""
        return max(self.scores, key=self._goodness, default=0)

    @property
    def best_score(self) -> float:
        """The score of the best step."""
        return self.scores[self.best_step][self.metric]

    @property
    def evaluations_since_best(self) -> int:
        """The number of evaluations after that of the best step."""
        best_step = self.best_step
        return sum(step > best_step for step in self.scores)

    def _goodness(self, step: int) -> float:
        score = self.scores[step][self.metric]
        if math.isnan(score):
            return -math.inf
        return -score if self.metric in LOWER_IS_BETTER else score

    def arrays(self) -> dict[str, np.ndarray]:
        """Returns the curve as a checkpoint holds it."""
        columns = {name: [scores[name] for scores in self.scores.values()] for name in self.names}
        return {
            _STEPS: np.array(list(self.scores), np.int64),
            **{f"{_SCORES}{name}": np.array(column, np.float64) for name, column in columns.items()},
        }

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Takes the curve of a checkpoint; raises KeyError if it has none."""
        columns = [arrays[f"{_SCORES}{name}"].tolist() for name in self.names]
        rows = zip(arrays[_STEPS].tolist(), *columns, strict=True)
        self.scores = {step: dict(zip(self.names, scores, strict=True)) for step, *scores in rows}
