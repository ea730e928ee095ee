r"""Splits the text of a TSV file into rows, raw or quoted, and finds clues which of the two it is.

Raw is what GLUE has: a double quote is a character like any other. Quoted is what `csv`, pandas and spreadsheets
write: a field with a double quote, a tab or a line end in it is wrapped in double quotes, and those inside are doubled.
"""

import contextlib
import csv
import io
import itertools
import re
from collections.abc import Iterator
from typing import NamedTuple

from bert_tf.data.texts import Text, TextInMemory
from bert_tf.errors import UserError, user_error_for
from bert_tf.remote import AnyPath

# A field that begins with a double quote: up to the closing one, over tabs and line ends, if a field ends there.
_WRAPPED = r'"[^"]*(?:""[^"]*)*"(?=[\t\r\n]|\Z)'
_FIELD_WITH_QUOTES = re.compile(rf'(?:\A|(?<=[\t\n]))(?:(?P<wrapped>{_WRAPPED})|[^\t\n"]*"[^\t\n]*)')
# As R writes a field with double quotes: "He said \"hi\" ."
_ESCAPED = re.compile(r'"(?:[^"\\]|\\.)*"\r?')
_BARE_TEXT = re.compile(r"(?:\A|(?<=[\t\n]))(?!\")[^\t\r\n]+")
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?")


class Row(NamedTuple):
    """One row of a TSV file: the number of the line on which it begins, counted from 1, and its fields.

    A blank line has no fields.
    """

    line: int
    fields: list[str]


def is_blank(row: Row) -> bool:
    """Returns True if nothing is written in the row, not even the quotes of an empty text.

    Example:
        >>> is_blank(Row(1, [])), is_blank(Row(1, [" ", ""])), is_blank(Row(1, [""]))
        (True, True, False)
    """
    return row.fields != [""] and not any(field.strip() for field in row.fields)


class QuoteClues(NamedTuple):
    """Numbers of fields with double quotes, by what they say about the file.

    Attributes:
        doubled: wrapped in quotes, with doubled ones inside, or nothing else. Only a writer of quoted files makes them.
        spanning: wrapped, with a tab or a line end inside. Quoted, or the raw quotes of two fields.
        plain: wrapped for no reason, as in a raw file with the sentence `"Hello ."`.
        escaped: wrapped, with a backslash before each double quote inside, as R writes them.
        raw: not wrapped. A writer of quoted files would have wrapped them.
        follows_a_rule: True if `plain` fields can be explained: each field but numbers is wrapped, or, as Excel does,
            those with a comma and no others.
    """

    doubled: int
    spanning: int
    plain: int
    escaped: int
    raw: int
    follows_a_rule: bool

    @property
    def looks_quoted(self) -> bool:
        """True if the file looks like the work of a writer of quoted files."""
        needed = self.doubled + self.spanning
        return needed >= self.raw if needed else not self.raw and self.follows_a_rule

    @property
    def is_surely_quoted(self) -> bool:
        """True if even a file that cannot be read as quoted is meant so: one of its fields has a mistake."""
        return 0 < self.doubled >= self.raw


def find_quote_clues(text: str) -> QuoteClues:
    r"""Counts the fields with double quotes in a text.

    Example:
        >>> find_quote_clues('"He said ""hi"" ."\t1\nShe said "hi" .\t0\n')
        QuoteClues(doubled=1, spanning=0, plain=0, escaped=0, raw=1, follows_a_rule=False)
    """
    doubled = spanning = plain = escaped = raw = 0
    for match in _FIELD_WITH_QUOTES.finditer(text):
        wrapped = match["wrapped"]
        if wrapped is None and _ESCAPED.fullmatch(match[0]):
            escaped += 1
        elif wrapped is None:
            raw += 1
        elif re.search("[\t\r\n]", wrapped):
            spanning += 1
        elif '""' in wrapped:
            doubled += 1
        else:
            plain += 1
    return QuoteClues(doubled, spanning, plain, escaped, raw, plain > 0 and _follows_a_rule(text))


def _follows_a_rule(text: str) -> bool:
    bare = [field for field in _BARE_TEXT.findall(text) if field.strip() and not _NUMBER.fullmatch(field)]
    wrapped = [match["wrapped"] for match in _FIELD_WITH_QUOTES.finditer(text) if match["wrapped"]]
    # One or two raw sentences in quotes may have a comma by chance.
    is_excel = len(wrapped) > 2 and all("," in field for field in wrapped) and not any("," in field for field in bare)
    return is_excel or not bare


def may_be_quoted(text: str) -> bool:
    """Returns True if a field begins with a double quote; without one, both readings are the same."""
    return text.startswith('"') or '\t"' in text or '\n"' in text


def raw_rows(path: AnyPath, text: str) -> list[Row]:
    r"""Splits a text in which a double quote is a character like any other.

    Only "\n" and "\r\n" end a line, not the other line ends of Unicode. The original fails on a "\r" anywhere
    else, and so does this function.

    Raises:
        UserError: there is a "\r" inside a line. The message begins with `path`.
    """
    return list(iterate_raw(path, TextInMemory(text)))


def iterate_raw(path: AnyPath, text: Text, delimiter: str = "\t") -> Iterator[Row]:
    """Yields the rows of `raw_rows` one by one, of a file whose columns this delimiter separates."""
    for number, ended in enumerate(text.lines(), start=1):
        line = ended.removesuffix("\n").removesuffix("\r")
        if "\r" in line:
            raise _carriage_return_inside(path, text.start, number)
        yield Row(number, line.split(delimiter) if line else [])


def quoted_rows(path: AnyPath, text: str) -> list[Row]:
    r"""Splits a text with quoting as `csv` and pandas write it.

    A field that begins with a double quote ends at the next double quote that is not doubled. Tabs and line
    ends between them are text. Line numbers count the lines of the file, as an editor shows them.

    Raises:
        UserError: a quoted field is not closed, or there is a "\r" inside a line and outside quotes. The message
            begins with `path`.
    """
    return list(iterate_quoted(path, TextInMemory(text)))


def iterate_quoted(path: AnyPath, text: Text, delimiter: str = "\t") -> Iterator[Row]:
    """Yields the rows of `quoted_rows` one by one, of a file whose columns this delimiter separates."""
    line = 1
    reader = csv.reader(text.lines(), delimiter=delimiter, strict=True)
    try:
        with _field_size(text.longest_field):
            for fields in reader:
                yield Row(line, fields)
                line = reader.line_num + 1
    except csv.Error:
        raise _quoting_error(path, text, line, delimiter) from None


def lenient_rows(path: AnyPath, text: str, quotechar: str | None) -> list[list[str]]:
    r"""Splits a text as the original's `_read_tsv` does, except that blank lines at the end are left out.

    Args:
        path: of the file, for the message.
        text: its content.
        quotechar: the character that quotes fields; None if there is none.

    Raises:
        UserError: there is a "\r" inside a line, or `quotechar` is not one character.
    """
    if quotechar is None:
        rows = [row.fields for row in raw_rows(path, text)]
    else:
        with (
            _field_size(len(text) + 1),
            user_error_for((csv.Error, TypeError), path, "cannot be split", "see _read_tsv"),
        ):
            rows = list(csv.reader(io.StringIO(text), delimiter="\t", quotechar=quotechar))
    while rows and not any(field.strip() for field in rows[-1]):
        rows.pop()
    return rows


@contextlib.contextmanager
def _field_size(longest: int) -> Iterator[None]:
    """Lets the csv module read fields of this length. Its limit applies to the whole process and is put back."""
    limit = csv.field_size_limit(longest)
    try:
        yield
    finally:
        csv.field_size_limit(limit)


def _quoting_error(path: AnyPath, text: Text, line: int, delimiter: str) -> UserError:
    """Finds the mistake in the row that begins on `line` of `text`, which the csv module refused."""
    row = _text_from(text, line)
    # The correct fields at the start of the row, each with its delimiter; the next field is the wrong one.
    end = re.escape(delimiter)
    correct = re.match(rf'(?:(?:"[^"]*(?:""[^"]*)*"|(?!")[^{end}\r\n]*){end})*', row)[0]
    if not row.startswith('"', len(correct)) or ("\r" in row and "\n" not in text.start):
        return _carriage_return_inside(path, text.start, line)
    line += correct.count("\n")
    remedy = "end it with one double quote, and write each double quote inside it twice"
    return UserError(f"{path}:{line}: a quoted field begins here and is not closed; {remedy}")


def _text_from(text: Text, line: int) -> str:
    """Returns what begins on a line, as far as a field can reach."""
    parts, size = [], 0
    for part in itertools.islice(text.lines(), line - 1, None):
        parts.append(part)
        size += len(part)
        if size > text.longest_field:
            break
    return "".join(parts)


def _carriage_return_inside(path: AnyPath, text: str, line: int) -> UserError:
    if "\n" not in text:
        problem = r"the lines end with a carriage return (\r) alone"
        return UserError(rf"{path}:{line}: {problem}; save the file with line feeds (\n)")
    return UserError(rf"{path}:{line}: there is a carriage return (\r) inside the line; remove it")
