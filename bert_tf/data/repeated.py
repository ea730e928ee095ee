"""Finds texts that are there more than once: with different labels, or in the training and the development set.

count_shared(dev_examples, train_examples)  # how many dev examples the model has seen in training
"""

from collections.abc import Sequence

import numpy as np

from bert_tf.data.examples import InputExample
from bert_tf.data.splitting import text_key


def count_shared(examples: Sequence[InputExample], others: Sequence[InputExample]) -> int:
    """Counts the examples whose text is in `others` too; capitals and white space do not count.

    Example:
        >>> count_shared([InputExample("dev-1", "It rains ."), InputExample("dev-2", "New .")],
        ...              [InputExample("train-1", "it  rains .")])
        1
    """
    return int(np.isin(_hashes(examples), _hashes(others)).sum())


def contradictions(examples: Sequence[InputExample]) -> list[InputExample]:
    """Returns an example of each text that has more than one label.

    Example:
        >>> rows = [("It rains .", "good"), ("It snows .", "good"), ("it rains .", "bad")]
        >>> examples = [InputExample(f"train-{i}", text, None, label) for i, (text, label) in enumerate(rows)]
        >>> [example.text_a for example in contradictions(examples)]
        ['It rains .']
    """
    hashes = _hashes(examples)
    order = np.argsort(hashes, kind="stable")
    is_repeated = np.diff(hashes[order]) == 0
    found: dict[int, int] = {}
    for first, second in zip(order[:-1][is_repeated].tolist(), order[1:][is_repeated].tolist(), strict=True):
        if examples[first].label != examples[second].label:
            found.setdefault(int(hashes[first]), first)
    return [examples[number] for number in sorted(found.values())]


def _hashes(examples: Sequence[InputExample]) -> np.ndarray:
    """Returns a number for each text, int64 [examples]; those of different texts are different but for bad luck."""
    return np.fromiter((hash(text_key(example)) for example in examples), np.int64, len(examples))
