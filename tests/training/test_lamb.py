"""LAMB against the Model Garden's."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from official.modeling.optimization.lamb import LAMB

from bert_tf.training.lamb import LambOptimizer

SHAPES = {"dense/kernel": (5, 4), "dense/bias": (4,), "output/LayerNorm/gamma": (4,), "table": (6, 4)}


def make_variables() -> dict[str, tf.Variable]:
    random = np.random.default_rng(0)
    return {name: tf.Variable(random.normal(size=shape), dtype=tf.float32, name=name) for name, shape in SHAPES.items()}


def small_gradients(steps: int) -> list[dict[str, tf.Tensor]]:
    """Gradients whose global norm is below 1: the Model Garden's class does not clip."""
    random = np.random.default_rng(1)
    return [
        {name: tf.constant(0.05 * random.normal(size=shape), tf.float32) for name, shape in SHAPES.items()}
        for _ in range(steps)
    ]


@pytest.mark.parametrize("decay", [0.0, 0.3])
def test_ten_updates_are_those_of_the_model_garden(decay):
    ours, theirs = make_variables(), make_variables()
    optimizer = LambOptimizer(ours, weight_decay=decay)
    garden = LAMB(0.02, weight_decay_rate=decay, exclude_from_weight_decay=["LayerNorm", "bias"])
    assert isinstance(garden, tf_keras.optimizers.legacy.Optimizer)
    for gradients in small_gradients(10):
        optimizer.apply_gradients(gradients, tf.constant(0.02))
        garden.apply_gradients([(gradient, theirs[name]) for name, gradient in gradients.items()])
    for name in SHAPES:
        np.testing.assert_allclose(ours[name].numpy(), theirs[name].numpy(), rtol=2e-6, atol=2e-7)


def test_an_update_is_as_long_as_the_rate_times_the_variable():
    variables = make_variables()
    before = {name: variable.numpy() for name, variable in variables.items()}
    LambOptimizer(variables).apply_gradients(small_gradients(1)[0], tf.constant(0.01))
    for name in ("dense/kernel", "table"):
        moved = np.linalg.norm(variables[name].numpy() - before[name])
        assert moved == pytest.approx(0.01 * np.linalg.norm(before[name]), rel=1e-5)


def test_a_factor_of_the_rate_shortens_the_update_of_its_variable_alone():
    variables = make_variables()
    before = {name: variable.numpy() for name, variable in variables.items()}
    LambOptimizer(variables, rates={"table": 0.25}).apply_gradients(small_gradients(1)[0], tf.constant(0.01))
    for name, rate in (("dense/kernel", 0.01), ("table", 0.0025)):
        moved = np.linalg.norm(variables[name].numpy() - before[name])
        assert moved == pytest.approx(rate * np.linalg.norm(before[name]), rel=1e-4)


def test_a_variable_without_a_gradient_stays():
    variables = make_variables()
    table = variables["table"].numpy()
    gradients = small_gradients(1)[0]
    del gradients["table"]
    LambOptimizer(variables, weight_decay=0.3).apply_gradients(gradients, tf.constant(0.01))
    np.testing.assert_array_equal(variables["table"], table)


def test_a_variable_of_zeros_leaves_zero():
    variables = {"dense/kernel": tf.Variable(tf.zeros([5, 4]))}
    LambOptimizer(variables).apply_gradients({"dense/kernel": tf.fill([5, 4], 0.1)}, tf.constant(0.01))
    np.testing.assert_allclose(variables["dense/kernel"].numpy(), -0.01, rtol=1e-4)


def test_gradients_are_clipped_as_for_adam():
    long, short = make_variables(), make_variables()
    gradients = {name: tf.fill(shape, 1.0) for name, shape in SHAPES.items()}
    norm = tf.linalg.global_norm(list(gradients.values()))
    LambOptimizer(long).apply_gradients(gradients, tf.constant(0.01))
    LambOptimizer(short).apply_gradients({n: g / norm for n, g in gradients.items()}, tf.constant(0.01))
    for name in SHAPES:
        np.testing.assert_allclose(long[name].numpy(), short[name].numpy(), rtol=1e-6)


def test_the_state_has_the_names_of_adams():
    names = set(LambOptimizer({"dense/kernel": tf.Variable(tf.zeros([5, 4]))}).state_by_name)
    assert {"global_step", "dense/kernel/adam_m", "dense/kernel/adam_v"} <= names
