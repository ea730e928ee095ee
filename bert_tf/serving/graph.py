"""A fine-tuned model as one graph: texts in, answers out. It has variables and tables, and no Keras objects.

graph = ServingGraph(read_fine_tuned("output/MRPC/all-MiniLM-L6-v2"))
graph.answers(tf.constant(["It rains ."]), tf.constant(["Rain falls ."]))  # [1, labels]
"""

import tensorflow as tf

from bert_tf.modeling.gradients import without_gradients
from bert_tf.modeling.transformer import ProductWeights, Transformer, Variables, product_weights
from bert_tf.models.fine_tuned import FineTunedModel
from bert_tf.models.pretrained import Model
from bert_tf.serving.pieces import pieces_of_texts
from bert_tf.serving.predictions import KINDS

_TEXTS = tf.TensorSpec([None], tf.string)
_PIECES = tf.TensorSpec([None, None], tf.int32)


class ServingGraph(tf.Module):
    """Computes the answers of a fine-tuned model; an object can be called from several threads at a time.

    The graph has nothing that depends on the machine that traces it, and computes nothing for padding.

    Args:
        model: the model.

    Attributes:
        tokenizer: cuts texts into word pieces.
    """

    def __init__(self, model: FineTunedModel):
        super().__init__(name="bert")
        self._config, self._kind, self._max_seq_length = model.config, model.kind, model.max_seq_length
        self.tokenizer = model.tokenizer()
        self._products, self._others = make_variables(model, model.compute_dtype)

    @tf.function(input_signature=[_TEXTS, _TEXTS], autograph=False)
    def answers(self, text: tf.Tensor, text_pair: tf.Tensor) -> tf.Tensor:
        """Computes the answers for texts or pairs.

        Args:
            text: string [examples], UTF-8.
            text_pair: string [examples]; empty for an example with one text.

        Returns:
            float32 [examples, labels]; [examples] for a regression.
        """
        return self._compute(*pieces_of_texts(self.tokenizer, text, text_pair, self._max_seq_length))

    @tf.function(input_signature=[_PIECES, _PIECES, _PIECES], autograph=False)
    def answers_of_pieces(
        self, input_word_ids: tf.Tensor, input_mask: tf.Tensor, input_type_ids: tf.Tensor
    ) -> tf.Tensor:
        """Computes the answers for word pieces, `[CLS] a [SEP] b [SEP]` each.

        Args:
            input_word_ids: int32 [examples, length].
            input_mask: of the same shape; 1 for a piece, 0 for padding.
            input_type_ids: of the same shape; 1 in the second text.

        Returns:
            As `answers`.
        """
        for other in (input_mask, input_type_ids):
            tf.debugging.assert_equal(tf.shape(other), tf.shape(input_word_ids), "the inputs must be of one shape")
        return self._compute(input_word_ids, input_mask, input_type_ids)

    def _compute(self, ids: tf.Tensor, mask: tf.Tensor, types: tf.Tensor) -> tf.Tensor:
        # The first position of each example is always computed, also of one that is all padding.
        is_needed = tf.concat([tf.ones_like(mask[:, :1]), mask[:, 1:]], axis=1) > 0
        inputs = {
            "input_word_ids": ids,
            "input_mask": mask,
            "input_type_ids": types,
            "token_rows": tf.cast(tf.where(tf.reshape(is_needed, [-1]))[:, 0], tf.int32),
        }
        transformer = Transformer(self._config, self._others, self._products)
        with without_gradients():
            pooled = transformer(inputs, output_range=1)["pooled_output"]
        return head_answers(self._kind, self._others, pooled)


def head_answers(kind: str, weights: Variables, pooled: tf.Tensor) -> tf.Tensor:
    """Computes the answers of the head of a model.

    Args:
        kind: of its labels.
        weights: with the head's, by name.
        pooled: float32 [examples, hidden].
    """
    logits = tf.matmul(pooled, weights["output_weights"], transpose_b=True)
    return KINDS[kind].answers(tf.nn.bias_add(logits, weights["output_bias"]))


class RowEncoder(tf.Module):
    """Computes the encoder's outputs for all positions of rows; for models whose heads need them.

    Args:
        model: the model; its pooler is not needed.

    Attributes:
        weights: all but those of the products, by name, the head's included.
    """

    def __init__(self, model: Model):
        super().__init__(name="encoder")
        self._config = model.config
        self._products, self.weights = make_variables(model, model.compute_dtype)

    def outputs(self, ids: tf.Tensor, is_real: tf.Tensor, types: tf.Tensor) -> tf.Tensor:
        """Computes the outputs, float32 [rows, length, hidden]; nothing is computed for padding.

        Args:
            ids: int32 [rows, length].
            is_real: bool [rows, length]; False for padding.
            types: int32 [rows, length]; 1 in the second text.
        """
        inputs = {
            "input_word_ids": ids,
            "input_mask": tf.cast(is_real, tf.int32),
            "input_type_ids": types,
            "token_rows": tf.cast(tf.where(tf.reshape(is_real, [-1]))[:, 0], tf.int32),
        }
        transformer = Transformer(self._config, {**self.weights, **self._no_pooler()}, self._products)
        with without_gradients():
            return tf.cast(transformer(inputs)["sequence_output"], tf.float32)

    def _no_pooler(self) -> Variables:
        """Stands for the pooler, whose output is not used and therefore not in the graph."""
        width = self._config.hidden_size
        return {"bert/pooler/dense/kernel": tf.zeros([width, width]), "bert/pooler/dense/bias": tf.zeros([width])}


def make_variables(model: Model, dtype: str) -> tuple[ProductWeights, dict[str, tf.Variable]]:
    """Makes variables of the weights.

    Args:
        model: the model.
        dtype: of the products.

    Returns:
        The result of `product_weights`: joined and cast once, the encoder's own kernels are not needed any more; and
        all other weights by name.
    """
    products = product_weights(model.config, model.arrays, dtype)
    variables = {name: tuple(map(_variable, (name, name), pair)) for name, pair in products.items()}
    return variables, {name: _variable(name, model.arrays[name]) for name in _without_products(model.arrays, products)}


def _variable(name: str, value: tf.Tensor) -> tf.Variable:
    return tf.Variable(value, trainable=False, name=name)


def _without_products(arrays: Variables, products: dict) -> list[str]:
    """Returns the names of the arrays that are not part of a dense layer in the encoder's layers."""
    scopes = tuple(f"bert/{scope}/" for scope in products)
    return [name for name in arrays if not name.startswith(scopes)]
