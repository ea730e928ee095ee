r"""Reads files whose columns are separated by commas, tabs, semicolons or vertical bars: CSV and TSV.

    source = DelimitedFile(Path("reviews.csv"), WantedColumns())
    source.columns  # ["review", "stars"]

Delimiter, quoting and header are found out from the file. Rows are made while they are read, so that a large file needs
little more memory than its text.
"""

import itertools
import re
from collections.abc import Callable, Iterator, Sequence

from bert_tf.data.columns import WantedColumns, find_column, has_known_names, is_number
from bert_tf.data.headers import is_header
from bert_tf.data.quoting import Row, find_quote_clues, is_blank, iterate_quoted, iterate_raw, may_be_quoted
from bert_tf.data.sources import Source
from bert_tf.data.texts import Text, TextInMemory, read_whole
from bert_tf.errors import UserError, counted, printable
from bert_tf.remote import AnyPath

DELIMITERS = {",": "commas", "\t": "tabs", ";": "semicolons", "|": "vertical bars"}
OWN_DELIMITER = {".csv": ",", ".tsv": "\t", ".tab": "\t", ".txt": "\t"}
# How files begin that are no tables, in small letters, and what to do.
_NO_TABLES = {
    '{"': "is a JSON object; name the file with .jsonl at the end",
    "<!doctype html": "is the beginning of a web page; download the file itself",
    "<html": "is the beginning of a web page; download the file itself",
    "version https://git-lfs.github.com/": "stands for the file in Git LFS; run git lfs pull",
    "sep=": "tells Excel the separator; remove the line",
}
_SAMPLE_LINES = 50
_SAMPLE_ROWS = 1000


class DelimitedFile(Source):
    """A CSV or TSV file.

    Args:
        path: of the file.
        wanted: the columns that the user named; a file whose columns have only numbers may lack a header.
        read: opens its text.

    Raises:
        UserError: the file cannot be read, or its quotes can be read in two ways.
    """

    def __init__(self, path: AnyPath, wanted: WantedColumns, read: Callable[[AnyPath], Text] = read_whole):
        self._path = path
        self.name = printable(path)
        self._text = read(path)
        _check_is_table(self.name, self._text.start)
        own = OWN_DELIMITER.get(path.suffix.lower(), "\t")
        self.delimiter = find_delimiter(self._text.start, own)
        self.is_quoted = self.delimiter != "\t" or _is_quoted(path, self._text.start)
        first = next(self._filled_rows(), None)
        if first is None:
            raise UserError(f"{self.name}:1: all lines are blank; check that the file was written completely")
        self._first = first
        self._has_header = self._first_row_is_header(wanted)
        names = first.fields if self._has_header else map(str, range(len(first.fields)))
        self.columns = [name.strip() for name in names]
        self.remarks = self._find_remarks(own)

    @property
    def start(self) -> str:
        """The file and the line of its header."""
        return self.where(self._first.line)

    def where(self, place: int) -> str:
        """Returns file and line."""
        return f"{self.name}:{place}"

    def rows(self) -> Iterator[tuple[int, Sequence[str]]]:
        """Yields line and fields of each row below the header; blank lines are left out."""
        count = len(self.columns)
        for line, fields in itertools.islice(self._filled_rows(), int(self._has_header), None):
            if len(fields) != count:
                fields = self._fitting(line, fields)
            yield line, fields

    def _filled_rows(self) -> Iterator[Row]:
        read = iterate_quoted if self.is_quoted else iterate_raw
        return (row for row in read(self._path, self._text, self.delimiter) if not is_blank(row))

    def hidden_rows(self, row: Sequence[str]) -> list[Sequence[str]]:
        """Returns the rows that a field of several lines would be without its double quotes; [] if it would be none."""
        delimiter = self.delimiter
        number = next((number for number, field in enumerate(row) if "\n" in field), None)
        if number is None:
            return []
        lines = row[number].split("\n")
        parts = [line.removesuffix("\r").split(delimiter) for line in lines]
        hidden = [[*row[:number], *parts[0]], *parts[1:-1], [*parts[-1], *row[number + 1 :]]]
        return hidden if all(len(each) == len(self.columns) for each in hidden) else []

    def _fitting(self, line: int, fields: list[str]) -> list[str]:
        """Returns a row without empty fields at its end, which spreadsheets add."""
        count = len(self.columns)
        if len(fields) > count and not any(field.strip() for field in fields[count:]):
            return fields[:count]
        problem = f"the row has {counted(len(fields), 'column')}, but line {self._first.line} has {count}"
        raise UserError(f"{self.where(line)}: {problem}; {self._remedy(len(fields) > count)}")

    def _remedy(self, has_too_many: bool) -> str:
        name = DELIMITERS[self.delimiter]
        if has_too_many and self.is_quoted:
            return f"put a text that has {name} in it into double quotes"
        return f"separate the columns by {name}, one between two columns"

    def _first_row_is_header(self, wanted: WantedColumns) -> bool:
        names = self._first.fields
        given = [each for each in wanted if each is not None]
        are_names = all(find_column(names, each) is not None for each in given)
        if are_names or not all(map(is_number, given)) or has_known_names(names):
            return True
        label = wanted.label and int(wanted.label)
        rows = [row.fields for row in itertools.islice(self._filled_rows(), _SAMPLE_ROWS)]
        if label is not None and label < len(names):
            below = {row[label].strip() for row in rows[1:] if label < len(row)}
            return names[label].strip() not in below and not _is_float(names[label])
        texts = [int(each) for each in given]
        return is_header(rows, texts, None, {}, declared=False)

    def _find_remarks(self, own: str) -> list[str]:
        remarks = []
        if not self._has_header:
            remarks.append(f"line {self._first.line} is data, there is no header")
        if self.delimiter != own:
            remarks.append(f"columns are separated by {DELIMITERS[self.delimiter]}")
        if self.delimiter == "\t" and may_be_quoted(self._text.start):
            remarks.append("double quotes read as csv does" if self.is_quoted else "double quotes are kept")
        return remarks


def _check_is_table(name: str, text: str) -> None:
    start = text[:100].lower()
    problem = next((problem for begin, problem in _NO_TABLES.items() if start.startswith(begin)), None)
    if problem:
        raise UserError(f"{name}:1: {problem}")


def find_delimiter(text: str, own: str) -> str:
    r"""Returns the delimiter of a file: the one that gives most lines as many columns as the first line.

    Args:
        text: of the file.
        own: the delimiter that the name of the file stands for; it wins a tie.

    Example:
        >>> find_delimiter("text;label\nGood, really;1\nBad;0\n", own=",")
        ';'
    """
    lines = [line for line in itertools.islice(text.split("\n", _SAMPLE_LINES), _SAMPLE_LINES) if line.strip()]
    return max([own, *DELIMITERS], key=lambda delimiter: _num_even(lines, delimiter)) if lines else own


def _num_even(lines: Sequence[str], delimiter: str) -> int:
    """Returns how many lines have as many columns as the first one, if that has more than one."""
    counts = [_num_columns(line, delimiter) for line in lines]
    return counts.count(counts[0]) if counts[0] > 1 else 0


def _num_columns(line: str, delimiter: str) -> int:
    # Leaves out the fields in quotes, in which a delimiter is text.
    outside = re.sub(rf'(?:\A|(?<={re.escape(delimiter)}))"[^"]*(?:""[^"]*)*"', "", line)
    return outside.count(delimiter) + 1


def _is_quoted(path: AnyPath, text: str) -> bool:
    """Finds out if the double quotes of a TSV file wrap fields, as csv and pandas write them, or are characters.

    Raises:
        UserError: both readings are possible, and have other rows.
    """
    if not may_be_quoted(text):
        return False
    clues = find_quote_clues(text)
    raw, quoted = (_shape(lambda read=read: read(path, TextInMemory(text))) for read in (iterate_raw, iterate_quoted))
    if isinstance(raw, UserError) or isinstance(quoted, UserError):
        return isinstance(raw, UserError) or (isinstance(quoted, UserError) and clues.is_surely_quoted)
    if _is_header_quoted(text):
        return True
    if (len(raw[1]) == 1) != (len(quoted[1]) == 1):
        return len(quoted[1]) == 1
    if raw[0] != quoted[0] and clues.raw and clues.looks_quoted:
        counts = f"{raw[0]:,} rows if its double quotes are characters, and {quoted[0]:,} if they quote"
        raise UserError(f"{printable(path)}:1: has {counts}; write the file with csv or pandas, or without quotes")
    return clues.looks_quoted


def _is_header_quoted(text: str) -> bool:
    """Returns True if all fields of the first line are wrapped: nobody writes the names of columns so by hand."""
    fields = text.partition("\n")[0].removesuffix("\r").split("\t")
    return all(len(field) > 2 and field.startswith('"') and field.endswith('"') for field in fields)


def _shape(read: Callable[[], Iterator[Row]]) -> tuple[int, frozenset[int]] | UserError:
    """Returns the number of rows and the numbers of columns that they have; the error if they cannot be read."""
    count, widths = 0, set()
    try:
        for row in read():
            count += 1
            widths.add(len(row.fields))
    except UserError as error:
        return error
    return count, frozenset(widths - {0})


def _is_float(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
