"""The encoder keeps what Keras promises, and serves the Model Garden's heads in place of BertEncoderV2."""

import dataclasses
import random
import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from official.nlp.modeling.layers import MaskedLM
from official.nlp.modeling.models import BertClassifier, BertPretrainerV2
from official.nlp.modeling.networks import BertEncoderV2
from support.encoders import SMALL, random_inputs

from bert_tf.modeling.encoder import BertEncoder

ONE_LAYER = dataclasses.replace(SMALL, num_hidden_layers=1)
WITHOUT_DROPOUT = dataclasses.replace(ONE_LAYER, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)


class SubclassedModel(tf_keras.Model):
    def __init__(self, encoder: BertEncoder):
        super().__init__()
        self.encoder = encoder
        self.head = tf_keras.layers.Dense(2, name="head")
        self(random_inputs())

    def call(self, inputs: dict[str, tf.Tensor]) -> tf.Tensor:
        return self.head(self.encoder(inputs)["pooled_output"])


def functional_model(encoder: BertEncoder) -> tf_keras.Model:
    inputs = {name: tf_keras.Input([None], dtype=tf.int32, name=name) for name in random_inputs()}
    return tf_keras.Model(inputs, tf_keras.layers.Dense(2, name="head")(encoder(inputs)["pooled_output"]))


MODELS = [SubclassedModel, functional_model]


def fit(model: tf_keras.Model, learning_rate: float = 0.1, epochs: int = 3) -> list[float]:
    """Trains on one batch in each epoch and returns the losses."""
    model.compile(
        tf_keras.optimizers.SGD(learning_rate), tf_keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    return model.fit(random_inputs(), tf.constant([0, 1, 0, 1]), epochs=epochs, verbose=0).history["loss"]


def pooled(encoder: BertEncoder, **arguments) -> np.ndarray:
    return encoder(random_inputs(), **arguments)["pooled_output"].numpy()


def moved(layer: tf_keras.layers.Layer, train: Callable[[], object]) -> set[str]:
    """Names of the variables that `train` changes."""
    before = [variable.numpy() for variable in layer.variables]
    train()
    return {v.name for v, old in zip(layer.variables, before, strict=True) if not np.array_equal(v, old)}


# Dropout


def test_training_drops_out_and_inference_does_not():
    encoder = BertEncoder(SMALL, seed=0)
    assert np.abs(pooled(encoder, training=True) - pooled(encoder)).max() > 1e-3
    np.testing.assert_array_equal(pooled(encoder, training=False), pooled(encoder))
    np.testing.assert_array_equal(pooled(encoder), pooled(encoder))


def test_training_without_dropout_rates_is_inference():
    encoder = BertEncoder(WITHOUT_DROPOUT, seed=0)
    np.testing.assert_allclose(pooled(encoder, training=True), pooled(encoder), rtol=0, atol=1e-5)


@pytest.mark.slow
def test_each_call_in_training_drops_other_elements():
    encoder = BertEncoder(SMALL, seed=0)
    graph = tf.function(lambda: encoder(random_inputs(), training=True)["pooled_output"])
    for step in (lambda: pooled(encoder, training=True), graph):
        first, second = step(), step()
        assert np.abs(first - second).max() > 1e-3


def test_dropout_in_training_follows_keras_random_seed():
    encoder = BertEncoder(SMALL, seed=0)
    runs = []
    for _ in range(2):
        tf_keras.utils.set_random_seed(5)
        runs.append([pooled(encoder, training=True) for _ in range(2)])
    np.testing.assert_array_equal(*runs)


@pytest.mark.slow
@pytest.mark.parametrize("training", [None, True, False])
def test_a_dropout_seed_decides_alone(training):
    encoder, seed = BertEncoder(SMALL, seed=0), tf.constant([1, 2])
    expected = pooled(encoder, dropout_seed=seed)
    assert np.abs(expected - pooled(encoder)).max() > 1e-3
    np.testing.assert_array_equal(pooled(encoder, dropout_seed=seed, training=training), expected)


@pytest.mark.slow
@pytest.mark.parametrize("make_model", MODELS)
def test_fit_drops_out_and_evaluate_does_not(make_model):
    model = make_model(BertEncoder(ONE_LAYER))
    # At a learning rate of 0 nothing but dropout changes the loss.
    losses = fit(model, learning_rate=0.0)
    assert len(set(losses)) == len(losses)
    losses = [model.evaluate(random_inputs(), tf.constant([0, 1, 0, 1]), verbose=0) for _ in range(2)]
    assert losses[0] == losses[1]


@pytest.mark.slow
def test_fit_without_dropout_rates_repeats_its_loss():
    losses = fit(functional_model(BertEncoder(WITHOUT_DROPOUT)), learning_rate=0.0)
    np.testing.assert_allclose(losses, losses[0], rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("make_model", MODELS)
def test_fit_moves_every_weight_and_follows_keras_random_seed(make_model):
    runs = []
    for _ in range(2):
        tf_keras.utils.set_random_seed(3)
        model = make_model(BertEncoder(ONE_LAYER))
        assert len(moved(model, lambda model=model: runs.append(fit(model)))) == len(model.variables)
    assert np.isfinite(runs).all()
    assert runs[0] == runs[1]


# Freezing


@pytest.mark.slow
@pytest.mark.parametrize("make_model", MODELS)
def test_a_frozen_encoder_stays_as_it_is(make_model):
    encoder = BertEncoder(ONE_LAYER)
    model = make_model(encoder)
    encoder.trainable = False
    assert encoder.trainable_variables == []
    assert [variable.name.split("/")[-1] for variable in model.trainable_variables] == ["kernel:0", "bias:0"]
    assert len(moved(model, lambda: fit(model))) == 2
    encoder.trainable = True
    assert len(model.trainable_variables) == len(model.variables)


@pytest.mark.slow
@pytest.mark.parametrize(
    "part, find",
    [
        ("word_embeddings/", lambda encoder: encoder.get_embedding_layer()),
        ("transformer/layer_0/", lambda encoder: encoder.transformer_layers[0]),
        ("pooler_transform/", lambda encoder: encoder.pooler_layer),
    ],
)
def test_a_single_layer_is_frozen(part, find):
    encoder = BertEncoder(SMALL)
    find(encoder).trainable = False
    model = SubclassedModel(encoder)
    still = {variable.name for variable in encoder.variables if variable.name.startswith(part)}
    assert still
    assert {variable.name for variable in encoder.non_trainable_variables} == still
    assert moved(encoder, lambda: fit(model)) == {variable.name for variable in encoder.variables} - still


# Saving


@pytest.mark.slow
@pytest.mark.parametrize(
    "file, hidden_act", [("model.keras", "gelu_erf"), ("model.h5", "gelu"), ("folder", "gelu"), ("folder", "tanh")]
)
def test_a_functional_model_is_saved_and_loaded(tmp_path, file, hidden_act):
    model = functional_model(BertEncoder(dataclasses.replace(ONE_LAYER, hidden_act=hidden_act), dtype="mixed_bfloat16"))
    model.save(tmp_path / file)
    loaded = tf_keras.models.load_model(tmp_path / file)
    np.testing.assert_array_equal(loaded.predict(random_inputs(), verbose=0), model.predict(random_inputs(), verbose=0))
    encoder = loaded.get_layer("bert_encoder")
    assert isinstance(encoder, BertEncoder)
    assert (encoder.config.hidden_act, encoder.compute_dtype) == (hidden_act, "bfloat16")


@pytest.mark.slow
def test_a_subclassed_model_is_saved_as_a_folder_and_loaded(tmp_path):
    model = SubclassedModel(BertEncoder(ONE_LAYER))
    expected = model.predict(random_inputs(), verbose=0)
    model.save(tmp_path)
    found = tf_keras.models.load_model(tmp_path).predict(random_inputs(), verbose=0)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


@pytest.mark.slow
def test_a_saved_folder_is_loaded_where_the_package_is_not_installed(tmp_path):
    functional_model(BertEncoder(ONE_LAYER)).save(tmp_path)
    loaded = tf.saved_model.load(str(tmp_path)).signatures["serving_default"]
    assert loaded(**random_inputs())["head"].shape == (4, 2)


def test_an_encoders_keras_config_has_all_that_shapes_it():
    encoder = BertEncoder(SMALL, dtype="mixed_bfloat16", name="mine", fuse=False, trainable=False)
    again = BertEncoder.from_config(encoder.get_config())
    assert again.get_config() == encoder.get_config()
    assert (again.config, again.compute_dtype, again.name) == (SMALL, "bfloat16", "mine")
    assert (again.fuse, again.trainable) == (False, False)


@pytest.mark.slow
def test_a_model_is_cloned_with_new_weights():
    model = functional_model(BertEncoder(ONE_LAYER))
    clone = tf_keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    np.testing.assert_array_equal(clone.predict(random_inputs(), verbose=0), model.predict(random_inputs(), verbose=0))


# The Model Garden's heads


@pytest.mark.slow
def test_the_model_gardens_classifier_trains_and_is_saved(tmp_path):
    model = BertClassifier(network=BertEncoder(ONE_LAYER), num_classes=2)
    losses = []
    assert len(moved(model, lambda: losses.extend(fit(model)))) == len(model.variables)
    assert np.isfinite(losses).all() and len(set(losses)) == 3
    model.save(tmp_path)
    found = tf_keras.models.load_model(tmp_path).predict(random_inputs(), verbose=0)
    np.testing.assert_array_equal(found, model.predict(random_inputs(), verbose=0))


def test_the_model_gardens_classifier_gives_the_same_as_on_its_own_encoder():
    encoder = BertEncoder(SMALL)
    garden = BertEncoderV2(50, 24, 2, 3, max_sequence_length=20, type_vocab_size=2, inner_dim=40)
    ours, theirs = (BertClassifier(network=network, num_classes=2) for network in (encoder, garden))
    theirs.set_weights(ours.get_weights())
    np.testing.assert_allclose(ours(random_inputs()), theirs(random_inputs()), rtol=0, atol=1e-5)


@pytest.mark.slow
def test_the_model_gardens_masked_language_model_trains():
    encoder, positions = BertEncoder(SMALL), tf_keras.Input([2], dtype=tf.int32, name="masked_positions")
    head = MaskedLM(embedding_table=encoder.get_embedding_table())
    logits = head(encoder(encoder.inputs)["sequence_output"], masked_positions=positions)
    model = tf_keras.Model({**encoder.inputs, "masked_positions": positions}, logits)
    model.compile("sgd", tf_keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    inputs = {**random_inputs(), "masked_positions": tf.constant([[0, 0]] * 4)}
    losses = []

    def train() -> None:
        losses.extend(model.fit(inputs, tf.constant([[1, 2]] * 4), epochs=3, verbose=0).history["loss"])

    # Everything but the pooler, which this task does not use.
    assert len(moved(model, train)) == len(model.variables) - 2
    assert np.isfinite(losses).all() and losses[-1] < losses[0]


def test_the_model_gardens_pretraining_model_takes_the_encoder():
    model = BertPretrainerV2(encoder_network=BertEncoder(ONE_LAYER))
    outputs = model({**random_inputs(), "masked_lm_positions": tf.constant([[0, 0]] * 4)})
    assert outputs["mlm_logits"].shape == (4, 2, 50)


def test_the_parts_have_the_model_gardens_names():
    encoder = BertEncoder(SMALL)
    assert encoder.get_embedding_table() is encoder.variables_by_name["bert/embeddings/word_embeddings"]
    assert encoder.get_embedding_layer().embeddings is encoder.get_embedding_table()
    assert len(encoder.transformer_layers) == 2
    assert encoder.pooler_layer.kernel is encoder.variables_by_name["bert/pooler/dense/kernel"]
    assert (encoder.get_config()["hidden_size"], encoder.get_config()["vocab_size"]) == (24, 50)
    assert encoder.inputs.keys() == random_inputs().keys()


@pytest.mark.parametrize(
    "change, message",
    [
        (
            lambda inputs: list(inputs.values()),
            "takes a dict with input_word_ids, input_mask, input_type_ids, not a list",
        ),
        (lambda inputs: {**inputs, "dense_inputs": 0}, "does not support the input dense_inputs"),
        (lambda inputs: {"input_word_embeddings": 0}, "does not support the input input_word_embeddings"),
        (lambda inputs: {"input_word_ids": inputs["input_word_ids"]}, "needs the input input_mask"),
    ],
)
def test_inputs_that_it_does_not_take_are_an_error(change, message):
    with pytest.raises(ValueError, match=message):
        BertEncoder(SMALL).call(change(random_inputs()))


# Side effects


@pytest.fixture
def global_policy(request) -> Iterator[str]:
    tf_keras.mixed_precision.set_global_policy(request.param)
    yield request.param
    tf_keras.mixed_precision.set_global_policy("float32")


def test_with_a_seed_building_takes_none_of_the_callers_random_numbers():
    def draws() -> list[float]:
        return [random.random(), float(np.random.random()), float(tf.random.uniform([]))]

    tf_keras.utils.set_random_seed(6)
    expected = [draws(), draws()]
    tf_keras.utils.set_random_seed(6)
    found = [draws()]
    BertEncoder(SMALL, seed=1)
    found.append(draws())
    assert found == expected


@pytest.mark.slow
@pytest.mark.parametrize("global_policy", ["mixed_float16", "mixed_bfloat16", "float16"], indirect=True)
@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_the_global_policy_changes_nothing_and_is_not_changed(global_policy, dtype):
    encoder = BertEncoder(SMALL, dtype=dtype, seed=1)
    assert tf_keras.mixed_precision.global_policy().name == global_policy
    assert {variable.dtype for variable in encoder.variables} == {tf.float32}
    seed = tf.constant([1, 2])
    found = [pooled(encoder), pooled(encoder, dropout_seed=seed)]
    tf_keras.mixed_precision.set_global_policy("float32")
    encoder = BertEncoder(SMALL, dtype=dtype, seed=1)
    np.testing.assert_array_equal(found, [pooled(encoder), pooled(encoder, dropout_seed=seed)])


@pytest.mark.slow
@pytest.mark.parametrize("global_policy", ["mixed_float16"], indirect=True)
def test_encoders_are_built_in_threads_at_the_same_time(global_policy):
    # The first one is done while the others are still being built.
    configs = [dataclasses.replace(SMALL, num_hidden_layers=layers) for layers in (1, 4, 4)]
    built = {}

    def build(number: int) -> None:
        built[number] = BertEncoder(configs[number], dtype="mixed_bfloat16", seed=number)

    threads = [threading.Thread(target=build, args=[number]) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert tf_keras.mixed_precision.global_policy().name == global_policy
    for number, config in enumerate(configs):
        expected = BertEncoder(config, dtype="mixed_bfloat16", seed=number)
        np.testing.assert_array_equal(pooled(built[number]), pooled(expected))


def test_an_encoder_is_built_under_a_strategy():
    with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
        mirrored = BertEncoder(SMALL, seed=1)
    with tf.device("CPU:0"):  # a GPU rounds differently
        np.testing.assert_array_equal(pooled(mirrored), pooled(BertEncoder(SMALL, seed=1)))
