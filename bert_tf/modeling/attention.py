"""Scaled dot-product attention (Vaswani et al. 2017, arXiv 1706.03762, section 3.2.1), with dropout in training.

context = attend(query, key, value, bias)  # [examples, heads, positions, width]
"""

from collections.abc import Callable

import tensorflow as tf

from bert_tf.modeling.fusion import fused
from bert_tf.modeling.gradients import custom_gradient
from bert_tf.modeling.operations import dropout

_GOLDEN_RATIO = 0x9E3779B1


def attend(
    query: tf.Tensor,
    key: tf.Tensor,
    value: tf.Tensor,
    bias: tf.Tensor,
    rate: float = 0.0,
    seed: tf.Tensor | None = None,
    fuse: bool = False,
) -> tf.Tensor:
    """Returns the mean of the values that each position attends to: the core of the original's `attention_layer`.

    Args:
        query: [examples, heads, positions, width].
        key: [examples, heads, length, width].
        value: [examples, heads, length, width].
        bias: [examples, 1, 1, length], added to the scores.
        rate: of dropout of the probabilities.
        seed: int32 [2], of dropout; None in inference, which drops nothing.
        fuse: whether training compiles what is done to the scores, see `fusion.fused`. It drops other elements then.

    Returns:
        [examples, heads, positions, width].

    Example:
        >>> zeros = tf.zeros([1, 1, 2, 1])
        >>> mean = attend(zeros, zeros, tf.reshape([1.0, 3.0], [1, 1, 2, 1]), tf.zeros([1, 1, 1, 2]))
        >>> mean.numpy().ravel().tolist()
        [2.0, 2.0]
    """
    if seed is not None and fuse:
        return _attend_and_drop(query, key, value, bias, seed, rate)
    scale = tf.cast(query.shape[-1] ** -0.5, query.dtype)
    probabilities = tf.nn.softmax(tf.matmul(query, key, transpose_b=True) * scale + bias)
    if seed is not None:
        probabilities = dropout(probabilities, rate, seed)
    return tf.matmul(probabilities, value)


def _attend_and_drop(
    query: tf.Tensor, key: tf.Tensor, value: tf.Tensor, bias: tf.Tensor, seed: tf.Tensor, rate: float
) -> tf.Tensor:
    """Attention that goes over the scores, by far the largest tensors, as few times as it can.

    The queries are scaled instead of the scores. What is dropped is computed where it is needed, not stored. And the
    gradient of a softmax needs, for each position, the sum of probability times its gradient: that is the product of
    the context and its gradient (Dao et al. 2022, arXiv 2205.14135, appendix B.2), which are small.
    """
    scale = query.shape[-1] ** -0.5

    @custom_gradient
    def forward(query: tf.Tensor, key: tf.Tensor, value: tf.Tensor) -> tuple[tf.Tensor, Callable]:
        scores = tf.matmul(query * tf.cast(scale, query.dtype), key, transpose_b=True)
        shape = tf.shape(scores)
        probabilities = _as_rows(tf.nn.softmax(scores + bias))
        kept = tf.reshape(_drop(probabilities, seed, rate=rate, fuse=True), shape)
        context = tf.matmul(kept, value)

        def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            to_kept = _as_rows(tf.matmul(upstream, value, transpose_b=True))
            mean = tf.cast(context, tf.float32) * tf.cast(upstream, tf.float32)
            mean = tf.reshape(tf.reduce_sum(mean, axis=-1), [-1, 1])
            to_product = _product_gradient(probabilities, to_kept, mean, seed, rate=rate, scale=scale, fuse=True)
            to_product = tf.reshape(to_product, shape)
            to_query = tf.matmul(to_product, key)
            to_key = tf.matmul(to_product, query, transpose_a=True)
            return to_query, to_key, tf.matmul(kept, upstream, transpose_a=True)

        return context, gradient

    return forward(query, key, value)


def _as_rows(scores: tf.Tensor) -> tf.Tensor:
    """[examples, heads, positions, length] -> [examples * heads * positions, length]."""
    return tf.reshape(scores, [-1, tf.shape(scores)[-1]])


@fused
def _drop(probabilities: tf.Tensor, seed: tf.Tensor, rate: float) -> tf.Tensor:
    kept = tf.cast(probabilities, tf.float32) * _keep(tf.shape(probabilities), seed, rate)
    return tf.cast(kept, probabilities.dtype)


@fused
def _product_gradient(
    probabilities: tf.Tensor, to_kept: tf.Tensor, mean: tf.Tensor, seed: tf.Tensor, rate: float, scale: float
) -> tf.Tensor:
    """Returns the gradient of the product of queries and keys, before it is scaled, [rows, length].

    Args:
        probabilities: [rows, length], before dropout.
        to_kept: [rows, length], the gradient of what dropout left.
        mean: float32 [rows, 1], the sum over the row of probability times its gradient.
        seed: as in `attend`.
        rate: as in `attend`.
        scale: of the product.
    """
    to_probabilities = tf.cast(to_kept, tf.float32) * _keep(tf.shape(to_kept), seed, rate)
    to_product = tf.cast(probabilities, tf.float32) * (to_probabilities - mean) * scale
    return tf.cast(to_product, probabilities.dtype)


def _keep(shape: tf.Tensor, seed: tf.Tensor, rate: float) -> tf.Tensor:
    """Returns 0 for dropped elements, 1 / (1 - rate) for the others, float32 [rows, length]."""
    if not rate:
        return tf.ones(shape)
    words = tf.reshape(random_words(tf.reduce_prod(shape), seed), shape)
    return tf.where(words >= tf.constant(round(rate * 2**32), tf.uint32), 1.0 / (1.0 - rate), 0.0)


def random_words(count: tf.Tensor | int, seed: tf.Tensor) -> tf.Tensor:
    """Computes random words of 32 bits, each from its number and the seed alone.

    A compiled loop computes them where it needs them, at a third of the cost of TensorFlow's generators, which must be
    called before and write them to memory. They are the mixing function "lowbias32" of Wellons (2018, "Prospecting for
    hash functions") on the number, with two words made from the seed added on the way.

    Args:
        count: how many.
        seed: int32 [2].

    Returns:
        uint32 [count].

    Example:
        >>> random_words(2, tf.constant([1, 2])).numpy().tolist()
        [3933760828, 3610253575]
    """
    # Seeds that differ by little must not give words that do.
    first, second = tf.unstack(tf.bitcast(seed, tf.uint32))
    first = _mixed(first + _mixed(second + _word(_GOLDEN_RATIO)))
    second = _mixed(second + first)
    # The golden ratio gets neighbors far apart.
    word = tf.cast(tf.range(count), tf.uint32) * _word(_GOLDEN_RATIO)
    return _mixed(word + first, second)


def _mixed(word: tf.Tensor, addend: tf.Tensor | int = 0) -> tf.Tensor:
    """Returns another word for each word; `addend` is added between the two multiplications."""
    word = _xor_high(word, 16) * _word(0x7FEB352D) + _word(addend)
    return _xor_high(_xor_high(word, 15) * _word(0x846CA68B), 16)


def _xor_high(word: tf.Tensor, bits: int) -> tf.Tensor:
    return tf.bitwise.bitwise_xor(word, tf.bitwise.right_shift(word, _word(bits)))


def _word(value: tf.Tensor | int) -> tf.Tensor:
    return tf.convert_to_tensor(value, tf.uint32)
