"""Examples become word pieces: joined and truncated as the original does, with the targets that a task adds.

features = make_features(examples, 128, tokenizer, {"label_ids": label_ids})
features.num_truncated
"""

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np
import tensorflow as tf

from bert_tf.data.examples import InputExample
from bert_tf.data.tokenization import FullTokenizer

_EXAMPLES_PER_CALL = 4096


@dataclasses.dataclass(frozen=True)
class Features:
    """Examples as word pieces, without padding.

    Batches need only `len`, `lengths`, `max_seq_length` and `padded_batch`, and the log `num_truncated`: data that does
    not fit into memory can have a class of its own with these.

    Attributes:
        input_ids: int32 ragged [examples, (pieces)], with `[CLS]` and `[SEP]`.
        type_ids: int32 ragged of the same shape; 1 in the second text.
        targets: what the head's loss needs, by name: dense [examples, ...], or ragged [examples, (pieces)] with a
            value for each piece.
        max_seq_length: the largest number of pieces that an example can have.
        num_truncated: the number of examples that were longer, and lost their ends.
    """

    input_ids: tf.RaggedTensor
    type_ids: tf.RaggedTensor
    targets: dict[str, tf.Tensor | tf.RaggedTensor]
    max_seq_length: int
    num_truncated: int = 0

    def __len__(self) -> int:
        return int(self.input_ids.nrows())

    @property
    def lengths(self) -> np.ndarray:
        """The number of pieces of each example, int64 [examples]."""
        return self.input_ids.row_lengths().numpy()

    def padded_batch(self, rows: tf.Tensor, length: tf.Tensor | int) -> dict[str, tf.Tensor]:
        """Makes one batch, inside a graph or outside.

        Args:
            rows: int64 [rows], the examples; -1 is a row of padding.
            length: the number of positions of each row.

        Returns:
            `input_word_ids`, `input_mask` and `input_type_ids`, int32 [rows, length], and the targets, those by
            piece [rows, length]. A row of padding is all zeros, the mask included.
        """
        is_real = rows >= 0
        rows = tf.maximum(rows, 0)
        real = tf.cast(is_real, tf.int32)
        ids, types = tf.gather(self.input_ids, rows), tf.gather(self.type_ids, rows)
        mask = tf.sequence_mask(tf.cast(ids.row_lengths(), tf.int32) * real, length, tf.int32)
        shape = [rows.shape[0], length]
        return {
            "input_word_ids": ids.to_tensor(shape=shape) * mask,
            "input_mask": mask,
            "input_type_ids": types.to_tensor(shape=shape) * mask,
            **{name: _zero_padding(tf.gather(x, rows), is_real, shape) for name, x in self.targets.items()},
        }


def _zero_padding(target: tf.Tensor | tf.RaggedTensor, is_real: tf.Tensor, shape: list) -> tf.Tensor:
    if isinstance(target, tf.RaggedTensor):
        target = target.to_tensor(shape=shape)
    is_real = tf.reshape(is_real, [-1] + [1] * (target.shape.rank - 1))
    return target * tf.cast(is_real, target.dtype)


def convert_examples_to_features(
    examples: Sequence[InputExample], label_list: Sequence[str], max_seq_length: int, tokenizer: FullTokenizer
) -> Features:
    """Tokenizes examples of a classification task: the original's function of this name.

    Args:
        examples: at least one; each label is one of `label_list`.
        label_list: the labels; the id of a label is its place here.
        max_seq_length: longer examples are truncated, the longer text first.
        tokenizer: cuts texts into pieces.

    Returns:
        Features with the target `label_ids`, int32 [examples].
    """
    label_map = {label: index for index, label in enumerate(label_list)}
    label_ids = tf.constant([label_map[example.label] for example in examples], tf.int32)
    return make_features(examples, max_seq_length, tokenizer, {"label_ids": label_ids})


def make_features(
    examples: Sequence[InputExample], max_seq_length: int, tokenizer: FullTokenizer, targets: dict[str, tf.Tensor]
) -> Features:
    """Tokenizes examples of any task on texts or pairs: `[CLS] a [SEP] b [SEP]`, or `[CLS] a [SEP]`.

    Args:
        examples: at least one.
        max_seq_length: longer examples are truncated, the longer text first.
        tokenizer: cuts texts into pieces.
        targets: see `Features`.
    """
    ids, types, num_truncated = zip(*_joined(examples, max_seq_length, tokenizer), strict=True)
    return Features(tf.concat(ids, axis=0), tf.concat(types, axis=0), targets, max_seq_length, sum(num_truncated))


def _joined(
    examples: Sequence[InputExample], max_seq_length: int, tokenizer: FullTokenizer
) -> Iterator[tuple[tf.RaggedTensor, tf.RaggedTensor, int]]:
    """Yields ids, type ids and the number of truncated examples of each part of the examples."""
    for chunk in _chunks(examples, _EXAMPLES_PER_CALL):
        yield _join_pairs(
            tokenizer.token_ids(tf.constant([example.text_a for example in chunk])),
            tokenizer.token_ids(tf.constant([example.text_b or "" for example in chunk])),
            max_seq_length,
            tokenizer.vocab["[CLS]"],
            tokenizer.vocab["[SEP]"],
        )


def _chunks(items: Sequence, size: int) -> list[Sequence]:
    return [items[start : start + size] for start in range(0, len(items), size)]


def _join_pairs(
    tokens_a: tf.RaggedTensor, tokens_b: tf.RaggedTensor, max_seq_length: int, cls_id: int, sep_id: int
) -> tuple[tf.RaggedTensor, tf.RaggedTensor, int]:
    whole_a, whole_b = tokens_a.row_lengths(), tokens_b.row_lengths()
    lengths_a, lengths_b = truncated_lengths(whole_a, whole_b, max_seq_length)
    num_truncated = int(tf.math.count_nonzero(lengths_a + lengths_b < whole_a + whole_b))
    has_b = tf.cast(lengths_b > 0, tf.int64)
    parts = [
        _repeat(cls_id, tf.ones_like(has_b)),
        _first(tokens_a, lengths_a),
        _repeat(sep_id, tf.ones_like(has_b)),
        _first(tokens_b, lengths_b),
        _repeat(sep_id, has_b),
    ]
    type_ids = [_repeat(0, lengths_a + 2), _repeat(1, lengths_b + has_b)]
    return tf.concat(parts, axis=1), tf.concat(type_ids, axis=1), num_truncated


def truncated_lengths(lengths_a: tf.Tensor, lengths_b: tf.Tensor, max_seq_length: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns how many pieces of each text stay: the original's `_truncate_seq_pair`, without its loop.

    The original removes the last piece of the longer text, of the second if they are equal, until both fit. So the
    first text keeps the room that the second does not need, and at least the larger half.

    Args:
        lengths_a: int64 [examples].
        lengths_b: int64 [examples]; 0 for an example with one text.
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
    """Keeps the first `lengths[row]` pieces of each row."""
    positions = tf.ragged.range(tokens.row_lengths())
    keep = positions.with_values(positions.values < tf.repeat(lengths, tokens.row_lengths()))
    return tf.ragged.boolean_mask(tokens, keep)


def _repeat(value: int, times: tf.Tensor) -> tf.RaggedTensor:
    return tf.RaggedTensor.from_row_lengths(tf.fill([tf.reduce_sum(times)], tf.constant(value, tf.int32)), times)
