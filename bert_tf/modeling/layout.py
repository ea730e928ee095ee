"""Converts the padded grid [batch, length] to a matrix of real tokens and back; only attention computes padding.

layout = Layout(inputs, heads=12)
x = layout.to_rows(inputs["input_word_ids"])  # [tokens]
"""

from collections.abc import Callable

import tensorflow as tf

from bert_tf.modeling.gradients import custom_gradient


@custom_gradient
def _take_rows(x: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
    """`tf.gather` of rows that are all different, so that its gradient needs no sums."""

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, None]:
        return tf.scatter_nd(rows[:, tf.newaxis], upstream, tf.shape(x)), None

    return tf.gather(x, rows), gradient


@custom_gradient
def _split_heads(
    qkv: tf.Tensor, split_index: tf.Tensor, merge_index: tf.Tensor
) -> tuple[tuple[tf.Tensor, ...], Callable]:
    """[tokens, 3 * hidden] -> query, key, value, each [batch, heads, length, width].

    Args:
        qkv: query, key and value next to each other. They are cut into [tokens * 3 * heads, width] parts.
        split_index: int32 [3, batch, heads, length], the part that each element of the result takes; any part at
            padding.
        merge_index: int32 [tokens, 3 * heads], the inverse of `split_index`.
    """
    width = qkv.shape[-1] // merge_index.shape[-1]

    def gradient(*upstream: tf.Tensor) -> tuple[tf.Tensor, None, None]:
        parts = tf.concat([tf.reshape(part, [-1, width]) for part in upstream], axis=0)
        return tf.reshape(tf.gather(parts, merge_index), tf.shape(qkv)), None, None

    return tuple(tf.unstack(tf.gather(tf.reshape(qkv, [-1, width]), split_index))), gradient


@custom_gradient
def _merge_heads(context: tf.Tensor, merge_index: tf.Tensor, split_index: tf.Tensor) -> tuple[tf.Tensor, Callable]:
    """[batch, heads, length, width] -> [tokens, heads * width].

    Args:
        context: the output of attention. It is cut into [batch * heads * length, width] parts.
        merge_index: int32 [tokens, heads], the part that each element of the result takes.
        split_index: int32 [batch, heads, length], the inverse of `merge_index`; tokens * heads at padding.
    """
    width = context.shape[-1]

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, None, None]:
        parts = tf.concat([tf.reshape(upstream, [-1, width]), tf.zeros([1, width], upstream.dtype)], axis=0)
        return tf.gather(parts, split_index), None, None

    merged = tf.gather(tf.reshape(context, [-1, width]), merge_index)
    return tf.reshape(merged, [-1, merge_index.shape[-1] * width]), gradient


class Layout:
    """Maps each token to its row, its place in the padded grid and its place in each attention head.

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
        if self._token_rows is not None:
            self._index_heads()

    def _index_heads(self) -> None:
        """Computes gather indices that split and merge attention heads in one copy, without a transpose."""
        tokens, heads = tf.size(self._token_rows), tf.range(self._heads)
        padding = tf.fill([self.batch * self.length], tokens)
        grid = tf.tensor_scatter_nd_update(padding, self._token_rows[:, tf.newaxis], tf.range(tokens))
        grid = tf.reshape(grid, [self.batch, 1, self.length])
        self._merge_inverse = tf.minimum(grid * self._heads + heads[:, tf.newaxis], tokens * self._heads)
        parts = tf.range(3)[:, tf.newaxis, tf.newaxis, tf.newaxis]
        self._split_index = (tf.where(grid < tokens, grid, 0) * 3 + parts) * self._heads + heads[:, tf.newaxis]
        example, position = self._token_rows // self.length, self._token_rows % self.length
        self._merge_index = (example[:, tf.newaxis] * self._heads + heads) * self.length + position[:, tf.newaxis]
        size = self.batch * self._heads * self.length
        self._split_inverse = tf.concat([self._merge_index + part * size for part in range(3)], axis=1)

    def to_rows(self, grid: tf.Tensor) -> tf.Tensor:
        """[batch, length, ...] -> [tokens, ...]."""
        rows = tf.reshape(grid, [-1, *grid.shape[2:]])
        return rows if self._token_rows is None else _take_rows(rows, self._token_rows)

    def to_grid(self, rows: tf.Tensor) -> tf.Tensor:
        """[tokens, width] -> [batch, length, width], zero at positions without a row."""
        if self._token_rows is not None:
            shape = [self.batch * self.length, rows.shape[-1]]
            rows = tf.scatter_nd(self._token_rows[:, tf.newaxis], rows, shape)
        return tf.reshape(rows, [self.batch, self.length, rows.shape[-1]])

    def split_heads(self, qkv: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """[tokens, 3 * hidden] -> query, key, value, each [batch, heads, length, width]; undefined at padding."""
        if self._token_rows is not None:
            return _split_heads(qkv, self._split_index, self._split_inverse)
        shape = [self.batch, self.length, 3, self._heads, qkv.shape[-1] // (3 * self._heads)]
        return tuple(tf.unstack(tf.transpose(tf.reshape(qkv, shape), [2, 0, 3, 1, 4])))

    def merge_heads(self, context: tf.Tensor, whole: bool) -> tf.Tensor:
        """[batch, heads, positions, width] -> [tokens, hidden].

        Args:
            context: the output of attention.
            whole: whether `context` has all positions of the grid. Without all of them every position becomes a
                row, [batch * positions, hidden].
        """
        if self._token_rows is not None and whole:
            return _merge_heads(context, self._merge_index, self._merge_inverse)
        return tf.reshape(tf.transpose(context, [0, 2, 1, 3]), [-1, self._heads * context.shape[-1]])
