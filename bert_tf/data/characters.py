"""Lookup tables of Unicode properties, for rules about characters inside a graph.

The original asks Python's `unicodedata` about each character. These tables hold its answers for all code points,
so that TensorFlow can look up a whole batch of characters at once. Each table is computed once per process.
"""

import functools
import unicodedata
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import tensorflow as tf

SPACE, SINGLE, LETTER = range(3)  # the kinds of character: between words, a word by itself, part of a word
IGNORABLE, CASED, UNCASED = range(3)  # the groups of characters in the rule for the final sigma

_CODE_POINTS = 0x110000
_BLOCK_BITS = 8  # a block is 256 code points that differ only in their last 8 bits

# The blocks of Chinese characters that the original isolates (`_is_chinese_char`), both ends included.
_CHINESE_BLOCKS = (
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B820, 0x2CEAF),
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
)


class CodePointTable(NamedTuple):
    """A lookup table from code points to int32, compressed by sharing equal blocks.

    The arrays are NumPy arrays, which become constants of each graph that uses them. A tensor made while one
    graph is built could not be cached for the next graph.

    Attributes:
        starts: int32 [blocks], the position of each block's entries.
        entries: int32 [256 * different blocks].

    Example:
        >>> character_kinds()(tf.constant([ord("a"), ord(" "), ord("!")])).numpy() == [LETTER, SPACE, SINGLE]
        array([ True,  True,  True])
    """

    starts: np.ndarray
    entries: np.ndarray

    @classmethod
    def from_values(cls, values: np.ndarray) -> "CodePointTable":
        """Compresses the values of all 0x110000 code points."""
        found: dict[bytes, int] = {}  # the position of each different block
        places = [found.setdefault(block.tobytes(), len(found)) for block in values.reshape(-1, 1 << _BLOCK_BITS)]
        return cls(np.array(places, np.int32) << _BLOCK_BITS, np.frombuffer(b"".join(found), values.dtype))

    @classmethod
    def from_characters(cls, values: Iterable[tuple[str, int]], default: int) -> "CodePointTable":
        """Compresses the values of these characters; all other code points have the default."""
        table = np.full(_CODE_POINTS, default, np.int32)
        for char, value in values:
            table[ord(char)] = value
        return cls.from_values(table)

    def __call__(self, code_points: tf.Tensor) -> tf.Tensor:
        """Looks up a vector of code points."""
        starts = tf.gather(self.starts, tf.bitwise.right_shift(code_points, _BLOCK_BITS))
        return tf.gather(self.entries, starts + tf.bitwise.bitwise_and(code_points, (1 << _BLOCK_BITS) - 1))


class Normalization(NamedTuple):
    """The replacement of each code point. Equal lines are stored once, since most code points stay the same.

    Attributes:
        line: the line of each code point in the two matrices.
        offsets: int32 [lines, width], the difference between each replacing code point and the replaced one.
        present: bool [lines, width], the entries of `offsets` that exist. A line without any drops its code point.
        simple_lines: lines below this number replace a code point by one that never changes places with marks.
    """

    line: CodePointTable
    offsets: np.ndarray
    present: np.ndarray
    simple_lines: int


class MarkOrder(NamedTuple):
    """The properties that decide the canonical order of marks (Unicode standard, section 3.11).

    Attributes:
        starts_run: 1 for a code point, before normalization, that marks before and after it cannot cross.
        combining_class: the combining class of a code point.
    """

    starts_run: CodePointTable
    combining_class: CodePointTable


@functools.cache
def character_kinds() -> CodePointTable:
    """Returns the kind of each normalized code point: `SPACE`, `SINGLE` or `LETTER`."""
    chinese = ((chr(c), SINGLE) for first, last in _CHINESE_BLOCKS for c in range(first, last + 1))
    spaces = ((c, SPACE) for c in _assigned() if c.isspace())
    punctuation = ((c, SINGLE) for c in _assigned() if _is_punctuation(c))
    return CodePointTable.from_characters([*chinese, *spaces, *punctuation], LETTER)


@functools.cache
def normalization(do_lower_case: bool) -> Normalization:
    """Returns the replacements that clean text and, with `do_lower_case`, lowercase it and strip its accents."""
    replaced = {c: _normalized(c, do_lower_case) for c in _assigned()}
    replaced = {c: new for c, new in replaced.items() if new != c or unicodedata.combining(c)}
    width = max(map(len, replaced.values()))
    lines = {(False, (0,)): []}  # (not simple, offsets) -> its characters; the first line keeps a character as it is
    for char, new in replaced.items():
        simple = len(new) == 1 and not unicodedata.combining(new)
        lines.setdefault((not simple, tuple(ord(c) - ord(char) for c in new)), []).append(char)
    ordered = sorted(lines, key=lambda line: line[0])
    offsets = np.zeros((len(ordered), width), np.int32)
    present = np.zeros((len(ordered), width), bool)
    for number, (_, line) in enumerate(ordered):
        offsets[number, : len(line)] = line
        present[number, : len(line)] = True
    line_numbers = ((c, number) for number, key in enumerate(ordered) for c in lines[key])
    simple_lines = sum(not key[0] for key in ordered)
    return Normalization(CodePointTable.from_characters(line_numbers, 0), offsets, present, simple_lines)


@functools.cache
def mark_order() -> MarkOrder:
    """Returns the properties that order marks in text that is lowercased and decomposed."""

    def has_starter(char: str) -> bool:
        return any(not unicodedata.combining(c) for c in unicodedata.normalize("NFD", char.lower()))

    no_starter = ((c, 0) for c in _assigned() if _is_dropped(c) or not has_starter(c))
    classes = ((c, unicodedata.combining(c)) for c in _assigned())
    return MarkOrder(CodePointTable.from_characters(no_starter, 1), CodePointTable.from_characters(classes, 0))


@functools.cache
def sigma_contexts() -> CodePointTable:
    """Returns the group of each code point in the rule for the final sigma: `IGNORABLE`, `CASED` or `UNCASED`.

    Python does not publish these two properties, but `str.lower` shows them: a sigma at the end becomes final
    if the last character before it that is not ignorable is cased.
    """

    def context(char: str) -> int:
        if _is_dropped(char):
            return IGNORABLE
        if (char + "Σ").lower().endswith("ς"):
            return CASED
        return IGNORABLE if ("A" + char + "Σ").lower().endswith("ς") else UNCASED

    return CodePointTable.from_characters(((c, context(c)) for c in _assigned()), UNCASED)


@functools.cache
def _assigned() -> str:
    """Returns all characters except surrogates, private and unassigned ones, which are letters and stay the same."""
    return "".join(c for c in map(chr, range(_CODE_POINTS)) if unicodedata.category(c) not in ("Cn", "Co", "Cs"))


def _is_dropped(char: str) -> bool:
    """Returns True for the characters that the original's `_clean_text` drops: NUL, U+FFFD and controls."""
    return char not in "\t\n\r" and (char in "\0\ufffd" or unicodedata.category(char) in ("Cc", "Cf"))


def _is_punctuation(char: str) -> bool:
    """Returns True for Unicode's punctuation and, as in the original, ASCII symbols such as `$` and `^`."""
    return ("!" <= char <= "~" and not char.isalnum()) or unicodedata.category(char).startswith("P")


def _normalized(char: str, do_lower_case: bool) -> str:
    """Normalizes one character as the original does: to nothing, to itself, or to letters without accents."""
    if _is_dropped(char):
        return ""
    if not do_lower_case:
        return char
    return "".join(c for c in unicodedata.normalize("NFD", char.lower()) if unicodedata.category(c) != "Mn")
