"""The original's tokenizer in plain Python, with the place of each piece in its text.

A second implementation, written from the original's rules with `unicodedata` alone, to check the one in the graph. It
goes character by character and carries along which character of the text each letter comes from.
"""

import functools
import unicodedata
from collections.abc import Collection, Iterator
from typing import NamedTuple

UNKNOWN = "[UNK]"
_CHINESE = (
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B820, 0x2CEAF),
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
)


class Piece(NamedTuple):
    """A word piece, with the part of the text that it comes from."""

    token: str
    start: int
    end: int


class Letter(NamedTuple):
    """A character of a normalized word, and the first and the last character of the text that it comes from."""

    char: str
    first: int
    last: int


def pieces_with_places(text: str, vocab: Collection[str], lower: bool) -> list[Piece]:
    """Returns the pieces of a text and their places."""
    accents = accents_behind(text) if lower else {}
    return [
        piece._replace(end=accents.get(piece.end, piece.end))
        for word in words_of(text, lower)
        for piece in pieces_of(word, vocab)
    ]


def words_of(text: str, lower: bool) -> Iterator[list[Letter]]:
    """Yields the words of a text: the original's `BasicTokenizer.tokenize`."""
    for token in tokens_of(text):
        letters = uncased(token) if lower else [Letter(char, place, place) for place, char in token]
        word = []
        for letter in letters:
            if is_punctuation(letter.char):
                yield from filter(None, (word, [letter]))
                word = []
            elif letter.char.isspace():
                yield from filter(None, (word,))
                word = []
            else:
                word.append(letter)
        yield from filter(None, (word,))


def tokens_of(text: str) -> Iterator[list[tuple[int, str]]]:
    """Yields what is between white space, and each Chinese character; a character is with its place."""
    token = []
    for place, char in enumerate(text):
        if is_dropped(char):
            continue
        if is_chinese(char):
            yield from filter(None, (token, [(place, char)]))
            token = []
        elif is_space(char):
            yield from filter(None, (token,))
            token = []
        else:
            token.append((place, char))
    yield from filter(None, (token,))


def uncased(token: list[tuple[int, str]]) -> list[Letter]:
    """Returns the letters of a token without case and accents."""
    plain = "".join(char for _, char in token)
    lowered = plain.lower()
    # Only the sigma looks at its neighbors, and it stays one character.
    places = [place for place, char in token for _ in char.lower()]
    assert len(places) == len(lowered)
    decomposed = [
        (letter, place)
        for char, place in zip(lowered, places, strict=True)
        for letter in unicodedata.normalize("NFD", char)
    ]
    ordered = in_canonical_order(decomposed)
    assert "".join(letter for letter, _ in ordered) == unicodedata.normalize("NFD", lowered)
    return joined_where_places_cross([pair for pair in ordered if unicodedata.category(pair[0]) != "Mn"])


def in_canonical_order(letters: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """Sorts neighboring marks by their class (Unicode standard, section 3.11)."""
    ordered, marks = [], []
    for letter in letters:
        if unicodedata.combining(letter[0]):
            marks.append(letter)
        else:
            ordered += [*sorted(marks, key=lambda mark: unicodedata.combining(mark[0])), letter]
            marks = []
    return ordered + sorted(marks, key=lambda mark: unicodedata.combining(mark[0]))


def joined_where_places_cross(letters: list[tuple[str, int]]) -> list[Letter]:
    """Gives letters whose places are not in order the place of all of them."""
    groups: list[list[Letter]] = []
    for char, place in letters:
        group = [Letter(char, place, place)]
        while groups and groups[-1][0].last > place:
            group = groups.pop() + group
            first, last = min(letter.first for letter in group), max(letter.last for letter in group)
            group = [Letter(letter.char, first, last) for letter in group]
        groups.append(group)
    return [letter for group in groups for letter in group]


def pieces_of(word: list[Letter], vocab: Collection[str]) -> list[Piece]:
    """Returns the longest pieces from the left: the original's `WordpieceTokenizer.tokenize`, for one word."""
    unknown = [Piece(UNKNOWN, word[0].first, word[-1].last + 1)]
    letters = "".join(letter.char for letter in word)
    if len(letters) > 200:
        return unknown
    found, start = [], 0
    while start < len(letters):
        ends = (end for end in range(len(letters), start, -1) if "##" * bool(start) + letters[start:end] in vocab)
        end = next(ends, None)
        if end is None:
            return unknown
        found.append(Piece("##" * bool(start) + letters[start:end], word[start].first, word[end - 1].last + 1))
        start = end
    return found


def accents_behind(text: str) -> dict[int, int]:
    """Returns where the accents on a character end, for each place behind one that has some."""
    found, behind = {}, None
    for place, char in enumerate(text):
        if is_dropped(char):
            continue
        if unicodedata.category(char) != "Mn":
            behind = None if is_space(char) else place + 1
        elif behind is not None:
            found[behind] = place + 1
    return found


@functools.cache
def is_dropped(char: str) -> bool:
    return char in "\0\ufffd" or (char not in "\t\n\r" and unicodedata.category(char) in ("Cc", "Cf"))


def is_space(char: str) -> bool:
    return char.isspace()


@functools.cache
def is_chinese(char: str) -> bool:
    return any(first <= ord(char) <= last for first, last in _CHINESE)


@functools.cache
def is_punctuation(char: str) -> bool:
    is_symbol = 33 <= ord(char) <= 47 or 58 <= ord(char) <= 64 or 91 <= ord(char) <= 96 or 123 <= ord(char) <= 126
    return is_symbol or unicodedata.category(char).startswith("P")
