"""Sums the gradients of an update that is computed in several passes.

accumulator = GradientAccumulator(variables_by_name)
accumulator.add(gradients, loss, weight)  # in each pass
mean = accumulator.take_mean()  # once for each update
"""

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

Gradients = dict[str, tf.Tensor | tf.IndexedSlices]


class Mean(NamedTuple):
    """The mean over all passes and replicas of one update.

    Attributes:
        gradients: of the mean loss, by name; equal in all replicas.
        norm: the global norm of these gradients, float32 [].
        loss: this replica's share of the mean loss, float32 [].
    """

    gradients: dict[str, tf.Tensor]
    norm: tf.Tensor
    loss: tf.Tensor


class GradientAccumulator(tf.Module):
    """Sums of gradients, in place: they take as much memory as the gradients of one pass.

    Each replica has its own sums, so that replicas communicate once for each update.

    Args:
        variables_by_name: the variables to train.
    """

    def __init__(self, variables_by_name: dict[str, tf.Variable]):
        super().__init__()
        self._sums = {name: _local_zeros(variable.shape) for name, variable in variables_by_name.items()}
        self._squares = {name: _local_zeros([]) for name in variables_by_name}
        self._loss, self._weight = _local_zeros([]), _local_zeros([])
        # Known when the first pass has been traced.
        self._names: list[str] = []
        self._row_names: list[str] = []

    def add(self, gradients: Gradients, loss: tf.Tensor, weight: tf.Tensor) -> None:
        """Adds one pass of this replica.

        Args:
            gradients: of the pass's mean loss. Every pass has gradients for the same variables.
            loss: the mean loss of the pass.
            weight: of the pass in the mean over all passes.
        """
        self._names = list(gradients)
        self._row_names = [name for name, gradient in gradients.items() if isinstance(gradient, tf.IndexedSlices)]
        for name in self._row_names:
            self._squares[name].assign_add(tf.reduce_sum(tf.square(weight * gradients[name].values)))
        for name, gradient in gradients.items():
            self._sums[name].assign_add(weight * tf.convert_to_tensor(gradient))
        self._loss.assign_add(weight * loss)
        self._weight.assign_add(weight)

    def take_mean(self) -> Mean:
        """Returns the mean over the passes of all replicas, and begins the next update."""
        local = [self._weight, *(self._sums[name] for name in self._names)]
        squares = [self._squares[name] for name in self._row_names]
        loss = tf.identity(self._loss)
        reduced = tf.distribute.get_replica_context().all_reduce(
            tf.distribute.ReduceOp.SUM, [tf.identity(variable) for variable in (*local, *squares)]
        )
        weight, sums, squares = reduced[0], reduced[1 : len(local)], reduced[len(local) :]
        gradients = {name: tf.math.divide_no_nan(total, weight) for name, total in zip(self._names, sums, strict=True)}
        # As without passes and in the original, the norm of a table is that of its rows before they are summed.
        whole = [gradient for name, gradient in gradients.items() if name not in self._row_names]
        rows = [tf.math.divide_no_nan(tf.sqrt(square), weight) for square in squares]
        self._reset()
        return Mean(gradients, tf.linalg.global_norm([*whole, *rows]), tf.math.divide_no_nan(loss, weight))

    def _reset(self) -> None:
        for variable in (self._loss, self._weight, *self._squares.values(), *self._sums.values()):
            variable.assign(tf.zeros_like(variable))


def repeat(times: int, make_pass: Callable[[tf.Tensor], object]) -> None:
    """Adds a loop to the graph that calls `make_pass` with 0, 1, ..., `times` - 1, one after the other."""

    def body(number: tf.Tensor) -> tf.Tensor:
        make_pass(number)
        return number + 1

    tf.while_loop(lambda number: number < times, body, [tf.constant(0)], parallel_iterations=1)


def _local_zeros(shape: tf.TensorShape | list) -> tf.Variable:
    """Creates a variable that has its own value in each replica."""
    return tf.Variable(
        tf.zeros(shape),
        trainable=False,
        synchronization=tf.VariableSynchronization.ON_READ,
        aggregation=tf.VariableAggregation.SUM,
    )
