"""The cross entropy is TensorFlow's, bit by bit, and so is its gradient."""

from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf

from bert_tf.devices import has_only_cpus
from bert_tf.modeling.losses import cross_entropy
from bert_tf.training.determinism import deterministic_operations

LOGITS = tf.constant(np.random.default_rng(0).normal(scale=4, size=[3, 5, 70]), tf.float32)
LABELS = tf.constant(np.random.default_rng(1).integers(70, size=[3, 5]), tf.int32)
UPSTREAM = tf.constant(np.random.default_rng(2).normal(size=[3, 5]), tf.float32)


def loss_and_gradient(loss: Callable, labels: tf.Tensor) -> tuple[np.ndarray, np.ndarray]:
    with tf.GradientTape() as tape:
        tape.watch(LOGITS)
        losses = loss(labels, LOGITS)
    return losses.numpy(), tape.gradient(losses, LOGITS, UPSTREAM).numpy()


def test_without_determinism_it_is_tensorflows():
    expected = loss_and_gradient(tf.nn.sparse_softmax_cross_entropy_with_logits, LABELS)
    for found, value in zip(loss_and_gradient(cross_entropy, LABELS), expected, strict=True):
        np.testing.assert_array_equal(found, value)


def test_with_determinism_loss_and_gradient_are_tensorflows():
    with deterministic_operations():
        expected = loss_and_gradient(tf.nn.sparse_softmax_cross_entropy_with_logits, LABELS)
        for found, value in zip(loss_and_gradient(cross_entropy, LABELS), expected, strict=True):
            np.testing.assert_array_equal(found, value)


@pytest.mark.skipif(not has_only_cpus(), reason="on a GPU the loss is not a number")
@pytest.mark.parametrize("wrong", [-1, 70])
def test_a_label_that_is_no_class_is_an_error(wrong):
    labels = tf.tensor_scatter_nd_update(LABELS, [[1, 2]], [wrong])
    with deterministic_operations(), pytest.raises(tf.errors.InvalidArgumentError, match="is not in"):
        cross_entropy(labels, LOGITS)


def test_with_determinism_the_gradient_adds_up_no_segments():
    @tf.function(input_signature=[tf.TensorSpec([None, 70])], autograph=False)
    def gradient(logits: tf.Tensor) -> tf.Tensor:
        return tf.gradients(cross_entropy(LABELS[0], logits), logits)[0]

    with deterministic_operations():
        operations = {operation.type for operation in gradient.get_concrete_function().graph.get_operations()}
    assert "Exp" in operations
    assert not {name for name in operations if "Segment" in name or "Scatter" in name}
