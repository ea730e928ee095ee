r"""Reads CoNLL files: a word and its tag a line, and a blank line between sentences. Needs no TensorFlow.

    -DOCSTART- -X- -X- O

    Alice NNP B-NP B-PER
    sleeps VBZ B-VP O

Columns are separated by tabs or spaces. The first has the word, the last one its tag. A file of one column has no tags.
"""

import enum
import itertools
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from bert_tf.data.raw_sentences import RawSentence
from bert_tf.data.texts import Text
from bert_tf.errors import UserError, counted

# The line that begins a document in the files of CoNLL-2003.
DOCUMENT_START = "-DOCSTART-"
_FORM = "write a word and its tag a line, a tab or space between them, and a blank line between sentences"
# Other white space of Unicode is part of a word.
_SPACE = " \t\r\n"
_SPACES = re.compile("[ \t]+")


class _Kind(enum.Enum):
    """The kind of a line."""

    WORD = enum.auto()
    BLANK = enum.auto()
    DOCUMENT = enum.auto()


class _Row(NamedTuple):
    line: int
    kind: _Kind
    columns: list[str]  # of a word


def read_conll(name: str, text: Text) -> list[RawSentence]:
    """Reads the sentences of a file.

    Args:
        name: of the file, for messages.
        text: of the file.

    Raises:
        UserError: the lines have different numbers of columns, one has no word, or the words are not in column 1.
    """
    sentences = list(_sentences(_checked(name, _rows(name, text))))
    _check_first_column(name, sentences)
    return sentences


def _sentences(rows: Iterable[_Row]) -> Iterator[RawSentence]:
    document = size = 0  # size: the number of the document's sentences so far
    for kind, group in itertools.groupby(rows, lambda row: row.kind):
        if kind is _Kind.DOCUMENT:
            document += size > 0
            size = 0
        if kind is _Kind.WORD:
            size += 1
            yield _sentence(list(group), document)


def _sentence(rows: list[_Row], document: int) -> RawSentence:
    has_tags = len(rows[0].columns) > 1
    tags = [row.columns[-1] for row in rows] if has_tags else None
    return RawSentence([row.columns[0] for row in rows], tags, document, [row.line for row in rows])


def _rows(name: str, text: Text) -> Iterator[_Row]:
    has_tabs = None  # not known before the first word
    for number, line in enumerate(text.lines(), start=1):
        content = line.rstrip(_SPACE)
        if "\r" in content:
            raise UserError(f"{name}:{number}: the line has a carriage return in it; save the file with \\n line ends")
        kind = _kind(content)
        if kind is _Kind.WORD:
            has_tabs = "\t" in content if has_tabs is None else has_tabs
            yield _Row(number, kind, _columns(content, has_tabs))
        else:
            yield _Row(number, kind, [])


def _kind(content: str) -> _Kind:
    if not content:
        return _Kind.BLANK
    return _Kind.DOCUMENT if content.startswith(DOCUMENT_START) else _Kind.WORD


def _columns(content: str, has_tabs: bool) -> list[str]:
    return [column.strip(" ") for column in content.split("\t")] if has_tabs else _SPACES.split(content)


def _checked(name: str, rows: Iterable[_Row]) -> Iterator[_Row]:
    """Yields the rows; raises if a word is empty or has not as many columns as the first one."""
    first = None
    for row in rows:
        if row.kind is _Kind.WORD:
            first = first or row
            _check_row(name, row, first)
        yield row


def _check_row(name: str, row: _Row, first: _Row) -> None:
    count, wanted = len(row.columns), len(first.columns)
    if count != wanted:
        problem = f"the line has {counted(count, 'column')}, but line {first.line} has {wanted}"
        has_comments = "#" in (row.columns[0][:1], first.columns[0][:1])
        raise UserError(f"{name}:{row.line}: {problem}; {'remove the comments, or ' if has_comments else ''}{_FORM}")
    if not row.columns[0]:
        raise UserError(f"{name}:{row.line}: there is no word in front of the tag; {_FORM}")


def _check_first_column(name: str, sentences: list[RawSentence]) -> None:
    """Raises if the first column has not the words, but their numbers, as in the files of GermEval and CoNLL-U."""
    has_one_column = all(sentence.tags is None for sentence in sentences)
    if not has_one_column and any(_are_numbered(sentences, first) for first in (0, 1)):
        problem = "column 1 has the numbers of the words"
        raise UserError(f"{name}:{sentences[0].lines[0]}: {problem}; remove it, so that the words are in column 1")


def _are_numbered(sentences: list[RawSentence], first: int) -> bool:
    is_long = any(len(sentence.words) > 1 for sentence in sentences)
    return is_long and all(sentence.words == _numbers(first, len(sentence.words)) for sentence in sentences)


def _numbers(first: int, count: int) -> list[str]:
    return list(map(str, range(first, first + count)))
