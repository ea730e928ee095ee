"""Reads the rows of a source into examples, whose labels are still as the source has them.

read = read_rows(source, columns, "train")
read.examples[0].label  # "4", a text, also for a number
read.places["4"]  # the line on which this label is first
"""

import dataclasses
import sys
from collections.abc import Sequence

from bert_tf.data.cells import Cell, label_of, text_of
from bert_tf.data.columns import Columns
from bert_tf.data.examples import InputExample
from bert_tf.data.sources import Source
from bert_tf.errors import UserError, shown


@dataclasses.dataclass
class ReadRows:
    """The examples of a source.

    Attributes:
        source: that was read.
        columns: of texts and label.
        examples: in file order; each label is a cell, or None without a column of labels.
        places: where each different label is first.
        counts: how many examples have each label.
        num_empty: how many pairs lack one of their texts.
    """

    source: Source
    columns: Columns
    examples: list[InputExample]
    places: dict[Cell, int]
    counts: dict[Cell, int]
    num_empty: int = 0


def read_rows(source: Source, columns: Columns, set_type: str, allows_no_label: bool = False) -> ReadRows:
    """Reads all rows.

    Args:
        source: to read.
        columns: of texts and label.
        set_type: the first part of the guids, such as `"train"`.
        allows_no_label: True if an empty cell is a label, that of an example with none of many labels.

    Raises:
        UserError: a row cannot be read, or its text or label is missing; the message says which.
    """
    found = ReadRows(source, columns, [], {}, {})
    hidden: list[tuple[int, list[Sequence[str]]]] = []
    for number, (place, row) in enumerate(source.rows(), start=1):
        example = _example(found, place, row, f"{set_type}-{number}")
        if columns.label is not None:
            example.label = _label(found, place, row, allows_no_label)
            if "\n" in example.text_a or "\n" in (example.text_b or ""):
                hidden.append((place, source.hidden_rows(row)))
        found.examples.append(example)
    if not found.examples:
        raise UserError(f"{source.start}: there are no rows below the header; check that this is the right file")
    for place, rows in hidden:
        _check_is_text(found, place, rows)
    return found


def _check_is_text(found: ReadRows, place: int, hidden: list[Sequence[str]]) -> None:
    """Raises `UserError` if a field of several lines is rows of the file, because of a double quote too many."""
    labels = [row[found.columns.label].strip() for row in hidden]
    if labels and all(label in found.counts for label in labels):
        problem = f"a quoted field goes on to line {place + len(hidden) - 1} and has whole rows in it"
        remedy = "remove the double quote at its beginning, or write it twice"
        raise UserError(f"{found.source.where(place)}: {problem}; {remedy}")


def _example(found: ReadRows, place: int, row: Sequence[object], guid: str) -> InputExample:
    text_a, text_b = texts_of(found.source, found.columns, place, row)
    if text_b is not None:
        found.num_empty += is_blank(text_a) or is_blank(text_b)
    return InputExample(guid, text_a, text_b)


def texts_of(source: Source, columns: Columns, place: int, row: Sequence[object]) -> tuple[str, str | None]:
    """Returns the text of a row, or the two of a pair.

    Raises:
        UserError: a cell holds no text, or there is nothing in it; one of a pair may be empty.
    """
    text_a = _text(source, place, row, columns.text)
    text_b = None if columns.pair is None else _text(source, place, row, columns.pair)
    if is_blank(text_a) and (text_b is None or is_blank(text_b)):
        name = source.columns[columns.text]
        raise UserError(f"{source.where(place)}: the text (column {shown(name)}) is empty; remove the row")
    return text_a, text_b


def is_blank(text: str) -> bool:
    """Returns True if there is nothing in a text but white space."""
    return not text or text.isspace()


def _text(source: Source, place: int, row: Sequence[object], column: int) -> str:
    try:
        return text_of(row[column])
    except ValueError as error:
        raise UserError(f"{source.where(place)}: column {shown(source.columns[column])}: {error}") from None


def _label(found: ReadRows, place: int, row: Sequence[object], allows_no_label: bool) -> Cell:
    """Returns the label of a row, one object for all rows that have it."""
    try:
        cell = label_of(row[found.columns.label])
    except ValueError as error:
        raise UserError(f"{found.source.where(place)}: {error}") from None
    if cell == "" and not allows_no_label:
        name = found.source.columns[found.columns.label]
        remedy = "fill it in or remove the row"
        raise UserError(f"{found.source.where(place)}: the label (column {shown(name)}) is missing; {remedy}")
    cell = sys.intern(cell) if isinstance(cell, str) else cell
    found.counts[cell] = found.counts.get(cell, 0) + 1
    found.places.setdefault(cell, place)
    return cell
