"""The optimizer and its schedule against the formulas of the original and of the paper, in numpy."""

import numpy as np
import pytest
import tensorflow as tf

from bert_tf.checkpoints.formats import read_checkpoint
from bert_tf.training.optimization import AdamWeightDecayOptimizer, WarmupPolynomialDecay, layerwise_rates

RATE, DECAY = 0.02, 0.3
SHAPES = {"dense/kernel": (5, 4), "dense/bias": (4,), "output/LayerNorm/gamma": (4,)}


def make_variables(seed: int = 0) -> dict[str, tf.Variable]:
    random = np.random.default_rng(seed)
    return {name: tf.Variable(random.normal(size=shape), dtype=tf.float32) for name, shape in SHAPES.items()}


def random_gradients(steps: int, scale: float = 1.0) -> list[dict[str, np.ndarray]]:
    random = np.random.default_rng(1)
    return [
        {name: (scale * random.normal(size=shape)).astype(np.float32) for name, shape in SHAPES.items()}
        for _ in range(steps)
    ]


def apply(optimizer: AdamWeightDecayOptimizer, gradients: dict[str, np.ndarray], rate: float = RATE) -> None:
    optimizer.apply_gradients(
        {name: tf.convert_to_tensor(gradient) for name, gradient in gradients.items()}, tf.constant(rate)
    )


def expected_after(
    variables: dict[str, tf.Variable], steps: list[dict[str, np.ndarray]], bias_correction: bool, decay: float
) -> dict[str, np.ndarray]:
    """Kingma and Ba's algorithm 1, or without its two corrections the original's update, in float64."""
    values = {name: variable.numpy().astype(np.float64) for name, variable in variables.items()}
    m, v = ({name: np.zeros(shape) for name, shape in SHAPES.items()} for _ in range(2))
    for t, gradients in enumerate(steps, start=1):
        norm = np.sqrt(sum(np.sum(np.square(g.astype(np.float64))) for g in gradients.values()))
        for name, gradient in gradients.items():
            gradient = gradient / max(norm, 1.0)
            m[name] = 0.9 * m[name] + 0.1 * gradient
            v[name] = 0.999 * v[name] + 0.001 * gradient**2
            m_hat = m[name] / (1 - 0.9**t) if bias_correction else m[name]
            v_hat = v[name] / (1 - 0.999**t) if bias_correction else v[name]
            update = m_hat / (np.sqrt(v_hat) + 1e-6)
            if name == "dense/kernel":
                update = update + decay * values[name]
            values[name] = values[name] - RATE * update
    return values


# The schedule


@pytest.mark.parametrize("warmup", [0, 1, 4, 10])
def test_the_schedule_is_the_originals(warmup):
    schedule = WarmupPolynomialDecay(2e-3, num_train_steps=10, num_warmup_steps=warmup)
    expected = [2e-3 * step / warmup if step < warmup else 2e-3 * max(0.0, 1 - step / 10) for step in range(14)]
    np.testing.assert_allclose([schedule(step) for step in range(14)], expected, rtol=1e-6, atol=1e-12)


def test_the_schedule_takes_the_counter_of_a_graph():
    schedule = WarmupPolynomialDecay(1.0, num_train_steps=10, num_warmup_steps=4)
    rate = tf.function(schedule)(tf.constant(2, tf.int64))
    assert (rate.dtype, rate.shape, float(rate)) == (tf.float32, (), 0.5)


# The update


@pytest.mark.slow
@pytest.mark.parametrize("gradient_scale", [0.02, 3.0])
@pytest.mark.parametrize("decay", [0.0, DECAY])
@pytest.mark.parametrize("bias_correction", [True, False])
def test_ten_updates_are_those_of_the_formula(bias_correction, decay, gradient_scale):
    variables = make_variables()
    steps = random_gradients(10, gradient_scale)
    expected = expected_after(variables, steps, bias_correction, decay)
    optimizer = AdamWeightDecayOptimizer(variables, weight_decay=decay, bias_correction=bias_correction)
    update = tf.function(lambda gradients: optimizer.apply_gradients(gradients, tf.constant(RATE)))
    for gradients in steps:
        update(gradients)
    for name, variable in variables.items():
        np.testing.assert_allclose(variable, expected[name], rtol=1e-5, atol=1e-5, err_msg=name)
    assert int(optimizer.global_step) == 10


def test_gradients_below_norm_1_are_not_clipped_and_those_above_are():
    for norm, kept in ((0.5, 0.5), (1.0, 1.0), (4.0, 1.0), (1e6, 1.0)):
        gradients = random_gradients(1)[0]
        length = np.sqrt(sum(np.sum(gradient**2) for gradient in gradients.values()))
        gradients = {name: gradient * np.float32(norm / length) for name, gradient in gradients.items()}
        optimizer = AdamWeightDecayOptimizer(make_variables())
        apply(optimizer, gradients)
        for name, gradient in gradients.items():
            moment = optimizer.state_by_name[f"{name}/adam_m"]
            np.testing.assert_allclose(moment, 0.1 * gradient * kept / norm, rtol=1e-5, err_msg=f"{norm} {name}")


def test_all_but_layer_norm_and_biases_is_decayed(golden):
    names = read_checkpoint(golden / "finetuned.ckpt").keys()
    variables = {name: tf.Variable([1.0]) for name in names}
    optimizer = AdamWeightDecayOptimizer(variables, weight_decay=0.5)
    optimizer.apply_gradients({name: tf.zeros([1]) for name in names}, tf.constant(0.1))
    decayed = {name for name, variable in variables.items() if float(variable[0]) != 1.0}
    assert {float(variables[name][0]) for name in decayed} == {np.float32(0.95)}
    # 3 tables, 6 kernels in each of 3 layers, the pooler's, the classifier's.
    assert len(decayed) == 3 + 18 + 2
    assert all(name.endswith(("_embeddings", "kernel", "output_weights")) for name in decayed)


def test_the_rows_of_a_table_are_updated_as_a_dense_gradient_would():
    dense, sparse = (tf.Variable(np.random.default_rng(0).normal(size=[6, 3]), dtype=tf.float32) for _ in range(2))
    rows, values = tf.constant([4, 1, 4]), tf.constant(np.random.default_rng(1).normal(0, 0.01, [3, 3]), tf.float32)
    optimizers = [AdamWeightDecayOptimizer({"table": variable}) for variable in (dense, sparse)]
    for _ in range(3):
        summed = tf.math.unsorted_segment_sum(values, rows, 6)
        optimizers[0].apply_gradients({"table": summed}, tf.constant(RATE))
        optimizers[1].apply_gradients({"table": tf.IndexedSlices(values, rows, [6, 3])}, tf.constant(RATE))
    np.testing.assert_allclose(sparse, dense, rtol=1e-5, atol=1e-7)


def test_the_norm_of_rows_is_taken_before_they_are_summed_as_in_the_original():
    optimizer = AdamWeightDecayOptimizer({"table": tf.Variable(tf.zeros([4, 1]))})
    gradient = tf.IndexedSlices(tf.constant([[3.0], [-4.0]]), tf.constant([2, 2]), tf.constant([4, 1]))
    optimizer.apply_gradients({"table": gradient}, tf.constant(RATE))
    np.testing.assert_allclose(optimizer.state_by_name["table/adam_m"], [[0], [0], [0.1 * -1 / 5], [0]], rtol=1e-6)


def test_the_state_has_the_originals_names():
    optimizer = AdamWeightDecayOptimizer({"output_bias": tf.Variable([0.0])})
    assert {"global_step", "output_bias/adam_m", "output_bias/adam_v"} <= optimizer.state_by_name.keys()
    assert optimizer.global_step.dtype == tf.int64


def test_the_state_is_all_that_an_optimizer_needs_to_go_on():
    steps = random_gradients(6)
    whole, broken = make_variables(), make_variables()
    optimizer = AdamWeightDecayOptimizer(whole, dynamic_loss_scale=True)
    for gradients in steps:
        apply(optimizer, gradients)
    first, second = (AdamWeightDecayOptimizer(broken, dynamic_loss_scale=True) for _ in range(2))
    for gradients in steps[:3]:
        apply(first, gradients)
    for name, variable in second.state_by_name.items():
        variable.assign(first.state_by_name[name])
    for gradients in steps[3:]:
        apply(second, gradients)
    for name, variable in whole.items():
        np.testing.assert_array_equal(broken[name], variable)
    for name, variable in optimizer.state_by_name.items():
        np.testing.assert_array_equal(second.state_by_name[name], variable, err_msg=name)


# The loss scale of float16


@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
def test_an_overflow_leaves_the_update_out_and_halves_the_scale(bad):
    variables = make_variables()
    optimizer = AdamWeightDecayOptimizer(variables, dynamic_loss_scale=True)
    gradients = random_gradients(2)
    apply(optimizer, gradients[0])
    kept = {**variables, **optimizer.state_by_name}
    del kept["global_step"], kept["training/loss_scale"], kept["training/loss_scale_good_steps"]
    before = {name: variable.numpy() for name, variable in kept.items()}
    gradients[1]["dense/bias"][2] = bad
    apply(optimizer, gradients[1])
    for name, variable in kept.items():
        np.testing.assert_array_equal(variable, before[name], err_msg=name)
    assert float(optimizer.loss_scale) == 2.0**14
    assert int(optimizer.state_by_name["training/loss_scale_good_steps"]) == 0
    assert int(optimizer.global_step) == 2


def test_the_scale_never_falls_below_1():
    optimizer = AdamWeightDecayOptimizer(make_variables(), dynamic_loss_scale=True)
    overflow = {name: np.full(shape, np.inf, np.float32) for name, shape in SHAPES.items()}
    for _ in range(20):
        apply(optimizer, overflow)
    assert float(optimizer.loss_scale) == 1.0


def test_2000_good_steps_double_the_scale():
    optimizer = AdamWeightDecayOptimizer(make_variables(), dynamic_loss_scale=True)
    good_steps = optimizer.state_by_name["training/loss_scale_good_steps"]
    good_steps.assign(1998)
    gradients = random_gradients(1)[0]
    seen = []
    for _ in range(3):
        apply(optimizer, gradients)
        seen.append((float(optimizer.loss_scale), int(good_steps)))
    assert seen == [(2.0**15, 1999), (2.0**16, 0), (2.0**16, 1)]


def test_the_scale_does_not_show_in_the_update():
    scaled, plain = make_variables(), make_variables()
    with_scale = AdamWeightDecayOptimizer(scaled, dynamic_loss_scale=True)
    without = AdamWeightDecayOptimizer(plain)
    for gradients in random_gradients(3, 0.01):
        apply(with_scale, {name: gradient * np.float32(2.0**15) for name, gradient in gradients.items()})
        apply(without, gradients)
    for name, variable in plain.items():
        np.testing.assert_array_equal(scaled[name], variable, err_msg=name)
    assert float(without.loss_scale) == 1.0


def test_a_variable_without_a_gradient_is_neither_updated_nor_decayed():
    variables = {name: tf.Variable(tf.ones([2, 2])) for name in ("a/kernel", "b/kernel")}
    optimizer = AdamWeightDecayOptimizer(variables, weight_decay=0.5)
    optimizer.apply_gradients({"a/kernel": tf.ones([2, 2])}, tf.constant(0.1))
    assert (variables["a/kernel"].numpy() < 0.96).all()
    np.testing.assert_array_equal(variables["b/kernel"], np.ones([2, 2]))


# Layerwise learning rates


def test_each_layer_has_its_factor_and_the_embeddings_the_smallest(golden):
    names = read_checkpoint(golden / "finetuned.ckpt").keys()
    rates = layerwise_rates(names, num_layers=3, decay=0.9)
    expected = {"output_": 1.0, "bert/pooler/": 1.0, "bert/embeddings/": 0.9**3}
    expected |= {f"bert/encoder/layer_{layer}/": 0.9 ** (2 - layer) for layer in range(3)}
    assert rates.keys() == names
    for name, rate in rates.items():
        assert rate == next(factor for scope, factor in expected.items() if name.startswith(scope)), name


def test_a_factor_scales_the_update_and_the_decay_of_its_variable_alone():
    plain, scaled = make_variables(), make_variables()
    optimizers = [
        AdamWeightDecayOptimizer(plain, weight_decay=DECAY),
        AdamWeightDecayOptimizer(scaled, weight_decay=DECAY, rates={"dense/kernel": 0.25, "dense/bias": 1.0}),
    ]
    before, gradients = make_variables(), random_gradients(1)[0]
    for optimizer in optimizers:
        apply(optimizer, gradients)
    moved = {name: (plain[name] - before[name], scaled[name] - before[name]) for name in SHAPES}
    np.testing.assert_allclose(moved["dense/kernel"][1], 0.25 * moved["dense/kernel"][0], rtol=1e-2, atol=1e-6)
    for name in ("dense/bias", "output/LayerNorm/gamma"):
        np.testing.assert_array_equal(*moved[name])


def test_without_decay_every_factor_is_1():
    assert set(layerwise_rates(["bert/embeddings/word_embeddings", "output_bias"], 12, 1.0).values()) == {1.0}
