"""Element-wise operations of a transformer, with hand-written, cheaper gradients.

y = dropout_add_norm(x, add_bias(tf.matmul(inner, kernel), bias), 0.1, seed, gamma, beta, 1e-12)
"""

import functools
import math
from collections.abc import Callable

import tensorflow as tf

from bert_tf.modeling.fusion import fused, is_fusing
from bert_tf.modeling.gradients import custom_gradient

# Dropout draws 16 random bits for each element, half as many as `tf.nn.dropout`.
_DRAWS = 2**16


def _with_slope(slope: Callable) -> Callable:
    """Turns a float32 function into an activation with this slope as its gradient; one pass forward, one backward.

    The activation's result has the type of its argument. The slope is computed in the backward pass: storing it in the
    forward pass would cost more, in writing and reading.
    """

    def differentiated(value: Callable) -> Callable:
        @fused
        def forward(x: tf.Tensor) -> tf.Tensor:
            return tf.cast(value(tf.cast(x, tf.float32)), x.dtype)

        @fused
        def backward(x: tf.Tensor, upstream: tf.Tensor) -> tf.Tensor:
            return tf.cast(slope(tf.cast(x, tf.float32)) * tf.cast(upstream, tf.float32), x.dtype)

        @functools.wraps(value)
        def activation(x: tf.Tensor, fuse: bool | None = None) -> tf.Tensor:
            @custom_gradient
            def differentiable(x: tf.Tensor) -> tuple[tf.Tensor, Callable]:
                return forward(x, fuse=fuse), lambda upstream: backward(x, upstream, fuse=fuse)

            return differentiable(x)

        return activation

    return differentiated


def _gelu_slope(x: tf.Tensor) -> tf.Tensor:
    gate, inner_slope = _gelu_gate(x), math.sqrt(8 / math.pi) * (1.0 + 3 * 0.044715 * x * x)
    return gate + x * gate * (1.0 - gate) * inner_slope


def _gelu_gate(x: tf.Tensor) -> tf.Tensor:
    """Computes (1 + tanh(u)) / 2 of the formula as sigmoid(2u), which is more exact in float32 near 0."""
    return tf.sigmoid(math.sqrt(8 / math.pi) * x * (1.0 + 0.044715 * x * x))


@_with_slope(_gelu_slope)
def gelu(x: tf.Tensor) -> tf.Tensor:
    """The tanh approximation of GELU (Hendrycks and Gimpel 2016, arXiv 1606.08415): the original's `gelu`.

    It is computed in float32. A second argument, `fuse`, is that of `fused`.

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
    """Exact GELU, x * Phi(x): "gelu" in Hugging Face's files. Otherwise the same as `gelu`.

    Example:
        >>> [round(float(y), 4) for y in gelu_erf(tf.constant([-1.0, 0.0, 1.0]))]
        [-0.1587, 0.0, 0.8413]
    """
    return x * _normal_cdf(x)


def plain_gelu(x: tf.Tensor) -> tf.Tensor:
    """`gelu` with TensorFlow's own gradient, in the type of `x`."""
    return tf.nn.gelu(x, approximate=True)


def plain_gelu_erf(x: tf.Tensor) -> tf.Tensor:
    """`gelu_erf` with TensorFlow's own gradient, in the type of `x`."""
    return tf.nn.gelu(x, approximate=False)


# The original's names of activations (modeling.get_activation), and "gelu_erf" for the exact form that Hugging
# Face's files call "gelu": the original's "gelu" is the tanh approximation.
ACTIVATIONS = {
    "gelu": plain_gelu,
    "gelu_erf": plain_gelu_erf,
    "relu": tf.nn.relu,
    "tanh": tf.tanh,
    "linear": tf.identity,
}
# In training, use our gradients. In inference, TensorFlow's own activations are faster: on a CPU it makes them part of
# the matrix product before.
TRAINING_ACTIVATIONS = {"gelu": gelu, "gelu_erf": gelu_erf}


def sum_of_rows(x: tf.Tensor) -> tf.Tensor:
    """Sums [rows, width] to [width] by a matrix product: three times as fast as `tf.reduce_sum` on a CPU."""
    return tf.matmul(tf.ones([1, tf.shape(x)[0]], x.dtype), x)[0]


@custom_gradient
def add_bias(x: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    """`tf.nn.bias_add` with a `sum_of_rows` as its gradient.

    Args:
        x: [rows, width].
        bias: [width].
    """

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return upstream, sum_of_rows(upstream)

    return tf.nn.bias_add(x, bias), gradient


def take_positions(x: tf.Tensor, positions: tf.Tensor) -> tf.Tensor:
    """Takes some positions of each example by a product with one-hot rows.

    The gradient is a product, too: positions may repeat, and every device adds up in one order.

    Args:
        x: [batch, length, width] or [batch, heads, length, width].
        positions: int32 [batch, positions].

    Example:
        >>> take_positions(tf.constant([[[5.0], [6.0], [7.0]]]), tf.constant([[2, 0]])).numpy().tolist()
        [[[7.0], [5.0]]]
    """
    is_taken = tf.one_hot(positions, tf.shape(x)[-2], dtype=x.dtype)
    return tf.matmul(is_taken if x.shape.rank == 3 else is_taken[:, tf.newaxis], x)


def layer_norm(x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, epsilon: float, fuse: bool | None = None) -> tf.Tensor:
    """Normalizes the last axis (Ba et al. 2016, arXiv 1607.06450), in float32 for every type of `x`.

    The gradient is written by hand: one formula instead of the chain of a dozen operations that TensorFlow
    derives.

    Args:
        x: [rows, width], float32, bfloat16 or float16.
        gamma: [width], float32.
        beta: [width], float32.
        epsilon: added to the variance; a Python number.
        fuse: whether the graph may use the kernel of this machine's oneDNN; None asks `is_fusing`.

    Returns:
        [rows, width], of `x`'s type.
    """

    @custom_gradient
    def forward(x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor) -> tuple[tf.Tensor, Callable]:
        def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, ...]:
            dx, dgamma, dbeta = _gradients(tf.cast(x, tf.float32), gamma, upstream, epsilon)
            return tf.cast(dx, x.dtype), dgamma, dbeta

        # With a static row count TensorFlow folds the pattern into constants and no longer recognizes it.
        if x.shape[0] is None and fuse is not False and _has_norm_kernel(x.dtype):
            return _onednn_norm(x, gamma, beta, epsilon), gradient
        normal, _ = _normalized(tf.cast(x, tf.float32), epsilon)
        return tf.cast(normal * gamma + beta, x.dtype), gradient

    return forward(x, gamma, beta)


def _onednn_norm(x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, epsilon: float) -> tf.Tensor:
    """Layer norm written in the pattern that TensorFlow replaces by oneDNN's single-pass kernel.

    Keras writes it in the same way: each row is a channel of a batch normalization. In bfloat16 gamma and beta are
    rounded as the other weights are.
    """
    rows = tf.shape(x)[0]
    grid = tf.reshape(x, [1, rows, x.shape[1], 1])
    unused = tf.constant([])
    normal, *_ = tf.raw_ops.FusedBatchNormV3(
        x=grid,
        scale=tf.fill([rows], 1.0),
        offset=tf.fill([rows], 0.0),
        mean=unused,
        variance=unused,
        epsilon=epsilon,
        data_format="NCHW",
        is_training=True,
    )
    return tf.reshape(normal, tf.shape(x)) * tf.cast(gamma, x.dtype) + tf.cast(beta, x.dtype)


@functools.cache
def _has_norm_kernel(dtype: tf.DType) -> bool:
    """True if this machine has oneDNN's layer norm for this type; not every CPU has it for bfloat16."""
    if not is_fusing() or dtype == tf.float16:
        return False

    @tf.function(input_signature=[tf.TensorSpec([None, 1], dtype)], autograph=False)
    def attempt(x: tf.Tensor) -> tf.Tensor:
        return _onednn_norm(x, tf.ones([1]), tf.zeros([1]), 1.0)

    try:
        with tf.init_scope():
            attempt(tf.zeros([1, 1], dtype))
    except tf.errors.OpError:
        return False
    return True


def _normalized(x: tf.Tensor, epsilon: float) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns rows of mean 0 and variance 1, and the factor of each row, 1 / standard deviation; float32."""
    centered = x - tf.reduce_mean(x, axis=-1, keepdims=True)
    inverse = tf.math.rsqrt(tf.reduce_mean(tf.square(centered), axis=-1, keepdims=True) + epsilon)
    return centered * inverse, inverse


def _gradients(x: tf.Tensor, gamma: tf.Tensor, upstream: tf.Tensor, epsilon: float) -> tuple[tf.Tensor, ...]:
    """Returns the gradients of a layer norm to `x`, gamma and beta, by one formula; float32."""
    normal, inverse = _normalized(x, epsilon)
    upstream = tf.cast(upstream, tf.float32)
    to_normal = upstream * gamma
    along_normal = normal * tf.reduce_mean(to_normal * normal, axis=-1, keepdims=True)
    dx = (to_normal - tf.reduce_mean(to_normal, axis=-1, keepdims=True) - along_normal) * inverse
    return dx, tf.reduce_sum(upstream * normal, axis=0), tf.reduce_sum(upstream, axis=0)


def dropout_add_norm(
    x: tf.Tensor,
    branch: tf.Tensor,
    rate: float,
    seed: tf.Tensor,
    gamma: tf.Tensor,
    beta: tf.Tensor,
    epsilon: float,
    fuse: bool | None = None,
) -> tf.Tensor:
    """`layer_norm(x + dropout(branch, rate, seed), gamma, beta, epsilon)`, the sum in float32.

    Stores only the arguments and the random bits for the backward pass.

    Args:
        x: [rows, width].
        branch: [rows, width], of `x`'s type: the output of the layer that the residual connection goes around.
        rate: as in `dropout`.
        seed: int32 [2].
        gamma: [width], float32.
        beta: [width], float32.
        epsilon: as in `layer_norm`.
        fuse: as in `fused`.
    """
    bits = _random_bits(tf.shape(branch), seed)

    @custom_gradient
    def forward(x: tf.Tensor, branch: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor) -> tuple[tf.Tensor, Callable]:
        def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, ...]:
            return _dropout_add_norm_gradient(x, branch, bits, gamma, upstream, rate=rate, epsilon=epsilon, fuse=fuse)

        return _dropout_add_norm(x, branch, bits, gamma, beta, rate=rate, epsilon=epsilon, fuse=fuse), gradient

    return forward(x, branch, gamma, beta)


@fused
def _dropout_add_norm(
    x: tf.Tensor, branch: tf.Tensor, bits: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, rate: float, epsilon: float
) -> tf.Tensor:
    normal, _ = _normalized(_dropout_add(x, branch, bits, rate), epsilon)
    return tf.cast(normal * gamma + beta, x.dtype)


@fused
def _dropout_add_norm_gradient(
    x: tf.Tensor, branch: tf.Tensor, bits: tf.Tensor, gamma: tf.Tensor, upstream: tf.Tensor, rate: float, epsilon: float
) -> tuple[tf.Tensor, ...]:
    dx, dgamma, dbeta = _gradients(_dropout_add(x, branch, bits, rate), gamma, upstream, epsilon)
    dbranch = dx * _keep(bits, rate, tf.float32)
    return tf.cast(dx, x.dtype), tf.cast(dbranch, branch.dtype), dgamma, dbeta


def _dropout_add(x: tf.Tensor, branch: tf.Tensor, bits: tf.Tensor, rate: float) -> tf.Tensor:
    return tf.cast(x, tf.float32) + tf.cast(branch, tf.float32) * _keep(bits, rate, tf.float32)


def dropout(x: tf.Tensor, rate: float, seed: tf.Tensor) -> tf.Tensor:
    """Zeroes each element with probability `rate` and scales the others up, as `tf.nn.dropout` does.

    The same `seed` always drops the same elements. The rate is exact to 1/131072.

    Args:
        x: any shape.
        rate: in [0, 1).
        seed: int32 [2].
    """
    return x * _keep(_random_bits(tf.shape(x), seed), rate, x.dtype) if rate else x


def _random_bits(shape: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Draws uint16 numbers: each random word of 32 bits gives two of them."""
    size = tf.reduce_prod(shape)
    words = tf.random.stateless_uniform([(size + 1) // 2], seed, minval=None, maxval=None, dtype=tf.int32)
    return tf.reshape(tf.reshape(tf.bitcast(words, tf.uint16), [-1])[:size], shape)


def _keep(bits: tf.Tensor, rate: float, dtype: tf.DType) -> tf.Tensor:
    """Returns 0 for dropped elements, 1 / (1 - rate) for the others."""
    threshold = round(rate * _DRAWS)
    kept = tf.cast(bits >= tf.constant(threshold, tf.uint16), dtype)
    return kept * tf.cast(_DRAWS / (_DRAWS - threshold), dtype)
