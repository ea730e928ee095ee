"""The pieces for masks are those of the original."""

import numpy as np
import pytest
import tensorflow as tf

from bert_tf.checkpoints.formats import read_checkpoint
from bert_tf.modeling.config import BertConfig
from bert_tf.modeling.masked_lm import masked_lm_logits


@pytest.fixture(scope="module")
def weights(golden) -> dict[str, np.ndarray]:
    return read_checkpoint(golden / "squad" / "golden.ckpt")


@pytest.fixture(scope="module")
def config(golden) -> BertConfig:
    return BertConfig.from_json_file(golden / "squad" / "bert_config.json")


@pytest.fixture(scope="module")
def masked(golden) -> tuple[np.ndarray, np.ndarray]:
    """The original's hidden values at the predictions of two records, and its logarithms of probabilities."""
    with np.load(golden / "pretraining_model" / "forward.npz") as data:
        hidden, expected = data["sequence_output_of_first_2"], data["masked_lm_log_probs_of_first_4"]
    with np.load(golden / "pretraining_data" / "pretraining_records_0.npz") as data:
        positions = data["masked_lm_positions"][:2].astype(int)
    return np.concatenate([row[at] for row, at in zip(hidden, positions, strict=True)]), expected[: positions.size]


@pytest.mark.parametrize("fuse", [False, True])
def test_the_probabilities_are_those_of_the_original(weights, config, masked, fuse):
    hidden, expected = masked
    logits = masked_lm_logits(config, weights, tf.constant(hidden), fuse)
    assert logits.dtype == tf.float32
    np.testing.assert_allclose(tf.nn.log_softmax(logits), expected, atol=5e-5)


def test_products_are_computed_in_the_type_of_the_hidden_values(weights, config, masked):
    hidden, expected = masked
    logits = masked_lm_logits(config, weights, tf.cast(hidden, tf.bfloat16))
    assert logits.dtype == tf.float32
    error = np.abs(tf.nn.log_softmax(logits) - expected).max()
    assert 1e-3 < error < 0.2
