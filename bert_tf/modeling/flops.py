"""How many floating point operations the matrix products of a model need."""

import numpy as np

from bert_tf.modeling.config import BertConfig


def forward_flops(config: BertConfig, lengths: np.ndarray) -> float:
    """Floating point operations of the matrix products that classifying these examples needs.

    A multiplication and its addition are two. Of the last layer only what [CLS] needs counts. Padding, everything
    element by element, the embeddings and the classifier's own few columns do not count.

    Args:
        config: the shape of the model.
        lengths: real tokens of each example, int [examples].

    Example:
        >>> one_layer = BertConfig(100, hidden_size=2, num_hidden_layers=1, num_attention_heads=1, intermediate_size=3)
        >>> forward_flops(one_layer, np.array([5]))
        168.0
    """
    tokens, examples, width = lengths.sum(), len(lengths), config.hidden_size
    projection = 2.0 * width**2
    feed_forward = 4.0 * width * config.intermediate_size
    # Scores and their weighted sum are a product of each query with all tokens of its example.
    attention_of_a_query = 4.0 * width
    full_layer = tokens * (4 * projection + feed_forward) + attention_of_a_query * (lengths**2).sum()
    last_layer = tokens * (2 * projection + attention_of_a_query) + examples * (2 * projection + feed_forward)
    pooler = examples * projection
    return float((config.num_hidden_layers - 1) * full_layer + last_layer + pooler)


def training_flops(config: BertConfig, lengths: np.ndarray) -> float:
    """Those of training on these examples once: the backward pass has two products for each of the forward pass.

    Args:
        config: the shape of the model.
        lengths: real tokens of each example, int, any shape.
    """
    return 3.0 * forward_flops(config, np.ravel(lengths))
