"""Rows, the padded grid and attention heads are converted into one another, and their gradients back."""

import numpy as np
import pytest
import tensorflow as tf
from support.encoders import random_inputs, with_groups, with_more_rows, with_token_rows

from bert_tf.modeling.layout import Layout

HEADS = 3
LAYOUTS = [dict, with_token_rows, with_more_rows, with_groups]


def random_rows(inputs: dict[str, tf.Tensor], width: int) -> tf.Tensor:
    """A random matrix with a row for each position that has one."""
    rows = tf.size(inputs.get("token_rows", inputs["input_word_ids"]))
    return tf.constant(np.random.default_rng(1).normal(size=[rows, width]), tf.float32)


def real_tokens(inputs: dict[str, tf.Tensor], grid: tf.Tensor) -> np.ndarray:
    """A grid [batch, length, ...] with zeros at padding."""
    mask = np.reshape(inputs["input_mask"], [4, 13] + [1] * (len(grid.shape) - 2))
    return grid * mask


@pytest.mark.parametrize("layout", LAYOUTS)
def test_rows_become_the_grid_and_rows_again(layout):
    inputs = layout(random_inputs())
    found = Layout(inputs, HEADS)
    rows = random_rows(inputs, 5)
    grid = found.to_grid(rows)
    assert grid.shape == (4, 13, 5)
    np.testing.assert_array_equal(found.to_rows(grid), rows)
    listed = np.zeros(4 * 13, bool)
    listed[inputs.get("token_rows", np.arange(4 * 13))] = True
    assert (grid.numpy().reshape([4 * 13, 5])[~listed] == 0).all()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_heads_are_split_as_a_reshape_of_the_grid_splits_them(layout):
    inputs = layout(random_inputs())
    found = Layout(inputs, HEADS)
    rows = random_rows(inputs, 3 * HEADS * 2)
    expected = np.reshape(found.to_grid(rows), [4, 13, 3, HEADS, 2])
    groups = found.split_heads(rows)
    for part, heads in enumerate(zip(*groups, strict=True)):
        # Each group has a length of its own.
        heads = tf.concat([tf.pad(each, [[0, 0], [0, 0], [0, 13 - each.shape[2]], [0, 0]]) for each in heads], axis=0)
        assert heads.shape == (4, HEADS, 13, 2)
        by_position = np.transpose(heads, [0, 2, 1, 3])
        np.testing.assert_array_equal(
            real_tokens(inputs, by_position), real_tokens(inputs, expected[:, :, part]), err_msg=f"part {part}"
        )


@pytest.mark.parametrize("layout", LAYOUTS)
def test_merging_heads_undoes_splitting_them(layout):
    inputs = layout(random_inputs())
    found = Layout(inputs, HEADS)
    rows = random_rows(inputs, 3 * HEADS * 2)
    merged = tf.concat(
        [found.merge_heads(part, whole=True) for part in zip(*found.split_heads(rows), strict=True)], axis=1
    )
    np.testing.assert_array_equal(merged, rows)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_first_positions_alone_become_a_row_each(layout):
    found = Layout(layout(random_inputs()), HEADS)
    context = tf.constant(np.random.default_rng(2).normal(size=[4, HEADS, 2, 5]), tf.float32)
    contexts = [context] if layout is not with_groups else tf.split(context, 2)
    merged = found.merge_heads(contexts, whole=False)
    np.testing.assert_array_equal(merged, np.transpose(context, [0, 2, 1, 3]).reshape([8, HEADS * 5]))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_gradients_return_to_the_row_that_they_came_from(layout):
    inputs = layout(random_inputs())
    found = Layout(inputs, HEADS)
    rows = random_rows(inputs, 3 * HEADS * 2)
    upstream = random_rows(inputs, 3 * HEADS * 2) + 1.0
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(rows)
        heads = tf.concat(
            [found.merge_heads(part, whole=True) for part in zip(*found.split_heads(rows), strict=True)], axis=1
        )
        grid = found.to_rows(found.to_grid(rows))
    np.testing.assert_array_equal(tape.gradient(heads, rows, upstream), upstream)
    np.testing.assert_array_equal(tape.gradient(grid, rows, upstream), upstream)


@pytest.mark.parametrize("layout", [with_token_rows, with_groups])
def test_no_numbers_are_scattered(layout):
    """With deterministic operations TensorFlow copies what is scattered from a GPU to the CPU and back."""
    inputs = layout(random_inputs())
    rows = random_rows(inputs, 5)

    @tf.function(autograph=False)
    def there_and_back(rows: tf.Tensor) -> tuple[tf.Tensor, ...]:
        found = Layout(inputs, HEADS)
        grid = found.to_grid(rows)
        again = found.to_rows(grid * 2.0)
        return tf.gradients(again, [grid, rows])

    to_grid, to_rows = there_and_back(rows)
    assert np.unique(to_grid).tolist() == [0.0, 2.0]
    np.testing.assert_array_equal(to_rows, np.full(rows.shape, 2.0))
    graph = there_and_back.get_concrete_function(rows).graph
    scattered = [op for op in graph.get_operations() if "Scatter" in op.type and op.outputs[0].dtype.is_floating]
    assert not scattered
