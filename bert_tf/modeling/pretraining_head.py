"""The layers of pre-training: masked words and next sentences (Devlin et al. 2019, section 3.1).

head = PretrainingHead(encoder, seed=0)
head.masked_lm_logits(encoder(batch)["sequence_output"], batch["masked_lm_positions"])  # [rows, predictions, pieces]
"""

from collections.abc import Sequence

import tensorflow as tf

from bert_tf.modeling.construction import truncated_normal
from bert_tf.modeling.encoder import BertEncoder
from bert_tf.modeling.heads import Batch, Head, ProductWeights
from bert_tf.modeling.losses import cross_entropy
from bert_tf.modeling.masked_lm import masked_lm_logits
from bert_tf.modeling.masking import Masking
from bert_tf.modeling.operations import take_positions
from bert_tf.modeling.shapes import (
    MASKED_LM_SCOPE,
    NEXT_SENTENCE_SCOPE,
    masked_lm_head_shapes,
    next_sentence_head_shapes,
)

_LEAVES = ("weights", "bias")
_SMALLEST_WEIGHT = 1e-5  # in the original's get_masked_lm_output
_TARGETS = ("masked_lm_ids", "masked_lm_weights", "next_sentence_labels")


class PretrainingHead(Head):
    """Finds masked words and next sentences: the original's `run_pretraining.py`.

    A batch has `masked_lm_positions` and `masked_lm_ids`, int32 [rows, predictions], `masked_lm_weights`, float32 of
    the same shape and 0 where nothing is masked, and `next_sentence_labels`, int32 [rows], 1 for a random sentence.

    Args:
        encoder: the encoder; its word embeddings are the weights of the last layer, too.
        seed: of the layers' initial weights.
        with_next_sentence: whether it also finds next sentences.
        max_predictions_per_seq: the number of predictions of each row, if it is always the same. The last layer then
            computes only these positions and the first one.
        masking: chooses the masked positions anew in each step of training; None takes those of the batch.

    Attributes:
        with_next_sentence: as given.
    """

    def __init__(
        self,
        encoder: BertEncoder,
        seed: int,
        with_next_sentence: bool = True,
        max_predictions_per_seq: int | None = None,
        masking: Masking | None = None,
    ):
        super().__init__(encoder, name="pretraining_head")
        self.positions = max_predictions_per_seq and 1 + max_predictions_per_seq
        self.with_next_sentence = with_next_sentence
        self._masking = masking
        width = encoder.config.hidden_size
        self.flops_of_a_row = 2.0 * (max_predictions_per_seq or 0) * width * (width + encoder.config.vocab_size)
        for name, shape in masked_lm_head_shapes(encoder.config).items():
            self._add(name, shape, seed)
        if with_next_sentence:
            for name, shape in next_sentence_head_shapes(encoder.config).items():
                self._add(name, shape, seed)

    def _add(self, name: str, shape: Sequence[int], seed: int) -> None:
        def initial(shape: tf.TensorShape, dtype: tf.DType, **_: object) -> tf.Tensor:
            if name.endswith(("bias", "beta")):
                return tf.zeros(shape, dtype)
            if name.endswith("gamma"):
                return tf.ones(shape, dtype)
            return truncated_normal(name, shape, seed, self.encoder.config.initializer_range)

        self.own_variables_by_name[name] = self.add_weight(name, shape, initializer=initial)

    @property
    def uses_pooler(self) -> bool:
        """True if it finds next sentences."""
        return self.with_next_sentence

    def parts(self) -> dict[str, dict[str, tf.Variable]]:
        """Returns the layers of each of the two tasks; a checkpoint may have those of one."""
        own, scopes = self.own_variables_by_name, {"masked words": f"{MASKED_LM_SCOPE}/"}
        if self.with_next_sentence:
            scopes["next sentences"] = f"{NEXT_SENTENCE_SCOPE}/"
        return {part: {name: own[name] for name in own if name.startswith(scope)} for part, scope in scopes.items()}

    def call(
        self, batch: Batch, dropout_seed: tf.Tensor | None = None, weights: ProductWeights | None = None
    ) -> dict[str, tf.Tensor]:
        """Computes the logits of a batch.

        Returns:
            `masked_lm_logits`, float32 [rows, predictions, pieces], and `next_sentence_logits`, float32 [rows, 2],
            with what they must be: `masked_lm_ids`, `masked_lm_weights` and `next_sentence_labels`.
        """
        if dropout_seed is not None and self._masking:
            # Another seed than that of any dropout.
            batch = self._masking.mask_anew(batch, tf.random.experimental.stateless_fold_in(dropout_seed, -1))
        positions = batch["masked_lm_positions"]
        if self.positions is None:
            encoded = self.encode(batch, dropout_seed, weights)
            masked = take_positions(encoded["sequence_output"], positions)
        else:
            # The pooler takes the first position.
            encoded = self.encode(batch, dropout_seed, weights, tf.pad(positions, [[0, 0], [1, 0]]))
            masked = encoded["sequence_output"][:, 1:]
        outputs = {"masked_lm_logits": self._piece_logits(masked)}
        if self.with_next_sentence:
            outputs["next_sentence_logits"] = self.next_sentence_logits(encoded["pooled_output"])
        return outputs | {name: batch[name] for name in _TARGETS}

    def masked_lm_logits(self, sequence_output: tf.Tensor, positions: tf.Tensor) -> tf.Tensor:
        """Computes how likely each piece is at some positions: the original's `get_masked_lm_output`.

        Args:
            sequence_output: of the encoder, [rows, length, hidden].
            positions: int32 [rows, predictions].

        Returns:
            float32 [rows, predictions, pieces].
        """
        return self._piece_logits(take_positions(sequence_output, positions))

    def _piece_logits(self, masked: tf.Tensor) -> tf.Tensor:
        """[rows, predictions, hidden] -> float32 [rows, predictions, pieces]."""
        config = self.encoder.config
        hidden = tf.reshape(masked, [-1, config.hidden_size])
        logits = masked_lm_logits(config, self.variables_by_name, hidden, fuse=self.encoder.fuses)
        return tf.reshape(logits, [-1, masked.shape[1] or tf.shape(masked)[1], config.vocab_size])

    def next_sentence_logits(self, pooled_output: tf.Tensor) -> tf.Tensor:
        """Computes the original's `get_next_sentence_output`: float32 [rows, 2], 0 for the next sentence."""
        weights, bias = (self.own_variables_by_name[f"{NEXT_SENTENCE_SCOPE}/output_{leaf}"] for leaf in _LEAVES)
        return tf.matmul(pooled_output, weights, transpose_b=True) + bias

    def loss(self, outputs: dict[str, tf.Tensor], batch: Batch) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the sums and weights of both losses, float32 [2]: over masked positions, and over rows."""
        losses, weights = _masked_lm_losses(outputs), outputs["masked_lm_weights"]
        totals = [tf.reduce_sum(losses * weights)]
        weights = [tf.reduce_sum(weights) + _SMALLEST_WEIGHT]
        if self.with_next_sentence:
            next_losses = _next_sentence_losses(outputs)
            totals.append(tf.reduce_sum(next_losses))
            weights.append(tf.cast(tf.size(next_losses), tf.float32))
        return tf.stack(totals), tf.stack(weights)

    def answers(self, outputs: dict[str, tf.Tensor]) -> tf.Tensor:
        """Returns loss, 1 if the answer is right, and weight of each prediction, float32 [rows, predictions, 3].

        The last prediction of a row is that of the next sentence, if there is one.
        """
        logits, weights = outputs["masked_lm_logits"], outputs["masked_lm_weights"]
        answers = tf.stack([_masked_lm_losses(outputs), _is_right(logits, outputs["masked_lm_ids"]), weights], axis=-1)
        if not self.with_next_sentence:
            return answers
        losses = _next_sentence_losses(outputs)
        is_right = _is_right(outputs["next_sentence_logits"], outputs["next_sentence_labels"])
        return tf.concat([answers, tf.stack([losses, is_right, tf.ones_like(losses)], axis=-1)[:, None]], axis=1)


def _masked_lm_losses(outputs: dict[str, tf.Tensor]) -> tf.Tensor:
    return cross_entropy(outputs["masked_lm_ids"], outputs["masked_lm_logits"])


def _next_sentence_losses(outputs: dict[str, tf.Tensor]) -> tf.Tensor:
    labels, logits = outputs["next_sentence_labels"], outputs["next_sentence_logits"]
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)


def _is_right(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.argmax(logits, axis=-1, output_type=labels.dtype) == labels, tf.float32)
