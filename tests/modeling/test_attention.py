"""Attention and its hand-written gradient against the formula, and the random words that choose what it drops."""

import numpy as np
import pytest
import tensorflow as tf

from bert_tf.modeling.attention import attend, random_words

SEED = tf.constant([3, 4])


def formula(
    query: tf.Tensor, key: tf.Tensor, value: tf.Tensor, bias: tf.Tensor, keep: tf.Tensor | float = 1.0
) -> tf.Tensor:
    scores = tf.matmul(query, key, transpose_b=True) / query.shape[-1] ** 0.5
    return tf.matmul(tf.nn.softmax(scores + bias) * keep, value)


def arguments(dtype: tf.DType, positions: int = 7, width: int = 5) -> tuple[list[tf.Tensor], tf.Tensor, tf.Tensor]:
    """Queries, keys and values of 2 examples and 3 heads, the bias of an example with padding, and a gradient."""
    random = np.random.default_rng(0)
    shapes = [2, 3, positions, width], [2, 3, 7, width], [2, 3, 7, width]
    tensors = [tf.cast(random.normal(size=shape), dtype) for shape in shapes]
    mask = np.array([[1] * 7, [1] * 4 + [0] * 3])
    bias = tf.cast((mask - 1) * 10000.0, dtype)[:, tf.newaxis, tf.newaxis]
    return tensors, bias, tf.cast(random.normal(size=shapes[0]), dtype)


def what_is_kept(rate: float, shape: list[int]) -> np.ndarray:
    """Finds the factor of each probability: with zeros as queries and unit vectors as values they are the context."""
    zeros = tf.zeros([*shape[:3], 1])
    values = tf.eye(shape[3], batch_shape=shape[:2])
    keys = tf.zeros([*shape[:2], shape[3], 1])
    return attend(zeros, keys, values, tf.zeros([1, 1, 1, shape[3]]), rate, SEED, fuse=True).numpy() * shape[3]


@pytest.mark.parametrize("positions", [7, 1])
@pytest.mark.parametrize("fuse", [True, False])
@pytest.mark.parametrize("dtype, tolerance", [(tf.float32, 1e-6), (tf.bfloat16, 2e-2), (tf.float16, 2e-3)])
def test_attention_and_its_gradient_are_the_formula(dtype, tolerance, fuse, positions):
    tensors, bias, upstream = arguments(dtype, positions)
    exact = [tf.cast(tensor, tf.float64) for tensor in tensors]
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([*tensors, *exact])
        ours = attend(*tensors, bias, 0.0, SEED, fuse)
        expected = formula(*exact, tf.cast(bias, tf.float64))
    assert ours.dtype == dtype
    np.testing.assert_allclose(tf.cast(ours, tf.float64), expected, rtol=tolerance, atol=tolerance)
    for tensor, other in zip(tensors, exact, strict=True):
        gradient = tape.gradient(ours, tensor, upstream)
        assert gradient.dtype == dtype
        wanted = tape.gradient(expected, other, tf.cast(upstream, tf.float64))
        np.testing.assert_allclose(tf.cast(gradient, tf.float64), wanted, rtol=tolerance, atol=5 * tolerance)


def test_compiled_dropout_has_the_gradient_of_what_it_keeps():
    rate = 0.4
    tensors, bias, upstream = arguments(tf.float32)
    keep = tf.constant(what_is_kept(rate, [2, 3, 7, 7]), tf.float64)
    assert 0.2 < np.mean(keep.numpy() == 0) < 0.6
    exact = [tf.cast(tensor, tf.float64) for tensor in tensors]
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([*tensors, *exact])
        ours = attend(*tensors, bias, rate, SEED, fuse=True)
        expected = formula(*exact, tf.cast(bias, tf.float64), keep)
    np.testing.assert_allclose(ours, expected, rtol=0, atol=2e-6)
    for tensor, other in zip(tensors, exact, strict=True):
        wanted = tape.gradient(expected, other, tf.cast(upstream, tf.float64))
        np.testing.assert_allclose(tape.gradient(ours, tensor, upstream), wanted, rtol=0, atol=5e-6)


@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_compiled_dropout_keeps_the_mean_and_is_spread_evenly(rate):
    keep = what_is_kept(rate, [2, 4, 50, 250])
    np.testing.assert_allclose(np.unique(keep), [0, 1 / (1 - rate)], rtol=1e-6)
    dropped = keep == 0
    deviation = np.sqrt(rate * (1 - rate))
    assert dropped.mean() == pytest.approx(rate, abs=5 * deviation / np.sqrt(dropped.size))
    for axis in ((0, 1, 2), (0, 1, 3), (2, 3)):
        means = dropped.mean(axis=axis)
        assert np.abs(means - rate).max() < 5 * deviation / np.sqrt(dropped.size / means.size)


def test_in_inference_nothing_is_dropped_or_compiled():
    tensors, bias, _ = arguments(tf.float32)
    whole = attend(*tensors, bias)
    for fuse in (True, False):
        np.testing.assert_array_equal(attend(*tensors, bias, 0.5, None, fuse), whole)


# Random words


def test_random_words_are_a_function_of_their_number_and_the_seed():
    words = random_words(1000, SEED).numpy()
    assert words.dtype == np.uint32
    np.testing.assert_array_equal(random_words(10, SEED), words[:10])
    # All numbers have different words: each step of the computation can be undone.
    assert len(set(random_words(100_000, SEED).numpy())) == 100_000


@pytest.mark.parametrize("other", [[3, 5], [4, 4], [2, 4], [4, 3], [3, 4 + 2**16], [-3, 4]])
def test_each_bit_of_random_words_is_fair_and_independent_of_other_seeds_and_neighbors(other):
    count = 200_000
    words, others = (random_words(count, tf.constant(seed)).numpy() for seed in ([3, 4], other))
    limit = 5 / np.sqrt(count)

    def bits(words: np.ndarray) -> np.ndarray:
        return (words[:, np.newaxis] >> np.arange(32, dtype=np.uint32) & 1) * 2.0 - 1.0

    ours, theirs = bits(words), bits(others)
    assert np.abs(ours.mean(axis=0)).max() < limit
    for lag in (0, 1, 2, 64, 384, 4096):
        assert np.abs((ours[lag:] * theirs[: count - lag]).mean(axis=0)).max() < limit * 1.1
        if lag:
            assert np.abs((ours[lag:] * ours[:-lag]).mean(axis=0)).max() < limit * 1.1
    # And no bit decides another one.
    products = ours.T @ ours / count
    assert np.abs(products - np.eye(32)).max() < limit


def test_dropped_elements_of_two_seeds_have_nothing_in_common():
    rate = 0.1
    seeds = [*tf.random.experimental.stateless_split([1, 2], 15), *([7, number] for number in range(15))]
    threshold = round(rate * 2**32)
    dropped = (
        np.array([random_words(100_000, tf.constant(seed)).numpy() < threshold for seed in seeds], np.float64) - rate
    )
    correlation = dropped @ dropped.T / (100_000 * rate * (1 - rate))
    assert np.abs(correlation[~np.eye(30, dtype=bool)]).max() < 5 / np.sqrt(100_000)
