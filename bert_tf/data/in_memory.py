"""Labeled texts that are Python objects: tables of pandas and the like, lists of rows, or texts and labels.

    source = in_memory([("It rains .", "weather"), ("It costs 3 euros .", "price")], "train")
    source.columns  # ["text", "label"]

Tables are known by what they can do, so that none of their packages is needed.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from bert_tf.data.examples import InputExample
from bert_tf.data.sources import Source
from bert_tf.errors import UserError, reading, with_type

_NAMES = {1: ("text",), 2: ("text", "label"), 3: ("text_a", "text_b", "label")}
_FORMS = "give a table with named columns, a list of (text, label) or (text_a, text_b, label), or (texts, labels)"


class Rows(Source):
    """Rows of Python objects.

    Args:
        name: of the argument, for messages.
        columns: their names.
        make_rows: returns an iterator over the values of the rows.
    """

    def __init__(self, name: str, columns: Iterable[object], make_rows: Callable[[], Iterable[Sequence[object]]]):
        self.name = name
        self.columns = [str(column) for column in columns]
        self._make_rows = make_rows

    def where(self, place: int) -> str:
        """Returns argument and index, such as `train[3]`."""
        return f"{self.name}[{place}]"

    def rows(self) -> Iterator[tuple[int, Sequence[object]]]:
        """Yields index and values of each row."""
        for place, row in enumerate(self._make_rows()):
            if len(row) != len(self.columns):
                remedy = f"give all rows {len(self.columns)}, as the first one has"
                raise UserError(f"{self.where(place)}: has {len(row)} values; {remedy}")
            yield place, row


def in_memory(data: object, name: str) -> Source:
    """Makes a source of an argument.

    Args:
        data: a table of pandas, polars or datasets; a dict of columns; a list of dicts, `InputExample`s, (text, label)
            or (text_a, text_b, label); or a tuple of texts and labels, in which a text may be a pair.
        name: of the argument.

    Raises:
        UserError: it is nothing of these.

    Example:
        >>> list(in_memory((["It rains .", "It snows ."], [0, 1]), "train").rows())
        [(0, ('It rains .', 0)), (1, ('It snows .', 1))]
    """
    with reading(name, _FORMS, "cannot be read"):
        if isinstance(data, Mapping):
            return _of_columns(data, name)
        if hasattr(data, "columns") and (hasattr(data, "itertuples") or hasattr(data, "iter_rows")):
            return Rows(name, data.columns, lambda: _table_rows(data))
        if isinstance(data, (str, bytes)) or not isinstance(data, Iterable):
            raise UserError(f"{name}: is {with_type(data)}; {_FORMS}")
        if _is_texts_and_labels(data):
            return _of_texts_and_labels(*data, name)
        return _of_rows(data if isinstance(data, Sequence) else list(data), name)


def _table_rows(table: object) -> Iterable[Sequence[object]]:
    return table.itertuples(index=False, name=None) if hasattr(table, "itertuples") else table.iter_rows()


def _of_columns(data: Mapping[object, Sequence], name: str) -> Source:
    if not data:
        raise UserError(f"{name}: is empty; {_FORMS}")
    lengths = {str(column): len(values) for column, values in data.items()}
    if len(set(lengths.values())) != 1:
        raise UserError(f"{name}: its columns have different lengths, {lengths}; give each row a value in each column")
    return Rows(name, data, lambda: zip(*data.values(), strict=True))


def _is_texts_and_labels(data: Iterable) -> bool:
    return (
        isinstance(data, tuple) and len(data) == 2 and not any(isinstance(part, (str, InputExample)) for part in data)
    )


def _of_texts_and_labels(texts: Sequence, labels: Sequence, name: str) -> Source:
    if len(texts) != len(labels):
        raise UserError(f"{name}: has {len(texts):,} texts and {len(labels):,} labels; give one label for each text")
    first = next(iter(texts), "")
    if isinstance(first, str):
        return Rows(name, _NAMES[2], lambda: zip(texts, labels, strict=True))
    rows = [(*text, label) for text, label in zip(texts, labels, strict=True)]
    return _of_rows(rows, name)


def _of_rows(data: Sequence, name: str) -> Source:
    if not len(data):
        raise UserError(f"{name}: is empty; {_FORMS}")
    first = data[0]
    if isinstance(first, Mapping):
        columns = list(first)
        checked = _checked(data, lambda row: isinstance(row, Mapping), name)
        return Rows(name, columns, lambda: ([row.get(column) for column in columns] for row in checked()))
    if isinstance(first, InputExample):
        return _of_examples(data, name)
    if not _is_row(first) or len(first) not in _NAMES:
        raise UserError(f"{name}[0]: is {with_type(first)}; {_FORMS}")
    return Rows(name, _NAMES[len(first)], _checked(data, _is_row, name))


def _is_row(row: object) -> bool:
    """Returns True for a list, a tuple, an array, and what else has values by number."""
    return hasattr(row, "__len__") and hasattr(row, "__getitem__") and not isinstance(row, (str, bytes, Mapping))


def _of_examples(data: Sequence[InputExample], name: str) -> Source:
    checked = _checked(data, lambda row: isinstance(row, InputExample), name)
    if data[0].text_b is None:
        return Rows(name, _NAMES[2], lambda: ((each.text_a, each.label) for each in checked()))
    return Rows(name, _NAMES[3], lambda: ((each.text_a, each.text_b, each.label) for each in checked()))


def _checked(data: Iterable, has_form: Callable[[object], bool], name: str) -> Callable[[], Iterator]:
    """Returns what iterates over rows, and refuses one of another form than the first row."""

    def rows() -> Iterator:
        for row in data:
            if not has_form(row):
                raise UserError(f"{name}: has the row {with_type(row)}, of another form than its first one; {_FORMS}")
            yield row

    return rows
