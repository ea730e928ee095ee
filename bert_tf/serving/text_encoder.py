"""An encoder that takes texts: `bert_tf.load_encoder`.

    encoder = load_encoder("all-MiniLM-L6-v2")
    encoder.encode(["It rains .", "Rain falls ."], normalize=True)     # float32 [2, 384]

The encoder is a plain `BertEncoder`, so Keras saves, loads and clones it as any other. What `encode` needs besides is
an object of this room that it is given: `bert_tf.modeling` knows tensors and no texts. A subclass would have another
name, and Keras finds the weights of a saved model by the name of the class.
"""

import functools
import os
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from bert_tf.checkpoints import load
from bert_tf.checkpoints.fit import check_vocabulary
from bert_tf.checkpoints.locate import resolve
from bert_tf.data.text_rows import chunks_of
from bert_tf.data.tokenization import FullTokenizer
from bert_tf.errors import UserError, shown
from bert_tf.modeling.config import BertConfig
from bert_tf.modeling.encoder import BertEncoder
from bert_tf.serving.call_checks import check_batch_size, checked_pairs
from bert_tf.serving.extraction import compute_sorted
from bert_tf.serving.feature_forms import POOLINGS
from bert_tf.serving.hidden_layers import HiddenLayers
from bert_tf.serving.pieces import cut_texts
from bert_tf.serving.text_pieces import TextPieces

# sentence-transformers cuts texts for the small default model there.
_DEFAULT_LENGTH = 256
_SHORTEST = 3
_TEXTS_PER_CALL = 4096
_SMALLEST_NORM = 1e-12


def load_encoder(path_or_name: str | os.PathLike) -> BertEncoder:
    """Builds the encoder of a model and fills it with its weights, see `bert_tf.checkpoints.load.load_encoder`.

    Args:
        path_or_name: a folder, a zip file or a name of the catalogue (see `resolve`).

    Returns:
        A Keras layer that takes word pieces, and texts with `BertEncoder.encode`. The vocabulary is read when `encode`
        is called first.

    Raises:
        UserError: a file is missing or broken, or the weights do not fit the configuration.

    Example:
        >>> load_encoder("all-MiniLM-L6-v2").encode(["It rains .", "Rain falls ."]).shape
        (2, 384)
    """
    encoder = load.load_encoder(path_or_name)
    encoder.text_vectors = TextVectors(functools.partial(_tokenizer_of, path_or_name, encoder.config))
    return encoder


def _tokenizer_of(path_or_name: str | os.PathLike, config: BertConfig) -> FullTokenizer:
    tokenizer = load.load_tokenizer(path_or_name)
    check_vocabulary(tokenizer.vocab, config, resolve(path_or_name))
    return tokenizer


class TextVectors:
    """Does the work of `BertEncoder.encode`. Keras does not look into it, and does not save it with the encoder.

    Args:
        make_tokenizer: is called once, when the first texts come.
    """

    def __init__(self, make_tokenizer: Callable[[], FullTokenizer]):
        self._make_tokenizer = make_tokenizer
        self._layers: dict[str, HiddenLayers] = {}

    def __call__(
        self,
        encoder: BertEncoder,
        texts: Iterable[str | tuple[str, str]],
        pooling: str,
        batch_size: int,
        max_seq_length: int | None,
        normalize: bool,
    ) -> np.ndarray | list[np.ndarray]:
        """Computes a vector for each text; see `BertEncoder.encode`."""
        pairs = checked_pairs("encode", texts)
        check_batch_size("encode", batch_size)
        if pooling not in POOLINGS:
            raise UserError(f"encode: pooling is {shown(pooling)}; it must be one of {', '.join(POOLINGS)}")
        length = _checked_length(max_seq_length, encoder.config.max_position_embeddings)
        if not pairs:
            return [] if pooling == "none" else np.zeros([0, encoder.config.hidden_size], np.float32)
        pieces, layers = self._cut(pairs, length), self._layers_of(encoder, pooling)
        vectors = compute_sorted(layers, pieces, int(batch_size), layers.weights())[:, 0]
        if normalize:
            vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), _SMALLEST_NORM)
        return vectors if layers.is_pooled else np.split(vectors, pieces.offsets[1:-1])

    @functools.cached_property
    def _tokenizer(self) -> FullTokenizer:
        return self._make_tokenizer()

    def _cut(self, pairs: Sequence[tuple[str, str]], max_seq_length: int) -> TextPieces:
        chunks = chunks_of(pairs, _TEXTS_PER_CALL)
        return TextPieces.joined([cut_texts(self._tokenizer, chunk, max_seq_length) for chunk in chunks])

    def _layers_of(self, encoder: BertEncoder, pooling: str) -> HiddenLayers:
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
