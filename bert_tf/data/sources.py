"""A source of own data: rows with named columns, from a file or from Python.

The readers are in `delimited.py`, `json_lines.py` and `in_memory.py`.
"""

import abc
from collections.abc import Iterator, Sequence
from typing import NamedTuple


class WholeRow(NamedTuple):
    """A row with all that it holds.

    Attributes:
        place: see `Source.where`.
        values: of the source's columns.
        names: of all its cells; an object of JSON lines may have more, or other ones, than the first object has.
        cells: the values of all these.
    """

    place: int
    values: Sequence[object]
    names: Sequence[str]
    cells: Sequence[object]


class Source(abc.ABC):
    """Rows with named columns.

    Attributes:
        name: of the file or the argument, for messages.
        columns: their names.
        remarks: what was found out about the form of the file, for a message.
        delimiter: between the columns of a table in a file; None for all else.
        is_quoted: True if double quotes wrap fields, as csv writes them; False if they are characters.
    """

    name: str
    columns: Sequence[str]
    remarks: Sequence[str] = ()
    delimiter: str | None = None
    is_quoted: bool = True

    @abc.abstractmethod
    def rows(self) -> Iterator[tuple[int, Sequence[object]]]:
        """Yields each row: its place, and a value for each column.

        Raises:
            UserError: a row cannot be read.
        """

    def whole_rows(self) -> Iterator[WholeRow]:
        """Yields each row with all that it holds, for those who write it again. Raises as `rows` does."""
        for place, row in self.rows():
            yield WholeRow(place, row, self.columns, row)

    @abc.abstractmethod
    def where(self, place: int) -> str:
        """Returns file and line, or argument and index, of a row, for a message."""

    @property
    def start(self) -> str:
        """The place of the columns' names, for a message."""
        return self.name

    def hidden_rows(self, row: Sequence[object]) -> list[Sequence[str]]:
        """Returns the rows that a field of several lines would be without its double quotes; [] if it would be none."""
        return []
