"""Holds out a part of a training set as its development set.

train, dev = hold_out(examples, share=0.1, seed=0)

Texts are held out in the order of a digest of seed and text. So a split depends on nothing but the examples and the
seed: not on the order of rows, the process, the machine or a version. Equal texts have equal digests and stay together.
"""

import hashlib
import itertools
import math
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from bert_tf.data.examples import InputExample
from bert_tf.data.targets import Label

_NUM_BINS = 10  # the strata of a regression


def hold_out(
    examples: Sequence[InputExample], share: float, seed: int
) -> tuple[list[InputExample], list[InputExample]]:
    """Splits examples into those to train on and those held out, both in their order.

    Each class gives the same share, to rounding; for numbers ten classes are made by their size, and of many labels the
    rarest one counts. Each class keeps a text to train on, so one that has a single text is never held out.

    Args:
        examples: with their labels.
        share: of them to hold out, between 0 and 1.
        seed: of the choice.

    Returns:
        The two parts. The second is empty if there is no text that could be held out.

    Example:
        >>> examples = [InputExample(f"train-{i}", f"text {i}", None, str(i % 2)) for i in range(20)]
        >>> train, dev = hold_out(examples, share=0.1, seed=0)
        >>> len(train), sorted(example.label for example in dev)
        (18, ['0', '1'])
    """
    strata = _strata([example.label for example in examples])
    digests = np.fromiter((_digest(example, seed) for example in examples), np.uint64, len(examples))
    is_held_out = _choose(digests, strata, share)
    parts: tuple[list, list] = ([], [])
    for example, is_out in zip(examples, is_held_out.tolist(), strict=True):
        parts[is_out].append(example)
    return parts


def text_key(example: InputExample) -> str:
    """Returns what two examples with the same text have in common: capitals and white space do not count."""
    texts = (example.text_a, example.text_b or "")
    return "\n".join(" ".join(text.lower().split()) for text in texts)


def _digest(example: InputExample, seed: int) -> int:
    digest = hashlib.sha256(f"{seed}\n{text_key(example)}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big")


def _strata(labels: Sequence[Label]) -> list[object]:
    """Returns for each example the class that it counts for."""
    if isinstance(labels[0], float):
        return _bins(labels)
    if isinstance(labels[0], tuple):
        counts = Counter(name for names in labels for name in names)
        return [min(names, key=lambda name: (counts[name], name), default="") for names in labels]
    return list(labels)


def _bins(values: Sequence[float]) -> list[int]:
    """Returns the bin of each value; equal values are in the same bin."""
    ordered = sorted(values)
    starts = [ordered[len(ordered) * number // _NUM_BINS] for number in range(1, _NUM_BINS)]
    return [sum(value >= start for start in starts) for value in values]


def _choose(digests: np.ndarray, strata: Sequence[object], share: float) -> np.ndarray:
    """Chooses the examples to hold out, bool [examples].

    Args:
        digests: of the examples' texts, uint64 [examples]; those with the same are held out together.
        strata: of the examples. Of a group it is that of its first example.
        share: of the examples to hold out.
    """
    order = np.argsort(digests, kind="stable")
    ends = [*(np.flatnonzero(np.diff(digests[order])) + 1).tolist(), len(order)]
    groups = list(itertools.pairwise([0, *ends]))
    names = [strata[first] for first in order[[start for start, _ in groups]].tolist()]
    sizes, num_left = Counter(), Counter(names)
    for name, (start, end) in zip(names, groups, strict=True):
        sizes[name] += end - start
    quotas = dict(zip(sizes, _quotas(list(sizes.values()), share), strict=True))
    is_held_out = np.zeros(len(order), bool)
    for name, (start, end) in zip(names, groups, strict=True):
        num_left[name] -= 1
        # The last text of a class stays to train on.
        if num_left[name] and end - start <= quotas[name]:
            is_held_out[order[start:end]] = True
            quotas[name] -= end - start
    return is_held_out


def _quotas(sizes: Sequence[int], share: float) -> list[int]:
    """Shares out whole numbers by largest remainder.

    Example:
        >>> _quotas([5, 5, 90], 0.1)
        [1, 0, 9]
    """
    part = Fraction(str(share))
    exact = [part * size for size in sizes]
    quotas = [math.floor(each) for each in exact]
    missing = max(1, round(part * sum(sizes))) - sum(quotas)
    # A class of one can give nothing.
    order = sorted(range(len(sizes)), key=lambda number: (sizes[number] < 2, quotas[number] - exact[number]))
    for number in order[:missing]:
        quotas[number] += sizes[number] > 1
    return quotas
