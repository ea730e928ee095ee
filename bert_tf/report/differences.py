"""Finds the words in which the two texts of a pair differ."""

import difflib
from collections.abc import Sequence

# Texts that have less in common than this share of their words would be marked all over.
_LEAST_IN_COMMON = 0.3

Parts = list[tuple[str, bool]]


def differing_words(text_a: str, text_b: str) -> tuple[Parts, Parts]:
    """Splits two texts into parts that both have and parts that only one has.

    Capitals do not make a difference.

    Returns:
        For each text its parts in order, with True for those that the other text does not have. Nothing is marked if
        the texts have little in common.

    Example:
        >>> differing_words("It rains today .", "it pours today .")
        ([('It', False), ('rains', True), ('today .', False)], [('it', False), ('pours', True), ('today .', False)])
    """
    words = text_a.split(), text_b.split()
    first, second = ([word.casefold() for word in each] for each in words)
    matcher = difflib.SequenceMatcher(None, first, second, autojunk=False)
    if matcher.ratio() < _LEAST_IN_COMMON:
        return [(text_a, False)], [(text_b, False)]
    codes = matcher.get_opcodes()
    return (
        _parts(words[0], [(start, end, kind) for kind, start, end, _, _ in codes]),
        _parts(words[1], [(start, end, kind) for kind, _, _, start, end in codes]),
    )


def _parts(words: Sequence[str], spans: Sequence[tuple[int, int, str]]) -> Parts:
    return [(" ".join(words[start:end]), kind != "equal") for start, end, kind in spans if end > start]
