"""An encoder that takes texts: `bert_tf.load_encoder`.

    encoder = load_encoder("all-MiniLM-L6-v2")
    encoder.encode(["It rains .", "Rain falls ."], normalize=True)     # float32 [2, 384]

`encode` is on a subclass in this room and not on `BertEncoder`: `bert_tf.modeling` knows tensors and no texts. Keras
saves the subclass as the `BertEncoder` that it is, so a saved model needs nothing of this room, and has no `encode`.
"""

import functools
import os
from collections.abc import Callable, Iterable

import numpy as np
import tf_keras

from bert_tf.checkpoints import load
from bert_tf.checkpoints.fit import check_vocabulary
from bert_tf.checkpoints.locate import resolve
from bert_tf.data.tokenization import FullTokenizer
from bert_tf.errors import UserError, shown
from bert_tf.modeling.config import BertConfig
from bert_tf.modeling.encoder import BertEncoder
from bert_tf.serving.extraction import compute_sorted
from bert_tf.serving.feature_forms import POOLINGS
from bert_tf.serving.given_texts import check_batch_size, checked_pairs
from bert_tf.serving.hidden_layers import HiddenLayers
from bert_tf.serving.pieces import cut_texts
from bert_tf.serving.text_pieces import TextPieces

# sentence-transformers cuts texts for the small default model there.
_DEFAULT_LENGTH = 256
_SHORTEST = 3
_TEXTS_PER_CALL = 4096
_SMALLEST_NORM = 1e-12


class TextEncoder(BertEncoder):
    """A `BertEncoder` that also takes texts; `load_encoder` makes one. The arguments are those of `BertEncoder`."""

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None) -> BertEncoder:
        """Makes a `BertEncoder` of the same shape, with new weights. Nothing says how it would cut texts."""
        return BertEncoder.from_config(config, custom_objects)

    def set_tokenizer(self, make_tokenizer: Callable[[], FullTokenizer]) -> None:
        """Sets the function that makes the tokenizer; `encode` calls it once, when it is used first."""
        self._texts = _TextGraphs(make_tokenizer)

    def encode(
        self,
        texts: Iterable[str | tuple[str, str]],
        pooling: str = "mean",
        batch_size: int = 32,
        max_seq_length: int | None = None,
        normalize: bool = False,
    ) -> np.ndarray | list[np.ndarray]:
        """Computes a vector for each text or pair of texts from the last layer, with the weights as they are now.

        Args:
            texts: a list, an array or a column of a table; each a string, or two strings. An empty text has a vector
                too: `[CLS]` and `[SEP]` are always there.
            pooling: `"mean"` of all word pieces, `[CLS]` and `[SEP]` included, as most models of sentence-transformers
                pool; `"cls"` for the vector of `[CLS]`; `"none"` for those of all pieces.
            batch_size: how many to compute at a time; texts of similar length are computed together.
            max_seq_length: longer texts are truncated; by default 256, as sentence-transformers does for the default
                model, or all positions of a model that has fewer.
            normalize: whether to divide each vector by its length, so that the product of two is their cosine.

        Returns:
            float32 [texts, hidden], in the order of the texts. Without pooling a list, with float32 [pieces, hidden]
            for each text.

        Raises:
            UserError: a text is neither a string nor two strings, or another argument is out of its bounds.
        """
        pairs = checked_pairs("encode", texts)
        check_batch_size("encode", batch_size)
        if pooling not in POOLINGS:
            raise UserError(f"encode: pooling is {shown(pooling)}; it must be one of {', '.join(POOLINGS)}")
        length = _checked_length(max_seq_length, self.config.max_position_embeddings)
        if not pairs:
            return [] if pooling == "none" else np.zeros([0, self.config.hidden_size], np.float32)
        pieces = self._texts.cut(pairs, length)
        layers = self._texts.layers(self, pooling)
        vectors = compute_sorted(layers, pieces, int(batch_size), layers.weights())[:, 0]
        if normalize:
            vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), _SMALLEST_NORM)
        return vectors if layers.is_pooled else np.split(vectors, pieces.offsets[1:-1])


class _TextGraphs:
    """The tokenizer and the graphs of an encoder. Keras does not save them: it does not look into this object."""

    def __init__(self, make_tokenizer: Callable[[], FullTokenizer]):
        self._make_tokenizer = make_tokenizer
        self._layers: dict[str, HiddenLayers] = {}

    @functools.cached_property
    def _tokenizer(self) -> FullTokenizer:
        return self._make_tokenizer()

    def cut(self, pairs: list[tuple[str, str]], max_seq_length: int) -> TextPieces:
        starts = range(0, len(pairs), _TEXTS_PER_CALL)
        chunks = (pairs[start : start + _TEXTS_PER_CALL] for start in starts)
        return TextPieces.joined([cut_texts(self._tokenizer, chunk, max_seq_length) for chunk in chunks])

    def layers(self, encoder: BertEncoder, pooling: str) -> HiddenLayers:
        if pooling not in self._layers:
            dtype = encoder.compute_dtype
            self._layers[pooling] = HiddenLayers(encoder.config, encoder.variables_by_name, (-1,), pooling, dtype)
        return self._layers[pooling]


def _checked_length(max_seq_length: int | None, positions: int) -> int:
    if max_seq_length is None:
        return min(_DEFAULT_LENGTH, positions)
    if not isinstance(max_seq_length, (int, np.integer)) or not _SHORTEST <= max_seq_length <= positions:
        bounds = f"a whole number from {_SHORTEST} to {positions}, the positions of the model"
        raise UserError(f"encode: max_seq_length is {shown(max_seq_length)}; it must be {bounds}")
    return int(max_seq_length)


def load_encoder(path_or_name: str | os.PathLike) -> TextEncoder:
    """Builds the encoder of a model and fills it with its weights, see `bert_tf.checkpoints.load.load_encoder`.

    Args:
        path_or_name: a folder, a zip file or a name of the catalogue (see `resolve`).

    Returns:
        A Keras layer that takes word pieces, with `encode`, which takes texts.

    Raises:
        UserError: a file is missing or broken, or the weights do not fit the configuration.

    Example:
        >>> load_encoder("all-MiniLM-L6-v2").encode(["It rains .", "Rain falls ."]).shape
        (2, 384)
    """
    encoder = load.load_encoder(path_or_name, TextEncoder)
    encoder.set_tokenizer(functools.partial(_tokenizer_of, path_or_name, encoder.config))
    return encoder


def _tokenizer_of(path_or_name: str | os.PathLike, config: BertConfig) -> FullTokenizer:
    tokenizer = load.load_tokenizer(path_or_name)
    check_vocabulary(tokenizer.vocab, config, resolve(path_or_name))
    return tokenizer


# A model with either of the two is saved as one with a BertEncoder, and has a BertEncoder when it is loaded.
_register = tf_keras.utils.register_keras_serializable(package="bert_tf", name="BertEncoder")
_register(TextEncoder)
_register(BertEncoder)
