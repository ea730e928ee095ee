"""Lookup tables of Unicode properties, for rules about characters inside a graph.

The original asks Python's `unicodedata` about each character. These tables hold its answers for all code points,
so that TensorFlow can look up a whole batch of characters at once. Each table is computed once per process; a process
that predicts one text waits for them, so they are computed by `map`, which is several times as fast as loops.
"""

import functools
import itertools
import string
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from bert_tf.data.basic_tokenizer import CHINESE_BLOCKS

SPACE, SINGLE, LETTER = range(3)  # the kinds of character: between words, a word by itself, part of a word
IGNORABLE, CASED, UNCASED = range(3)  # the groups of characters in the rule for the final sigma
KEPT, STRIPPED, DROPPED = range(3)  # what lowercasing leaves of a character: a letter, or nothing for two reasons

_CODE_POINTS = 0x110000
_BLOCK_BITS = 8  # a block is 256 code points that differ only in their last 8 bits


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
    def from_characters(
        cls, values: Iterable[tuple[Collection[str], int | Sequence[int]]], default: int
    ) -> "CodePointTable":
        """Compresses the values of these characters; all other code points have the default.

        Args:
            values: characters, and one value for all or one for each. For a character that is there several times the
                last value counts.
            default: the value of all others.

        Example:
            >>> CodePointTable.from_characters([("ab", 5), ("b", 6)], 0)(tf.constant([ord("a"), ord("b"), ord("c")]))
            <tf.Tensor: shape=(3,), dtype=int32, numpy=array([5, 6, 0], dtype=int32)>
        """
        table = np.full(_CODE_POINTS, default, np.int32)
        for chars, value in values:
            table[np.frombuffer("".join(chars).encode("utf-32-le"), np.uint32)] = value
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
    chinese = [map(chr, range(first, last + 1)) for first, last in CHINESE_BLOCKS]
    spaces = list(filter(str.isspace, _assigned()))
    return CodePointTable.from_characters(
        [(list(itertools.chain(*chinese)), SINGLE), (spaces, SPACE), (_punctuation(), SINGLE)], LETTER
    )


@functools.cache
def normalization(do_lower_case: bool) -> Normalization:
    """Returns the replacements that clean text and, with `do_lower_case`, lowercase it and strip its accents."""
    replaced = _normalized(do_lower_case)
    width = max(map(len, replaced.values()))
    lines = {(False, (0,)): []}  # (not simple, offsets) -> its characters; the first line keeps a character as it is
    for char, new in replaced.items():
        simple = len(new) == 1 and not unicodedata.combining(new)
        code_point = ord(char)
        lines.setdefault((not simple, tuple([ord(c) - code_point for c in new])), []).append(char)
    ordered = sorted(lines, key=lambda line: line[0])
    offsets = np.zeros((len(ordered), width), np.int32)
    present = np.zeros((len(ordered), width), bool)
    for number, (_, line) in enumerate(ordered):
        offsets[number, : len(line)] = line
        present[number, : len(line)] = True
    numbers = np.repeat(np.arange(len(ordered)), [len(lines[key]) for key in ordered])
    chars = list(itertools.chain.from_iterable(lines[key] for key in ordered))
    simple_lines = sum(not key[0] for key in ordered)
    return Normalization(CodePointTable.from_characters([(chars, numbers)], 0), offsets, present, simple_lines)


@functools.cache
def mark_order() -> MarkOrder:
    """Returns the properties that order marks in text that is lowercased and decomposed."""
    chars, combining = _assigned(), unicodedata.combining
    no_starter = [c for c, new in zip(chars, _decomposed(), strict=True) if all(map(combining, new))]
    return MarkOrder(
        CodePointTable.from_characters([(no_starter, 0), (_dropped(), 0)], 1),
        CodePointTable.from_characters([(chars, list(map(combining, chars)))], 0),
    )


@functools.cache
def sigma_contexts() -> CodePointTable:
    """Returns the group of each code point in the rule for the final sigma: `IGNORABLE`, `CASED` or `UNCASED`.

    Python does not publish these two properties, but `str.lower` shows them: a sigma at the end becomes final
    if the last character before it that is not ignorable is cased.
    """
    cased = [c for c in _assigned() if (c + "Σ").lower()[-1] == "ς"]
    cased_or_ignorable = [c for c in _assigned() if ("A" + c + "Σ").lower()[-1] == "ς"]
    return CodePointTable.from_characters(
        [(cased_or_ignorable, IGNORABLE), (cased, CASED), (_dropped(), IGNORABLE)], UNCASED
    )


@functools.cache
def letter_traces() -> CodePointTable:
    """Returns what an uncased model does with each code point: `KEPT`, `STRIPPED` (accents), `DROPPED` (controls)."""
    return CodePointTable.from_characters([(_of_categories("Mn"), STRIPPED), (_dropped(), DROPPED)], KEPT)


def _normalized(do_lower_case: bool) -> dict[str, str]:
    """Returns what the original makes of each character that is not simply kept: nothing, or letters without accents.

    Characters with a combining class are among them, because they may change places.
    """
    chars, dropped, combining = _assigned(), _dropped(), unicodedata.combining
    if not do_lower_case:
        return {c: "" if c in dropped else c for c in chars if c in dropped or combining(c)}
    accents = _of_categories("Mn")
    changed = dropped | accents
    replaced = {c: new for c, new in zip(chars, _decomposed(), strict=True) if new != c or combining(c) or c in changed}
    return {c: "" if c in dropped else _without(accents, new) for c, new in replaced.items()}


def _without(unwanted: Collection[str], text: str) -> str:
    return "".join([c for c in text if c not in unwanted])


@functools.cache
def _decomposed() -> list[str]:
    """Returns each of the assigned characters lowercased and decomposed."""
    return list(map(functools.partial(unicodedata.normalize, "NFD"), map(str.lower, _assigned())))


@functools.cache
def _dropped() -> frozenset[str]:
    """Returns the characters that the original's `_clean_text` drops: NUL, U+FFFD and controls."""
    return (_of_categories("Cc", "Cf") | set("\0\ufffd")) - set("\t\n\r")


def _punctuation() -> frozenset[str]:
    """Returns Unicode's punctuation and, as in the original, ASCII symbols such as `$` and `^`."""
    return _of_categories("Pc", "Pd", "Pe", "Pf", "Pi", "Po", "Ps") | set(string.punctuation)


def _of_categories(*categories: str) -> frozenset[str]:
    return frozenset("".join(run for category, run in _runs() if category in categories))


@functools.cache
def _assigned() -> str:
    """Returns all characters except surrogates, private and unassigned ones, which are letters and stay the same."""
    return "".join(run for _, run in _runs())


@functools.cache
def _runs() -> list[tuple[str, str]]:
    """Returns the assigned characters in order, cut into runs of one category, each with its category."""
    every = np.arange(_CODE_POINTS, dtype=np.uint32).tobytes().decode("utf-32-le", "surrogatepass")
    runs = itertools.groupby(every, unicodedata.category)
    return [(category, "".join(run)) for category, run in runs if category not in ("Cn", "Co", "Cs")]
