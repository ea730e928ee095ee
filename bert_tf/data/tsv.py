"""Rows of TSV files, raw as GLUE has them or quoted as pandas writes them."""

import csv
import dataclasses
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from bert_tf.errors import UserError


@dataclasses.dataclass(frozen=True)
class TsvFile:
    """Where a TSV file lies and what its columns hold. Columns count from 0; -1 is a row's last.

    Attributes:
        name: the path below data_dir.
        text_a: the column of the first text.
        text_b: the column of the second text, for tasks on pairs.
        label: the column of the label; None on a test set, whose examples then carry the first label.
        guid: the column that numbers the examples; None to number them by their rows.
        header: whether the first row names the columns.
        columns: how many columns each row must have; None for any number that reaches the ones named here.
        quoted: whether fields may be wrapped in double quotes, as `csv` and pandas write them. The files of
            GLUE are raw: there a double quote is a character like any other.
        only: (column, value): other rows are skipped.

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
        """The fewest columns a row can have: up to the last one named, and one more for a label at -1."""
        named = [self.text_a, self.text_b, self.label, self.guid, self.only and self.only[0]]
        return max(column for column in named if column is not None) + 1 + (self.label == -1)


class Row(NamedTuple):
    """One row of a TSV file: the number of the line on which it begins, counted from 1, and its fields."""

    line: int
    fields: list[str]


def read_raw_tsv(path: Path) -> list[Row]:
    r"""Reads a TSV file in which a double quote is a character like any other.

    This is the original's `_read_tsv`. Lines end with "\n" or "\r\n" and nothing else, whatever Unicode
    counts as a line end; where a "\r" stands elsewhere the original fails, and so does this.

    Raises:
        UserError: the file cannot be read (see `DataProcessor.read_examples`) or has a lone "\r".
    """
    lines = _read_text(path).removesuffix("\n").split("\n")
    rows = [Row(number, line.removesuffix("\r").split("\t")) for number, line in enumerate(lines, start=1)]
    for row in rows:
        if any("\r" in field for field in row.fields):
            raise _lone_carriage_return(path, row.line)
    return rows


def read_quoted_tsv(path: Path) -> list[Row]:
    r"""Reads a TSV file with quoting as `csv` and pandas write it.

    A field that begins with a double quote ends with the next one that is not doubled; between them, tabs and
    line ends are text. Line numbers count the file's lines, so that an editor finds them.

    Raises:
        UserError: the file cannot be read (see `DataProcessor.read_examples`), has a quoted field that is not
            closed, or a lone "\r" outside quotes.
    """
    text = _read_text(path)
    rows = []
    # The csv module refuses fields above a limit that holds for the whole process.
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
    """Says what is wrong with the row that begins on `line` of `text`, which the csv module refused."""
    row = text.split("\n", line - 1)[-1]
    # The sound fields of that row, each with the tab after it; then comes the one that is not.
    sound = re.match(r'(?:(?:"[^"]*(?:""[^"]*)*"|(?!")[^\t\r\n]*)\t)*', row)[0]
    if not row.startswith('"', len(sound)):
        return _lone_carriage_return(path, line)
    line += sound.count("\n")
    how = "end it with one double quote, and write each double quote inside it twice"
    return UserError(f"{path}:{line}: a quoted field begins here and is not closed; {how}")


def _lone_carriage_return(path: Path, line: int) -> UserError:
    return UserError(rf"{path}:{line}: there is a carriage return (\r) inside the line; remove it")


def numbered(rows: list[Row], file: TsvFile) -> Iterator[tuple[int, Row]]:
    """The rows below the header with the numbers of their guids.

    The original counts from the file's first line, header or not. An export, which it could not read, is
    counted from 1, so that an example has the same guid as in GLUE's file.
    """
    if file.header:
        return enumerate(rows[1:], start=1)
    return enumerate(rows, start=1 if file.quoted else 0)


def check_columns(path: Path, row: Row, file: TsvFile) -> None:
    """Raises `UserError` if a row has too few or too many columns."""
    count = len(row.fields)
    if count < file.min_columns or file.columns not in (None, count):
        needed = file.columns or f"at least {file.min_columns}"
        what = f"the row has {count} column{'s' * (count != 1)} where {needed} are needed"
        raise UserError(f"{path}:{row.line}: {what}; put exactly one tab between two columns")


def has_glue_header(path: Path) -> bool:
    """Whether the file begins with the names of five columns, as GLUE's MRPC files do.

    A first line of the export has three columns; a tab inside one of them puts quotes around it.
    """
    columns = _read_text(path).partition("\n")[0].split("\t")
    if len(columns) == 5 and columns[1].isdigit() and columns[2].isdigit():
        raise UserError(f"{path}:1: this is a row of GLUE's form without the header line; put that line back")
    return len(columns) >= 5 and not any('"' in column for column in columns)


def _read_text(path: Path) -> str:
    """The text of a file, which must be UTF-8 with or without a byte-order mark, and not empty."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file; check data_dir and the task's name") from None
    except OSError as error:
        raise UserError(f"{path}: the file cannot be read ({error.strerror}); check data_dir") from None
    try:
        text = content.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        what = f"byte 0x{content[error.start]:02x} is not UTF-8"
        raise UserError(f"{path}:{line}: {what}; save the file as UTF-8") from None
    if "\0" in text:
        line = text.partition("\0")[0].count("\n") + 1
        raise UserError(f"{path}:{line}: there is a NUL character in the line; remove it")
    if not text:
        raise UserError(f"{path}:1: the file is empty; check that it was written to the end")
    return text
