"""The operations of a transformer that are not matrix products, with gradients that cost little.

y = layer_norm(x + dropout(add_bias(tf.matmul(x, kernel), bias), 0.1, seed), gamma, beta, 1e-12)
"""

import math
from collections.abc import Callable

import tensorflow as tf


@tf.custom_gradient
def gelu(x: tf.Tensor) -> tf.Tensor:
    """The tanh approximation of GELU (Hendrycks and Gimpel 2016, arXiv 1606.08415): the original's `gelu`.

    0.5 x (1 + tanh(u)) is x sigmoid(2u). Value and slope share most of their terms, so both are computed at once, and
    the backward pass is left with one product. Inside, all is float32: faster on a CPU than bfloat16, and closer.

    Args:
        x: any shape; float32, bfloat16 or float16.

    Example:
        >>> [round(float(y), 4) for y in gelu(tf.constant([-1.0, 0.0, 1.0]))]
        [-0.1588, 0.0, 0.8412]
    """
    linear, cubic = math.sqrt(8 / math.pi), 0.044715 * math.sqrt(8 / math.pi)
    wide = tf.cast(x, tf.float32)
    square = tf.square(wide)
    gate = tf.sigmoid(wide * (linear + cubic * square))
    slope = gate + tf.raw_ops.SigmoidGrad(y=gate, dy=wide * (linear + 3 * cubic * square))
    return _with_slope(x, wide * gate, slope)


@tf.custom_gradient
def gelu_erf(x: tf.Tensor) -> tf.Tensor:
    """GELU itself, x Phi(x): what Hugging Face's files call "gelu". As `gelu` in all else.

    Example:
        >>> [round(float(y), 4) for y in gelu_erf(tf.constant([-1.0, 0.0, 1.0]))]
        [-0.1587, 0.0, 0.8413]
    """
    wide = tf.cast(x, tf.float32)
    gate = 0.5 + 0.5 * tf.math.erf(wide * math.sqrt(0.5))
    slope = gate + wide * tf.exp(-0.5 * tf.square(wide)) * math.sqrt(0.5 / math.pi)
    return _with_slope(x, wide * gate, slope)


def _with_slope(x: tf.Tensor, y: tf.Tensor, slope: tf.Tensor) -> tuple[tf.Tensor, Callable]:
    """What a function under `tf.custom_gradient` returns that was differentiated already, in the type of `x`."""
    slope = tf.cast(slope, x.dtype)
    return tf.cast(y, x.dtype), lambda upstream: upstream * slope


def sum_of_rows(x: tf.Tensor) -> tf.Tensor:
    """[rows, width] -> [width], as a matrix product: three times as fast as `tf.reduce_sum` on a CPU."""
    return tf.matmul(tf.ones([1, tf.shape(x)[0]], x.dtype), x)[0]


@tf.custom_gradient
def add_bias(x: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    """`tf.nn.bias_add`, whose gradient is a `sum_of_rows`.

    Args:
        x: [rows, width].
        bias: [width].
    """

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return upstream, sum_of_rows(upstream)

    return tf.nn.bias_add(x, bias), gradient


@tf.custom_gradient
def layer_norm(x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, epsilon: float) -> tf.Tensor:
    """Normalises the last axis (Ba et al. 2016, arXiv 1607.06450), in float32 whatever the type of `x`.

    The gradient is written by hand: one formula instead of the chain of a dozen operations that TensorFlow
    would derive.

    Args:
        x: [tokens, width], float32, bfloat16 or float16.
        gamma: [width], float32.
        beta: [width], float32.
        epsilon: added to the variance; a Python number.

    Returns:
        [tokens, width], of `x`'s type.
    """
    wide = tf.cast(x, tf.float32)
    centred = wide - tf.reduce_mean(wide, axis=-1, keepdims=True)
    inverse = tf.math.rsqrt(tf.reduce_mean(tf.square(centred), axis=-1, keepdims=True) + epsilon)
    normal = centred * inverse

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, None]:
        dy = tf.cast(upstream, tf.float32)
        dgamma = dy * normal
        # The means over the width of dy * gamma and of dy * gamma * normal, as products: one pass each.
        weights = gamma[:, tf.newaxis] / tf.cast(tf.size(gamma), tf.float32)
        dx = (dy * gamma - tf.matmul(dy, weights) - normal * tf.matmul(dgamma, weights)) * inverse
        return tf.cast(dx, x.dtype), sum_of_rows(dgamma), sum_of_rows(dy), None

    return tf.cast(normal * gamma + beta, x.dtype), gradient


def dropout(x: tf.Tensor, rate: float, seed: tf.Tensor) -> tf.Tensor:
    """Zeroes each element with probability `rate` and scales the others up, as `tf.nn.dropout` does.

    What falls is a pure function of `seed`. Each element costs 16 random bits, half of what `tf.nn.dropout`
    takes; the rate is exact to 1/131072.

    Args:
        x: any shape.
        rate: in [0, 1).
        seed: int32 [2].
    """
    threshold = round(rate * 65536)
    if threshold == 0:
        return x
    size = tf.size(x)
    words = tf.random.stateless_uniform([(size + 1) // 2], seed, minval=None, maxval=None, dtype=tf.int32)
    bits = tf.reshape(tf.reshape(tf.bitcast(words, tf.uint16), [-1])[:size], tf.shape(x))
    keep = tf.cast(bits >= tf.constant(threshold, tf.uint16), x.dtype)
    return x * (keep * tf.cast(65536 / (65536 - threshold), x.dtype))
