"""Converts the padded grid [batch, length] to a matrix of real tokens and back; only attention computes padding.

layout = Layout(inputs, heads=12)
x = layout.to_rows(inputs["input_word_ids"])  # [tokens]
"""

from collections.abc import Callable, Sequence

import tensorflow as tf

from bert_tf.modeling.gradients import custom_gradient


@custom_gradient
def _take_rows(x: tf.Tensor, rows: tf.Tensor, inverse: tf.Tensor) -> tuple[tf.Tensor, Callable]:
    """`tf.gather` of rows that are all different, so that its gradient needs no sums; for `inverse` see `_spread`."""

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, None, None]:
        return _spread(upstream, inverse), None, None

    return tf.gather(x, rows), gradient


@custom_gradient
def _place_rows(x: tf.Tensor, inverse: tf.Tensor, rows: tf.Tensor) -> tuple[tf.Tensor, Callable]:
    """Undoes `_take_rows`; zero where it takes nothing."""

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, None, None]:
        return tf.gather(upstream, rows), None, None

    return _spread(x, inverse), gradient


def _spread(x: tf.Tensor, inverse: tf.Tensor) -> tf.Tensor:
    """Gives each place its row of `x`.

    A `tf.scatter_nd` would do, but where operations must be deterministic TensorFlow makes it on the CPU and copies
    there from a GPU and back.

    Args:
        x: [tokens, ...].
        inverse: int32 [places], the row of each place; tokens for a place that is zero.
    """
    return tf.gather(tf.pad(x, [[0, 1]] + [[0, 0]] * (x.shape.rank - 1)), inverse)


@custom_gradient
def _split_heads(
    qkv: tf.Tensor, split_index: tf.Tensor, merge_index: tf.Tensor
) -> tuple[tuple[tf.Tensor, ...], Callable]:
    """[tokens, 3 * hidden] -> query, key, value, each [places, width].

    Args:
        qkv: query, key and value next to each other. They are cut into [tokens * 3 * heads, width] parts.
        split_index: int32 [3, places], the part that each place in attention takes; any part at padding.
        merge_index: int32 [tokens, 3 * heads], the inverse of `split_index`.
    """
    width = qkv.shape[-1] // merge_index.shape[-1]

    def gradient(*upstream: tf.Tensor) -> tuple[tf.Tensor, None, None]:
        parts = tf.concat(upstream, axis=0)
        return tf.reshape(tf.gather(parts, merge_index), tf.shape(qkv)), None, None

    return tuple(tf.unstack(tf.gather(tf.reshape(qkv, [-1, width]), split_index))), gradient


@custom_gradient
def _merge_heads(context: tf.Tensor, merge_index: tf.Tensor, split_index: tf.Tensor) -> tuple[tf.Tensor, Callable]:
    """[places, width] -> [tokens, heads * width].

    Args:
        context: the output of attention at each place.
        merge_index: int32 [tokens, heads], the place that each part of the result takes.
        split_index: int32 [places], the inverse of `merge_index`; tokens * heads at padding.
    """
    width = context.shape[-1]

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, None, None]:
        parts = tf.concat([tf.reshape(upstream, [-1, width]), tf.zeros([1, width], upstream.dtype)], axis=0)
        return tf.gather(parts, split_index), None, None

    merged = tf.gather(context, merge_index)
    return tf.reshape(merged, [-1, merge_index.shape[-1] * width]), gradient


class Layout:
    """Maps each token to its row, its place in the padded grid and its place in each attention head.

    Attention computes padding. With `attention_lengths` the examples are cut into groups of the same size, in their
    order, and each group is padded only to its own length there.

    Args:
        inputs: the encoder's inputs. With `token_rows` there is a row for each position that they list; without,
            there is a row for every position.
        heads: the number of attention heads.

    Attributes:
        batch: the number of examples, int32 [].
        length: the padded length, int32 [].
    """

    def __init__(self, inputs: dict[str, tf.Tensor], heads: int):
        self.batch, self.length = tf.unstack(tf.shape(inputs["input_word_ids"]))
        self._heads = heads
        self._token_rows = inputs.get("token_rows")
        lengths = inputs.get("attention_lengths")
        self._lengths = [self.length] if lengths is None else tf.unstack(lengths)
        self._rows = self.batch if lengths is None else self.batch // len(self._lengths)
        if self._token_rows is not None:
            self._index_heads()

    def _index_heads(self) -> None:
        """Computes gather indices that split and merge attention heads in one copy, without a transpose."""
        tokens, heads = tf.size(self._token_rows), tf.range(self._heads)
        padding = tf.fill([self.batch * self.length], tokens)
        grid = tf.tensor_scatter_nd_update(padding, self._token_rows[:, tf.newaxis], tf.range(tokens))
        self._row_of_place = grid
        # [examples, heads, length] of each group, one group after the other.
        places = self.by_group(tf.reshape(grid, [self.batch, 1, self.length]))
        part = tf.concat([tf.reshape(group * self._heads + heads[:, tf.newaxis], [-1]) for group in places], axis=0)
        self._merge_inverse = tf.minimum(part, tokens * self._heads)
        first_part = [
            tf.reshape(tf.where(group < tokens, group, 0) * (3 * self._heads) + heads[:, tf.newaxis], [-1])
            for group in places
        ]
        self._split_index = tf.concat(first_part, axis=0) + tf.range(3)[:, tf.newaxis] * self._heads
        example, position = self._token_rows // self.length, self._token_rows % self.length
        group = example // self._rows
        lengths, sizes = tf.stack(self._lengths), tf.stack(self._sizes())
        start, length = tf.gather(tf.cumsum(sizes, exclusive=True), group), tf.gather(lengths, group)
        row_and_head = (example % self._rows)[:, tf.newaxis] * self._heads + heads
        self._merge_index = start[:, tf.newaxis] + row_and_head * length[:, tf.newaxis] + position[:, tf.newaxis]
        self._split_inverse = tf.concat([self._merge_index + part * tf.reduce_sum(sizes) for part in range(3)], axis=1)

    def _sizes(self) -> list[tf.Tensor]:
        """Returns how many places in attention each group has, over all heads."""
        return [self._rows * self._heads * length for length in self._lengths]

    def by_group(self, grid: tf.Tensor) -> list[tf.Tensor]:
        """[batch, ..., length] -> [examples of the group, ..., its length in attention], for each group."""
        if len(self._lengths) == 1:
            return [grid]
        starts = [number * self._rows for number in range(len(self._lengths))]
        return [
            grid[start : start + self._rows, ..., :length] for start, length in zip(starts, self._lengths, strict=True)
        ]

    def rows_by_group(self, x: tf.Tensor) -> list[tf.Tensor]:
        """[batch, ...] -> [examples of the group, ...], for each group."""
        return [x] if len(self._lengths) == 1 else tf.split(x, len(self._lengths))

    def to_rows(self, grid: tf.Tensor) -> tf.Tensor:
        """[batch, length, ...] -> [tokens, ...]."""
        rows = tf.reshape(grid, [-1, *grid.shape[2:]])
        return rows if self._token_rows is None else _take_rows(rows, self._token_rows, self._row_of_place)

    def to_grid(self, rows: tf.Tensor) -> tf.Tensor:
        """[tokens, width] -> [batch, length, width], zero at positions without a row."""
        if self._token_rows is not None:
            rows = _place_rows(rows, self._row_of_place, self._token_rows)
        return tf.reshape(rows, [self.batch, self.length, rows.shape[-1]])

    def split_heads(self, qkv: tf.Tensor) -> list[tuple[tf.Tensor, tf.Tensor, tf.Tensor]]:
        """Returns query, key and value of each group, [examples, heads, length, width]; undefined at padding.

        Args:
            qkv: [tokens, 3 * hidden], query, key and value next to each other.
        """
        width = qkv.shape[-1] // (3 * self._heads)
        if self._token_rows is None:
            shape = [self.batch, self.length, 3, self._heads, width]
            return [tuple(tf.unstack(tf.transpose(tf.reshape(qkv, shape), [2, 0, 3, 1, 4])))]
        parts = [self._shaped(places, width) for places in _split_heads(qkv, self._split_index, self._split_inverse)]
        return list(zip(*parts, strict=True))

    def _shaped(self, places: tf.Tensor, width: int) -> list[tf.Tensor]:
        """[places, width] -> [examples, heads, length, width] for each group."""
        groups = [places] if len(self._lengths) == 1 else tf.split(places, self._sizes(), num=len(self._lengths))
        return [
            tf.reshape(group, [self._rows, self._heads, length, width])
            for group, length in zip(groups, self._lengths, strict=True)
        ]

    def merge_heads(self, contexts: Sequence[tf.Tensor], whole: bool) -> tf.Tensor:
        """Returns the output of attention as rows, [tokens, hidden].

        Args:
            contexts: the output for each group, [examples, heads, positions, width].
            whole: whether they have all positions of the group. Without all of them every position becomes a row,
                [batch * positions, hidden].
        """
        width = contexts[0].shape[-1]
        if self._token_rows is not None and whole:
            places = [tf.reshape(context, [-1, width]) for context in contexts]
            places = places[0] if len(places) == 1 else tf.concat(places, axis=0)
            return _merge_heads(places, self._merge_index, self._merge_inverse)
        context = contexts[0] if len(contexts) == 1 else tf.concat(contexts, axis=0)
        return tf.reshape(tf.transpose(context, [0, 2, 1, 3]), [-1, self._heads * width])
