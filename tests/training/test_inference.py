"""Probabilities in file order, whatever the batches; and what is made of them."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from bert_tf.data.features import Features
from bert_tf.devices import Devices, has_only_cpus, one_device
from bert_tf.modeling.config import BertConfig
from bert_tf.modeling.encoder import BertEncoder
from bert_tf.modeling.heads import ClassificationHead
from bert_tf.training.inference import predict

ONE_DEVICE = one_device()
LENGTHS = [9, 40, 3, 17, 33, 3, 25, 12, 38, 5, 20]


CONFIG = BertConfig(
    vocab_size=200,
    hidden_size=16,
    num_hidden_layers=2,
    num_attention_heads=2,
    intermediate_size=24,
    max_position_embeddings=48,
    type_vocab_size=2,
)


def drawn_model(config: BertConfig) -> ClassificationHead:
    """A tiny model whose probabilities differ from example to example."""
    model = ClassificationHead(BertEncoder(config), num_labels=3)
    random = np.random.default_rng(0)
    for name, variable in model.variables_by_name.items():
        variable.assign(random.normal(name.endswith("gamma"), 0.3, variable.shape))
    return model


@pytest.fixture(scope="module")
def model() -> ClassificationHead:
    return drawn_model(CONFIG)


@pytest.fixture(scope="module")
def examples() -> Features:
    random = np.random.default_rng(1)
    ids = tf.RaggedTensor.from_row_lengths(tf.constant(random.integers(0, 200, sum(LENGTHS)), tf.int32), LENGTHS)
    return Features(ids, ids % 2, {"label_ids": tf.zeros([len(LENGTHS)], tf.int32)}, max_seq_length=40)


@pytest.fixture(scope="module")
def one_by_one(model, examples) -> np.ndarray:
    return each_alone(model, examples)


def each_alone(model: ClassificationHead, examples: Features) -> np.ndarray:
    """Each example alone and without any padding."""
    rows = []
    for ids, types in zip(examples.input_ids, examples.type_ids, strict=True):
        inputs = {"input_word_ids": ids[None], "input_mask": tf.ones_like(ids)[None], "input_type_ids": types[None]}
        rows.append(tf.nn.softmax(model(inputs))[0].numpy())
    return np.stack(rows)


@pytest.mark.slow
@pytest.mark.parametrize("batch_size", [1, 4, 11, 100])
def test_probabilities_are_those_of_each_example_alone_in_file_order(model, examples, one_by_one, batch_size):
    found = predict(model, examples, batch_size, ONE_DEVICE)
    assert (found.dtype, found.shape) == (np.float32, (11, 3))
    np.testing.assert_allclose(found, one_by_one, rtol=0, atol=2e-6)
    # So that a change of order would be seen.
    assert np.abs(one_by_one[:, np.newaxis] - one_by_one).max(axis=-1)[~np.eye(11, dtype=bool)].min() > 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("batch_size", [1, 4, 8, 16])
def test_long_texts_whose_attention_is_computed_in_groups_keep_their_order(batch_size):
    lengths = [200, 9, 140, 33, 180, 3, 60, 150, 20, 131]
    config = dataclasses.replace(CONFIG, max_position_embeddings=200)
    model = drawn_model(config)
    ids = tf.RaggedTensor.from_row_lengths(tf.constant(np.arange(sum(lengths)) * 7 % 200, tf.int32), lengths)
    examples = Features(ids, ids % 2, {"label_ids": tf.zeros([len(lengths)], tf.int32)}, max_seq_length=200)
    assert ONE_DEVICE.attention_groups(200) == (8 if has_only_cpus() else 1)
    found = predict(model, examples, batch_size, ONE_DEVICE)
    np.testing.assert_allclose(found, each_alone(model, examples), rtol=0, atol=2e-6)
    assert len(np.unique(found[:, 0].round(4))) == len(lengths)


@pytest.mark.slow
def test_a_replicated_model_gives_the_same(model, examples, one_by_one):
    devices = Devices(tf.distribute.MirroredStrategy(["CPU:0"]))
    with devices.scope():
        mirrored = ClassificationHead(BertEncoder(model.encoder.config), num_labels=3)
    mirrored.set_weights(model.get_weights())
    np.testing.assert_allclose(predict(mirrored, examples, 4, devices), one_by_one, rtol=0, atol=2e-6)


def test_progress_counts_examples_and_no_padding(model, examples):
    done = []
    predict(model, examples, 4, ONE_DEVICE, done.append)
    assert done == [4, 8, 11]


@pytest.mark.slow
def test_prediction_drops_nothing(model, examples):
    first, again = (predict(model, examples, 4, ONE_DEVICE) for _ in range(2))
    np.testing.assert_array_equal(first, again)
