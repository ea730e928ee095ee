"""Features become padded batches, in an order made from the seed.

order = training_order(len(features), batch_size=32, steps=343, seed=0)
for batch in batch_dataset(features, order):
    batch["input_word_ids"]  # [32, length of the longest, rounded up]
"""

import math

import numpy as np
import tensorflow as tf

from bert_tf.data.features import Features

# A batch is padded to the first of these that holds its longest example, or to max_seq_length.
BUCKET_LENGTHS = (16, 32, 48, 64, 80, 96, 128, 160, 192, 256, 320, 384, 448, 512)


def training_order(num_examples: int, batch_size: int, steps: int, seed: int) -> np.ndarray:
    """Chooses the examples of each step: every epoch uses all of them, in an order made from (seed, epoch).

    A batch that an epoch cannot fill continues with the first examples of the next epoch, as in the original, whose
    data set repeats before it is batched. The original shuffles within 100 examples; here the whole set is shuffled.

    Returns:
        int64 [steps, batch_size], a pure function of the arguments; more steps only append to it.

    Example:
        >>> sorted(training_order(num_examples=4, batch_size=2, steps=2, seed=0).ravel().tolist())
        [0, 1, 2, 3]
    """
    epochs = -(-steps * batch_size // num_examples)
    order = [np.random.default_rng([seed, epoch]).permutation(num_examples) for epoch in range(epochs)]
    return np.concatenate(order)[: steps * batch_size].reshape(steps, batch_size)


def evaluation_order(lengths: np.ndarray, batch_size: int) -> np.ndarray:
    """Puts examples of similar length into one batch, so that little is padded.

    Args:
        lengths: of each example, [examples].
        batch_size: rows of a batch.

    Returns:
        int64 [batches, batch_size]; each example appears once, and -1 fills the last batch from its start: rows of
        padding are the shortest.
    """
    order = np.argsort(lengths, kind="stable")
    padding = np.full(-len(order) % batch_size, -1, dtype=order.dtype)
    last = len(order) // batch_size * batch_size
    return np.concatenate([order[:last], padding, order[last:]]).reshape(-1, batch_size)


def batch_lengths(lengths: np.ndarray, order: np.ndarray, max_seq_length: int) -> np.ndarray:
    """Returns the length that each batch is padded to, int64 [batches]: the smallest bucket for its longest example."""
    buckets = np.array([length for length in BUCKET_LENGTHS if length < max_seq_length] + [max_seq_length])
    longest = np.where(order >= 0, lengths[order], 0).max(axis=1)
    return buckets[np.searchsorted(buckets, longest)]


def row_count(tokens: np.ndarray) -> np.ndarray:
    """Rounds a number of rows up to one of a few sizes, because each size is compiled separately.

    This adds at most a sixteenth, and a fiftieth on average.

    Example:
        >>> row_count(np.array([7, 33, 1600, 1601])).tolist()
        [7, 34, 1600, 1664]
    """
    step = 2 ** np.maximum(np.log2(tokens).astype(int) - 4, 0)
    return -(-tokens // step) * step


def batch_row_counts(
    lengths: np.ndarray, order: np.ndarray, max_seq_length: int, few_sizes: bool, attention_groups: int = 1
) -> np.ndarray:
    """Returns how many positions of each batch the model computes, int64 [batches].

    These are the real tokens, and one position of each row of padding. With `few_sizes` padded positions are added
    up to the next size of `row_count`, if attention has as many.
    """
    tokens = np.where(order >= 0, lengths[order], 1).sum(axis=1)
    if not few_sizes:
        return tokens
    attended = attention_lengths(lengths, order, max_seq_length, attention_groups)
    room = attended.sum(axis=1) * (order.shape[1] // attended.shape[1])
    return np.minimum(row_count(tokens), room)


def attention_lengths(lengths: np.ndarray, order: np.ndarray, max_seq_length: int, groups: int) -> np.ndarray:
    """Returns the length that attention pads each group of each batch to, int64 [batches, groups]."""
    grouped = grouped_by_length(lengths, order, groups)
    return np.stack([batch_lengths(lengths, group, max_seq_length) for group in grouped], axis=1)


def grouped_by_length(lengths: np.ndarray, order: np.ndarray, groups: int) -> list[np.ndarray]:
    """Sorts the examples of each batch by length and cuts it into groups, so that attention pads each group by itself.

    Args:
        lengths: of each example, [examples].
        order: int64 [batches, batch size].
        groups: how many. If they cannot have the same size, it is the greatest divisor that the two numbers share.

    Returns:
        For each group int64 [batches, size of the group]. One group keeps the order.

    Example:
        >>> [group.tolist() for group in grouped_by_length(np.array([9, 2, 5, 3]), np.array([[0, 1, 2, 3]]), groups=2)]
        [[[1, 3]], [[2, 0]]]
    """
    count = math.gcd(order.shape[1], groups)
    if count == 1:
        return [order]
    by_length = np.argsort(np.where(order >= 0, lengths[order], 0), axis=1, kind="stable")
    return np.split(np.take_along_axis(order, by_length, axis=1), count, axis=1)


def batch_dataset(
    features: Features,
    order: np.ndarray,
    static_length: bool = False,
    num_replicas: int = 1,
    replicas: range = range(1),
    few_row_counts: bool = False,
    attention_groups: int = 1,
) -> tf.data.Dataset:
    """Makes a data set of padded batches.

    Args:
        features: the examples.
        order: int64 [batches, batch size]; a row is one batch over all replicas, and -1 a row of padding.
        static_length: pad all batches to `max_seq_length`, for devices that compile one shape.
        num_replicas: how many replicas share a batch; it must divide the batch size.
        replicas: the replicas whose parts are wanted here; a batch gives one element for each of them.
        few_row_counts: see `batch_row_counts`.
        attention_groups: see `grouped_by_length`; with more than one the examples of a batch come in another order.

    Returns:
        Elements of `Features.padded_batch` and, without `static_length`, `token_rows` and, with several groups,
        `attention_lengths`, see `BertEncoder.call`.
    """
    per_replica = order.reshape(len(order), num_replicas, -1)[:, replicas.start : replicas.stop]
    rows = per_replica.reshape(-1, per_replica.shape[-1])
    lengths = np.repeat(batch_lengths(features.lengths, order, features.max_seq_length), len(replicas))
    shape = (features.lengths, rows, features.max_seq_length, few_row_counts, attention_groups)
    row_counts = batch_row_counts(*shape)
    groups = grouped_by_length(features.lengths, rows, attention_groups)
    attended = attention_lengths(features.lengths, rows, features.max_seq_length, attention_groups)

    @tf.autograph.experimental.do_not_convert
    def pad(rows: tf.Tensor, length: tf.Tensor, row_count: tf.Tensor, attended: tf.Tensor) -> dict[str, tf.Tensor]:
        if static_length:
            return features.padded_batch(rows, features.max_seq_length)
        return unpadded_batch(features, rows, length, row_count, attended)

    shapes = (lengths.astype(np.int32), row_counts.astype(np.int32), attended.astype(np.int32))
    dataset = tf.data.Dataset.from_tensor_slices((np.concatenate(groups, axis=1), *shapes))
    return dataset.map(pad, num_parallel_calls=2, deterministic=True).prefetch(4)


def unpadded_batch(
    features: Features,
    rows: tf.Tensor,
    length: tf.Tensor | int,
    row_count: tf.Tensor | int,
    attention_lengths: tf.Tensor | None = None,
) -> dict[str, tf.Tensor]:
    """Makes a batch whose padding is not computed.

    Args:
        features: the examples.
        rows: int64 [rows], see `Features.padded_batch`.
        length: the number of positions of each row.
        row_count: how many positions to compute, see `batch_row_counts`.
        attention_lengths: int32 [groups], of groups of the same size; None for one group of the whole length.
    """
    batch = features.padded_batch(rows, length)
    mask = batch["input_mask"]
    if attention_lengths is None or attention_lengths.shape[0] == 1:
        return {**batch, "token_rows": _token_rows(mask, tf.ones_like(mask), row_count)}
    attended = tf.repeat(attention_lengths, rows.shape[0] // attention_lengths.shape[0])
    attended = tf.sequence_mask(attended, length, tf.int32)
    return {**batch, "token_rows": _token_rows(mask, attended, row_count), "attention_lengths": attention_lengths}


def _token_rows(mask: tf.Tensor, attended: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
    """Returns which positions of the flattened grid are computed, int32 [count]: tokens, then the first others.

    All are among the `attended` ones.
    """
    first = tf.one_hot(tf.zeros_like(mask[:, 0]), tf.shape(mask)[1], dtype=tf.int32)
    needed = tf.reshape(tf.maximum(mask, first), [-1])
    spare = tf.reshape(attended, [-1]) * (1 - needed)
    added = spare * tf.cast(tf.cumsum(spare) <= count - tf.reduce_sum(needed), tf.int32)
    return tf.cast(tf.where(needed + added)[:, 0], tf.int32)
