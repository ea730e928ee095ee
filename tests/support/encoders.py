"""Small encoders and random batches for them."""

import numpy as np
import tensorflow as tf
import tf_keras

from bert_tf.modeling.config import BertConfig

SMALL = BertConfig(
    vocab_size=50,
    hidden_size=24,
    num_hidden_layers=2,
    num_attention_heads=3,
    intermediate_size=40,
    max_position_embeddings=20,
    type_vocab_size=2,
)


def random_inputs(config: BertConfig = SMALL, batch: int = 4, length: int = 13, seed: int = 0) -> dict[str, tf.Tensor]:
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
    """The same batch with some padded positions among the rows, as in training."""
    rows = np.flatnonzero(inputs["input_mask"]), np.flatnonzero(np.equal(inputs["input_mask"], 0))[:5]
    return {**inputs, "token_rows": tf.constant(np.sort(np.concatenate(rows)), tf.int32)}


def with_groups(inputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """The same batch in two halves, each of which attention pads only to its own longest example."""
    inputs = with_token_rows(inputs)
    batch, length = inputs["input_mask"].shape
    is_used = np.any(np.reshape(inputs["input_mask"], [2, batch // 2, length]), axis=1)
    return {**inputs, "attention_lengths": tf.constant(length - np.argmax(is_used[:, ::-1], axis=1), tf.int32)}


def randomize(model: tf_keras.layers.Layer, seed: int) -> None:
    """Sets all variables to random values, none of them trivial."""
    random = np.random.default_rng(seed)
    for name, variable in model.variables_by_name.items():
        center = 1.0 if name.endswith("gamma") else 0.0
        variable.assign(random.normal(center, 0.2, variable.shape))
