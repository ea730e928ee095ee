"""The encoder against the original's golden output and against the Model Garden's BertEncoderV2."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from official.nlp.modeling.networks import BertEncoderV2

from bert_tf.checkpoints.formats import read_checkpoint
from bert_tf.checkpoints.load import fill
from bert_tf.errors import UserError
from bert_tf.modeling import encoder as modeling
from bert_tf.modeling import heads
from bert_tf.modeling.config import BertConfig
from bert_tf.modeling.encoder import BertEncoder
from bert_tf.modeling.heads import ClassificationHead
from bert_tf.modeling.operations import dropout, dropout_add_norm

SMALL = BertConfig(
    vocab_size=50,
    hidden_size=24,
    num_hidden_layers=2,
    num_attention_heads=3,
    intermediate_size=40,
    max_position_embeddings=20,
    type_vocab_size=2,
)
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
    randomise(encoder, seed=len(request.param))
    return encoder, garden_encoder(encoder, activation)


@pytest.fixture(scope="module")
def forward(golden) -> dict[str, np.ndarray]:
    with np.load(golden / "forward.npz") as data:
        return dict(data)


@pytest.fixture(scope="module")
def classifier(golden, forward) -> ClassificationHead:
    model = ClassificationHead(BertEncoder(BertConfig.from_json_file(golden / "bert_config.json")), num_labels=3)
    fill(model.encoder, read_checkpoint(golden / "bert_model.ckpt"))
    model.output_weights.assign(forward["output_weights"])
    model.output_bias.assign(forward["output_bias"])
    return model


@pytest.fixture(scope="module")
def golden_inputs(forward) -> dict[str, np.ndarray]:
    return {
        "input_word_ids": forward["input_ids"],
        "input_mask": forward["input_mask"],
        "input_type_ids": forward["segment_ids"],
    }


def randomise(model: tf_keras.Model, seed: int) -> None:
    random = np.random.default_rng(seed)
    for name, variable in model.variables_by_name.items():
        centre = 1.0 if name.endswith("gamma") else 0.0
        variable.assign(random.normal(centre, 0.2, variable.shape))


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


def random_inputs(config: BertConfig, batch: int = 4, length: int = 13, seed: int = 0) -> dict[str, tf.Tensor]:
    """Examples of all lengths from one token to all."""
    random = np.random.default_rng(seed)
    mask = np.arange(length) < np.linspace(1, length, batch).astype(int)[:, np.newaxis]
    return {
        "input_word_ids": tf.constant(random.integers(0, config.vocab_size, [batch, length]), tf.int32),
        "input_mask": tf.constant(mask, tf.int32),
        "input_type_ids": tf.constant(random.integers(0, config.type_vocab_size, [batch, length]), tf.int32),
    }


def with_token_rows(inputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """The same batch, laid out so that nothing is computed for padding."""
    return {**inputs, "token_rows": tf.constant(np.flatnonzero(inputs["input_mask"]), tf.int32)}


def with_more_rows(inputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """With some of the padded positions among the rows, as training has them to have few numbers of rows."""
    rows = np.flatnonzero(inputs["input_mask"]), np.flatnonzero(np.equal(inputs["input_mask"], 0))[:5]
    return {**inputs, "token_rows": tf.constant(np.sort(np.concatenate(rows)), tf.int32)}


def gradients(encoder: tf_keras.Model, inputs: dict[str, tf.Tensor]) -> list[np.ndarray]:
    """Of a random function of both outputs, padded positions left out."""
    random = np.random.default_rng(1)
    with tf.GradientTape() as tape:
        outputs = encoder(inputs)
        tokens, pooled = outputs["sequence_output"], outputs["pooled_output"]
        weights = random.normal(size=tokens.shape) * np.expand_dims(inputs["input_mask"], -1)
        loss = tf.reduce_sum(tokens * tf.constant(weights, tf.float32))
        loss += tf.reduce_sum(pooled * tf.constant(random.normal(size=pooled.shape), tf.float32))
    return [tf.convert_to_tensor(gradient).numpy() for gradient in tape.gradient(loss, encoder.variables)]


# What is computed


def test_every_layer_is_what_the_original_computes(classifier, golden_inputs, forward):
    outputs = classifier.encoder(golden_inputs)
    np.testing.assert_allclose(np.stack(outputs["encoder_outputs"]), forward["all_encoder_layers"], rtol=0, atol=1e-5)
    np.testing.assert_allclose(outputs["sequence_output"], forward["sequence_output"], rtol=0, atol=1e-5)
    np.testing.assert_allclose(outputs["pooled_output"], forward["pooled_output"], rtol=0, atol=1e-5)


def test_the_logits_are_what_the_original_computes(classifier, golden_inputs, forward):
    np.testing.assert_allclose(classifier(golden_inputs), forward["logits"], rtol=0, atol=1e-5)


def test_every_layer_is_what_the_model_gardens_encoder_computes(pair):
    encoder, garden = pair
    inputs = random_inputs(encoder.config)
    outputs, expected = encoder(inputs), garden(inputs)
    for layer, (ours, theirs) in enumerate(zip(outputs["encoder_outputs"], expected["encoder_outputs"], strict=True)):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5, err_msg=f"layer {layer}")
    np.testing.assert_allclose(outputs["sequence_output"], expected["sequence_output"], rtol=0, atol=1e-5)
    np.testing.assert_allclose(outputs["pooled_output"], expected["pooled_output"], rtol=0, atol=1e-5)


def test_a_graph_for_all_batches_gives_what_the_original_computes(classifier, golden_inputs, forward):
    specs = {name: tf.TensorSpec([None, None], tf.int32) for name in golden_inputs}
    logits = tf.function(lambda inputs: classifier(inputs), input_signature=[specs])(golden_inputs)
    np.testing.assert_allclose(logits, forward["logits"], rtol=0, atol=1e-5)


@pytest.mark.parametrize("layout", [dict, with_token_rows, with_more_rows])
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


def test_leaving_padding_out_changes_nothing_but_the_padding(pair):
    encoder, _ = pair
    inputs = random_inputs(encoder.config)
    outputs, expected = encoder(with_token_rows(inputs)), encoder(inputs)
    np.testing.assert_allclose(outputs["pooled_output"], expected["pooled_output"], rtol=0, atol=2e-6)
    real = np.expand_dims(inputs["input_mask"], -1)
    for ours, theirs in zip(outputs["encoder_outputs"], expected["encoder_outputs"], strict=True):
        np.testing.assert_allclose(ours, theirs * real, rtol=0, atol=5e-6)
    np.testing.assert_array_equal(outputs["sequence_output"], outputs["encoder_outputs"][-1])


def test_padded_positions_among_the_rows_change_nothing_for_tokens(pair):
    encoder, _ = pair
    inputs = random_inputs(encoder.config)
    outputs, expected = encoder(with_more_rows(inputs)), encoder(inputs)
    np.testing.assert_allclose(outputs["pooled_output"], expected["pooled_output"], rtol=0, atol=2e-6)
    real = np.expand_dims(inputs["input_mask"], -1)
    for ours, theirs in zip(outputs["encoder_outputs"], expected["encoder_outputs"], strict=True):
        np.testing.assert_allclose(ours * real, theirs * real, rtol=0, atol=5e-6)


@pytest.mark.parametrize("layout", [dict, with_token_rows, with_more_rows])
@pytest.mark.parametrize("output_range", [1, 5])
def test_output_range_changes_nothing_but_the_number_of_positions(classifier, golden_inputs, output_range, layout):
    whole = classifier.encoder(golden_inputs)
    part = classifier.encoder(layout(golden_inputs), output_range=output_range)
    np.testing.assert_allclose(part["pooled_output"], whole["pooled_output"], rtol=0, atol=1e-6)
    np.testing.assert_allclose(part["sequence_output"], whole["sequence_output"][:, :output_range], rtol=0, atol=2e-6)
    assert [x.shape[1] for x in part["encoder_outputs"]] == [24, 24, output_range]


def test_padding_changes_nothing(classifier, golden_inputs):
    padded = {name: np.pad(array, [(0, 0), (0, 9)]) for name, array in golden_inputs.items()}
    padded["input_word_ids"][:, -9:] = 7
    ours, expected = classifier.encoder(padded), classifier.encoder(golden_inputs)
    np.testing.assert_allclose(ours["sequence_output"][:, :-9], expected["sequence_output"], rtol=0, atol=2e-6)


def test_one_graph_serves_all_batch_sizes_and_lengths(classifier):
    encode = tf.function(
        lambda ids: classifier({"input_word_ids": ids, "input_mask": tf.ones_like(ids), "input_type_ids": ids * 0}),
        input_signature=[tf.TensorSpec([None, None], tf.int32)],
    )
    assert [encode(tf.ones(shape, tf.int32)).shape for shape in ([1, 1], [3, 24], [2, 64])] == [(1, 3), (3, 3), (2, 3)]


def test_weights_made_once_serve_until_the_variables_change(classifier, golden_inputs):
    weights = classifier.encoder.product_weights()
    np.testing.assert_array_equal(classifier(golden_inputs, weights=weights), classifier(golden_inputs))
    kernel = classifier.variables_by_name["bert/encoder/layer_0/output/dense/kernel"]
    saved = kernel.numpy()
    kernel.assign(saved * 2)
    stale, fresh = classifier(golden_inputs, weights=weights), classifier(golden_inputs)
    kernel.assign(saved)
    assert np.abs(stale - fresh).max() > 1e-3
    np.testing.assert_array_equal(stale, classifier(golden_inputs))


# Dropout


def test_every_dropout_of_the_model_has_its_own_mask(monkeypatch):
    masks, rates = [], []

    def record(rate, seed):
        masks.append(dropout(tf.ones([64]), 0.5, seed).numpy() == 0)
        rates.append(rate)

    def recorded(x, rate, seed):
        record(rate, seed)
        return dropout(x, rate, seed)

    def recorded_with_norm(x, h, rate, seed, *norm):
        record(rate, seed)
        return dropout_add_norm(x, h, rate, seed, *norm)

    monkeypatch.setattr(modeling, "dropout", recorded)
    monkeypatch.setattr(heads, "dropout", recorded)
    monkeypatch.setattr(modeling, "dropout_add_norm", recorded_with_norm)
    config = dataclasses.replace(SMALL, hidden_dropout_prob=0.2, attention_probs_dropout_prob=0.3)
    ClassificationHead(BertEncoder(config), num_labels=2)(random_inputs(config), tf.constant([5, 6]))
    # Embeddings; probabilities, attention's output and the layer's in each of two layers; the classifier.
    assert rates == [0.2, 0.3, 0.2, 0.2, 0.3, 0.2, 0.2, 0.1]
    agreement = np.array([[np.mean(a == b) for a in masks] for b in masks]) - np.eye(len(masks))
    assert agreement.max() < 0.85


def test_the_dropouts_of_training_are_a_function_of_the_seed():
    config = dataclasses.replace(SMALL, hidden_dropout_prob=0.2, attention_probs_dropout_prob=0.2)
    encoder, inputs = BertEncoder(config), random_inputs(config)
    first, again, other, without = (
        encoder(inputs, seed)["pooled_output"].numpy()
        for seed in (tf.constant([1, 2]), tf.constant([1, 2]), tf.constant([1, 3]), None)
    )
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1e-3
    assert np.abs(first - without).max() > 1e-3


# Types


@pytest.mark.parametrize("policy, compute", [("mixed_bfloat16", tf.bfloat16), ("mixed_float16", tf.float16)])
def test_mixed_precision_is_near_float32(classifier, golden_inputs, policy, compute):
    mixed = ClassificationHead(BertEncoder(classifier.encoder.config, dtype=policy), num_labels=3)
    mixed.set_weights(classifier.get_weights())
    assert {variable.dtype for variable in mixed.variables} == {tf.float32}
    outputs, expected = mixed.encoder(golden_inputs), classifier.encoder(golden_inputs)
    assert outputs["sequence_output"].dtype == compute
    assert {x.dtype for x in outputs["encoder_outputs"]} == {compute}
    assert outputs["pooled_output"].dtype == tf.float32
    assert mixed(golden_inputs).dtype == tf.float32
    difference = np.abs(outputs["pooled_output"] - expected["pooled_output"]).max()
    assert 0 < difference < 0.05


# Variables


def test_the_variables_have_the_originals_names(classifier, golden):
    assert classifier.encoder.variables_by_name.keys() == read_checkpoint(golden / "bert_model.ckpt").keys()
    assert classifier.variables_by_name.keys() == read_checkpoint(golden / "finetuned.ckpt").keys()
    for held, named in ((classifier, classifier), (classifier.encoder, classifier.encoder)):
        assert {id(v) for v in held.variables} == {id(v) for v in named.variables_by_name.values()}


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


def test_the_classifiers_first_weights_follow_its_seed():
    encoder = BertEncoder(SMALL)
    first, again, other = (ClassificationHead(encoder, 3, seed=seed).output_weights.numpy() for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).all()
    assert 0 < np.abs(first).max() <= 0.04


def test_an_encoder_is_rebuilt_from_its_keras_config():
    encoder = BertEncoder(dataclasses.replace(SMALL, hidden_act="relu"), dtype="mixed_bfloat16")
    again = BertEncoder.from_config(json.loads(json.dumps(encoder.get_config())))
    assert again.config == encoder.config and again.compute_dtype == "bfloat16"


# Configurations


def write_config(folder: Path, **fields) -> Path:
    path = folder / "config.json"
    path.write_text(json.dumps(fields))
    return path


def test_the_originals_configuration_is_read(golden):
    assert BertConfig.from_json_file(golden / "bert_config.json") == BertConfig(
        vocab_size=1000,
        hidden_size=48,
        num_hidden_layers=3,
        num_attention_heads=4,
        intermediate_size=96,
        hidden_act="gelu",
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        max_position_embeddings=64,
        type_vocab_size=2,
    )


def test_missing_fields_have_the_originals_defaults(tmp_path):
    config = BertConfig.from_json_file(write_config(tmp_path, vocab_size=9, directionality="bidi"))
    assert config == BertConfig(9, 768, 12, 12, 3072, "gelu", 0.1, 0.1, 512, 16, 0.02)


def test_hugging_faces_configuration_is_read(minilm_dir):
    config = BertConfig.from_json_file(minilm_dir / "config.json")
    assert dataclasses.astuple(config) == (30522, 384, 6, 12, 1536, "gelu_erf", 0.1, 0.1, 512, 2, 0.02, 1e-12)


@pytest.mark.parametrize(
    "marks, written, meant",
    [
        ({}, "gelu", "gelu"),
        ({"model_type": "bert"}, "gelu", "gelu_erf"),
        ({"architectures": ["BertModel"]}, "gelu", "gelu_erf"),
        ({"transformers_version": "4.0"}, "gelu", "gelu_erf"),
        ({"model_type": "bert"}, "gelu_new", "gelu"),
        ({"model_type": "bert"}, "gelu_pytorch_tanh", "gelu"),
        ({"model_type": "bert"}, "relu", "relu"),
        ({}, "relu", "relu"),
    ],
)
def test_gelu_means_what_its_writer_means(tmp_path, marks, written, meant):
    path = write_config(tmp_path, vocab_size=9, hidden_act=written, **marks)
    assert BertConfig.from_json_file(path).hidden_act == meant


def test_hugging_faces_defaults_are_its_own(tmp_path):
    config = BertConfig.from_json_file(write_config(tmp_path, model_type="bert", vocab_size=9))
    assert (config.hidden_act, config.type_vocab_size) == ("gelu_erf", 2)


def test_a_configuration_survives_being_written(tmp_path):
    config = dataclasses.replace(SMALL, hidden_act="gelu_erf", hidden_dropout_prob=0.25, layer_norm_eps=1e-7)
    path = tmp_path / "bert_config.json"
    path.write_text(config.to_json_string())
    assert BertConfig.from_json_file(path) == config


@pytest.mark.parametrize(
    "content, message",
    [
        ("{", "is not a JSON file"),
        ("\xff\xfe", "is not a JSON file"),
        ("[1]", "holds no JSON object"),
        ("{}", "has no vocab_size"),
        ('{"vocab_size": "9"}', "vocab_size is '9'; a value of type int is needed"),
        ('{"vocab_size": 9.5}', "vocab_size is 9.5; a value of type int is needed"),
        ('{"vocab_size": true}', "vocab_size is True; a value of type int is needed"),
        ('{"vocab_size": 0}', "vocab_size is 0; it must be at least 1"),
        ('{"vocab_size": 9, "hidden_dropout_prob": null}', "hidden_dropout_prob is None; a value of type float"),
        ('{"vocab_size": 9, "hidden_dropout_prob": 1.0}', "hidden_dropout_prob is 1.0; it must be "),
        ('{"vocab_size": 9, "attention_probs_dropout_prob": -0.1}', "attention_probs_dropout_prob is -0.1; it must"),
        ('{"vocab_size": 9, "hidden_act": null}', "hidden_act is None; a value of type str is needed"),
        ('{"vocab_size": 9, "model_type": "bert", "hidden_act": ["gelu"]}', "hidden_act is ['gelu']; a value of type"),
        ('{"vocab_size": 9, "hidden_act": "swish"}', "hidden_act 'swish' is unknown; known: gelu, gelu_erf, relu"),
        ('{"vocab_size": 9, "hidden_size": 100}', "hidden_size 100 is not a multiple of num_attention_heads 12"),
        ('{"vocab_size": 9, "model_type": "roberta"}', "is a 'roberta' model"),
        (
            '{"vocab_size": 9, "model_type": "bert", "position_embedding_type": "relative_key"}',
            "has position_embedding_type 'relative_key'",
        ),
    ],
)
def test_what_is_no_berts_configuration_is_told_in_one_line(tmp_path, content, message):
    path = tmp_path / "bert_config.json"
    path.write_text(content, encoding="latin-1")
    with pytest.raises(UserError) as error:
        BertConfig.from_json_file(path)
    assert str(error.value).startswith(f"{path}: {message}")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("make", [lambda path: None, Path.mkdir])
def test_a_configuration_that_cannot_be_read_is_told_in_one_line(tmp_path, make):
    path = tmp_path / "bert_config.json"
    make(path)
    with pytest.raises(UserError, match=r"bert_config\.json: cannot read the model's configuration: [^\n]+$"):
        BertConfig.from_json_file(path)
