"""Features become padded batches, in an order made of the seed."""

import numpy as np
import tensorflow as tf

from bert_tf.data.features import Features

# A batch is padded to the first of these that holds its longest example, or to max_seq_length.
BUCKET_LENGTHS = (16, 32, 48, 64, 80, 96, 128, 160, 192, 256, 320, 384, 448, 512)


def training_order(num_examples: int, batch_size: int, steps: int, seed: int) -> np.ndarray:
    """Which examples each step trains on: every epoch all of them, in an order made of (seed, epoch).

    A batch that an epoch cannot fill goes on with the next epoch's first examples, as in the original, whose
    data set repeats before it is batched. The original shuffles within 100 examples; here over the whole set.

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
    """Batches of examples of like length, so that little is padded.

    Args:
        lengths: of each example, [examples].
        batch_size: rows of a batch.

    Returns:
        int64 [batches, batch_size]; each example stands once, and -1 fills the last batch.
    """
    order = np.argsort(lengths, kind="stable")
    padding = np.full(-len(order) % batch_size, -1, dtype=order.dtype)
    return np.concatenate([order, padding]).reshape(-1, batch_size)


def batch_lengths(lengths: np.ndarray, order: np.ndarray, max_seq_length: int) -> np.ndarray:
    """The length that each batch is padded to, int64 [batches]: the smallest bucket that holds its longest."""
    buckets = np.array([length for length in BUCKET_LENGTHS if length < max_seq_length] + [max_seq_length])
    longest = np.where(order >= 0, lengths[order], 0).max(axis=1)
    return buckets[np.searchsorted(buckets, longest)]


def row_count(tokens: np.ndarray) -> np.ndarray:
    """So many rows at least, but one of few numbers: what is compiled once for each must not be compiled often.

    At most a sixteenth is added, a fiftieth in the mean.

    Example:
        >>> row_count(np.array([7, 33, 1600, 1601])).tolist()
        [7, 34, 1600, 1664]
    """
    step = 2 ** np.maximum(np.log2(tokens).astype(int) - 4, 0)
    return -(-tokens // step) * step


def batch_row_counts(lengths: np.ndarray, order: np.ndarray, max_seq_length: int, few: bool) -> np.ndarray:
    """How many positions of each batch the model computes, int64 [batches].

    Those of its tokens, and the first one of a row of padding; if they are to be `few` different numbers, as many of
    the padded ones with them as `row_count` asks for, if there are so many.
    """
    tokens = np.where(order >= 0, lengths[order], 1).sum(axis=1)
    room = batch_lengths(lengths, order, max_seq_length) * order.shape[1]
    return np.minimum(row_count(tokens), room) if few else tokens


def batch_dataset(
    features: Features,
    order: np.ndarray,
    static_length: bool = False,
    num_replicas: int = 1,
    replicas: range = range(1),
    few_row_counts: bool = False,
) -> tf.data.Dataset:
    """A data set of padded batches.

    Args:
        features: the examples.
        order: int64 [batches, batch size]; a row of it is one batch over all replicas, -1 a row of padding.
        static_length: pad all batches to `max_seq_length`, for devices that compile one shape.
        num_replicas: how many replicas share a batch; it must divide the batch size.
        replicas: those whose parts are wanted here; a batch gives one element for each of them.
        few_row_counts: see `batch_row_counts`.

    Returns:
        Elements of `input_word_ids`, `input_mask`, `input_type_ids`, int32 [rows, length], `label_ids`, int32
        [rows], and, unless `static_length`, `token_rows`, see `BertEncoder.call`. A row of padding is all
        zeros, mask included.
    """
    per_replica = order.reshape(len(order), num_replicas, -1)[:, replicas.start : replicas.stop]
    rows = per_replica.reshape(-1, per_replica.shape[-1])
    lengths = np.repeat(batch_lengths(features.lengths, order, features.max_seq_length), len(replicas))
    row_counts = batch_row_counts(features.lengths, rows, features.max_seq_length, few_row_counts)

    @tf.autograph.experimental.do_not_convert
    def pad(rows: tf.Tensor, length: tf.Tensor, row_count: tf.Tensor) -> dict[str, tf.Tensor]:
        if static_length:
            return _padded_batch(features, rows, features.max_seq_length)
        batch = _padded_batch(features, rows, length)
        return {**batch, "token_rows": _token_rows(batch["input_mask"], row_count)}

    shapes = (lengths.astype(np.int32), row_counts.astype(np.int32))
    dataset = tf.data.Dataset.from_tensor_slices((rows, *shapes))
    return dataset.map(pad, num_parallel_calls=2, deterministic=True).prefetch(4)


def _padded_batch(features: Features, rows: tf.Tensor, length: tf.Tensor | int) -> dict[str, tf.Tensor]:
    real = tf.cast(rows >= 0, tf.int32)
    rows = tf.maximum(rows, 0)
    shape = [rows.shape[0], length]
    ids = tf.gather(features.input_ids, rows)
    mask = tf.sequence_mask(tf.cast(ids.row_lengths(), tf.int32) * real, length, tf.int32)
    return {
        "input_word_ids": ids.to_tensor(shape=shape) * mask,
        "input_mask": mask,
        "input_type_ids": tf.gather(features.type_ids, rows).to_tensor(shape=shape) * mask,
        "label_ids": tf.gather(features.label_ids, rows) * real,
    }


def _token_rows(mask: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
    """int32 [count]: where the tokens stand in the flattened grid, and then the first of what else there is."""
    first = tf.one_hot(tf.zeros_like(mask[:, 0]), tf.shape(mask)[1], dtype=tf.int32)
    needed = tf.reshape(tf.maximum(mask, first), [-1])
    spare = 1 - needed
    added = spare * tf.cast(tf.cumsum(spare) <= count - tf.reduce_sum(needed), tf.int32)
    return tf.cast(tf.where(needed + added)[:, 0], tf.int32)
