"""A source of own data: rows with named columns, from a file or from Python.

The readers are in `delimited.py`, `json_lines.py` and `in_memory.py`.
"""

import abc
from collections.abc import Iterator, Sequence


class Source(abc.ABC):
    """Rows with named columns.

    Attributes:
        name: of the file or the argument, for messages.
        columns: their names.
        remarks: what was found out about the form of the file, for a message.
    """

    name: str
    columns: Sequence[str]
    remarks: Sequence[str] = ()

    @abc.abstractmethod
    def rows(self) -> Iterator[tuple[int, Sequence[object]]]:
        """Yields each row: its place, and a value for each column.

        Raises:
            UserError: a row cannot be read.
        """

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
