"""Finds out from the labels of a training set what kind they are, and their names and order.

targets = find_targets(read, LabelOptions())
use_targets(read, targets)  # the label of each example becomes the value that `targets` has for it
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from typing import NamedTuple

from bert_tf.data.cells import Cell
from bert_tf.data.examples import InputExample
from bert_tf.data.own_examples import ReadRows
from bert_tf.data.targets import Label, Number, OneLabel, SomeLabels, Targets
from bert_tf.errors import UserError, counted, first_few, shown

SEPARATORS = (",", ";", "|")
# A whole number without zeros in front: "007" is a name.
_NUMBER = re.compile(r"([-+]?(?:0|[1-9]\d*))(\.\d*)?(?:[eE][-+]?\d+)?")
_MANY_LABELS = 20
# Characters that cannot be seen: control characters, formats, surrogates, ends of lines and paragraphs.
_UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
# Of these, words of Persian and many emoji have the two joiners.
_JOINERS = "\u200c\u200d"


class LabelOptions(NamedTuple):
    """The user's settings of the labels.

    Attributes:
        regression: True for numbers, False for classes; None to find out.
        multi_label: True if an example can have any number of labels.
        separator: parts the labels of an example; None to find out.
        names: the labels in the order of the outputs; None to find them.
    """

    regression: bool | None = None
    multi_label: bool = False
    separator: str | None = None
    names: tuple[str, ...] | None = None


def find_targets(read: ReadRows, options: LabelOptions) -> Targets:
    """Finds what the labels of a training set are.

    Raises:
        UserError: they are no labels to learn: all are equal or all are different, or one is of another kind.
    """
    if options.names is not None:
        return _of_names(options)
    if options.multi_label:
        return _find_some_labels(read, options.separator)
    lists = next((cell for cell in read.places if isinstance(cell, tuple)), None)
    if lists is not None:
        raise UserError(f"{_where(read, lists)}: the label is a list; pass --multi_label, or give one label a row")
    if options.regression or (options.regression is None and _are_fractions(read.places)):
        return _find_numbers(read)
    return _find_one_label(read)


def use_targets(read: ReadRows, targets: Targets) -> list[InputExample]:
    """Gives each example the label that `targets` has for it.

    Raises:
        UserError: a label is none of the targets'; the message names the row.
    """
    if isinstance(targets, SomeLabels):
        targets = SomeLabels(targets.labels, _separator_of(read, targets))
    labels = {cell: _parse(read, cell, targets) for cell in read.places}
    for example in read.examples:
        example.label = labels[example.label] if read.columns.label is not None else targets.filler
    return read.examples


def known_targets(kind: str, labels: Sequence[str], separator: str | None) -> Targets:
    """Returns the targets of a model that was trained earlier."""
    if kind == Number.kind:
        return Number()
    if kind == SomeLabels.kind:
        return SomeLabels(labels, separator or SEPARATORS[0])
    return OneLabel(labels, _spellings(labels))


def describe(targets: Targets) -> str:
    """Says what the labels are, for a message.

    Example:
        >>> describe(OneLabel(["bad", "good"]))
        '2 classes: bad, good'
    """
    if isinstance(targets, Number):
        return "a number, so this is a regression"
    names = f": {first_few(targets.labels)}"
    if isinstance(targets, OneLabel):
        return f"{len(targets.labels):,} classes{names}"
    return f"{counted(len(targets.labels), 'label')}, any number of them a row{names}"


def is_label_name(name: str) -> bool:
    r"""Returns True unless a name is long, or has a character that cannot be seen.

    Example:
        >>> is_label_name("tr\xe8s\xa0bon"), is_label_name("good\t")
        (True, False)
    """
    return len(name) <= 200 and all(char in _JOINERS or unicodedata.category(char) not in _UNSEEN for char in name)


def _of_names(options: LabelOptions) -> Targets:
    if options.regression:
        raise UserError("labels: contradicts regression, whose labels are numbers; pass only one of them")
    kind = SomeLabels.kind if options.multi_label else OneLabel.kind
    return known_targets(kind, options.names, options.separator)


def _where(read: ReadRows, cell: Cell) -> str:
    return read.source.where(read.places[cell])


def _column(read: ReadRows) -> str:
    return f"column {shown(read.source.columns[read.columns.label])}"


def _parse(read: ReadRows, cell: Cell, targets: Targets) -> Label:
    try:
        if isinstance(cell, tuple):
            return _parse_list(cell, targets)
        return targets.parse(cell)
    except ValueError as error:
        raise UserError(f"{_where(read, cell)}: {_column(read)}: {error}") from None


def _parse_list(names: tuple[str, ...], targets: Targets) -> tuple[str, ...]:
    if not isinstance(targets, SomeLabels):
        raise ValueError("the label is a list; give one label a row")
    unknown = [name for name in names if name not in targets.labels]
    if unknown:
        raise ValueError(f"unknown label {shown(unknown[0])}; use some of the task's: {first_few(targets.labels)}")
    return tuple(label for label in targets.labels if label in names)


def _are_fractions(cells: Iterable[Cell]) -> bool:
    """Returns True if all labels are numbers, and one has a fraction."""
    matches = [_NUMBER.fullmatch(cell) for cell in cells]
    return all(matches) and any(not float(match[0]).is_integer() for match in matches)


def _find_numbers(read: ReadRows) -> Number:
    targets = Number()
    values = {_parse(read, cell, targets) for cell in read.places}
    if len(values) == 1:
        raise UserError(f"{_where(read, next(iter(read.places)))}: {_column(read)}: {_all_equal(read)}")
    return targets


def _find_one_label(read: ReadRows) -> OneLabel:
    labels = _ordered(read.places)
    _check_names(read, labels)
    num_rows = len(read.examples)
    where = f"{read.source.start}: {_column(read)}"
    if len(labels) == 1:
        raise UserError(f"{where}: {_all_equal(read)}")
    if len(labels) == num_rows > 3 or (len(labels) > _MANY_LABELS and 2 * len(labels) > num_rows):
        count = f"has {len(labels):,} different labels in {num_rows:,} rows"
        remedy = "name the right column with --label_column, or pass --regression for numbers"
        raise UserError(f"{where}: {count}, too many to learn; {remedy}")
    return OneLabel(labels, _spellings(read.places))


def _all_equal(read: ReadRows) -> str:
    num_rows, label = len(read.examples), shown(next(iter(read.places)))
    rows = f"all {num_rows:,} rows have the label {label}" if num_rows > 1 else f"there is only one row, {label}"
    return f"{rows}, but at least two different ones are needed; name the right column with --label_column"


def _find_some_labels(read: ReadRows, separator: str | None) -> SomeLabels:
    cells = [cell for cell in read.places if isinstance(cell, str)]
    if separator is None:
        separator = next((each for each in SEPARATORS if any(each in cell for cell in cells)), SEPARATORS[0])
    elif cells and not any(separator in cell for cell in cells):
        raise UserError(f"label_separator: no label has {shown(separator)} in it; name another one, or leave it out")
    names = _parts(cells, separator)
    names.update(name for cell in read.places if isinstance(cell, tuple) for name in cell)
    labels = sorted(names, key=_sort_key(names))
    _check_are_names(read, labels)
    _check_names(read, labels)
    if not labels:
        raise UserError(f"{read.source.start}: {_column(read)}: no row has a label; name the right column")
    if len(labels) > _MANY_LABELS and len(labels) > len(read.examples):
        count = f"{len(labels):,} different labels in {len(read.examples):,} rows"
        raise UserError(f"{read.source.start}: {_column(read)}: has {count}; name the separator with --label_separator")
    return SomeLabels(labels, separator)


def _parts(cells: Iterable[str], separator: str) -> set[str]:
    return {part.strip() for cell in cells for part in cell.split(separator)} - {""}


def _separator_of(read: ReadRows, targets: SomeLabels) -> str:
    """Returns the separator of a source, which need not be that of the training set."""
    cells = [cell for cell in read.places if isinstance(cell, str)]
    fitting = (each for each in (targets.separator, *SEPARATORS) if _parts(cells, each) <= set(targets.labels))
    return next(fitting, targets.separator)


def _check_are_names(read: ReadRows, labels: Sequence[str]) -> None:
    """Raises `UserError` for lists that became text, and for lists with 0 or 1 for each label."""
    for cell in read.places:
        problem = ""
        if isinstance(cell, str) and cell.startswith("[") and cell.endswith("]"):
            problem = (
                f"the label {shown(cell)} is a list in a text; write names with a separator, or lists in JSON lines"
            )
        elif len(labels) <= 2 and set(labels) <= {"0", "1"} and len(set(cell)) < len(cell):
            problem = "the label has 0 and 1 for each name; give the names that the example has"
        if problem:
            raise UserError(f"{_where(read, cell)}: {_column(read)}: {problem}")


def _ordered(cells: Iterable[str]) -> list[str]:
    """Returns the names of the classes in a fixed order: numbers by value, or else by their characters."""
    names = {_canonical(cell) for cell in cells} if all(map(_NUMBER.fullmatch, cells)) else set(cells)
    return sorted(names, key=_sort_key(names))


def _sort_key(names: Iterable[str]) -> Callable:
    # Not float, in which long numbers would become equal.
    return Fraction if all(map(_NUMBER.fullmatch, names)) else str


def _canonical(number: str) -> str:
    """Returns a number in one spelling: pandas writes whole numbers as 1.0 if a column had a missing one."""
    if number.lstrip("+-").isdigit():
        return number.removeprefix("+")  # not as a float, in which long numbers would become equal
    value = float(number)
    return str(int(value)) if value.is_integer() else repr(value)


def _spellings(cells: Iterable[Cell]) -> dict[str, str]:
    """Returns the name of each spelling of a number, or of true and false."""
    cells = list(cells)
    if len(cells) == 2 and {str(cell).lower() for cell in cells} == {"false", "true"}:
        # Files have them as Python, JSON or a spreadsheet writes them.
        return {spell(cell): cell for cell in cells for spell in (str.lower, str.title, str.upper)}
    if not all(isinstance(cell, str) and _NUMBER.fullmatch(cell) for cell in cells):
        return {}
    names = {_canonical(cell) for cell in cells}
    return {spelling: name for name in names for spelling in (name, f"{name}.0") if "." not in name} | {
        cell: _canonical(cell) for cell in cells
    }


def _check_names(read: ReadRows, labels: Iterable[str]) -> None:
    odd = next((label for label in labels if not is_label_name(label)), None)
    if odd is not None:
        cell = odd if odd in read.places else next(iter(read.places))
        problem = "has a line end, a tab or another character that nobody sees, or is longer than 200 characters"
        remedy = "name the right column with --label_column"
        raise UserError(f"{_where(read, cell)}: {_column(read)}: the label {shown(odd)} {problem}; {remedy}")
