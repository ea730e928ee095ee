"""`load_encoder(...).encode`: vectors of texts, by an encoder that stays a BertEncoder for Keras."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from support.tiny import write_tiny_model

from bert_tf.checkpoints.load import load_tokenizer
from bert_tf.errors import UserError
from bert_tf.modeling.encoder import BertEncoder
from bert_tf.serving.text_encoder import load_encoder

TEXTS = ["w1 w2 w3", ("w1", "w2 w3 w4 w5"), "", "w7 " * 100, "w9", ("", "w5")]
INPUTS = ("input_word_ids", "input_mask", "input_type_ids")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture(scope="module")
def encoder(folder) -> BertEncoder:
    return load_encoder(folder)


def last_layer(encoder: BertEncoder, folder: Path, text: str | tuple[str, str]) -> np.ndarray:
    """The last layer of one text alone, cut by hand. No text but the long one is truncated: to 64 pieces."""
    tokenizer = load_tokenizer(folder)
    first, second = (text, "") if isinstance(text, str) else text
    first, second = tokenizer.tokenize([first, second])
    pieces = ["[CLS]", *first[:62], "[SEP]", *(second and [*second, "[SEP]"])]
    types = [0] * (len(first[:62]) + 2) + [1] * (len(pieces) - len(first[:62]) - 2)
    ids = tf.constant([tokenizer.convert_tokens_to_ids(pieces)])
    inputs = dict(zip(INPUTS, (ids, tf.ones_like(ids), tf.constant([types])), strict=True))
    return encoder(inputs)["sequence_output"][0].numpy()


def test_each_pooling_is_of_the_last_layer_of_the_text_alone(encoder, folder):
    expected = [last_layer(encoder, folder, text) for text in TEXTS]
    pieces = encoder.encode(TEXTS, pooling="none", batch_size=2)
    for found, values in zip(pieces, expected, strict=True):
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, values, rtol=0, atol=1e-5)
    cls = encoder.encode(TEXTS, pooling="cls", batch_size=2)
    np.testing.assert_allclose(cls, [values[0] for values in expected], rtol=0, atol=1e-5)
    mean = encoder.encode(TEXTS, batch_size=2)
    assert (mean.shape, mean.dtype) == ((len(TEXTS), 32), np.float32)
    np.testing.assert_allclose(mean, [values.mean(axis=0) for values in expected], rtol=0, atol=1e-5)


def test_the_order_and_the_batch_size_change_nothing_but_rounding(encoder):
    texts = ["w1 " * number for number in (9, 1, 30, 4, 4, 60, 0)] * 3
    expected = encoder.encode(texts, batch_size=64)
    for batch_size in (1, np.int64(5)):
        np.testing.assert_allclose(encoder.encode(iter(texts), batch_size=batch_size), expected, rtol=0, atol=1e-5)
    np.testing.assert_allclose(encoder.encode(np.array(texts[::-1])), expected[::-1], rtol=0, atol=1e-5)


def test_normalized_vectors_have_length_one_and_the_same_direction(encoder):
    plain, normalized = encoder.encode(TEXTS), encoder.encode(TEXTS, normalize=True)
    np.testing.assert_allclose(normalized, plain / np.linalg.norm(plain, axis=1, keepdims=True), rtol=0, atol=1e-6)


def test_texts_are_cut_to_the_length_that_is_asked_for(encoder):
    found = encoder.encode(["w1 w2 w3 w4 w5"], max_seq_length=5)
    np.testing.assert_allclose(found, encoder.encode(["w1 w2 w3"]), rtol=0, atol=1e-6)


def test_no_texts_have_no_vectors(encoder):
    assert encoder.encode([]).shape == (0, 32)
    assert encoder.encode([], pooling="none") == []


@pytest.mark.parametrize(
    "texts, arguments, message",
    [
        ("w1", {}, r"encode: needs a list of texts; put the text in a list, as in encode\(\[text\]\)"),
        (None, {}, "encode: needs a list of texts"),
        ([1], {}, "encode: 1 is neither a text nor a pair of texts; give strings, or tuples of two"),
        ([b"w1"], {}, "is neither a text nor a pair"),
        ([("w1", "w2", "w3")], {}, "is neither a text nor a pair"),
        ([("w1", None)], {}, "is neither a text nor a pair"),
        (["\ud800"], {}, "has half of a surrogate pair"),
        (["w1"], {"pooling": "max"}, "encode: pooling is 'max'; it must be one of none, cls, mean"),
        (["w1"], {"batch_size": 0}, "encode: batch_size is 0; it must be a whole number, at least 1"),
        (["w1"], {"max_seq_length": 65}, "encode: max_seq_length is 65; it must be a whole number from 3 to 64"),
        (["w1"], {"max_seq_length": 2}, "encode: max_seq_length is 2"),
    ],
)
def test_wrong_arguments_are_one_line(encoder, texts, arguments, message):
    with pytest.raises(UserError, match=message):
        encoder.encode(texts, **arguments)


def model_on(encoder: BertEncoder) -> tf_keras.Model:
    inputs = {name: tf_keras.Input([None], dtype=tf.int32, name=name) for name in INPUTS}
    return tf_keras.Model(inputs, tf_keras.layers.Dense(2)(encoder(inputs)["pooled_output"]))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["model.keras", "model.h5", "folder"])
def test_keras_saves_and_loads_it_as_any_bert_encoder(folder, tmp_path, name):
    encoder = load_encoder(folder)
    encoder.encode(["w1"])
    model, batch = model_on(encoder), dict.fromkeys(INPUTS, tf.ones([2, 5], tf.int32))
    assert len(model.variables) == len(BertEncoder(encoder.config).variables) + 2
    model.save(tmp_path / name)
    loaded = tf_keras.models.load_model(tmp_path / name)
    np.testing.assert_allclose(loaded.predict(batch, verbose=0), model.predict(batch, verbose=0), rtol=0, atol=1e-6)
    assert type(loaded.get_layer("bert_encoder")) is BertEncoder
    with pytest.raises(UserError, match=r"encode: this encoder has no vocabulary; load one with bert_tf.load_encoder"):
        loaded.get_layer("bert_encoder").encode(["w1"])


@pytest.mark.slow
def test_a_saved_folder_has_nothing_of_the_tokenizer(folder, tmp_path):
    encoder = load_encoder(folder)
    encoder.encode(["w1"])
    model_on(encoder).save(tmp_path / "folder")
    assert b"FastWordpiece" not in (tmp_path / "folder" / "saved_model.pb").read_bytes()
    assert not list((tmp_path / "folder" / "assets").iterdir())


@pytest.mark.slow
def test_an_encoder_that_is_trained_further_encodes_with_its_new_weights(folder):
    encoder = load_encoder(folder)
    before = encoder.encode(["w1 w2"])
    model, batch = model_on(encoder), dict.fromkeys(INPUTS, tf.ones([2, 5], tf.int32))
    model.compile("sgd", tf_keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(batch, tf.constant([0, 1]), epochs=2, verbose=0)
    after = encoder.encode(["w1 w2"])
    assert np.abs(after - before).max() > 1e-4
    np.testing.assert_allclose(after[0], last_layer(encoder, folder, "w1 w2").mean(axis=0), rtol=0, atol=1e-5)


def test_a_new_encoder_from_its_config_takes_no_texts(encoder):
    again = BertEncoder.from_config(encoder.get_config())
    assert again.get_config() == encoder.get_config()
    with pytest.raises(UserError, match="this encoder has no vocabulary"):
        again.encode(["w1"])


def test_an_encoder_of_a_model_whose_vocabulary_does_not_fit_computes_but_takes_no_texts(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "model")
    with (tmp_path / "model" / "vocab.txt").open("a") as file:
        file.write("w90\n")
    encoder = load_encoder(tmp_path / "model")
    with pytest.raises(UserError, match=r"vocab.txt: has 96 pieces, but .*bert_config.json has room for 95"):
        encoder.encode(["w90"])
