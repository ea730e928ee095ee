"""Extracts hidden layers for any number of texts in bounded memory: part by part, in their order.

for part in extracted(layers, tokenizer, lines.pairs(), settings, done=0):
    part.first, part.pieces, part.values
"""

import dataclasses
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from bert_tf.data.text_rows import chunks_of
from bert_tf.data.tokenization import FullTokenizer
from bert_tf.modeling.transformer import ProductWeights
from bert_tf.serving.hidden_layers import HiddenLayers
from bert_tf.serving.pieces import cut_texts
from bert_tf.serving.text_pieces import TextPieces
from bert_tf.training.overflow import check_finite

# How many batches are sorted by length together.
_BATCHES_OF_BLOCK = 32
# How much is kept in memory until it is written.
_BYTES_OF_PART = 32 << 20


@dataclasses.dataclass(frozen=True)
class ExtractionSizes:
    """The sizes that decide which texts are computed together.

    Attributes:
        max_seq_length: longer texts are truncated.
        batch_size: texts to compute at a time.
        bytes_of_piece: that are kept for each piece; 0 if only a vector for each text is kept.
    """

    max_seq_length: int
    batch_size: int
    bytes_of_piece: int


class Part(NamedTuple):
    """Some texts, one after the other.

    Attributes:
        first: the number of the first text.
        pieces: of the texts.
        values: float32 [texts, layers, hidden]; without pooling [pieces, layers, hidden].
    """

    first: int
    pieces: TextPieces
    values: np.ndarray


def extracted(
    layers: HiddenLayers,
    tokenizer: FullTokenizer,
    pairs: Iterable[tuple[str, str]],
    sizes: ExtractionSizes,
    done: int = 0,
) -> Iterator[Part]:
    """Computes layers for texts. Which of them share a batch depends on texts and sizes only, so the bits do, too.

    Args:
        layers: computes them.
        tokenizer: of the model.
        pairs: all texts; the second of a pair is empty for a single text.
        sizes: of batches and texts.
        done: texts of parts that are not needed any more.
    """
    weights = layers.weights()
    first = 0
    for block in chunks_of(pairs, _BATCHES_OF_BLOCK * sizes.batch_size):
        if first + len(block) > done:
            pieces = cut_texts(tokenizer, block, sizes.max_seq_length)
            for start, end in _parts(pieces, sizes):
                if first + start >= done:
                    part = pieces.slice(start, end)
                    yield Part(first + start, part, compute_sorted(layers, part, sizes.batch_size, weights))
        first += len(block)


def _parts(pieces: TextPieces, sizes: ExtractionSizes) -> Iterator[tuple[int, int]]:
    """Yields the first and the last texts of parts whose vectors have room in memory together."""
    room = max(_BYTES_OF_PART // sizes.bytes_of_piece, 1) if sizes.bytes_of_piece else pieces.offsets[-1]
    start = 0
    while start < len(pieces):
        end = int(np.searchsorted(pieces.offsets, pieces.offsets[start] + room, side="right")) - 1
        end = max(end, start + 1)
        yield start, end
        start = end


def compute_sorted(layers: HiddenLayers, pieces: TextPieces, batch_size: int, weights: ProductWeights) -> np.ndarray:
    """Computes texts of similar length together, so that little is padded; returns values in the texts' order."""
    order = np.argsort(pieces.lengths, kind="stable")
    batches = [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
    found = np.concatenate([layers.compute(pieces, rows, weights) for rows in batches])
    check_finite("hidden layers", found, "none")
    values = np.empty_like(found)
    values[order if layers.is_pooled else pieces.places(order)] = found
    return values
