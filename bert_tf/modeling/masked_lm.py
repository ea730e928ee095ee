"""The arithmetic that chooses pieces for masks: the original's `get_masked_lm_output`. Needs no Keras.

masked_lm_logits(config, variables, hidden)  # [masks, vocabulary]
"""

import tensorflow as tf

from bert_tf.modeling.config import BertConfig
from bert_tf.modeling.operations import ACTIVATIONS, layer_norm
from bert_tf.modeling.shapes import MASKED_LM_SCOPE
from bert_tf.modeling.transformer import Variables

_TRANSFORM = f"{MASKED_LM_SCOPE}/transform"


def masked_lm_logits(config: BertConfig, variables: Variables, hidden: tf.Tensor, fuse: bool = False) -> tf.Tensor:
    """Computes the logits of all pieces for each mask, float32 [masks, vocabulary].

    Args:
        config: the shape of the encoder.
        variables: the word embeddings and the head's, float32, under the original's names.
        hidden: the encoder's outputs at the masks, [masks, hidden]; products are computed in their type.
        fuse: see `layer_norm`.

    Example:
        >>> from bert_tf.modeling.shapes import masked_lm_head_shapes, variable_shapes
        >>> config = BertConfig(vocab_size=100, hidden_size=8, num_hidden_layers=1, num_attention_heads=2)
        >>> shapes = variable_shapes(config) | masked_lm_head_shapes(config)
        >>> masked_lm_logits(config, {name: tf.ones(shape) for name, shape in shapes.items()}, tf.ones([3, 8])).shape
        TensorShape([3, 100])
    """

    def cast(name: str) -> tf.Tensor:
        return tf.cast(variables[name], hidden.dtype)

    gamma, beta = (tf.convert_to_tensor(variables[f"{_TRANSFORM}/LayerNorm/{leaf}"]) for leaf in ("gamma", "beta"))
    x = tf.nn.bias_add(tf.matmul(hidden, cast(f"{_TRANSFORM}/dense/kernel")), cast(f"{_TRANSFORM}/dense/bias"))
    x = layer_norm(ACTIVATIONS[config.hidden_act](x), gamma, beta, config.layer_norm_eps, fuse=fuse)
    logits = tf.matmul(x, cast("bert/embeddings/word_embeddings"), transpose_b=True)
    return tf.cast(logits, tf.float32) + variables[f"{MASKED_LM_SCOPE}/output_bias"]
