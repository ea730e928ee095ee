"""Joins the tags of words to entities inside a graph, by the rule of `bert_tf.data.tag_schemes.entities`.

spans = join_tags(tag_ids, probabilities, text_of_word, TagTable.of(("O", "B-PER", "I-PER")), discard=False)
"""

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

from bert_tf.data.tag_schemes import OUTSIDE


class TagTable(NamedTuple):
    """The tags of a model, by their ids.

    Attributes:
        types: the names of the types.
        type_ids: int32 [tags], the type of each; -1 for `O`.
        begins: bool [tags]; True for a tag that always begins an entity.
        ends: bool [tags]; True for a tag that no entity goes on after.
    """

    types: tuple[str, ...]
    type_ids: tf.Tensor
    begins: tf.Tensor
    ends: tf.Tensor

    @classmethod
    def of(cls, tags: Sequence[str]) -> "TagTable":
        """Makes the table for some tags of any scheme, in the order of their ids.

        Example:
            >>> table = TagTable.of(["O", "B-PER", "I-PER", "B-LOC"])
            >>> table.types, table.type_ids.numpy().tolist()
            (('LOC', 'PER'), [-1, 1, 1, 0])
        """
        types = tuple(sorted({tag[2:] for tag in tags if tag != OUTSIDE}))
        return cls(
            types,
            tf.constant([-1 if tag == OUTSIDE else types.index(tag[2:]) for tag in tags], tf.int32),
            tf.constant([tag[0] in "BS" for tag in tags]),
            tf.constant([tag[0] in "OES" for tag in tags]),
        )


class TagSpans(NamedTuple):
    """The entities of all texts, one after the other.

    Attributes:
        first: int32 [entities], the first word, counted over all texts.
        last: int32 [entities], the last word.
        type_id: int32 [entities].
        score: float32 [entities], the product of the probabilities of its words' tags.
    """

    first: tf.Tensor
    last: tf.Tensor
    type_id: tf.Tensor
    score: tf.Tensor


def join_tags(
    tag_ids: tf.Tensor, probabilities: tf.Tensor, text_of_word: tf.Tensor, table: TagTable, discard: bool
) -> TagSpans:
    """Finds the entities.

    Args:
        tag_ids: int32 [words], the tag of each word, text after text.
        probabilities: float32 [words], that of the tag.
        text_of_word: int [words], the text that each word is in, ascending.
        table: of the tags.
        discard: True to leave out an entity that begins with an `I-` or `E-`.

    Example:
        >>> table = TagTable.of(["O", "B-PER", "I-PER"])
        >>> found = join_tags(tf.constant([1, 2, 0, 2]), tf.ones([4]), tf.zeros([4]), table, discard=False)
        >>> found.first.numpy().tolist(), found.last.numpy().tolist()
        ([0, 3], [1, 3])
    """
    types, begins, ends = (tf.gather(column, tag_ids) for column in table[1:])
    is_inside = types >= 0
    # The first word of all has no word before it, and the first of each text none in its text.
    is_first = _after(text_of_word, -1) != text_of_word
    follows = ~is_first & ~_after(ends, True) & (_after(types, -1) == types)
    starts = is_inside & (begins | ~follows)
    first = tf.cast(tf.where(starts)[:, 0], tf.int32)
    # Words outside are in a segment of their own, the last one.
    number = tf.where(is_inside, tf.cumsum(tf.cast(starts, tf.int32)) - 1, tf.size(first))
    words = tf.range(tf.size(tag_ids))
    last = tf.math.unsorted_segment_max(words, number, tf.size(first) + 1)[:-1]
    score = tf.math.unsorted_segment_prod(probabilities, number, tf.size(first) + 1)[:-1]
    spans = TagSpans(first, last, tf.gather(types, first), score)
    if not discard:
        return spans
    is_kept = tf.gather(begins, first)
    return TagSpans(*(tf.boolean_mask(column, is_kept) for column in spans))


def _after(column: tf.Tensor, start: object) -> tf.Tensor:
    """Returns what the word before each word has; `start` for the first word of all."""
    return tf.concat([tf.cast([start], column.dtype), column], axis=0)[:-1]
