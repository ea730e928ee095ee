"""Decides by evaluations while training which weights are the best, and when to stop.

    validation = Validation(head, curve, steps=[50, 100], evaluate=dev_set.scores, keeps_best=True, patience=3)
    Training(head, config, num_train_steps=100, devices=devices, validation=validation)

All of it follows from the steps that were trained, and a checkpoint holds it next to the weights, in the same file: a
run that is killed and started again decides the same.
"""

from collections.abc import Callable, Collection, Mapping

import numpy as np

from bert_tf.errors import UserError
from bert_tf.modeling.heads import Head
from bert_tf.training.curve import DevCurve
from bert_tf.training.output_dir import LAST_STEP

_BEST = "training/best/"


class Validation:
    """Evaluates at some steps of a training.

    Args:
        head: the model that is trained.
        curve: takes the scores.
        steps: after which to evaluate; none by default.
        evaluate: computes the scores of the head as it is.
        keeps_best: True if the weights of the curve's best step are those that training ends with.
        patience: training stops after this number of evaluations without a better score; None for never.

    Attributes:
        curve: as given.
        keeps_best: as given.
        is_over: True if training must stop.
        report: is called after each evaluation, with the step.
    """

    def __init__(
        self,
        head: Head,
        curve: DevCurve,
        steps: Collection[int] = (),
        evaluate: Callable[[], Mapping[str, float]] = dict,
        keeps_best: bool = False,
        patience: int | None = None,
    ):
        self.curve = curve
        self.is_over = False
        self.report: Callable[[int], None] = lambda step: None
        self._head = head
        self._steps = frozenset(steps)
        self._evaluate = evaluate
        self.keeps_best = keeps_best
        self._patience = patience
        self._best: dict[str, np.ndarray] = {}

    @property
    def is_active(self) -> bool:
        """True if there are evaluations."""
        return bool(self._steps)

    def is_due(self, step: int) -> bool:
        """Returns True if there is an evaluation after this step."""
        return step in self._steps

    def evaluate(self, step: int) -> None:
        """Evaluates the head, which has been trained up to this step.

        Raises:
            UserError: the dev set does not have the score that chooses the best step.
        """
        scores = self._evaluate()
        if self.curve.metric not in scores:
            name = self.curve.metric.removeprefix("eval_")
            raise UserError(f"keep_best: is {name!r}, a score that this dev set does not have; name another one")
        self.curve.add(step, scores)
        if self.keeps_best and self.curve.best_step == step:
            self._best = self._weights()
        self._decide()
        self.report(step)

    def _decide(self) -> None:
        self.is_over = self._patience is not None and self.curve.evaluations_since_best >= self._patience

    def _weights(self) -> dict[str, np.ndarray]:
        # Copies: an array of a tensor on a CPU may share the variable's memory, which the next step changes.
        return {name: np.array(variable.numpy()) for name, variable in self._head.variables_by_name.items()}

    def step_to_end_with(self, last_step: int) -> int:
        """Returns the step of the weights that training ends with: the last one, or the best."""
        return self.curve.best_step if self._best else last_step

    def load_best(self) -> None:
        """Gives the head the weights that training ends with."""
        if self._best:
            for name, variable in self._head.variables_by_name.items():
                variable.assign(self._best[name])

    def arrays(self, step: int) -> dict[str, np.ndarray]:
        """Returns what the checkpoint of a step needs besides the weights of that step, so that training resumes."""
        if not self.is_active:
            return {}
        is_best = self.curve.best_step == step
        best = {} if is_best else {f"{_BEST}{name}": array for name, array in self._best.items()}
        return self.curve.arrays() | best

    def last_arrays(self, step: int) -> dict[str, np.ndarray]:
        """Returns what the checkpoint of a finished run needs besides the weights; `step` is the last one trained."""
        return self.curve.arrays() | {LAST_STEP: np.int64(step)} if self.is_active else {}

    def restore(self, arrays: Mapping[str, np.ndarray], step: int) -> None:
        """Takes the state that the checkpoint of a step has; the head has that checkpoint's weights already.

        Raises:
            KeyError: it has none.
        """
        if self.is_active:
            self.curve.restore(arrays)
            self._decide()
        if self.keeps_best and self.curve.scores and LAST_STEP not in arrays:
            self._best = self._weights() if self.curve.best_step == step else self._best_of(arrays)

    def _best_of(self, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        shapes = {name: variable.shape for name, variable in self._head.variables_by_name.items()}
        return {name: np.reshape(arrays[f"{_BEST}{name}"], shape) for name, shape in shapes.items()}
