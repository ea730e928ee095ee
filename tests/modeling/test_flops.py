"""Floating point operations against a count by hand."""

import numpy as np

from bert_tf.modeling.config import BertConfig
from bert_tf.modeling.flops import forward_flops, training_flops

TWO_LAYERS = BertConfig(vocab_size=100, hidden_size=4, num_hidden_layers=2, num_attention_heads=2, intermediate_size=6)


def test_operations_are_those_counted_by_hand():
    # One example of three tokens, width 4, inner width 6; a product of [a, b] and [b, c] has 2abc operations.
    first_layer = 4 * (2 * 3 * 4 * 4) + 2 * (2 * 3 * 4 * 3) + 2 * (2 * 3 * 4 * 6)
    last_layer = 2 * (2 * 3 * 4 * 4) + 2 * (2 * 1 * 4 * 4) + 2 * (2 * 1 * 4 * 3) + 2 * (2 * 1 * 4 * 6)
    pooler = 2 * 1 * 4 * 4
    assert forward_flops(TWO_LAYERS, np.array([3])) == first_layer + last_layer + pooler == 1248


def test_operations_of_examples_add_up():
    one_by_one = [forward_flops(TWO_LAYERS, np.array([length])) for length in (2, 9, 30)]
    assert forward_flops(TWO_LAYERS, np.array([2, 9, 30])) == sum(one_by_one)


def test_training_has_three_products_for_each_of_the_forward_pass_at_every_step():
    steps = np.array([[2, 9], [30, 2]])
    assert training_flops(TWO_LAYERS, steps) == 3 * forward_flops(TWO_LAYERS, np.array([2, 9, 30, 2]))


def test_a_head_of_all_positions_needs_the_whole_last_layer_and_no_pooler():
    layer = 4 * (2 * 3 * 4 * 4) + 2 * (2 * 3 * 4 * 3) + 2 * (2 * 3 * 4 * 6)
    assert forward_flops(TWO_LAYERS, np.array([3]), positions=None) == 2 * layer
    assert training_flops(TWO_LAYERS, np.array([3]), positions=None) == 6 * layer


def test_the_products_of_a_head_count_once_for_each_row():
    lengths = np.array([2, 9, 30])
    difference = forward_flops(TWO_LAYERS, lengths, flops_of_a_row=7.0) - forward_flops(TWO_LAYERS, lengths)
    assert difference == 21.0
    assert training_flops(TWO_LAYERS, lengths, 1, 7.0) - training_flops(TWO_LAYERS, lengths) == 63.0
