"""The loss of a choice among many classes, such as the pieces of a vocabulary.

losses = cross_entropy(ids, logits)  # one for each id
"""

from collections.abc import Callable

import tensorflow as tf

# TensorFlow has no public function that tells whether its operations are deterministic.
from tensorflow.python.framework.config import is_op_determinism_enabled

from bert_tf.modeling.gradients import custom_gradient


def cross_entropy(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """`tf.nn.sparse_softmax_cross_entropy_with_logits`, bit by bit, with a gradient that is quick on a GPU, too.

    Where operations must be deterministic, TensorFlow adds up the gradient in one segment for each logit. Measured on
    an H100, that took 47 of the 240 ms of a step of BERT-base with 5,120 masked words.

    Args:
        labels: int32, any shape. One that is no class is an error on a CPU; elsewhere its loss is not a number.
        logits: float32, the shape of `labels` and [classes].

    Example:
        >>> cross_entropy(tf.constant([1]), tf.constant([[0.0, 0.0]])).numpy().tolist()
        [0.6931471824645996]
    """
    if not is_op_determinism_enabled():
        return tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
    classes = tf.shape(logits)[-1]
    of_rows = -_log_probabilities(tf.reshape(logits, [-1, classes]), tf.reshape(labels, [-1]))
    losses = tf.reshape(of_rows, tf.shape(labels))
    return tf.where((labels >= 0) & (labels < classes), losses, float("nan"))


@custom_gradient
def _log_probabilities(logits: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, Callable]:
    """Returns the logarithm of each label's probability: logits [rows, classes] and labels [rows] -> [rows]."""
    logarithms = tf.nn.log_softmax(logits)

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, None]:
        upstream = upstream[:, tf.newaxis]
        is_label = tf.one_hot(labels, tf.shape(logits)[1], on_value=True, off_value=False)
        return tf.where(is_label, upstream, 0.0) - upstream * tf.exp(logarithms), None

    return tf.gather(logarithms, labels, batch_dims=1), gradient
