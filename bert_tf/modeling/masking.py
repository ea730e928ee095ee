"""Chooses the masked positions of a batch anew (Liu et al. 2019, arXiv 1907.11692, section 4.1).

masking = Masking(vocab_size=30522, mask_id=103, special_ids=(101, 102))
batch = masking.mask_anew(batch, seed)
"""

import dataclasses

import tensorflow as tf

# Of the chosen pieces (Devlin et al. 2019, section 3.1): this share becomes [MASK], and half of the rest stays.
_MASKED, _REPLACED = 0.8, 0.9


@dataclasses.dataclass(frozen=True)
class Masking:
    """The pieces that masking needs to know.

    Attributes:
        vocab_size: the number of pieces.
        mask_id: of `[MASK]`.
        special_ids: of the pieces that are never masked, `[CLS]` and `[SEP]`.
    """

    vocab_size: int
    mask_id: int
    special_ids: tuple[int, ...]

    def mask_anew(self, batch: dict[str, tf.Tensor], seed: tf.Tensor) -> dict[str, tf.Tensor]:
        """Masks other pieces of each text, as many as are masked now. A word may be masked in part.

        Args:
            batch: with `masked_lm_positions`, `masked_lm_ids` and `masked_lm_weights`, see `PretrainingHead`.
            seed: int32 [2]; the same seed chooses the same pieces.
        """
        seeds = tf.unstack(tf.random.experimental.stateless_split(seed, 3))
        ids = _unmasked(batch)
        predictions = batch["masked_lm_positions"].shape[1]
        draws = tf.random.stateless_uniform(tf.shape(ids), seeds[0])
        draws = tf.where(self._can_be_masked(ids, batch["input_mask"]), draws, -1.0)
        # A short batch may have fewer positions than a record has predictions.
        draws = tf.pad(draws, [[0, 0], [0, predictions]], constant_values=-1.0)
        found, positions = tf.math.top_k(draws, predictions)
        count = tf.reduce_sum(tf.cast(batch["masked_lm_weights"] > 0, tf.int32), axis=1, keepdims=True)
        is_chosen = (tf.range(predictions)[None] < count) & (found >= 0)
        positions = tf.where(is_chosen, positions, 0)
        labels = tf.where(is_chosen, tf.gather(ids, positions, batch_dims=1), 0)
        new = self._replacements(labels, seeds[1], seeds[2])
        return {
            **batch,
            "input_word_ids": _with_values(ids, positions, new, is_chosen),
            "masked_lm_positions": positions,
            "masked_lm_ids": labels,
            "masked_lm_weights": tf.cast(is_chosen, tf.float32),
        }

    def _can_be_masked(self, ids: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        is_special = tf.reduce_any(ids[..., None] == tf.constant(self.special_ids, ids.dtype), axis=-1)
        return tf.cast(mask, tf.bool) & ~is_special

    def _replacements(self, labels: tf.Tensor, seed: tf.Tensor, piece_seed: tf.Tensor) -> tf.Tensor:
        draws = tf.random.stateless_uniform(tf.shape(labels), seed)
        random = tf.random.stateless_uniform(tf.shape(labels), piece_seed, 0, self.vocab_size, labels.dtype)
        return tf.where(draws < _MASKED, self.mask_id, tf.where(draws < _REPLACED, labels, random))


def _unmasked(batch: dict[str, tf.Tensor]) -> tf.Tensor:
    """Returns the pieces as they were before masking, int32 [rows, length]."""
    is_masked = batch["masked_lm_weights"] > 0
    return _with_values(batch["input_word_ids"], batch["masked_lm_positions"], batch["masked_lm_ids"], is_masked)


def _with_values(ids: tf.Tensor, positions: tf.Tensor, values: tf.Tensor, is_used: tf.Tensor) -> tf.Tensor:
    """Returns ids with other values at some positions of each row."""
    is_there = tf.one_hot(positions, tf.shape(ids)[1], on_value=True, off_value=False, dtype=tf.bool)
    is_there &= is_used[..., None]
    found = tf.reduce_max(tf.where(is_there, values[..., None], -1), axis=1)
    return tf.where(found >= 0, found, ids)
