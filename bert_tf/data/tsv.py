"""Reads TSV files: raw as in GLUE, or quoted as pandas writes them.

`TsvFile` describes the columns of one file and reads its rows; `read_raw_tsv` reads any raw file.
Every mistake in a file becomes a `UserError` that names the file and the line.
"""

import dataclasses
import numbers
import os
import re
import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path

from bert_tf.data.headers import is_header
from bert_tf.data.quoting import (
    Row,
    find_quote_clues,
    is_blank,
    may_be_quoted,
    quoted_rows,
    raw_rows,
)
from bert_tf.data.readings import attempt, choose_reading
from bert_tf.data.targets import Targets
from bert_tf.data.text_files import read_text
from bert_tf.data.tsv_table import RARE, Table, find_uneven
from bert_tf.errors import UserError, counted, first_few, shown
from bert_tf.remote import AnyPath, as_path

_SEPARATORS = {",": "commas", ";": "semicolons", "|": "vertical bars", "\\t": "a backslash and a t", "  ": "spaces"}


@dataclasses.dataclass(frozen=True)
class TsvFile:
    """Describes a TSV file: its path and its columns. Columns count from 0; -1 is the last one of a row.

    Attributes:
        name: the path below the data folder.
        text_a: the column of the first text.
        text_b: the column of the second text, for tasks on pairs.
        label: the column of the label; None on a test set, whose examples all get the first label.
        guid: the column that numbers the examples; None to number them by their rows.
        header: True if the first row names the columns. A file that clearly differs from this is read as it is.
        columns: the number of columns of each row; None for any number that includes the columns named here.
        quoted: True if fields may be wrapped in double quotes, as `csv` and pandas write them. False if a double
            quote is a character like any other, as in GLUE's files. None to find out from the file.
        only: (column, value) or (column, values): rows with other values are skipped. Each value has rows.
        group: the column of the part that an example belongs to, such as its language; see `InputExample`.
        first_number: the number of the first row of a file without a header. By default 0 as in the original, but 1
            with `quoted=True`, which the original cannot read.
        skips_short_rows: True to leave out rows with too few columns, if they are rare. A carriage return then ends a
            line, because one inside a text breaks a row as well.

    Example:
        >>> TsvFile("train.tsv", text_a=3, text_b=4, label=0).min_columns
        5
    """

    name: str
    text_a: int
    text_b: int | None = None
    label: int | None = None
    guid: int | None = None
    header: bool = True
    columns: int | None = None
    quoted: bool | None = None
    only: tuple[int, str | Sequence[str]] | None = None
    group: int | None = None
    first_number: int | None = None
    skips_short_rows: bool = False

    @property
    def min_columns(self) -> int:
        """The smallest number of columns that includes all columns named here, and one more for a label at -1."""
        named = [self.text_a, self.text_b, self.label, self.guid, self.group, self.only and self.only[0]]
        needed = (column + 1 if column >= 0 else -column for column in named if column is not None)
        return max(needed) + (self.label == -1)

    def read(self, data_dir: str | Path, targets: Targets | None = None) -> Iterator[tuple[str, Row]]:
        r"""Yields the rows below the header in file order, each with its number or the content of `guid`.

        Args:
            data_dir: the data folder.
            targets: what the task's labels are; None if any label will do.

        Raises:
            UserError: see `load`.

        Example:
            >>> _ = Path("dev.tsv").write_text("label\ttext\n1\tIt rains .\n", encoding="utf-8")
            >>> list(TsvFile("dev.tsv", text_a=1, label=0).read("."))
            [('1', Row(line=2, fields=['1', 'It rains .']))]
        """
        yield from self.load(data_dir, targets).rows

    def load(self, data_dir: str | Path, targets: Targets | None = None) -> Table:
        """Reads the rows and finds out what the file is like. The arguments are those of `read`.

        Raises:
            UserError: the file cannot be read, a row has too few or too many columns or an unknown label, there are
                no rows, or raw and quoted reading are both possible and disagree on the rows.
        """
        self._check_declaration()
        path = as_path(data_dir) / self.name
        text = read_text(path)
        if self.skips_short_rows:
            text = re.sub("\r\n?", "\n", text)
        self._check_separator(path, text)
        if self.quoted is not None or not may_be_quoted(text):
            return self._table(path, text, bool(self.quoted), targets)
        clues = find_quote_clues(text)
        if clues.escaped and not clues.raw:
            line = text.count("\n", 0, text.index('\\"')) + 1
            problem = r"a double quote in a quoted field is written as \""
            raise UserError(f'{path}:{line}: {problem}; write it twice, as csv does ("")')
        return choose_reading(path, clues, lambda quoted: self._table(path, text, quoted, targets))

    def _check_declaration(self) -> None:
        if not isinstance(self.name, (str, os.PathLike)):
            raise UserError(f"TsvFile({self.name!r}): the name is no text; give the path below the data folder")
        for name in ("text_a", "text_b", "label", "guid", "group", "columns", "first_number"):
            value = getattr(self, name)
            if not _is_whole_number(value) and (value is not None or name == "text_a"):
                raise UserError(f"TsvFile({self.name!r}): {name} is {value!r}; columns are numbers, the first is 0")
        for name in ("header", "quoted", "skips_short_rows"):
            possible = (True, False, None) if name == "quoted" else (True, False)
            if not any(getattr(self, name) is value for value in possible):
                needed = "True, False or None" if None in possible else "True or False"
                raise UserError(f"TsvFile({self.name!r}): {name} is {getattr(self, name)!r}; {needed} is needed")
        if self.only is not None and not _is_column_and_value(self.only):
            raise UserError(f"TsvFile({self.name!r}): only is {self.only!r}; write a column and a text, as (0, 'en')")

    def _check_separator(self, path: AnyPath, text: str) -> None:
        if "\t" in text or self.min_columns < 2:
            return
        lines = [line for line in text.split("\n", 9)[:9] if line.strip()]
        for separator, name in _SEPARATORS.items():
            # Not all lines: a quoted field may go on in the next line.
            num_split = sum(line.count(separator) >= self.min_columns - 1 for line in lines)
            if 2 * num_split > len(lines):
                raise UserError(f"{path}:1: the columns are separated by {name}; separate them by tabs")

    def _table(self, path: AnyPath, text: str, quoted: bool, targets: Targets | None) -> Table:
        """Reads a text in one of the two ways."""
        rows = quoted_rows(path, text) if quoted else raw_rows(path, text)
        num_blank_lines = _remove_blank_end(rows)
        if not rows:
            raise UserError(f"{path}:1: all lines are blank; check that the file was written completely")
        header = rows[0] if self._has_header(rows, targets) else None
        data, skipped = self._without_short_rows(rows[header is not None :])
        for row in data:
            self._check(path, row, targets)
            if header and len(header.fields) > 1 and row.fields == header.fields:
                raise UserError(f"{path}:{row.line}: the header is repeated; remove it here")
        if not data:
            raise UserError(f"{path}:1: there are no rows below the header; check that this is the right file")
        self._check_values(path, data)
        numbered = list(self._numbered(data, header))
        is_as_declared = self.header == (header is not None)
        return Table(numbered, header, is_as_declared, quoted, num_blank_lines, find_uneven(data), skipped=skipped)

    def _without_short_rows(self, rows: list[Row]) -> tuple[list[Row], str]:
        """Leaves out rows with too few columns, if they may be skipped; returns also which they were."""
        short = [row for row in rows if len(row.fields) < self.min_columns] if self.skips_short_rows else []
        if not 0 < len(short) <= RARE * len(rows):
            return rows, ""
        long = [row for row in rows if len(row.fields) >= self.min_columns]
        count = f"skipped {counted(len(short), 'row')} with fewer than {self.min_columns} columns"
        return long, f"{count}, the first in line {short[0].line}"

    def _has_header(self, rows: list[Row], targets: Targets | None) -> bool:
        texts = [column for column in (self.text_a, self.text_b) if column is not None]
        has_no_text, spellings = is_blank(rows[0]), targets.spellings if targets else {}
        return not has_no_text and is_header([row.fields for row in rows], texts, self.label, spellings, self.header)

    def _check(self, path: AnyPath, row: Row, targets: Targets | None) -> None:
        """Raises `UserError` if the row has a wrong number of columns or an unknown label."""
        count = len(row.fields)
        is_short = count < self.min_columns
        is_wrong = is_short or self.columns not in (None, count)
        if is_blank(row) and (is_wrong or count < 2 or self.label is not None):
            raise UserError(f"{path}:{row.line}: the line is blank; remove it")
        if is_wrong:
            needed = self.columns or f"at least {self.min_columns}"
            problem = f"the row has {counted(count, 'column')}, but {needed} are needed"
            raise UserError(f"{path}:{row.line}: {problem}; {_column_remedy(row)}")
        if targets and self.label is not None:
            try:
                targets.parse(row.fields[self.label])
            except ValueError as error:
                raise UserError(f"{path}:{row.line}: column {self.label % count + 1}: {error}") from None

    @property
    def _wanted(self) -> Sequence[str]:
        """The values whose rows are read."""
        return (self.only[1],) if isinstance(self.only[1], str) else self.only[1]

    def _check_values(self, path: AnyPath, rows: list[Row]) -> None:
        """Raises `UserError` if a value of `only` has no rows."""
        if self.only is None:
            return
        found = dict.fromkeys(row.fields[self.only[0]] for row in rows)
        missing = [value for value in self._wanted if value not in found]
        if missing:
            wanted, others = (first_few(map(shown, values)) for values in (missing, found))
            problem = f"there are no rows with {wanted} in column {self.only[0] + 1}, only with {others}"
            raise UserError(f"{path}:1: {problem}; check that this is the right file")

    def _numbered(self, rows: list[Row], header: Row | None) -> Iterator[tuple[str, Row]]:
        """Numbers the rows as the original does, which counts from the file's first line, also if it is the header.

        Rows of an export count from 1, so that an example has the same guid as in GLUE's file.
        """
        first = self.first_number if self.first_number is not None else int(self.quoted or False)
        for number, row in enumerate(rows, start=first if header is None else 1):
            if self.only is None or row.fields[self.only[0]] in self._wanted:
                yield str(number) if self.guid is None else row.fields[self.guid], row


def load_in_one_of(forms: Sequence[TsvFile], data_dir: str | Path, targets: Targets) -> tuple[TsvFile, Table]:
    """Reads a file that may have one of several forms, each with another number of columns.

    Args:
        forms: descriptions of the same file; if there are several, each has `columns`, the largest first.
        data_dir: the data folder.
        targets: what the task's labels are.

    Returns:
        The form that fits, and the content.

    Raises:
        UserError: none fits, or more than one does.
    """
    if len(forms) == 1:
        return forms[0], forms[0].load(data_dir, targets)
    path = as_path(data_dir) / forms[0].name
    text = read_text(path)
    found = [(form, attempt(lambda form=form: form.load(data_dir, targets))) for form in forms]
    fitting = [(form, table) for form, table in found if isinstance(table, Table)]
    if len(fitting) > 1:
        counts = " or ".join(str(form.columns) for form, _ in fitting)
        raise UserError(f"{path}:1: can be read with {counts} columns; quote all fields, as csv.QUOTE_ALL does")
    if not fitting:
        count = statistics.mode(line.count("\t") + 1 for line in text.split("\n"))
        raise next((error for form, error in found if form.columns <= count), found[-1][1])
    return fitting[0]


def _is_whole_number(value: object) -> bool:
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def _is_column_and_value(only: object) -> bool:
    if not isinstance(only, (tuple, list)) or len(only) != 2 or not _is_whole_number(only[0]):
        return False
    values = only[1] if isinstance(only[1], (tuple, list)) and only[1] else [only[1]]
    return all(isinstance(value, str) for value in values)


def _remove_blank_end(rows: list[Row]) -> int:
    """Removes blank rows at the end; returns their number."""
    num_rows = len(rows)
    while rows and is_blank(rows[-1]):
        rows.pop()
    return num_rows - len(rows)


def _column_remedy(row: Row) -> str:
    if row.fields[-1].startswith('"'):
        return "if a quoted field has tabs or line ends, double each double quote inside it"
    return "put exactly one tab between two columns"


def read_raw_tsv(path: AnyPath) -> list[Row]:
    r"""Reads a TSV file in which a double quote is a character like any other (the original's `_read_tsv`).

    Raises:
        UserError: the file cannot be read (see `read_text`) or has a "\r" inside a line.

    Example:
        >>> _ = Path("raw.tsv").write_text('a "word"\t1\n', encoding="utf-8")
        >>> read_raw_tsv(Path("raw.tsv"))
        [Row(line=1, fields=['a "word"', '1'])]
    """
    return raw_rows(path, read_text(path))
