"""Gradients written by hand, left out of graphs that only predict.

@custom_gradient
def doubled(x):
    return 2 * x, lambda upstream: 2 * upstream

with without_gradients():
    doubled(tf.ones([3]))  # only the product
"""

import contextlib
import functools
import threading
from collections.abc import Callable, Iterator

import tensorflow as tf

_state = threading.local()


def custom_gradient(function: Callable) -> Callable:
    """Returns a function with the gradient that `function` gives it, as `tf.custom_gradient` does.

    Inside `without_gradients` it has only the operations of its result.

    Args:
        function: returns a result and the function of its gradient.

    Example:
        >>> doubled = custom_gradient(lambda x: (2 * x, lambda upstream: 2 * upstream))
        >>> float(doubled(tf.constant(3.0)))
        6.0
    """
    differentiable = tf.custom_gradient(function)

    @functools.wraps(function)
    def call(*arguments: object) -> object:
        if getattr(_state, "only_predicts", False):
            return function(*arguments)[0]
        return differentiable(*arguments)

    return call


@contextlib.contextmanager
def without_gradients() -> Iterator[None]:
    """Leaves gradients written by hand out of what is traced or computed inside the block, in this thread.

    In an exported graph they would be an operation more after each product, and a warning whenever it is loaded.
    """
    before = getattr(_state, "only_predicts", False)
    _state.only_predicts = True
    try:
        yield
    finally:
        _state.only_predicts = before
