"""The element-wise operations against formulas written out once more."""

import platform
from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.eager import context

from bert_tf.modeling.fusion import is_fusing
from bert_tf.modeling.operations import add_bias, dropout, dropout_add_norm, gelu, gelu_erf, layer_norm


def plain_gelu(x: tf.Tensor) -> tf.Tensor:
    return 0.5 * x * (1.0 + tf.tanh(np.sqrt(2.0 / np.pi) * (x + 0.044715 * x**3)))


def plain_gelu_erf(x: tf.Tensor) -> tf.Tensor:
    return 0.5 * x * (1.0 + tf.math.erf(x / np.sqrt(2.0)))


# Activations and biases


@pytest.mark.slow
@pytest.mark.parametrize("ours, plain", [(gelu, plain_gelu), (gelu_erf, plain_gelu_erf)])
@pytest.mark.parametrize("fuse", [True, False])
@pytest.mark.parametrize("dtype, tolerance", [(tf.float32, 1e-6), (tf.bfloat16, 1e-2)])
def test_gelu_and_its_gradient_are_the_formulas(ours, plain, dtype, tolerance, fuse):
    x = tf.cast(np.random.default_rng(0).normal(0, 3, [500]), dtype)
    upstream = tf.cast(np.random.default_rng(1).normal(0, 1, [500]), dtype)
    exact = tf.cast(x, tf.float64)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([x, exact])
        y, expected = ours(x, fuse=fuse), plain(exact)
    assert y.dtype == dtype
    np.testing.assert_allclose(tf.cast(y, tf.float64), expected, rtol=tolerance, atol=tolerance)
    gradient = tape.gradient(y, x, upstream)
    assert gradient.dtype == dtype
    expected = tape.gradient(expected, exact, tf.cast(upstream, tf.float64))
    np.testing.assert_allclose(tf.cast(gradient, tf.float64), expected, rtol=2 * tolerance, atol=2 * tolerance)


@pytest.mark.parametrize("dtype", [tf.float32, tf.bfloat16])
def test_a_bias_is_added_to_each_row_and_learns_from_each(dtype):
    random = np.random.default_rng(0)
    x, bias, upstream = (tf.cast(random.integers(-8, 8, shape), dtype) for shape in ([5, 7], [7], [5, 7]))
    with tf.GradientTape() as tape:
        tape.watch([x, bias])
        y = add_bias(x, bias)
    np.testing.assert_array_equal(y, x + bias)
    to_x, to_bias = tape.gradient(y, [x, bias], upstream)
    np.testing.assert_array_equal(to_x, upstream)
    np.testing.assert_array_equal(to_bias, tf.reduce_sum(upstream, axis=0))


# Layer normalization


def plain_layer_norm(x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor) -> tf.Tensor:
    mean, variance = tf.nn.moments(x, axes=[-1], keepdims=True)
    return (x - mean) / tf.sqrt(variance + 1e-12) * gamma + beta


@pytest.mark.parametrize("dtype, tolerance", [(tf.float32, 2e-6), (tf.bfloat16, 1e-2)])
def test_the_gradient_of_layer_norm_is_tensorflows_own(dtype, tolerance):
    random = np.random.default_rng(0)
    x = tf.cast(random.normal(3.0, 2.0, [7, 33]), dtype)
    gamma, beta = (tf.constant(random.normal(size=33), tf.float32) for _ in range(2))
    upstream = tf.cast(random.normal(size=[7, 33]), dtype)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([x, gamma, beta])
        ours = layer_norm(x, gamma, beta, 1e-12)
        plain = plain_layer_norm(tf.cast(x, tf.float32), gamma, beta)
    assert ours.dtype == dtype
    np.testing.assert_allclose(tf.cast(ours, tf.float32), plain, rtol=tolerance, atol=tolerance)
    for source in (x, gamma, beta):
        gradient = tape.gradient(ours, source, upstream)
        expected = tape.gradient(plain, source, tf.cast(upstream, tf.float32))
        assert gradient.dtype == source.dtype
        np.testing.assert_allclose(
            tf.cast(gradient, tf.float32), tf.cast(expected, tf.float32), rtol=tolerance, atol=5 * tolerance
        )


def optimized_operations(function: Callable, *arguments: tf.Tensor) -> set[str]:
    """The kinds of operations that TensorFlow really runs, for a graph of any number of rows."""
    specs = [tf.TensorSpec([None, x.shape[1]] if x.shape.rank == 2 else x.shape, x.dtype) for x in arguments]
    graph = tf.function(function, input_signature=specs)
    context.context().enable_run_metadata()
    try:
        graph(*arguments)
        metadata = context.context().export_run_metadata()
    finally:
        context.context().disable_run_metadata()
    return {node.op for part in metadata.function_graphs for node in part.post_optimization_graph.node}


@pytest.mark.parametrize("fuse", [True, False, None])
@pytest.mark.parametrize("dtype, tolerance", [(tf.float32, 2e-6), (tf.bfloat16, 2e-2)])
def test_layer_norm_is_the_formula_in_a_graph_of_unknown_rows(dtype, tolerance, fuse):
    random = np.random.default_rng(0)
    x = tf.cast(random.normal(3.0, 2.0, [7, 33]), dtype)
    gamma, beta = (tf.constant(random.normal(size=33), tf.float32) for _ in range(2))
    expected = plain_layer_norm(tf.cast(x, tf.float32), gamma, beta)
    specs = [tf.TensorSpec([None, 33], dtype)]
    graph = tf.function(lambda x: layer_norm(x, gamma, beta, 1e-12, fuse=fuse), input_signature=specs)
    np.testing.assert_allclose(tf.cast(graph(x), tf.float32), expected, rtol=tolerance, atol=tolerance)
    assert graph(x).dtype == dtype


@pytest.mark.skipif(
    platform.machine() != "x86_64" or not is_fusing(), reason="TensorFlow uses oneDNN's kernel on x86 CPUs alone"
)
def test_layer_norm_is_one_operation_where_no_gradient_is_needed():
    x, gamma, beta = tf.ones([3, 8]), tf.ones([8]), tf.zeros([8])
    for fuse in (True, False):
        found = optimized_operations(
            lambda x, gamma, beta, fuse=fuse: layer_norm(x + x, gamma, beta, 1e-12, fuse=fuse), x, gamma, beta
        )
        assert ("_MklLayerNorm" in found) == fuse


@pytest.mark.slow
@pytest.mark.parametrize("fuse", [True, False])
@pytest.mark.parametrize("rate", [0.0, 0.3])
@pytest.mark.parametrize("dtype, tolerance", [(tf.float32, 3e-6), (tf.bfloat16, 2e-2)])
def test_dropout_add_norm_is_the_three_one_after_the_other(dtype, tolerance, rate, fuse):
    random = np.random.default_rng(0)
    x, branch, upstream = (tf.cast(random.normal(size=[7, 33]), dtype) for _ in range(3))
    gamma, beta = (tf.constant(random.normal(size=33), tf.float32) for _ in range(2))
    seed = tf.constant([1, 2])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([x, branch, gamma, beta])
        ours = dropout_add_norm(x, branch, rate, seed, gamma, beta, 1e-12, fuse=fuse)
        total = tf.cast(x, tf.float32) + dropout(tf.cast(branch, tf.float32), rate, seed)
        plain = plain_layer_norm(total, gamma, beta)
    assert ours.dtype == dtype
    np.testing.assert_allclose(tf.cast(ours, tf.float32), plain, rtol=tolerance, atol=tolerance)
    for source in (x, branch, gamma, beta):
        gradient = tape.gradient(ours, source, upstream)
        expected = tape.gradient(plain, source, tf.cast(upstream, tf.float32))
        assert gradient.dtype == source.dtype
        np.testing.assert_allclose(
            tf.cast(gradient, tf.float32), tf.cast(expected, tf.float32), rtol=tolerance, atol=5 * tolerance
        )


# Dropout


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_dropout_zeroes_a_share_of_the_rate_and_keeps_the_mean(rate):
    x = dropout(tf.ones([1000, 200]), rate, tf.constant([1, 2])).numpy()
    five_sigma = 5 * np.sqrt(rate * (1 - rate) / x.size)
    assert np.mean(x == 0) == pytest.approx(rate, abs=five_sigma)
    assert np.mean(x) == pytest.approx(1.0, abs=five_sigma / (1 - rate))
    np.testing.assert_allclose(x[x != 0], 1 / (1 - rate), rtol=1e-4)


def test_dropout_falls_evenly_over_rows_and_columns():
    dropped = dropout(tf.ones([1001, 301]), 0.1, tf.constant([3, 4])).numpy() == 0
    for axis, size in ((0, 1001), (1, 301)):
        share = dropped.mean(axis=axis)
        assert np.abs(share - 0.1).max() < 6 * np.sqrt(0.09 / size)
    # Neighbours share a word of random bits, and must not share their fate.
    together = np.mean(dropped[:, :-1] & dropped[:, 1:])
    assert together == pytest.approx(0.01, abs=0.002)


def test_dropout_is_a_function_of_its_seed():
    x = tf.ones([50, 50])
    first, again = (dropout(x, 0.5, tf.constant([1, 2])) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    for other in ([1, 3], [0, 2], [2, 1]):
        agreement = np.mean(dropout(x, 0.5, tf.constant(other)).numpy() == first.numpy())
        assert agreement == pytest.approx(0.5, abs=0.06)


def test_dropout_of_rate_0_is_the_identity():
    x = tf.constant(np.random.default_rng(0).normal(size=[3, 5]), tf.float32)
    np.testing.assert_array_equal(dropout(x, 0.0, tf.constant([1, 2])), x)


@pytest.mark.parametrize("shape", [[1], [3, 5, 7], [2, 3], [0, 4]])
def test_dropout_reaches_every_element_of_any_shape(shape):
    draws = np.stack([dropout(tf.ones(shape), 0.5, tf.constant([seed, 0])) for seed in range(40)])
    assert draws.shape == (40, *shape)
    assert (draws.min(axis=0) == 0).all() and (draws.max(axis=0) == 2).all()


@pytest.mark.parametrize("dtype", [tf.float32, tf.bfloat16, tf.float16])
def test_dropout_and_its_gradient_keep_the_type(dtype):
    x = tf.ones([40, 40], dtype)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = dropout(x, 0.25, tf.constant([1, 2]))
    gradient = tape.gradient(y, x)
    assert y.dtype == gradient.dtype == dtype
    np.testing.assert_array_equal(tf.cast(gradient, tf.float32), tf.cast(y, tf.float32))
