"""Chooses the examples that both sides get."""

from pathlib import Path

import numpy as np

from bert_tf.errors import UserError
from comparisons import BATCH_SIZE

# Hugging Face's Trainer groups examples by length within this many batches.
BATCHES_OF_A_GROUP = 50


def choose_batches(lengths: np.ndarray, count: int) -> np.ndarray:
    """Chooses examples for `count` whole batches, grouped as the peer would group the whole corpus.

    The corpus is sorted by length within groups of 50 batches, as Hugging Face's Trainer does. The chosen batches
    are evenly spread from the shortest to the longest, so that neither the mean length nor the peer's padding
    differs much from that of an epoch.

    Args:
        lengths: the lengths of all examples in random order, int [examples].
        count: the number of batches.

    Returns:
        int [count * BATCH_SIZE], the chosen examples.

    Raises:
        UserError: there are fewer examples.
    """
    if len(lengths) < count * BATCH_SIZE:
        raise UserError(f"data_dir: has {len(lengths)} training examples; at least {count * BATCH_SIZE} are needed")
    size = BATCHES_OF_A_GROUP * BATCH_SIZE
    groups = [np.arange(start, min(start + size, len(lengths))) for start in range(0, len(lengths), size)]
    batches = [
        order[start : start + BATCH_SIZE]
        for order in (group[np.argsort(lengths[group], kind="stable")] for group in groups)
        for start in range(0, len(order) - BATCH_SIZE + 1, BATCH_SIZE)
    ]
    batches.sort(key=lambda batch: lengths[batch].mean())
    chosen = ((np.arange(count) + 0.5) * len(batches) / count).astype(int)
    return np.concatenate([batches[index] for index in chosen])


def write_chosen(examples: Path, path: Path, count: int) -> np.ndarray:
    """Writes the examples of `count` batches to a file of their own.

    Args:
        examples: the file of all examples, see `worker.write_examples`.
        path: the file to write.
        count: the number of batches.

    Returns:
        The lengths of the chosen examples, int [count * BATCH_SIZE].
    """
    arrays = dict(np.load(examples))
    starts = np.cumsum(arrays["lengths"]) - arrays["lengths"]
    chosen = choose_batches(arrays["lengths"], count)
    pieces = np.concatenate([starts[row] + np.arange(arrays["lengths"][row]) for row in chosen])
    np.savez(
        path,
        input_ids=arrays["input_ids"][pieces],
        type_ids=arrays["type_ids"][pieces],
        **{name: array[chosen] for name, array in arrays.items() if name not in ("input_ids", "type_ids")},
    )
    return arrays["lengths"][chosen]
