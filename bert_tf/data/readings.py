"""Chooses between the two readings of a TSV file: raw, or quoted as `csv` and pandas write it."""

from collections.abc import Callable

from bert_tf.data.quoting import QuoteClues
from bert_tf.data.tsv_table import Table
from bert_tf.errors import UserError
from bert_tf.remote import AnyPath


def choose_reading(path: AnyPath, clues: QuoteClues, read: Callable[[bool], Table]) -> Table:
    """Reads a file raw or quoted.

    Args:
        path: of the file.
        clues: how its quotes look.
        read: reads it, quoted or not.

    Raises:
        UserError: neither is possible, or both are and disagree on the rows.
    """
    raw = attempt(lambda: read(False))
    if isinstance(raw, Table) and clues.raw and not clues.looks_quoted:
        # Whatever the other reading is, this one would be chosen. Large files are then read once.
        return raw
    quoted = attempt(lambda: read(True))
    if isinstance(raw, Table) and isinstance(quoted, Table):
        return _decide(path, clues, raw, quoted)
    if isinstance(quoted, Table):
        return quoted
    if isinstance(raw, Table) and not clues.is_surely_quoted:
        return raw
    raise quoted if clues.looks_quoted else raw


def _decide(path: AnyPath, clues: QuoteClues, raw: Table, quoted: Table) -> Table:
    """Returns one of two possible readings."""
    if [fields for _, (_, fields) in raw.rows] == [fields for _, (_, fields) in quoted.rows]:
        return raw
    if not clues.looks_quoted:
        remark = f"kept the double quotes around {clues.plain} fields, which quoted=True would remove"
        return raw if clues.raw else raw._replace(remark=remark)
    if len(raw.rows) != len(quoted.rows):
        problem = f"{len(raw.rows):,} rows if its double quotes are characters, and {len(quoted.rows):,} if they quote"
        raise UserError(f"{path}:1: has {problem}; write each double quote as csv does, or say quoted=True or False")
    remark = ""
    if clues.raw:
        remark = f"{clues.raw} fields have double quotes that are not quoted as csv does it"
    elif not clues.doubled and not clues.spanning:
        remark = f"removed the double quotes around {clues.plain} fields, which quoted=False would keep"
    return quoted._replace(remark=remark)


def attempt(read: Callable[[], Table]) -> Table | UserError:
    """Returns the table, or the error if it cannot be read."""
    try:
        return read()
    except UserError as error:
        return error
