"""The examples of a task: one text or a pair of texts, and a label."""

import dataclasses
import hashlib
import numbers
import re
from collections.abc import Sequence

_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclasses.dataclass(slots=True)
class InputExample:
    """One text, or pair of texts, and its label (the original's run_classifier.InputExample).

    Attributes:
        guid: identifies the example in messages, for example `"train-1"`.
        text_a: the first text, not tokenized.
        text_b: the second text, for tasks on pairs.
        label: one of the processor's `get_labels()`; a number for a regression, a tuple of names where there can be any
            number of them. On a test set it has no meaning: it is the first of them, 0.0 or an empty tuple.
        group: the part of the development set, such as a language, that is also scored by itself; None if there are no
            such parts.

    Example:
        >>> InputExample("dev-1", "It rains .", "Rain falls .", "1").text_b
        'Rain falls .'
    """

    guid: str
    text_a: str
    text_b: str | None = None
    label: str | float | tuple[str, ...] | None = None
    group: str | None = dataclasses.field(default=None, repr=False)


def is_unicode(text: str) -> bool:
    r"""Returns True unless a text has half of a surrogate pair, which no file and no tokenizer can hold.

    Example:
        >>> is_unicode("It rains ."), is_unicode("\ud83d")
        (True, False)
    """
    return text.isascii() or _SURROGATE.search(text) is None


def examples_digest(examples: Sequence[InputExample]) -> str:
    """Returns 16 hexadecimal digits that identify a data set: the SHA-256 of its texts and labels, in order.

    Guids do not count, because nothing that is learned or measured depends on them.

    Example:
        >>> examples_digest([InputExample("dev-1", "It rains .", "Rain falls .", "1")])
        '55027cbf161328d5'
    """
    content = hashlib.sha256()
    for example in examples:
        # The number of a regression may be an int, a float or one of NumPy's.
        label = float(example.label) if isinstance(example.label, numbers.Real) else example.label
        content.update(repr((example.text_a, example.text_b, label)).encode())
    return content.hexdigest()[:16]
