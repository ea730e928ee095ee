"""A layer that is computed again in the backward pass gives the same gradients. memory_table.py measures the memory."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from support.tiny import TINY, make_tiny_features

from bert_tf.data.batches import batch_dataset
from bert_tf.modeling.encoder import BertEncoder
from bert_tf.modeling.heads import ClassificationHead
from bert_tf.training.determinism import deterministic_operations

CONFIG = dataclasses.replace(TINY, num_hidden_layers=3)


def gradients(recompute: bool, dtype: str, positions: int | None, groups: int) -> list[np.ndarray]:
    """The loss of a batch and its gradients by all weights, with dropout, computed in a graph."""
    encoder = BertEncoder(CONFIG, dtype, seed=1, recompute=recompute)
    head = ClassificationHead(encoder, num_labels=2, seed=1)
    head.positions = positions
    batch = next(iter(batch_dataset(make_tiny_features(), np.arange(8)[np.newaxis], attention_groups=groups)))

    @tf.function(autograph=False)
    def compute() -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            total, _ = head.loss(head(batch, tf.constant([3, 4])), batch)
        found = tape.gradient(total, list(head.variables_by_name.values()))
        return [total, *(tf.convert_to_tensor(gradient) for gradient in found)]

    with deterministic_operations():
        return [tensor.numpy() for tensor in compute()]


@pytest.mark.slow
@pytest.mark.parametrize(
    "dtype, positions, groups",
    [
        ("float32", 1, 1),
        ("float32", None, 1),
        ("mixed_bfloat16", 1, 1),
        ("mixed_float16", 1, 1),
        ("float32", None, 4),
        ("mixed_bfloat16", None, 4),
    ],
)
def test_recomputed_layers_give_the_same_gradients_bit_by_bit(dtype, positions, groups):
    kept, recomputed = (gradients(recompute, dtype, positions, groups) for recompute in (False, True))
    assert len(kept) == 1 + 5 + 3 * 16 + 2 + 2 and np.abs(kept[-1]).max() > 0
    for array, other in zip(kept, recomputed, strict=True):
        assert array.tobytes() == other.tobytes()


def test_without_training_nothing_is_recomputed():
    inputs = {name: tf.ones([2, 5], tf.int32) for name in ("input_word_ids", "input_mask", "input_type_ids")}
    outputs = [BertEncoder(TINY, seed=1, recompute=kept)(inputs)["pooled_output"] for kept in (False, True)]
    np.testing.assert_array_equal(outputs[0], outputs[1])


def test_keras_keeps_the_setting():
    encoder = BertEncoder(TINY, recompute=True)
    assert BertEncoder.from_config(encoder.get_config()).recompute
