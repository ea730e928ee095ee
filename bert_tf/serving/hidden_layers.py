"""Computes hidden layers of an encoder for texts: of each piece, or one vector for each text.

layers = HiddenLayers(config, variables, layers=(-1,), pooling="mean")
pieces = cut_texts(tokenizer, [("It rains .", "")], max_seq_length=128)
layers.compute(pieces, np.array([0]), layers.weights())  # [1, 1, hidden]
"""

import functools
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from bert_tf.modeling.config import BertConfig
from bert_tf.modeling.gradients import without_gradients
from bert_tf.modeling.names import INPUTS
from bert_tf.modeling.transformer import ProductWeights, Transformer, Variables, product_weights
from bert_tf.serving.text_pieces import TextPieces

_GRID = tf.TensorSpec([None, None], tf.int32)
_INPUTS = {**dict.fromkeys(INPUTS, _GRID), "token_rows": tf.TensorSpec([None], tf.int32)}


class HiddenLayers:
    """Computes layers of an encoder. Padding is not computed.

    Args:
        config: the shape of the encoder.
        variables: its weights, under the original's names.
        layers: 0 is the first one, -1 the last.
        pooling: `"none"`, `"cls"` or `"mean"`.
        dtype: of the matrix products.

    Attributes:
        is_pooled: True if there is one vector for each text, False if there is one for each piece.
    """

    def __init__(
        self, config: BertConfig, variables: Variables, layers: Sequence[int], pooling: str, dtype: str = "float32"
    ):
        self._config = config
        self._variables = variables
        self._layers = layers
        self._pool = _POOLINGS[pooling]
        self.is_pooled = pooling != "none"
        self._dtype = dtype

    @tf.function(autograph=False)
    def weights(self) -> ProductWeights:
        """Returns the weights of the products, as the variables are now."""
        return product_weights(self._config, self._variables, self._dtype)

    def compute(self, pieces: TextPieces, rows: np.ndarray, weights: ProductWeights) -> np.ndarray:
        """Computes the layers for some texts.

        Args:
            pieces: of all texts.
            rows: int64, the texts to compute.
            weights: the result of `weights`.

        Returns:
            float32 [rows, layers, hidden]; without pooling [pieces of these rows, layers, hidden].
        """
        inputs = {name: tf.constant(value) for name, value in pieces.batch(rows).items()}
        return self._graph(inputs, weights).numpy()

    @functools.cached_property
    def _graph(self) -> Callable[..., tf.Tensor]:
        """One graph for all shapes: one for the first shape alone would compute other last bits."""
        function = tf.function(self._compute, autograph=False)
        return function.get_concrete_function(_INPUTS, self.weights.get_concrete_function().structured_outputs)

    def _compute(self, inputs: dict[str, tf.Tensor], weights: ProductWeights) -> tf.Tensor:
        transformer = Transformer(self._config, self._variables, weights)
        with without_gradients():
            outputs = transformer(inputs)["encoder_outputs"]
        pooled = [self._pool(tf.cast(outputs[layer], tf.float32), inputs) for layer in self._layers]
        return tf.stack(pooled, axis=1)


def _each_piece(grid: tf.Tensor, inputs: dict[str, tf.Tensor]) -> tf.Tensor:
    return tf.gather(tf.reshape(grid, [-1, grid.shape[-1]]), inputs["token_rows"])


def _first_piece(grid: tf.Tensor, inputs: dict[str, tf.Tensor]) -> tf.Tensor:
    return grid[:, 0]


def _mean_of_pieces(grid: tf.Tensor, inputs: dict[str, tf.Tensor]) -> tf.Tensor:
    # At padding the grid is zero.
    lengths = tf.reduce_sum(inputs["input_mask"], axis=1, keepdims=True)
    return tf.reduce_sum(grid, axis=1) / tf.cast(lengths, tf.float32)


_POOLINGS = {"none": _each_piece, "cls": _first_piece, "mean": _mean_of_pieces}
