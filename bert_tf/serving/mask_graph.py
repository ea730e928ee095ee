"""A model that fills masks as two graphs: rows of pieces in, pieces for the masks out. It has no Keras objects.

graph = MaskGraph(read_pretrained("uncased_L-12_H-768_A-12"))
graph.best(graph.outputs(ids, lengths, masks), top_k=5)
"""

import tensorflow as tf

from bert_tf.errors import UserError, printable
from bert_tf.modeling.masked_lm import masked_lm_logits
from bert_tf.models.pretrained import PretrainedModel
from bert_tf.serving.filling import MASK
from bert_tf.serving.graph import RowEncoder

_ROWS = tf.TensorSpec([None, None], tf.int32)
_NUMBERS = tf.TensorSpec([None], tf.int32)
_PLACES = tf.TensorSpec([None, 2], tf.int32)


class MaskGraph(tf.Module):
    """Chooses pieces for masks; an object can be called from several threads at a time.

    Args:
        model: the model; it has a `head_kind`.

    Attributes:
        tokenizer: cuts texts into word pieces.
        num_pieces: the number of pieces to choose from.
        max_seq_length: longer rows are more than the model was trained with, or can take.

    Raises:
        UserError: the vocabulary has no `[MASK]`.
    """

    def __init__(self, model: PretrainedModel):
        super().__init__(name="bert")
        self.tokenizer, self.max_seq_length = model.tokenizer(), model.trained_length
        if MASK not in self.tokenizer.vocab:
            raise UserError(f"{printable(model.vocab_file)}: has no {MASK}; give the vocabulary of this model")
        self._config = model.config
        self._encoder = RowEncoder(model)
        pieces = [self.tokenizer.inv_vocab.get(number, "") for number in range(model.config.vocab_size)]
        self._has_piece = tf.constant([bool(piece) for piece in pieces])
        self.num_pieces = sum(map(bool, pieces))

    @tf.function(input_signature=[_ROWS, _NUMBERS, _PLACES], autograph=False)
    def outputs(self, ids: tf.Tensor, lengths: tf.Tensor, masks: tf.Tensor) -> tf.Tensor:
        """Computes the encoder's outputs at masks, float32 [masks, hidden].

        Args:
            ids: int32 [rows, length], the pieces of texts with `[CLS]` and `[SEP]`.
            lengths: int32 [rows], the number of pieces of each.
            masks: int32 [masks, 2], row and position of each mask.
        """
        is_real = tf.sequence_mask(lengths, tf.shape(ids)[1])
        return tf.gather_nd(self._encoder.outputs(ids, is_real, tf.zeros_like(ids)), masks)

    @tf.function(
        input_signature=[tf.TensorSpec([None, None], tf.float32), tf.TensorSpec([], tf.int32)], autograph=False
    )
    def best(self, outputs: tf.Tensor, top_k: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Chooses the best pieces.

        Args:
            outputs: the result of `outputs`, or some of its rows.
            top_k: int32 [], how many pieces; at most `num_pieces`.

        Returns:
            Their probabilities, float32 [masks, top_k], the largest first, and their ids, int32 [masks, top_k].
        """
        outputs = tf.ensure_shape(outputs, [None, self._config.hidden_size])
        probabilities = tf.nn.softmax(masked_lm_logits(self._config, self._encoder.weights, outputs))
        # A model may have rows without a piece, up to a round number.
        found = tf.math.top_k(tf.where(self._has_piece, probabilities, -1.0), top_k)
        # Not a number if any is not finite.
        return found.values + 0.0 * tf.reduce_sum(probabilities, axis=-1, keepdims=True), found.indices
