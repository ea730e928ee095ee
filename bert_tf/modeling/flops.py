"""Counts the floating point operations of a model's matrix products."""

import numpy as np

from bert_tf.modeling.config import BertConfig


def forward_flops(
    config: BertConfig, lengths: np.ndarray, positions: int | None = 1, flops_of_a_row: float = 0.0
) -> float:
    """Counts the floating point operations of the matrix products that a head needs for these examples.

    A multiplication and its addition are two. Padding, element-wise operations, the embeddings and the few columns of
    most heads do not count.

    Args:
        config: the shape of the model.
        lengths: real tokens of each example, int [examples].
        positions: of each example that the head uses, see `Head`. The last layer counts only the products that they
            need, and the pooler counts if not all are used.
        flops_of_a_row: of the head's own products, see `Head`.

    Example:
        >>> one_layer = BertConfig(100, hidden_size=2, num_hidden_layers=1, num_attention_heads=1, intermediate_size=3)
        >>> forward_flops(one_layer, np.array([5]))
        168.0
    """
    tokens, examples, width = lengths.sum(), len(lengths), config.hidden_size
    projection = 2.0 * width**2
    feed_forward = 4.0 * width * config.intermediate_size
    # Scores and their weighted sum each multiply a query with all tokens of its example.
    attention_of_a_query = 4.0 * width
    full_layer = tokens * (4 * projection + feed_forward) + attention_of_a_query * (lengths**2).sum()
    head = examples * flops_of_a_row
    if positions is None:
        return float(config.num_hidden_layers * full_layer + head)
    used = examples * positions
    last_layer = tokens * (2 * projection + positions * attention_of_a_query) + used * (2 * projection + feed_forward)
    pooler = examples * projection
    return float((config.num_hidden_layers - 1) * full_layer + last_layer + pooler + head)


def training_flops(
    config: BertConfig, lengths: np.ndarray, positions: int | None = 1, flops_of_a_row: float = 0.0
) -> float:
    """Counts the operations of training on these examples once.

    The backward pass has two products for each product of the forward pass.

    Args:
        config: the shape of the model.
        lengths: real tokens of each example, int, any shape.
        positions: as in `forward_flops`.
        flops_of_a_row: as in `forward_flops`.
    """
    return 3.0 * forward_flops(config, np.ravel(lengths), positions, flops_of_a_row)
