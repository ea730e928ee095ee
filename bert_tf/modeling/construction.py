"""Builds Keras layers without side effects, with initial weights that are a pure function of a seed.

with float32_policy(), initial_values(functools.partial(truncated_normal, seed=1, stddev=0.02)):
    layer = tf_keras.layers.Dense(2)
    layer.build([None, 3])
"""

import contextlib
import functools
import threading
import zlib
from collections.abc import Callable, Iterator

import tensorflow as tf
import tf_keras

from bert_tf.modeling.names import original_name

# Layers are built in one thread at a time, because the global policy is the same in all threads.
_lock = threading.Lock()


@contextlib.contextmanager
def float32_policy() -> Iterator[None]:
    """Gives the layers that are built inside the block Keras' float32 policy; restores the caller's global policy."""
    with _lock:
        policy = tf_keras.mixed_precision.global_policy()
        if policy.name == "float32":
            yield
            return
        tf_keras.mixed_precision.set_global_policy("float32")
        try:
            yield
        finally:
            tf_keras.mixed_precision.set_global_policy(policy)


@contextlib.contextmanager
def initial_values(initializer: Callable[[str, tf.TensorShape], tf.Tensor]) -> Iterator[None]:
    """Sets the variables that are created inside the block to `initializer(original name, shape)`.

    Biases and layer norms, which the original does not draw at random, keep their own zeros and ones.
    """

    def create(next_creator: Callable, **arguments) -> tf.Variable:
        name = original_name(f"{tf.get_current_name_scope()}/{arguments['name']}")
        if not name.endswith(("/bias", "/gamma", "/beta")):
            arguments["initial_value"] = functools.partial(initializer, name, arguments["shape"])
        return next_creator(**arguments)

    with tf.variable_creator_scope(create):
        yield


def initial_value(name: str, shape: tf.TensorShape, seed: int, stddev: float) -> tf.Tensor:
    """Returns the values that a variable has in a model from scratch, float32.

    Example:
        >>> initial_value("bert/pooler/dense/bias", [2], seed=1, stddev=0.02).numpy().tolist()
        [0.0, 0.0]
    """
    if name.endswith(("/bias", "/beta")):
        return tf.zeros(shape)
    return tf.ones(shape) if name.endswith("/gamma") else truncated_normal(name, shape, seed, stddev)


def truncated_normal(name: str, shape: tf.TensorShape, seed: int, stddev: float) -> tf.Tensor:
    """Draws the values of one variable, float32: a pure function of `seed` and the variable's name.

    Example:
        >>> value = truncated_normal("output_weights", [2, 3], seed=1, stddev=0.02)
        >>> value.shape, bool(tf.reduce_all(tf.abs(value) <= 0.04))
        (TensorShape([2, 3]), True)
    """
    seed = tf.constant([seed, zlib.crc32(name.encode())], tf.int64)
    return tf.random.stateless_truncated_normal(shape, seed, stddev=stddev, alg="philox")
