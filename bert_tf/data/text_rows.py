"""Rows of texts to predict: of a table, of lines, or of one text.

for row in table_rows(source, choose_columns(source, WantedColumns(), needs_label=False)):
    row.texts  # "It rains .", or ("It rains .", "Rain falls .")
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, TypeVar

from bert_tf.data.columns import Columns
from bert_tf.data.examples import is_unicode
from bert_tf.data.own_examples import is_blank, texts_of
from bert_tf.data.sources import Source
from bert_tf.errors import UserError, shown

Item = TypeVar("Item")

# The names of the columns that lines of texts get.
PLAIN_NAMES = ("text", "text_pair")


class TextRow(NamedTuple):
    """A text or a pair of texts, and the row that it is in.

    Attributes:
        where: file and line, for a message.
        texts: one string, or two.
        names: of all cells of the row.
        cells: their values.
    """

    where: str
    texts: str | tuple[str, str]
    names: Sequence[str]
    cells: Sequence[object]

    @property
    def is_pair(self) -> bool:
        """True for a pair of texts."""
        return not isinstance(self.texts, str)


def table_rows(source: Source, columns: Columns) -> Iterator[TextRow]:
    """Yields the rows of a table.

    Raises:
        UserError: a row cannot be read, or its text is missing.
    """
    for place, values, names, cells in source.whole_rows():
        text_a, text_b = texts_of(source, columns, place, values)
        yield TextRow(source.where(place), text_a if text_b is None else (text_a, text_b), names, cells)


def line_rows(name: str, lines: Iterable[str], first_line: int = 1) -> Iterator[TextRow]:
    r"""Yields a row for each line that is not blank: one text, or two with a tab between them.

    Args:
        name: of the file or stream.
        lines: with their ends.
        first_line: the number of the first one.

    Raises:
        UserError: a line has more than one tab, or only a tab.

    Example:
        >>> [row.texts for row in line_rows("standard input", ["It rains .\tRain falls .\n", "\n"])]
        [('It rains .', 'Rain falls .')]
    """
    for number, line in enumerate(lines, start=first_line):
        content = line.removesuffix("\n").removesuffix("\r")
        if not is_blank(content):
            yield plain_row(f"{name}:{number}", content.split("\t"))


def plain_row(where: str, texts: Sequence[str]) -> TextRow:
    """Makes a row of one text or two.

    Raises:
        UserError: there are more, they are not UTF-8, or nothing is in them.

    Example:
        >>> plain_row("argument", ["It rains ."]).cells
        ['It rains .']
    """
    if len(texts) > len(PLAIN_NAMES):
        raise UserError(f"{where}: there are {len(texts)} texts; give one, or a pair with one tab between them")
    if not all(map(is_unicode, texts)):
        raise UserError(f"{where}: the text is not UTF-8; encode it as UTF-8")
    if all(map(is_blank, texts)):
        raise UserError(f"{where}: the text is empty; give a text")
    return TextRow(where, texts[0] if len(texts) == 1 else tuple(texts), PLAIN_NAMES[: len(texts)], list(texts))


class Remedies(NamedTuple):
    """Advice for rows that a model does not take; it depends on where they come from.

    Attributes:
        one_text: if they are single texts, and the model takes pairs.
        pair: if they are pairs.
    """

    one_text: str
    pair: str


class RowCheck:
    """Checks that rows are what a model takes, and have room for what is added to them.

    Args:
        pairs: True if the model takes pairs; None if that is unknown: then all must be as the first row.
        added: the names of the cells that each row gets.
        remedies: for the message.
    """

    def __init__(self, pairs: bool | None, added: Sequence[str], remedies: Remedies):
        self._pairs = pairs
        self._added = added
        self._remedies = remedies
        self._names: Sequence[str] = ()

    def check(self, rows: Iterable[TextRow]) -> Iterator[TextRow]:
        """Yields rows, each checked. It may be called again, for more rows.

        Raises:
            UserError: a row is not what the model takes, or has a cell with the name of an added one.
        """
        for row in rows:
            if self._pairs is None:
                self._pairs = row.is_pair
            if row.is_pair != self._pairs:
                raise UserError(f"{row.where}: {self._pair_problem()}")
            if row.names is not self._names:
                self._names = row.names
                _check_room(row, self._added)
            yield row

    def _pair_problem(self) -> str:
        if self._pairs:
            return f"is one text, but the model takes pairs of texts; {self._remedies.one_text}"
        return f"is a pair of texts, but the model takes single texts; {self._remedies.pair}"


def _check_room(row: TextRow, added: Sequence[str]) -> None:
    taken = next((name for name in added if name in row.names), None)
    if taken is not None:
        raise UserError(f"{row.where}: the column {shown(taken)} is there already, and is to be added; rename it")


def chunks_of(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Yields rows or other items in lists of this size; the last one may be shorter.

    Example:
        >>> list(chunks_of("abcde", 2))
        [['a', 'b'], ['c', 'd'], ['e']]
    """
    items = iter(items)
    while chunk := list(itertools.islice(items, size)):
        yield chunk
