"""Heads: the layers that a task adds to the encoder, and their loss.

class RegressionHead(Head):
    def __init__(self, encoder, seed=None):
        super().__init__(encoder)
        self.kernel = self.add_variable("output_weights", [1, encoder.config.hidden_size], seed)
"""

import abc

import tensorflow as tf
import tf_keras

from bert_tf.modeling.encoder import BertEncoder
from bert_tf.modeling.operations import dropout

Batch = dict[str, tf.Tensor]
ProductWeights = dict[str, tuple[tf.Tensor, tf.Tensor]]


class Head(tf_keras.layers.Layer, abc.ABC):
    """An encoder and a task's layers on it. The training loop and inference know only this.

    A subclass adds its variables with `add_variable` and implements `call`, `loss` and `answers`.

    Args:
        encoder: the encoder; it is trained too, unless its `trainable` is False.

    Attributes:
        encoder: the encoder.
        own_variables_by_name: the head's variables, under the original's names.
        positions: the number of positions whose outputs `call` needs; None for all. The last layer computes only these.
        flops_of_a_row: the floating point operations of the head's own matrix products for a row, forward; 0 for a head
            of a few columns.
    """

    positions: int | None = 1
    flops_of_a_row: float = 0.0

    def __init__(self, encoder: BertEncoder, name: str = "head"):
        super().__init__(name=name, dtype="float32")
        self.encoder = encoder
        self.own_variables_by_name: dict[str, tf.Variable] = {}

    # A property, because Keras would count the variables of an attribute as the head's own: the encoder could not be
    # frozen.
    @property
    def variables_by_name(self) -> dict[str, tf.Variable]:
        """The variables of the encoder and the head, under the original's names."""
        return {**self.encoder.variables_by_name, **self.own_variables_by_name}

    @property
    def uses_pooler(self) -> bool:
        """True if the outputs depend on the encoder's pooler."""
        return self.positions is not None

    def parts(self) -> dict[str, dict[str, tf.Variable]]:
        """Returns the head's variables in parts that a checkpoint has or lacks as a whole, by what they are for."""
        return {"the task": self.own_variables_by_name}

    def add_variable(self, name: str, shape: list[int], seed: int | None = None) -> tf.Variable:
        """Adds a float32 variable: zero for a bias, and else drawn as the original draws it.

        Args:
            name: the original's name; it is zero if it ends with `bias`.
            shape: of the variable.
            seed: of the initial values.
        """
        initializer = "zeros" if name.endswith("bias") else tf_keras.initializers.TruncatedNormal(0.0, 0.02, seed)
        variable = self.add_weight(name, shape, initializer=initializer)
        self.own_variables_by_name[name] = variable
        return variable

    def encode(
        self,
        batch: Batch,
        dropout_seed: tf.Tensor | None,
        weights: ProductWeights | None,
        chosen: tf.Tensor | None = None,
    ) -> dict:
        """Calls the encoder; see `BertEncoder.call` for arguments and outputs.

        The last layer computes the `chosen` positions, int32 [rows, positions], or the first ones.
        """
        output_range = self.positions if chosen is None else chosen
        return self.encoder(batch, dropout_seed=dropout_seed, output_range=output_range, weights=weights)

    @abc.abstractmethod
    def call(
        self, batch: Batch, dropout_seed: tf.Tensor | None = None, weights: ProductWeights | None = None
    ) -> tf.Tensor:
        """Computes the outputs of a batch, float32 [rows, ...]."""

    @abc.abstractmethod
    def loss(self, outputs: tf.Tensor, batch: Batch) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the sum of the losses and their weight, both float32 [], or [terms] for a loss of several terms.

        The loss of a batch is the sum over all replicas divided by the weight over all replicas. So it is a mean over
        examples, tokens or masked positions, whichever the head counts. With several terms it is the sum of their
        means.
        """

    @abc.abstractmethod
    def answers(self, outputs: tf.Tensor) -> tf.Tensor:
        """Converts outputs to answers for evaluation and prediction: a row for each example."""


class PooledHead(Head):
    """A linear layer on the pooled output: the original's `run_classifier.create_model`, up to its loss.

    Args:
        encoder: the encoder.
        num_outputs: the number of outputs.
        seed: of the layer's initial weights.
        name: of the Keras layer.

    Attributes:
        dropout_rate: of the pooled output in training.
        output_weights: [num_outputs, hidden].
        output_bias: [num_outputs].
    """

    dropout_rate = 0.1  # fixed in the original's run_classifier.create_model

    def __init__(self, encoder: BertEncoder, num_outputs: int, seed: int | None, name: str):
        super().__init__(encoder, name=name)
        self.output_weights = self.add_variable("output_weights", [num_outputs, encoder.config.hidden_size], seed)
        self.output_bias = self.add_variable("output_bias", [num_outputs])

    def call(
        self, batch: Batch, dropout_seed: tf.Tensor | None = None, weights: ProductWeights | None = None
    ) -> tf.Tensor:
        """Computes the logits, float32 [rows, num_outputs]."""
        pooled = self.encode(batch, dropout_seed, weights)["pooled_output"]
        if dropout_seed is not None:
            pooled = dropout(pooled, self.dropout_rate, dropout_seed)
        return tf.nn.bias_add(tf.matmul(pooled, self.output_weights, transpose_b=True), self.output_bias)


class ClassificationHead(PooledHead):
    """Chooses one of some labels: the original's `run_classifier.create_model`.

    Args:
        encoder: the encoder.
        num_labels: the number of classes.
        seed: of the classifier's initial weights.
        label_smoothing: the share of the probability that the loss spreads over all labels (Szegedy et al. 2016,
            section 7).

    Example:
        >>> from bert_tf.modeling.config import BertConfig
        >>> encoder = BertEncoder(BertConfig(vocab_size=100, hidden_size=8, num_attention_heads=2,
        ...                                  num_hidden_layers=1, intermediate_size=16))
        >>> ids = tf.constant([[1, 2, 3]])
        >>> inputs = {"input_word_ids": ids, "input_mask": tf.ones_like(ids), "input_type_ids": ids * 0}
        >>> ClassificationHead(encoder, num_labels=2)(inputs).shape
        TensorShape([1, 2])
    """

    def __init__(self, encoder: BertEncoder, num_labels: int, seed: int | None = None, label_smoothing: float = 0.0):
        super().__init__(encoder, num_labels, seed, name="classification_head")
        self.num_labels = num_labels
        self.label_smoothing = label_smoothing

    def loss(self, outputs: tf.Tensor, batch: Batch) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the sum of the cross-entropies and the number of examples.

        If the batch has `weights`, float32 [rows], both count each example by its weight.
        """
        losses = self._cross_entropies(outputs, batch["label_ids"])
        if "weights" in batch:
            return tf.reduce_sum(batch["weights"] * losses), tf.reduce_sum(batch["weights"])
        return tf.reduce_sum(losses), tf.cast(tf.size(losses), tf.float32)

    def _cross_entropies(self, outputs: tf.Tensor, label_ids: tf.Tensor) -> tf.Tensor:
        if not self.label_smoothing:
            return tf.nn.sparse_softmax_cross_entropy_with_logits(label_ids, outputs)
        share = self.label_smoothing / self.num_labels
        wanted = tf.one_hot(label_ids, self.num_labels, on_value=1.0 - self.label_smoothing + share, off_value=share)
        return tf.nn.softmax_cross_entropy_with_logits(wanted, outputs)

    def answers(self, outputs: tf.Tensor) -> tf.Tensor:
        """Returns the probability of each class, float32 [rows, num_labels]."""
        return tf.nn.softmax(outputs)


class RegressionHead(PooledHead):
    """Predicts a number: ALBERT's `classifier_utils.create_model` for STS-B.

    Args:
        encoder: the encoder.
        seed: of the layer's initial weights.
    """

    def __init__(self, encoder: BertEncoder, seed: int | None = None):
        super().__init__(encoder, 1, seed, name="regression_head")

    def loss(self, outputs: tf.Tensor, batch: Batch) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the sum of the squared errors and the number of examples."""
        errors = tf.squeeze(outputs, -1) - batch["numbers"]
        return tf.reduce_sum(tf.square(errors)), tf.cast(tf.size(errors), tf.float32)

    def answers(self, outputs: tf.Tensor) -> tf.Tensor:
        """Returns the predicted numbers, float32 [rows]."""
        return tf.squeeze(outputs, -1)


class SpanHead(Head):
    """Finds where an answer starts and ends: the original's `run_squad.create_model`.

    Args:
        encoder: the encoder.
        seed: of the layer's initial weights.
        masks_padding: whether no answer can start or end at padding. In the original it can: padding has logits as all
            positions have, and the loss spreads its probability over them, too.

    Attributes:
        output_weights: [2, hidden], of start and end.
        output_bias: [2].
    """

    positions = None

    def __init__(self, encoder: BertEncoder, seed: int | None = None, masks_padding: bool = False):
        super().__init__(encoder, name="span_head")
        self.masks_padding = masks_padding
        self.output_weights = self.add_variable("cls/squad/output_weights", [2, encoder.config.hidden_size], seed)
        self.output_bias = self.add_variable("cls/squad/output_bias", [2])

    def call(
        self, batch: Batch, dropout_seed: tf.Tensor | None = None, weights: ProductWeights | None = None
    ) -> tf.Tensor:
        """Computes the logits of start and end at each position, float32 [rows, 2, length]."""
        hidden = tf.cast(self.encode(batch, dropout_seed, weights)["sequence_output"], tf.float32)
        logits = tf.matmul(self.output_weights, hidden, transpose_b=True) + self.output_bias[:, tf.newaxis]
        if not self.masks_padding:
            return logits
        # As padding in attention: not minus infinity, but 10,000 less.
        mask = tf.cast(batch["input_mask"], tf.float32)[:, tf.newaxis]
        return logits + (mask - 1.0) * 10000.0

    def loss(self, outputs: tf.Tensor, batch: Batch) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the sum of the cross-entropies, each the mean of start's and end's, and the number of rows.

        The batch has `ends`, int32 [rows, 2], the positions of start and end.
        """
        # An odd answer ends beyond its row, see `windows.answer_positions`; as in the original it adds nothing then.
        is_end = tf.one_hot(batch["ends"], tf.shape(outputs)[-1])
        losses = -tf.reduce_sum(is_end * tf.nn.log_softmax(outputs), axis=-1)
        return tf.reduce_sum(losses) / 2.0, tf.cast(tf.shape(losses)[0], tf.float32)

    def answers(self, outputs: tf.Tensor) -> tf.Tensor:
        """Returns the logits, float32 [rows, 2, length]."""
        return outputs


class TokenHead(Head):
    """Chooses a tag for each word, at its first piece (Devlin et al. 2019, section 5.3).

    It computes what `BertForTokenClassification` of transformers does.

    Args:
        encoder: the encoder.
        num_tags: the number of tags.
        seed: of the layer's initial weights.

    Attributes:
        dropout_rate: of the encoder's output in training.
        output_weights: [num_tags, hidden].
        output_bias: [num_tags].
    """

    positions = None
    dropout_rate = 0.1  # as in `PooledHead`

    def __init__(self, encoder: BertEncoder, num_tags: int, seed: int | None = None):
        super().__init__(encoder, name="token_head")
        self.output_weights = self.add_variable("output_weights", [num_tags, encoder.config.hidden_size], seed)
        self.output_bias = self.add_variable("output_bias", [num_tags])

    def call(
        self, batch: Batch, dropout_seed: tf.Tensor | None = None, weights: ProductWeights | None = None
    ) -> tf.Tensor:
        """Computes the logits at each position, float32 [rows, length, num_tags]."""
        hidden = tf.cast(self.encode(batch, dropout_seed, weights)["sequence_output"], tf.float32)
        if dropout_seed is not None:
            hidden = dropout(hidden, self.dropout_rate, dropout_seed)
        return tf.einsum("blh,th->blt", hidden, self.output_weights) + self.output_bias

    def loss(self, outputs: tf.Tensor, batch: Batch) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the sum of the cross-entropies and the number of places that have a tag.

        The batch has `tag_ids`, int32 [rows, length]: 0 at a place without a tag, k + 1 at one with tag k.
        """
        tag_ids = batch["tag_ids"]
        has_tag = tf.cast(tag_ids > 0, tf.float32)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.maximum(tag_ids - 1, 0), outputs)
        return tf.reduce_sum(losses * has_tag), tf.reduce_sum(has_tag)

    def answers(self, outputs: tf.Tensor) -> tf.Tensor:
        """Returns the probability of each tag at each position, float32 [rows, length, num_tags]."""
        return tf.nn.softmax(outputs)


class MultiLabelHead(PooledHead):
    """Decides about each label for itself: a sigmoid for each, as Hugging Face's `multi_label_classification`.

    Args:
        encoder: the encoder.
        num_labels: the number of labels.
        seed: of the layer's initial weights.

    Attributes:
        threshold: a label with at least this probability is predicted.
    """

    threshold = 0.5

    def __init__(self, encoder: BertEncoder, num_labels: int, seed: int | None = None):
        super().__init__(encoder, num_labels, seed, name="multi_label_head")
        self.num_labels = num_labels

    def loss(self, outputs: tf.Tensor, batch: Batch) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the sum of the cross-entropies and their number: examples times labels."""
        losses = tf.nn.sigmoid_cross_entropy_with_logits(tf.cast(batch["has_label"], outputs.dtype), outputs)
        return tf.reduce_sum(losses), tf.cast(tf.size(losses), tf.float32)

    def answers(self, outputs: tf.Tensor) -> tf.Tensor:
        """Returns the probability of each label, float32 [rows, num_labels]."""
        return tf.sigmoid(outputs)
