"""One text, or pair of texts, and its label."""

import dataclasses
import hashlib
from collections.abc import Sequence


@dataclasses.dataclass
class InputExample:
    """One text, or pair of texts, and its label (the original's run_classifier.InputExample).

    Attributes:
        guid: names the example, for messages; e.g. `"train-1"`.
        text_a: the first text, not tokenized.
        text_b: the second text, for tasks on pairs.
        label: one of the processor's `get_labels()`; on a test set the first of them, which means nothing.

    Example:
        >>> InputExample("dev-1", "It rains .", "Rain falls .", "1").text_b
        'Rain falls .'
    """

    guid: str
    text_a: str
    text_b: str | None = None
    label: str | None = None


def examples_digest(examples: Sequence[InputExample]) -> str:
    """A short name for a data set: 16 hexadecimal digits of the SHA-256 of its texts and labels, in their order.

    Guids do not count: nothing that is learned or measured depends on them.

    Example:
        >>> examples_digest([InputExample("dev-1", "It rains .", "Rain falls .", "1")])
        '55027cbf161328d5'
    """
    content = hashlib.sha256()
    for example in examples:
        content.update(repr((example.text_a, example.text_b, example.label)).encode())
    return content.hexdigest()[:16]
