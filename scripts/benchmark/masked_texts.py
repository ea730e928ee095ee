"""Makes texts with masks for the measurement of pre-training."""

from pathlib import Path

import numpy as np

# Of BERT's uncased vocabulary. Random pieces are taken from those after the special ones.
_CLS, _SEP, _MASK, _FIRST_WORD = 101, 102, 103, 999


def write_masked_texts(path: Path, rows: int, length: int, predictions: int, vocab_size: int) -> None:
    """Writes random texts, each of which fills its row, in the form of `worker.write_examples`.

    Args:
        path: the .npz file to write.
        rows: the number of texts.
        length: of each, with `[CLS]` and `[SEP]`.
        predictions: the number of masked pieces of each.
        vocab_size: the number of word pieces.
    """
    random = np.random.default_rng(0)
    ids = random.integers(_FIRST_WORD, vocab_size, [rows, length], dtype=np.int32)
    ids[:, 0], ids[:, -1] = _CLS, _SEP
    places = np.argsort(random.random([rows, length - 2]), axis=1)[:, :predictions] + 1
    places = np.sort(places, axis=1).astype(np.int32)
    labels = np.take_along_axis(ids, places, axis=1)
    np.put_along_axis(ids, places, _MASK, axis=1)
    np.savez(
        path,
        input_ids=ids.ravel(),
        type_ids=np.zeros(ids.size, np.int32),
        lengths=np.full(rows, length),
        masked_lm_positions=places,
        masked_lm_ids=labels,
        masked_lm_weights=np.ones(places.shape, np.float32),
        next_sentence_labels=np.zeros(rows, np.int32),
    )
