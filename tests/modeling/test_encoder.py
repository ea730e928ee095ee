"""The encoder against the original's golden output and against the Model Garden's BertEncoderV2."""

import dataclasses
import json
import random

import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from official.nlp.modeling.networks import BertEncoderV2
from support.encoders import SMALL, random_inputs, randomize, with_groups, with_more_rows, with_token_rows

from bert_tf.checkpoints.formats import read_checkpoint
from bert_tf.checkpoints.load import fill
from bert_tf.modeling.config import BertConfig
from bert_tf.modeling.encoder import BertEncoder

# The activations are written out once more: the reference must not share them with what it checks.
CONFIGS = {
    "tanh gelu": (SMALL, lambda x: 0.5 * x * (1.0 + tf.tanh(np.sqrt(2.0 / np.pi) * (x + 0.044715 * x**3)))),
    "erf gelu": (
        dataclasses.replace(SMALL, hidden_act="gelu_erf", num_hidden_layers=1),
        lambda x: 0.5 * x * (1.0 + tf.math.erf(x / np.sqrt(2.0))),
    ),
    "relu, three types": (
        dataclasses.replace(SMALL, hidden_act="relu", type_vocab_size=3, hidden_size=20, num_attention_heads=5),
        lambda x: tf.maximum(x, 0.0),
    ),
    "tanh, one head, wide": (
        dataclasses.replace(SMALL, hidden_act="tanh", num_attention_heads=1, intermediate_size=100),
        tf.tanh,
    ),
}


@pytest.fixture(params=CONFIGS)
def pair(request) -> tuple[BertEncoder, BertEncoderV2]:
    """An encoder with random weights, none of them trivial, and the Model Garden's with the same."""
    config, activation = CONFIGS[request.param]
    encoder = BertEncoder(config)
    randomize(encoder, seed=len(request.param))
    return encoder, garden_encoder(encoder, activation)


@pytest.fixture(scope="module")
def forward(golden) -> dict[str, np.ndarray]:
    with np.load(golden / "forward.npz") as data:
        return dict(data)


@pytest.fixture(scope="module")
def golden_encoder(golden) -> BertEncoder:
    encoder = BertEncoder(BertConfig.from_json_file(golden / "bert_config.json"))
    fill(encoder, read_checkpoint(golden / "bert_model.ckpt"))
    return encoder


@pytest.fixture(scope="module")
def golden_inputs(forward) -> dict[str, np.ndarray]:
    return {
        "input_word_ids": forward["input_ids"],
        "input_mask": forward["input_mask"],
        "input_type_ids": forward["segment_ids"],
    }


def garden_encoder(encoder: BertEncoder, activation) -> BertEncoderV2:
    config = encoder.config
    garden = BertEncoderV2(
        vocab_size=config.vocab_size,
        hidden_size=config.hidden_size,
        num_layers=config.num_hidden_layers,
        num_attention_heads=config.num_attention_heads,
        max_sequence_length=config.max_position_embeddings,
        type_vocab_size=config.type_vocab_size,
        inner_dim=config.intermediate_size,
        inner_activation=activation,
        name="garden",
    )
    garden(garden.inputs)
    weights = {variable.name: variable for variable in encoder.variables}
    for variable in garden.variables:
        variable.assign(weights.pop(variable.name.removeprefix("garden/")))
    assert not weights
    return garden


def gradients(encoder: tf_keras.Model, inputs: dict[str, tf.Tensor]) -> list[np.ndarray]:
    """The gradients of a random function of both outputs, padded positions left out."""
    generator = np.random.default_rng(1)
    with tf.GradientTape() as tape:
        outputs = encoder(inputs)
        tokens, pooled = outputs["sequence_output"], outputs["pooled_output"]
        weights = generator.normal(size=tokens.shape) * np.expand_dims(inputs["input_mask"], -1)
        loss = tf.reduce_sum(tokens * tf.constant(weights, tf.float32))
        loss += tf.reduce_sum(pooled * tf.constant(generator.normal(size=pooled.shape), tf.float32))
    return [tf.convert_to_tensor(gradient).numpy() for gradient in tape.gradient(loss, encoder.variables)]


# What is computed


def test_every_layer_is_what_the_original_computes(golden_encoder, golden_inputs, forward):
    outputs = golden_encoder(golden_inputs)
    np.testing.assert_allclose(np.stack(outputs["encoder_outputs"]), forward["all_encoder_layers"], rtol=0, atol=1e-5)
    np.testing.assert_allclose(outputs["sequence_output"], forward["sequence_output"], rtol=0, atol=1e-5)
    np.testing.assert_allclose(outputs["pooled_output"], forward["pooled_output"], rtol=0, atol=1e-5)


@pytest.mark.slow
def test_every_layer_is_what_the_model_gardens_encoder_computes(pair):
    encoder, garden = pair
    inputs = random_inputs(encoder.config)
    outputs, expected = encoder(inputs), garden(inputs)
    for layer, (ours, theirs) in enumerate(zip(outputs["encoder_outputs"], expected["encoder_outputs"], strict=True)):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5, err_msg=f"layer {layer}")
    np.testing.assert_allclose(outputs["sequence_output"], expected["sequence_output"], rtol=0, atol=1e-5)
    np.testing.assert_allclose(outputs["pooled_output"], expected["pooled_output"], rtol=0, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("fuse", [True, False, None])
def test_a_graph_for_all_batches_gives_what_the_original_computes(golden_encoder, golden_inputs, forward, fuse):
    encoder = BertEncoder(golden_encoder.config, fuse=fuse)
    encoder.set_weights(golden_encoder.get_weights())
    specs = {name: tf.TensorSpec([None, None], tf.int32) for name in golden_inputs}
    outputs = tf.function(lambda inputs: encoder(inputs), input_signature=[specs])(golden_inputs)
    np.testing.assert_allclose(outputs["pooled_output"], forward["pooled_output"], rtol=0, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("layout", [dict, with_token_rows, with_more_rows, with_groups])
def test_the_gradients_are_those_of_the_model_gardens_encoder(pair, layout):
    encoder, garden = pair
    inputs = random_inputs(encoder.config)
    expected = {
        variable.name.removeprefix("garden/"): gradient
        for variable, gradient in zip(garden.variables, gradients(garden, inputs), strict=True)
    }
    # Relative to the largest of all: the gradient of the keys' biases is nothing but noise.
    noise = 3e-6 * max(np.abs(gradient).max() for gradient in expected.values())
    for variable, gradient in zip(encoder.variables, gradients(encoder, layout(inputs)), strict=True):
        np.testing.assert_allclose(gradient, expected[variable.name], rtol=1e-4, atol=noise, err_msg=variable.name)


@pytest.mark.slow
@pytest.mark.parametrize("layout", [with_token_rows, with_groups])
def test_leaving_padding_out_changes_nothing_but_the_padding(pair, layout):
    encoder, _ = pair
    inputs = random_inputs(encoder.config)
    outputs, expected = encoder(layout(inputs)), encoder(inputs)
    np.testing.assert_allclose(outputs["pooled_output"], expected["pooled_output"], rtol=0, atol=2e-6)
    real = np.expand_dims(inputs["input_mask"], -1)
    for ours, theirs in zip(outputs["encoder_outputs"], expected["encoder_outputs"], strict=True):
        np.testing.assert_allclose(ours, theirs * real, rtol=0, atol=5e-6)
    np.testing.assert_array_equal(outputs["sequence_output"], outputs["encoder_outputs"][-1])


@pytest.mark.slow
def test_padded_positions_among_the_rows_change_nothing_for_tokens(pair):
    encoder, _ = pair
    inputs = random_inputs(encoder.config)
    outputs, expected = encoder(with_more_rows(inputs)), encoder(inputs)
    np.testing.assert_allclose(outputs["pooled_output"], expected["pooled_output"], rtol=0, atol=2e-6)
    real = np.expand_dims(inputs["input_mask"], -1)
    for ours, theirs in zip(outputs["encoder_outputs"], expected["encoder_outputs"], strict=True):
        np.testing.assert_allclose(ours * real, theirs * real, rtol=0, atol=5e-6)


@pytest.mark.parametrize("layout", [dict, with_token_rows, with_more_rows, with_groups])
@pytest.mark.parametrize("output_range", [1, 5])
def test_output_range_changes_nothing_but_the_number_of_positions(golden_encoder, golden_inputs, output_range, layout):
    whole = golden_encoder(golden_inputs)
    part = golden_encoder(layout(golden_inputs), output_range=output_range)
    np.testing.assert_allclose(part["pooled_output"], whole["pooled_output"], rtol=0, atol=1e-6)
    np.testing.assert_allclose(part["sequence_output"], whole["sequence_output"][:, :output_range], rtol=0, atol=2e-6)
    assert [x.shape[1] for x in part["encoder_outputs"]] == [24, 24, output_range]


def test_padding_changes_nothing(golden_encoder, golden_inputs):
    padded = {name: np.pad(array, [(0, 0), (0, 9)]) for name, array in golden_inputs.items()}
    padded["input_word_ids"][:, -9:] = 7
    ours, expected = golden_encoder(padded), golden_encoder(golden_inputs)
    np.testing.assert_allclose(ours["sequence_output"][:, :-9], expected["sequence_output"], rtol=0, atol=2e-6)


def test_one_graph_serves_all_batch_sizes_and_lengths(golden_encoder):
    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.int32)])
    def encode(ids: tf.Tensor) -> tf.Tensor:
        inputs = {"input_word_ids": ids, "input_mask": tf.ones_like(ids), "input_type_ids": ids * 0}
        return golden_encoder(inputs)["sequence_output"]

    assert [encode(tf.ones(shape, tf.int32)).shape[:2] for shape in ([1, 1], [3, 24], [2, 64])] == [
        (1, 1),
        (3, 24),
        (2, 64),
    ]


@pytest.mark.slow
def test_weights_made_once_serve_until_the_variables_change(pair):
    encoder, _ = pair
    inputs, weights = random_inputs(encoder.config), encoder.product_weights()

    def pooled(**arguments) -> np.ndarray:
        return encoder(inputs, **arguments)["pooled_output"].numpy()

    np.testing.assert_array_equal(pooled(weights=weights), pooled())
    before = pooled()
    kernel = encoder.variables_by_name["bert/encoder/layer_0/output/dense/kernel"]
    kernel.assign(kernel * 2)
    np.testing.assert_array_equal(pooled(weights=weights), before)
    assert np.abs(pooled() - before).max() > 1e-3


# Dropout


def dropouts(graph: tf.Graph) -> tuple[list[float], list[tf.Tensor]]:
    """The rate and the seed of each dropout in a graph, in the order of the model."""
    compared = [operation for operation in graph.get_operations() if operation.type == "GreaterEqual"]
    drawn = [operation for operation in graph.get_operations() if operation.type == "StatelessRandomGetKeyCounter"]
    rates = [float(tf.get_static_value(operation.inputs[1])) / 2**16 for operation in compared]
    # The first one draws the seeds of all dropouts.
    return rates, [operation.inputs[0] for operation in drawn[1:]]


@pytest.mark.slow
def test_every_dropout_of_the_model_has_its_own_seed():
    config = dataclasses.replace(SMALL, hidden_dropout_prob=0.2, attention_probs_dropout_prob=0.3)
    encoder, inputs = BertEncoder(config, fuse=False), random_inputs(config)
    function = tf.compat.v1.wrap_function(
        lambda seed: encoder(inputs, dropout_seed=seed)["pooled_output"], [tf.TensorSpec([2], tf.int32)]
    )
    rates, seeds = dropouts(function.graph)
    # Embeddings; probabilities, attention's output and the layer's output in each of two layers.
    np.testing.assert_allclose(rates, [0.2, 0.3, 0.2, 0.2, 0.3, 0.2, 0.2], atol=1e-5)
    values = function.prune(function.inputs[0], seeds)(tf.constant([5, 6]))
    assert len({tuple(value.numpy()) for value in values}) == len(rates)


def test_the_dropouts_of_training_are_a_function_of_the_seed():
    config = dataclasses.replace(SMALL, hidden_dropout_prob=0.2, attention_probs_dropout_prob=0.2)
    encoder, inputs = BertEncoder(config), random_inputs(config)
    first, again, other, without = (
        encoder(inputs, dropout_seed=seed)["pooled_output"].numpy()
        for seed in (tf.constant([1, 2]), tf.constant([1, 2]), tf.constant([1, 3]), None)
    )
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1e-3
    assert np.abs(first - without).max() > 1e-3


# Types


@pytest.mark.slow
@pytest.mark.parametrize("policy, compute", [("mixed_bfloat16", tf.bfloat16), ("mixed_float16", tf.float16)])
def test_mixed_precision_is_near_float32(golden_encoder, golden_inputs, policy, compute):
    mixed = BertEncoder(golden_encoder.config, dtype=policy)
    mixed.set_weights(golden_encoder.get_weights())
    assert {variable.dtype for variable in mixed.variables} == {tf.float32}
    outputs, expected = mixed(golden_inputs), golden_encoder(golden_inputs)
    assert outputs["sequence_output"].dtype == compute
    assert {x.dtype for x in outputs["encoder_outputs"]} == {compute}
    assert outputs["pooled_output"].dtype == tf.float32
    difference = np.abs(outputs["pooled_output"] - expected["pooled_output"]).max()
    assert 0 < difference < 0.05


# Variables


def test_the_variables_have_the_originals_names(golden_encoder, golden):
    assert golden_encoder.variables_by_name.keys() == read_checkpoint(golden / "bert_model.ckpt").keys()
    named = {id(variable) for variable in golden_encoder.variables_by_name.values()}
    assert {id(variable) for variable in golden_encoder.variables} == named


def test_the_first_weights_are_the_originals_distribution():
    encoder = BertEncoder(dataclasses.replace(SMALL, vocab_size=5000, initializer_range=0.03))
    values = {name: variable.numpy() for name, variable in encoder.variables_by_name.items()}
    for name, value in values.items():
        if name.endswith(("bias", "beta")):
            assert (value == 0).all(), name
        elif name.endswith("gamma"):
            assert (value == 1).all(), name
        else:
            # Cut off at two standard deviations, which leaves 0.88 of the deviation.
            assert np.abs(value).max() <= 0.06, name
    words = values["bert/embeddings/word_embeddings"]
    assert words.std() == pytest.approx(0.03 * 0.8796, rel=0.01) and abs(words.mean()) < 0.001
    kernels = [value.ravel() for name, value in values.items() if name.endswith("kernel")]
    assert len({kernel[:5].tobytes() for kernel in kernels}) == len(kernels)


def weights_of(encoder: BertEncoder) -> dict[str, np.ndarray]:
    return {name: variable.numpy() for name, variable in encoder.variables_by_name.items()}


def test_the_first_weights_are_a_function_of_the_seed():
    first, again, other = (weights_of(BertEncoder(SMALL, seed=seed)) for seed in (1, 1, 2))
    np.testing.assert_equal(again, first)
    for name in first:
        if name.endswith(("kernel", "embeddings")):
            assert (other[name] != first[name]).all(), name


def test_the_first_weights_of_a_variable_depend_on_no_other_variable():
    small, deep = (BertEncoder(dataclasses.replace(SMALL, num_hidden_layers=n), seed=1) for n in (1, 2))
    deep = weights_of(deep)
    for name, value in weights_of(small).items():
        np.testing.assert_array_equal(deep[name], value, err_msg=name)


def test_the_first_weights_of_a_seed_are_the_same_on_every_machine():
    kernel = weights_of(BertEncoder(SMALL, seed=1))["bert/pooler/dense/kernel"]
    np.testing.assert_allclose(kernel[0, :3], [0.0334262, -0.0345848, 0.0153168], rtol=1e-4)


def test_without_a_seed_the_first_weights_follow_keras_random_seed():
    tf_keras.utils.set_random_seed(4)
    first, second = weights_of(BertEncoder(SMALL)), weights_of(BertEncoder(SMALL))
    tf_keras.utils.set_random_seed(4)
    again = weights_of(BertEncoder(SMALL))
    np.testing.assert_equal(again, first)
    assert (second["bert/pooler/dense/kernel"] != first["bert/pooler/dense/kernel"]).all()


def test_zeros_take_no_random_numbers():
    random.seed(1)
    before = random.getstate()
    weights = weights_of(BertEncoder(SMALL, initializer="zeros"))
    assert random.getstate() == before
    assert {name for name, value in weights.items() if value.any()} == {name for name in weights if "gamma" in name}


def test_an_unknown_initializer_is_an_error():
    with pytest.raises(ValueError, match="initializer is 'ones'; it must be"):
        BertEncoder(SMALL, initializer="ones")


def test_an_encoder_is_rebuilt_from_its_keras_config():
    encoder = BertEncoder(dataclasses.replace(SMALL, hidden_act="relu"), dtype="mixed_bfloat16")
    again = BertEncoder.from_config(json.loads(json.dumps(encoder.get_config())))
    assert again.config == encoder.config and again.compute_dtype == "bfloat16"
