"""Examples become word pieces: joined and truncated as the original does, with the targets that a task adds.

features = make_features(examples, 128, tokenizer, {"label_ids": label_ids})
features.num_truncated
"""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

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


class JoinedPieces(NamedTuple):
    """The pieces of examples.

    Attributes:
        ids: int32 ragged [examples, (pieces)], with `[CLS]` and `[SEP]`.
        type_ids: int32 ragged of the same shape; 1 in the second text.
        truncated: bool [examples]; whether an example lost its end.
    """

    ids: tf.RaggedTensor
    type_ids: tf.RaggedTensor
    truncated: tf.Tensor


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
    parts = [_tokenize_and_join(chunk, max_seq_length, tokenizer) for chunk in _chunks(examples, _EXAMPLES_PER_CALL)]
    ids, types, truncated = zip(*parts, strict=True)
    num_truncated = int(tf.math.count_nonzero(tf.concat(truncated, axis=0)))
    return Features(tf.concat(ids, axis=0), tf.concat(types, axis=0), targets, max_seq_length, num_truncated)


def _tokenize_and_join(examples: Sequence[InputExample], max_seq_length: int, tokenizer: FullTokenizer) -> JoinedPieces:
    return join_pieces(
        tokenizer.token_ids(tf.constant([example.text_a for example in examples])),
        tokenizer.token_ids(tf.constant([example.text_b or "" for example in examples])),
        max_seq_length,
        tokenizer.vocab["[CLS]"],
        tokenizer.vocab["[SEP]"],
    )


def _chunks(items: Sequence, size: int) -> list[Sequence]:
    return [items[start : start + size] for start in range(0, len(items), size)]


def join_pieces(
    pieces_a: tf.RaggedTensor, pieces_b: tf.RaggedTensor, max_seq_length: int, cls_id: int, sep_id: int
) -> JoinedPieces:
    """Joins the pieces of texts or pairs: `[CLS] a [SEP] b [SEP]`, or `[CLS] a [SEP]` without a second text.

    Every piece of the result is looked up in one vector, so it takes few operations, inside a graph or outside.

    Args:
        pieces_a: int32 [examples, (pieces)].
        pieces_b: of the same type; empty for an example with one text.
        max_seq_length: longer examples are truncated, the longer text first.
        cls_id: of `[CLS]`.
        sep_id: of `[SEP]`.

    Example:
        >>> joined = join_pieces(tf.ragged.constant([[7, 8]]), tf.ragged.constant([[9]]), 128, cls_id=1, sep_id=2)
        >>> joined.ids.to_list(), joined.type_ids.to_list()
        ([[1, 7, 8, 2, 9, 2]], [[0, 0, 0, 0, 1, 1]])
    """
    whole_a, whole_b = pieces_a.row_lengths(), pieces_b.row_lengths()
    kept_a, kept_b = truncated_lengths(whole_a, whole_b, max_seq_length)
    lengths = _joined_lengths(kept_a, kept_b)
    splits = tf.concat([tf.zeros([1], tf.int64), tf.cumsum(lengths)], axis=0)
    table = tf.concat([pieces_a.values, pieces_b.values, [cls_id, sep_id]], axis=0)
    size_a, size = tf.size(pieces_a.values, tf.int64), tf.size(table, tf.int64)

    # For each piece of the result: the numbers of its example, and its position there.
    of_example = tf.stack([splits[:-1], kept_a, kept_b, pieces_a.row_starts(), size_a + pieces_b.row_starts()], axis=1)
    start, kept_a, kept_b, start_a, start_b = tf.unstack(tf.repeat(of_example, lengths, axis=0), axis=1)
    position = tf.range(splits[-1]) - start
    in_a, in_b = position - 1, position - 2 - kept_a
    special = tf.where(position == 0, size - 2, size - 1)
    place = tf.where((in_b >= 0) & (in_b < kept_b), start_b + in_b, special)
    place = tf.where((in_a >= 0) & (in_a < kept_a), start_a + in_a, place)
    ids, type_ids = tf.gather(table, place), tf.cast(in_b >= 0, tf.int32)
    return JoinedPieces(
        tf.RaggedTensor.from_row_splits(ids, splits, validate=False),
        tf.RaggedTensor.from_row_splits(type_ids, splits, validate=False),
        lengths < _joined_lengths(whole_a, whole_b),
    )


def _joined_lengths(lengths_a: tf.Tensor, lengths_b: tf.Tensor) -> tf.Tensor:
    return lengths_a + lengths_b + tf.cast(tf.where(lengths_b > 0, 3, 2), tf.int64)


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
