"""What a task puts on the encoder."""

import tensorflow as tf
import tf_keras

from bert_tf.modeling.encoder import BertEncoder
from bert_tf.modeling.operations import dropout

CLASSIFIER_DROPOUT = 0.1  # fixed in the original's run_classifier.create_model


class BertClassifier(tf_keras.Model):
    """A linear classifier on the pooled output: the original's `run_classifier.create_model`.

    Args:
        encoder: the encoder; it is trained along.
        num_labels: how many classes.
        seed: of the classifier's first weights.

    Attributes:
        variables_by_name: the encoder's, `output_weights` [num_labels, hidden] and `output_bias` [num_labels].

    Example:
        >>> from bert_tf.modeling.config import BertConfig
        >>> encoder = BertEncoder(BertConfig(vocab_size=100, hidden_size=8, num_attention_heads=2,
        ...                                  num_hidden_layers=1, intermediate_size=16))
        >>> ids = tf.constant([[1, 2, 3]])
        >>> inputs = {"input_word_ids": ids, "input_mask": tf.ones_like(ids), "input_type_ids": ids * 0}
        >>> BertClassifier(encoder, num_labels=2)(inputs).shape
        TensorShape([1, 2])
    """

    def __init__(self, encoder: BertEncoder, num_labels: int, seed: int | None = None):
        super().__init__(name="bert_classifier")
        self.encoder = encoder
        self.num_labels = num_labels
        initializer = tf_keras.initializers.TruncatedNormal(stddev=0.02, seed=seed)
        width = encoder.config.hidden_size
        self.output_weights = self.add_weight("output_weights", [num_labels, width], initializer=initializer)
        self.output_bias = self.add_weight("output_bias", [num_labels], initializer="zeros")
        self.variables_by_name = {
            **encoder.variables_by_name,
            "output_weights": self.output_weights,
            "output_bias": self.output_bias,
        }

    def call(
        self,
        inputs: dict[str, tf.Tensor],
        dropout_seed: tf.Tensor | None = None,
        weights: dict[str, tuple[tf.Tensor, tf.Tensor]] | None = None,
    ) -> tf.Tensor:
        """Logits, float32 [batch, num_labels]; see `BertEncoder.call` for the arguments."""
        encoded = self.encoder(inputs, dropout_seed=dropout_seed, output_range=1, weights=weights)
        pooled = encoded["pooled_output"]
        if dropout_seed is not None:
            pooled = dropout(pooled, CLASSIFIER_DROPOUT, dropout_seed)
        return tf.nn.bias_add(tf.matmul(pooled, self.output_weights, transpose_b=True), self.output_bias)
