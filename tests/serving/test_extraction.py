"""Hidden layers of many texts: part by part, in their order, whatever the parts are."""

import numpy as np
import pytest
import tensorflow as tf
from support.tiny import WORDS, write_tiny_model

from bert_tf.checkpoints.locate import resolve
from bert_tf.data.tokenization import FullTokenizer
from bert_tf.errors import UserError
from bert_tf.models.encoder_files import read_encoder
from bert_tf.serving.extraction import ExtractionSizes, Part, extracted
from bert_tf.serving.hidden_layers import HiddenLayers
from bert_tf.serving.pieces import cut_texts

RANDOM = np.random.default_rng(0)
PAIRS = [(" ".join(RANDOM.choice(WORDS, length)), " ".join(RANDOM.choice(WORDS, length % 3))) for length in range(40)]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    files = resolve(write_tiny_model(tmp_path_factory.mktemp("model") / "tiny"))
    return (*read_encoder(files), FullTokenizer(files.vocab_file))


def parts_of(model, bytes_of_piece: int = 0, done: int = 0, pooling: str = "none", pairs=PAIRS) -> list[Part]:
    config, variables, tokenizer = model
    layers = HiddenLayers(config, variables, (-1, 0), pooling)
    return list(extracted(layers, tokenizer, pairs, ExtractionSizes(32, 1, bytes_of_piece), done))


def test_parts_are_as_small_as_their_vectors_are_large_and_have_all_texts_once(model):
    (whole, rest) = parts_of(model)
    assert (whole.first, len(whole.pieces), rest.first, len(rest.pieces)) == (0, 32, 32, 8)
    small = parts_of(model, bytes_of_piece=1 << 20)
    assert [part.first for part in small] == np.cumsum([0, *(len(part.pieces) for part in small[:-1])]).tolist()
    assert all(len(part.values) <= 32 or len(part.pieces) == 1 for part in small) and len(small) > 20
    found, expected = (np.concatenate([part.values for part in parts]) for parts in (small, [whole, rest]))
    assert found.shape == (sum(len(part.pieces.ids) for part in small), 2, 32)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("pooling", ["none", "mean"])
def test_parts_that_are_done_are_left_out_and_the_others_have_the_same_bits(model, pooling):
    parts = parts_of(model, bytes_of_piece=1 << 20, pooling=pooling)
    for number in (0, 3, len(parts) - 1):
        rest = parts_of(model, bytes_of_piece=1 << 20, done=parts[number].first, pooling=pooling)
        assert [part.first for part in rest] == [part.first for part in parts[number:]]
        for found, expected in zip(rest, parts[number:], strict=True):
            np.testing.assert_array_equal(found.values, expected.values)


def test_numbers_that_are_not_finite_are_an_error(model):
    config, variables, tokenizer = model
    broken = {**variables, "bert/encoder/layer_1/output/LayerNorm/gamma": tf.Variable(np.full(32, 3e38, np.float32))}
    with pytest.raises(UserError, match="are not finite"):
        parts_of((config, broken, tokenizer), pooling="mean")


def test_the_weights_are_no_constants_of_the_graph(model):
    config, variables, _ = model
    layers = HiddenLayers(config, variables, (-1,), "mean")
    graph = layers.weights.get_concrete_function().graph.as_graph_def()
    assert graph.ByteSize() < sum(4 * np.prod(variable.shape) for variable in variables.values()) / 2


@pytest.mark.slow
def test_the_bits_of_a_batch_do_not_depend_on_the_batches_before_it(minilm_dir):
    files = resolve(minilm_dir)
    config, variables = read_encoder(files)
    texts = [("the cat sat on the mat " * (2 + number % 5), "") for number in range(64)]
    pieces = cut_texts(FullTokenizer(files.vocab_file), texts, 128)
    found = []
    for batches in ([np.arange(32)], [np.arange(3), np.arange(40), np.arange(32)]):
        layers = HiddenLayers(config, variables, (-1,), "mean")
        found.append([layers.compute(pieces, rows, layers.weights()) for rows in batches][-1])
    np.testing.assert_array_equal(*found)
