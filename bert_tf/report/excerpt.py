"""Cuts the part of a text that is around some of its words, and marks them."""

import itertools
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

Span = tuple[int, int]

_MARGIN = 200  # characters before and after what is marked
_LONG_WORD = 30
_MAX_SOUGHT = 2000
_MAX_MARKED = 2000


class Part(NamedTuple):
    """A part of a text.

    Attributes:
        text: its words.
        label: of its mark; empty if it is not marked.
    """

    text: str
    label: str


def excerpt(text: str, spans: Mapping[str, Sequence[Span]], margin: int = _MARGIN) -> list[Part]:
    """Splits a text into marked and other parts, and leaves out what is far from any mark.

    Args:
        text: the whole text.
        spans: for each label the characters to mark, from the first to the one after the last. Where labels overlap,
            the mark has both.
        margin: the number of characters to keep on each side of a mark.

    Example:
        >>> excerpt("It rains cats and dogs today.", {"gold": [(9, 22)], "prediction": [(9, 13)]}, margin=4)
        [Part(text='…ins ', label=''), Part(text='cats', label='gold and prediction'), \
Part(text=' and dogs', label='gold'), Part(text=' tod…', label='')]
    """
    ends = sorted({0, len(text), *(end for each in spans.values() for span in each for end in span)})
    pieces = [(start, end, _label(spans, start, end)) for start, end in itertools.pairwise(ends)]
    groups = [list(group) for _, group in itertools.groupby(pieces, key=lambda piece: piece[2])]
    parts = [Part(text[group[0][0] : group[-1][1]], group[0][2]) for group in groups]
    last = len(parts) - 1
    return [_shortened(part, margin * (number > 0), margin * (number < last)) for number, part in enumerate(parts)]


def _label(spans: Mapping[str, Sequence[Span]], start: int, end: int) -> str:
    names = [name for name, each in spans.items() if any(first <= start and end <= last for first, last in each)]
    return " and ".join(names)


def _shortened(part: Part, head: int, tail: int) -> Part:
    """Keeps the ends of a part that are next to a mark; of a text without any mark, its beginning."""
    if part.label or not head + tail:
        head, tail = (_MAX_MARKED // 2,) * 2 if part.label else (2 * _MARGIN, 0)
    if len(part.text) <= head + tail:
        return part
    return part._replace(text=f"{_whole_words(part.text[:head])}…{_whole_words(part.text[::-1][:tail])[::-1]}")


def _whole_words(text: str) -> str:
    """Leaves out the word at the end of a text that was cut there, if it is not a long one."""
    space = text.rfind(" ", max(len(text) // 2, len(text) - _LONG_WORD))
    return text if space < 0 else text[:space]


def find(text: str, wanted: str, near: Sequence[int] = ()) -> Span | None:
    r"""Finds words in a text, whatever white space is between them, if possible as whole words.

    Args:
        text: the text.
        wanted: the words.
        near: positions; of several places the one that is nearest to any of them is returned, or else the first.

    Example:
        >>> find("one\ttwo, one two", "one two"), find("one\ttwo, one two", "one two", near=[9]), find("one", "two")
        ((0, 7), (9, 16), None)
    """
    words = [re.escape(word) for word in wanted.split()]
    if not words or len(wanted) > _MAX_SOUGHT:
        return None
    pattern = r"\s+".join(words)
    for each in (rf"(?<!\w){pattern}(?!\w)", pattern):
        found = [match.span() for match in re.finditer(each, text)]
        if found:
            return min(found, key=lambda span: min((abs(span[0] - position) for position in near), default=span[0]))
    return None
