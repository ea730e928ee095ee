"""Reads TSV files: raw as in GLUE, or quoted as pandas writes them.

`TsvFile` describes the columns of one file and reads its rows; `read_raw_tsv` and `read_quoted_tsv` read any file.
Every mistake in a file becomes a `UserError` that names the file and the line.
"""

import csv
import dataclasses
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from bert_tf.errors import UserError, reason_of


class Row(NamedTuple):
    """One row of a TSV file: the number of the line on which it begins, counted from 1, and its fields."""

    line: int
    fields: list[str]


@dataclasses.dataclass(frozen=True)
class TsvFile:
    """Describes a TSV file: its path and its columns. Columns count from 0; -1 is the last one of a row.

    Attributes:
        name: the path below the data folder.
        text_a: the column of the first text.
        text_b: the column of the second text, for tasks on pairs.
        label: the column of the label; None on a test set, whose examples all get the first label.
        guid: the column that numbers the examples; None to number them by their rows.
        header: True if the first row names the columns.
        columns: the number of columns of each row; None for any number that includes the columns named here.
        quoted: True if fields may be wrapped in double quotes, as `csv` and pandas write them. The files of
            GLUE are raw: there a double quote is a character like any other.
        only: (column, value): rows with another value are skipped.

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
    quoted: bool = False
    only: tuple[int, str] | None = None

    @property
    def min_columns(self) -> int:
        """The smallest number of columns that includes all columns named here, and one more for a label at -1."""
        named = [self.text_a, self.text_b, self.label, self.guid, self.only and self.only[0]]
        return max(column for column in named if column is not None) + 1 + (self.label == -1)

    def read(self, data_dir: str | Path) -> Iterator[tuple[str, Row]]:
        r"""Yields the rows below the header in file order, each with its number or the content of `guid`.

        Raises:
            UserError: the file cannot be read, a row has too few or too many columns, or there are no rows.

        Example:
            >>> _ = Path("dev.tsv").write_text("label\ttext\n1\tIt rains .\n", encoding="utf-8")
            >>> list(TsvFile("dev.tsv", text_a=1, label=0).read("."))
            [('1', Row(line=2, fields=['1', 'It rains .']))]
        """
        path = Path(data_dir, self.name)
        found = False
        for number, row in self._numbered(read_quoted_tsv(path) if self.quoted else read_raw_tsv(path)):
            self._check_columns(path, row)
            if self.only is None or row.fields[self.only[0]] == self.only[1]:
                found = True
                yield str(number) if self.guid is None else row.fields[self.guid], row
        if not found:
            rest = f"with {self.only[1]!r} in column {self.only[0] + 1}" if self.only else "below the header"
            raise UserError(f"{path}:1: there are no rows {rest}; check that this is the right file")

    def _numbered(self, rows: list[Row]) -> Iterator[tuple[int, Row]]:
        """Numbers the rows below the header.

        The original counts from the file's first line, which may be the header. It cannot read quoted files;
        their rows count from 1, so that an example has the same guid as in GLUE's file.
        """
        if self.header:
            return enumerate(rows[1:], start=1)
        return enumerate(rows, start=1 if self.quoted else 0)

    def _check_columns(self, path: Path, row: Row) -> None:
        count = len(row.fields)
        if count < self.min_columns or self.columns not in (None, count):
            needed = self.columns or f"at least {self.min_columns}"
            problem = f"the row has {count} column{'s' * (count != 1)}, but {needed} are needed"
            raise UserError(f"{path}:{row.line}: {problem}; put exactly one tab between two columns")


def read_raw_tsv(path: Path) -> list[Row]:
    r"""Reads a TSV file in which a double quote is a character like any other (the original's `_read_tsv`).

    Only "\n" and "\r\n" end a line, not the other line ends of Unicode. The original fails on a "\r" anywhere
    else, and so does this function.

    Raises:
        UserError: the file cannot be read (see `read_text`) or has a "\r" inside a line.

    Example:
        >>> _ = Path("raw.tsv").write_text('a "word"\t1\n', encoding="utf-8")
        >>> read_raw_tsv(Path("raw.tsv"))
        [Row(line=1, fields=['a "word"', '1'])]
    """
    lines = read_text(path).removesuffix("\n").split("\n")
    rows = [Row(number, line.removesuffix("\r").split("\t")) for number, line in enumerate(lines, start=1)]
    for row in rows:
        if any("\r" in field for field in row.fields):
            raise _carriage_return_inside(path, row.line)
    return rows


def read_quoted_tsv(path: Path) -> list[Row]:
    r"""Reads a TSV file with quoting as `csv` and pandas write it.

    A field that begins with a double quote ends at the next double quote that is not doubled. Tabs and line
    ends between them are text. Line numbers count the lines of the file, as an editor shows them.

    Raises:
        UserError: the file cannot be read (see `read_text`), a quoted field is not closed, or there is a "\r"
            inside a line and outside quotes.

    Example:
        >>> _ = Path("quoted.tsv").write_text('"a\tb"\t1\n', encoding="utf-8")
        >>> read_quoted_tsv(Path("quoted.tsv"))
        [Row(line=1, fields=['a\tb', '1'])]
    """
    text = read_text(path)
    rows = []
    # The csv module refuses fields above a limit, which applies to the whole process.
    limit = csv.field_size_limit(len(text) + 1)
    try:
        reader = csv.reader(io.StringIO(text), delimiter="\t", strict=True)
        line = 1
        for fields in reader:
            rows.append(Row(line, fields))
            line = reader.line_num + 1
    except csv.Error:
        raise _quoting_error(path, text, line) from None
    finally:
        csv.field_size_limit(limit)
    return rows


def _quoting_error(path: Path, text: str, line: int) -> UserError:
    """Finds the mistake in the row that begins on `line` of `text`, which the csv module refused."""
    row = text.split("\n", line - 1)[-1]
    # The correct fields at the start of the row, each with its tab; the next field is the wrong one.
    correct = re.match(r'(?:(?:"[^"]*(?:""[^"]*)*"|(?!")[^\t\r\n]*)\t)*', row)[0]
    if not row.startswith('"', len(correct)):
        return _carriage_return_inside(path, line)
    line += correct.count("\n")
    remedy = "end it with one double quote, and write each double quote inside it twice"
    return UserError(f"{path}:{line}: a quoted field begins here and is not closed; {remedy}")


def _carriage_return_inside(path: Path, line: int) -> UserError:
    return UserError(rf"{path}:{line}: there is a carriage return (\r) inside the line; remove it")


def read_text(path: Path) -> str:
    r"""Reads a UTF-8 text file, without its byte-order mark if it has one.

    Raises:
        UserError: the file is missing, unreadable, empty, not UTF-8, or has a NUL character.

    Example:
        >>> _ = Path("text.txt").write_text("\ufeffIt rains .", encoding="utf-8")
        >>> read_text(Path("text.txt"))
        'It rains .'
    """
    text = _decode(path, _read_bytes(path)).removeprefix("\ufeff")
    if "\0" in text:
        line = text.partition("\0")[0].count("\n") + 1
        raise UserError(f"{path}:{line}: there is a NUL character in the line; remove it")
    if not text:
        raise UserError(f"{path}:1: the file is empty; check that it was written completely")
    return text


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file; check data_dir and task_name") from None
    except OSError as error:
        raise UserError(f"{path}: the file cannot be read ({reason_of(error)}); check data_dir") from None


def _decode(path: Path, content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        problem = f"byte 0x{content[error.start]:02x} is not UTF-8"
        raise UserError(f"{path}:{line}: {problem}; save the file as UTF-8") from None
