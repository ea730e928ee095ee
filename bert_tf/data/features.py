"""Examples become batches: pairs joined and truncated as the original does, shuffled by seed, padded by length.

features = convert_examples_to_features(examples, labels, max_seq_length=128, tokenizer=tokenizer)
for batch in batch_dataset(features, training_order(len(features), 32, steps=343, seed=0)):
    batch["input_word_ids"]  # [32, length of the longest, rounded up]
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from bert_tf.data.examples import InputExample
from bert_tf.data.tokenization import FullTokenizer

_EXAMPLES_PER_CALL = 4096


@dataclasses.dataclass(frozen=True)
class Features:
    """Examples as word pieces, without padding.

    Attributes:
        input_ids: int32 ragged [examples, (pieces)], with `[CLS]` and `[SEP]`.
        type_ids: int32 ragged of the same shape; 1 in the second text.
        label_ids: int32 [examples].
        max_seq_length: no example is longer.
    """

    input_ids: tf.RaggedTensor
    type_ids: tf.RaggedTensor
    label_ids: tf.Tensor
    max_seq_length: int

    def __len__(self) -> int:
        return int(self.label_ids.shape[0])

    @property
    def lengths(self) -> np.ndarray:
        """The number of pieces of each example, int64 [examples]."""
        return self.input_ids.row_lengths().numpy()


def convert_examples_to_features(
    examples: Sequence[InputExample], label_list: Sequence[str], max_seq_length: int, tokenizer: FullTokenizer
) -> Features:
    """Tokenizes all examples: the original's function of this name.

    Args:
        examples: at least one; each label one of `label_list`.
        label_list: the labels; a label's id is its place here.
        max_seq_length: longer examples are truncated, the longer text first.
        tokenizer: gives the pieces.
    """
    ids = [
        _join_pairs(
            tokenizer.token_ids(tf.constant([example.text_a for example in chunk])),
            tokenizer.token_ids(tf.constant([example.text_b or "" for example in chunk])),
            max_seq_length,
            tokenizer.vocab["[CLS]"],
            tokenizer.vocab["[SEP]"],
        )
        for chunk in _chunks(examples, _EXAMPLES_PER_CALL)
    ]
    label_map = {label: index for index, label in enumerate(label_list)}
    return Features(
        input_ids=tf.concat([input_ids for input_ids, _ in ids], axis=0),
        type_ids=tf.concat([type_ids for _, type_ids in ids], axis=0),
        label_ids=tf.constant([label_map[example.label] for example in examples], tf.int32),
        max_seq_length=max_seq_length,
    )


def _chunks(items: Sequence, size: int) -> list[Sequence]:
    return [items[start : start + size] for start in range(0, len(items), size)]


def _join_pairs(
    tokens_a: tf.RaggedTensor, tokens_b: tf.RaggedTensor, max_seq_length: int, cls_id: int, sep_id: int
) -> tuple[tf.RaggedTensor, tf.RaggedTensor]:
    """`[CLS] a [SEP] b [SEP]`, or `[CLS] a [SEP]` where b has no pieces, and the type ids."""
    lengths_a, lengths_b = truncated_lengths(tokens_a.row_lengths(), tokens_b.row_lengths(), max_seq_length)
    has_b = tf.cast(lengths_b > 0, tf.int64)
    parts = [
        _repeat(cls_id, tf.ones_like(has_b)),
        _first(tokens_a, lengths_a),
        _repeat(sep_id, tf.ones_like(has_b)),
        _first(tokens_b, lengths_b),
        _repeat(sep_id, has_b),
    ]
    type_ids = [_repeat(0, lengths_a + 2), _repeat(1, lengths_b + has_b)]
    return tf.concat(parts, axis=1), tf.concat(type_ids, axis=1)


def truncated_lengths(lengths_a: tf.Tensor, lengths_b: tf.Tensor, max_seq_length: int) -> tuple[tf.Tensor, tf.Tensor]:
    """How many pieces of each text stay: what the original's `_truncate_seq_pair` leaves, without its loop.

    The longer text loses its last piece until both fit, the second one where they are equal. So the first
    keeps what the second leaves it, and at least the larger half.

    Args:
        lengths_a: int64 [examples].
        lengths_b: int64 [examples]; 0 where there is no second text.
        max_seq_length: counts `[CLS]` and each `[SEP]`.

    Example:
        >>> a, b = truncated_lengths(tf.constant([9, 2, 9], tf.int64), tf.constant([9, 9, 0], tf.int64), 10)
        >>> a.numpy(), b.numpy()
        (array([4, 2, 8]), array([3, 5, 0]))
    """
    room = tf.where(lengths_b > 0, max_seq_length - 3, max_seq_length - 2)
    room = tf.cast(room, tf.int64)
    half = tf.where(lengths_b > 0, room - room // 2, room)
    kept_a = tf.minimum(lengths_a, tf.maximum(half, room - lengths_b))
    return kept_a, tf.minimum(lengths_b, room - kept_a)


def _first(tokens: tf.RaggedTensor, lengths: tf.Tensor) -> tf.RaggedTensor:
    """The first `lengths[row]` pieces of each row."""
    positions = tf.ragged.range(tokens.row_lengths())
    keep = positions.with_values(positions.values < tf.repeat(lengths, tokens.row_lengths()))
    return tf.ragged.boolean_mask(tokens, keep)


def _repeat(value: int, times: tf.Tensor) -> tf.RaggedTensor:
    return tf.RaggedTensor.from_row_lengths(tf.fill([tf.reduce_sum(times)], tf.constant(value, tf.int32)), times)
