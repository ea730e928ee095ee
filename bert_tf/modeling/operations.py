"""The operations of a transformer that are not matrix products, with gradients that cost little.

y = dropout_add_norm(x, add_bias(tf.matmul(inner, kernel), bias), 0.1, seed, gamma, beta, 1e-12)
"""

import functools
import math
from collections.abc import Callable

import tensorflow as tf

from bert_tf.modeling.fusion import fused, is_fusing

# Dropout takes 16 random bits for each element, half of what `tf.nn.dropout` takes.
_DRAWS = 2**16


def _with_slope(slope: Callable) -> Callable:
    """Makes an activation of a function of float32: in the type of its argument, and in one pass each way.

    The slope is computed in the backward pass. Kept from the forward pass it would cost more, in writing and reading.
    """

    def differentiated(value: Callable) -> Callable:
        @fused
        def forward(x: tf.Tensor) -> tf.Tensor:
            return tf.cast(value(tf.cast(x, tf.float32)), x.dtype)

        @fused
        def backward(x: tf.Tensor, upstream: tf.Tensor) -> tf.Tensor:
            return tf.cast(slope(tf.cast(x, tf.float32)) * tf.cast(upstream, tf.float32), x.dtype)

        @functools.wraps(value)
        @tf.custom_gradient
        def activation(x: tf.Tensor) -> tuple[tf.Tensor, Callable]:
            return forward(x), lambda upstream: backward(x, upstream)

        return activation

    return differentiated


def _gelu_slope(x: tf.Tensor) -> tf.Tensor:
    gate, inner_slope = _gelu_gate(x), math.sqrt(8 / math.pi) * (1.0 + 3 * 0.044715 * x * x)
    return gate + x * gate * (1.0 - gate) * inner_slope


def _gelu_gate(x: tf.Tensor) -> tf.Tensor:
    """(1 + tanh(u)) / 2 of the formula, which is sigmoid(2u): closer in float32 where it is nearly 0."""
    return tf.sigmoid(math.sqrt(8 / math.pi) * x * (1.0 + 0.044715 * x * x))


@_with_slope(_gelu_slope)
def gelu(x: tf.Tensor) -> tf.Tensor:
    """The tanh approximation of GELU (Hendrycks and Gimpel 2016, arXiv 1606.08415): the original's `gelu`.

    Inside, all is float32.

    Args:
        x: float32, bfloat16 or float16.

    Example:
        >>> [round(float(y), 4) for y in gelu(tf.constant([-1.0, 0.0, 1.0]))]
        [-0.1588, 0.0, 0.8412]
    """
    return x * _gelu_gate(x)


def _gelu_erf_slope(x: tf.Tensor) -> tf.Tensor:
    return _normal_cdf(x) + x * tf.exp(-0.5 * x * x) * math.sqrt(0.5 / math.pi)


def _normal_cdf(x: tf.Tensor) -> tf.Tensor:
    return 0.5 * (1.0 + tf.math.erf(math.sqrt(0.5) * x))


@_with_slope(_gelu_erf_slope)
def gelu_erf(x: tf.Tensor) -> tf.Tensor:
    """GELU itself, x Phi(x): what Hugging Face's files call "gelu". As `gelu` in all else.

    Example:
        >>> [round(float(y), 4) for y in gelu_erf(tf.constant([-1.0, 0.0, 1.0]))]
        [-0.1587, 0.0, 0.8413]
    """
    return x * _normal_cdf(x)


# The original's names of activations (modeling.get_activation), and "gelu_erf" for the exact form that Hugging
# Face's files call "gelu": the original's "gelu" is the tanh approximation.
ACTIVATIONS = {
    "gelu": lambda x: tf.nn.gelu(x, approximate=True),
    "gelu_erf": lambda x: tf.nn.gelu(x, approximate=False),
    "relu": tf.nn.relu,
    "tanh": tf.tanh,
    "linear": tf.identity,
}
# Those that have a better gradient than TensorFlow derives. Where none is needed, TensorFlow's own are better: on a
# CPU it makes them part of the matrix product before.
TRAINING_ACTIVATIONS = {"gelu": gelu, "gelu_erf": gelu_erf}


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


def layer_norm(x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, epsilon: float) -> tf.Tensor:
    """Normalises the last axis (Ba et al. 2016, arXiv 1607.06450), in float32 whatever the type of `x`.

    The gradient is written by hand: one formula instead of the chain of a dozen operations that TensorFlow
    would derive.

    Args:
        x: [rows, width], float32, bfloat16 or float16.
        gamma: [width], float32.
        beta: [width], float32.
        epsilon: added to the variance; a Python number.

    Returns:
        [rows, width], of `x`'s type.
    """

    @tf.custom_gradient
    def forward(x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor) -> tuple[tf.Tensor, Callable]:
        def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, ...]:
            dx, dgamma, dbeta = _gradients(tf.cast(x, tf.float32), gamma, upstream, epsilon)
            return tf.cast(dx, x.dtype), dgamma, dbeta

        # Where it knows the number of rows, TensorFlow turns what it would have to know again into constants.
        if x.shape[0] is None and _is_norm_fused(x.dtype):
            return _norm_to_fuse(x, gamma, beta, epsilon), gradient
        normal, _ = _normalised(tf.cast(x, tf.float32), epsilon)
        return tf.cast(normal * gamma + beta, x.dtype), gradient

    return forward(x, gamma, beta)


def _norm_to_fuse(x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, epsilon: float) -> tf.Tensor:
    """Written so that TensorFlow knows a layer normalisation in it, and takes oneDNN's, which makes one pass.

    That is how Keras writes it: each row is a channel of a batch normalisation. In bfloat16 gamma and beta are rounded
    as the other weights are.
    """
    rows = tf.shape(x)[0]
    grid = tf.reshape(x, [1, rows, x.shape[1], 1])
    none = tf.constant([])
    normal, *_ = tf.raw_ops.FusedBatchNormV3(
        x=grid,
        scale=tf.fill([rows], 1.0),
        offset=tf.fill([rows], 0.0),
        mean=none,
        variance=none,
        epsilon=epsilon,
        data_format="NCHW",
        is_training=True,
    )
    return tf.reshape(normal, tf.shape(x)) * tf.cast(gamma, x.dtype) + tf.cast(beta, x.dtype)


@functools.cache
def _is_norm_fused(dtype: tf.DType) -> bool:
    """Whether this machine has oneDNN's layer normalisation of this type; in bfloat16 not every CPU has."""
    if not is_fusing() or dtype == tf.float16:
        return False

    @tf.function(input_signature=[tf.TensorSpec([None, 1], dtype)], autograph=False)
    def attempt(x: tf.Tensor) -> tf.Tensor:
        return _norm_to_fuse(x, tf.ones([1]), tf.zeros([1]), 1.0)

    try:
        with tf.init_scope():
            attempt(tf.zeros([1, 1], dtype))
    except tf.errors.OpError:
        return False
    return True


def _normalised(x: tf.Tensor, epsilon: float) -> tuple[tf.Tensor, tf.Tensor]:
    """Rows of mean 0 and variance 1, and what each was multiplied by for that; float32."""
    centred = x - tf.reduce_mean(x, axis=-1, keepdims=True)
    inverse = tf.math.rsqrt(tf.reduce_mean(tf.square(centred), axis=-1, keepdims=True) + epsilon)
    return centred * inverse, inverse


def _gradients(x: tf.Tensor, gamma: tf.Tensor, upstream: tf.Tensor, epsilon: float) -> tuple[tf.Tensor, ...]:
    """Of a layer normalisation, to `x`, gamma and beta, by one formula; float32."""
    normal, inverse = _normalised(x, epsilon)
    upstream = tf.cast(upstream, tf.float32)
    to_normal = upstream * gamma
    along_normal = normal * tf.reduce_mean(to_normal * normal, axis=-1, keepdims=True)
    dx = (to_normal - tf.reduce_mean(to_normal, axis=-1, keepdims=True) - along_normal) * inverse
    return dx, tf.reduce_sum(upstream * normal, axis=0), tf.reduce_sum(upstream, axis=0)


def dropout_add_norm(
    x: tf.Tensor, h: tf.Tensor, rate: float, seed: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, epsilon: float
) -> tf.Tensor:
    """`layer_norm(x + dropout(h, rate, seed), gamma, beta, epsilon)`, the sum in float32.

    Of the forward pass only the arguments and the random bits are kept.

    Args:
        x: [rows, width].
        h: [rows, width], of `x`'s type.
        rate: as `dropout` has it.
        seed: int32 [2].
        gamma: [width], float32.
        beta: [width], float32.
        epsilon: as `layer_norm` has it.
    """
    bits = _random_bits(tf.shape(h), seed)

    @tf.custom_gradient
    def forward(x: tf.Tensor, h: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor) -> tuple[tf.Tensor, Callable]:
        def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, ...]:
            return _dropout_add_norm_gradient(x, h, bits, gamma, upstream, rate=rate, epsilon=epsilon)

        return _dropout_add_norm(x, h, bits, gamma, beta, rate=rate, epsilon=epsilon), gradient

    return forward(x, h, gamma, beta)


@fused
def _dropout_add_norm(
    x: tf.Tensor, h: tf.Tensor, bits: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, rate: float, epsilon: float
) -> tf.Tensor:
    normal, _ = _normalised(_dropout_add(x, h, bits, rate), epsilon)
    return tf.cast(normal * gamma + beta, x.dtype)


@fused
def _dropout_add_norm_gradient(
    x: tf.Tensor, h: tf.Tensor, bits: tf.Tensor, gamma: tf.Tensor, upstream: tf.Tensor, rate: float, epsilon: float
) -> tuple[tf.Tensor, ...]:
    dx, dgamma, dbeta = _gradients(_dropout_add(x, h, bits, rate), gamma, upstream, epsilon)
    dh = dx * _keep(bits, rate, tf.float32)
    return tf.cast(dx, x.dtype), tf.cast(dh, h.dtype), dgamma, dbeta


def _dropout_add(x: tf.Tensor, h: tf.Tensor, bits: tf.Tensor, rate: float) -> tf.Tensor:
    return tf.cast(x, tf.float32) + tf.cast(h, tf.float32) * _keep(bits, rate, tf.float32)


def dropout(x: tf.Tensor, rate: float, seed: tf.Tensor) -> tf.Tensor:
    """Zeroes each element with probability `rate` and scales the others up, as `tf.nn.dropout` does.

    What falls is a pure function of `seed`. The rate is exact to 1/131072.

    Args:
        x: any shape.
        rate: in [0, 1).
        seed: int32 [2].
    """
    return x * _keep(_random_bits(tf.shape(x), seed), rate, x.dtype) if rate else x


def _random_bits(shape: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """uint16: each random word serves two elements."""
    size = tf.reduce_prod(shape)
    words = tf.random.stateless_uniform([(size + 1) // 2], seed, minval=None, maxval=None, dtype=tf.int32)
    return tf.reshape(tf.reshape(tf.bitcast(words, tf.uint16), [-1])[:size], shape)


def _keep(bits: tf.Tensor, rate: float, dtype: tf.DType) -> tf.Tensor:
    """0 where an element falls, and elsewhere what makes up for those."""
    threshold = round(rate * _DRAWS)
    kept = tf.cast(bits >= tf.constant(threshold, tf.uint16), dtype)
    return kept * tf.cast(_DRAWS / (_DRAWS - threshold), dtype)
