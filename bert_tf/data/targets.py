"""The kinds of labels that a task can have: one of some names, a number, or any of some names.

A file has a label as a text, which `parse` reads; an `InputExample` has it as the value that `parse` returns.

    >>> OneLabel(("bad", "good")).parse(" good")
    'good'
    >>> Number().parse("3.8")
    3.8
    >>> SomeLabels(("short", "funny", "sad")).parse("sad, short")
    ('short', 'sad')
"""

import abc
import math
import numbers
from collections.abc import Mapping, Sequence
from typing import ClassVar

from bert_tf.errors import first_few, shown, with_type

Label = str | float | tuple[str, ...]

# Training squares the numbers of a regression in float32, and adds them up.
_MAX_NUMBER = 1e15


class Targets(abc.ABC):
    """The labels that a task can have.

    Attributes:
        kind: the name of this kind.
        labels: the names, in the order of the head's outputs; empty for numbers.
        spellings: the name for each spelling that a file may have; empty if any spelling will do.
        filler: the label of examples that have none, those of a test set.
    """

    kind: ClassVar[str]
    labels: tuple[str, ...] = ()
    spellings: Mapping[str, str] = {}
    filler: Label

    @abc.abstractmethod
    def parse(self, cell: str) -> Label:
        """Reads the label in a field of a file.

        Raises:
            ValueError: it is none; the message says what is wrong and what to do.
        """

    @abc.abstractmethod
    def problem(self, label: object) -> str:
        """Says what is wrong with an example's label and what to do; "" if it is right."""


class OneLabel(Targets):
    """Each example has one of the labels.

    Args:
        labels: their names, in the order of the head's outputs.
        aliases: the name for each other spelling.
    """

    kind = "classification"

    def __init__(self, labels: Sequence[str], aliases: Mapping[str, str] | None = None):
        self.labels = tuple(labels)
        self.spellings = {**{label: label for label in labels}, **(aliases or {})}
        self.filler = next(iter(self.labels), None)
        self._known = frozenset(self.labels)

    def parse(self, cell: str) -> str:
        """Returns the label that a field spells, spaces around it aside; see `Targets.parse`.

        Example:
            >>> OneLabel(["contradiction"], {"contradictory": "contradiction"}).parse(" contradictory")
            'contradiction'
        """
        found = self.spellings.get(cell, self.spellings.get(cell.strip()))
        if found is None:
            raise ValueError(f"unknown label {shown(cell)}; use one of the task's: {first_few(self.labels)}")
        return found

    def problem(self, label: object) -> str:
        """Says what is wrong with an example's label; see `Targets.problem`."""
        return "" if isinstance(label, str) and label in self._known else _unknown(label, self.labels)


class Number(Targets):
    """Each example has a number, as in STS-B."""

    kind = "regression"
    filler = 0.0

    def parse(self, cell: str) -> float:
        """Returns the number in a field; see `Targets.parse`."""
        try:
            number = float(cell)
        except ValueError:
            number = math.nan
        if not math.isfinite(number) or "_" in cell:
            raise ValueError(f"the label {shown(cell)} is no number; write one such as 3.8")
        if abs(number) > _MAX_NUMBER:
            raise ValueError(f"the label {shown(cell)} is too large; write numbers below {_MAX_NUMBER:g}")
        return number

    def problem(self, label: object) -> str:
        """Says what is wrong with an example's label; see `Targets.problem`."""
        is_number = isinstance(label, numbers.Real) and not isinstance(label, bool)
        # A huge int is finite too, and math.isfinite cannot take it.
        if not is_number or not abs(label) < math.inf:
            return f"the label {with_type(label)} is no finite number; give a float"
        is_small = abs(label) <= _MAX_NUMBER
        return "" if is_small else f"the label {shown(label)} is too large; give numbers below {_MAX_NUMBER:g}"


class SomeLabels(Targets):
    """Each example has any number of the labels, also none.

    Args:
        labels: their names, in the order of the head's outputs.
        separator: parts the labels in a field of a file.
    """

    kind = "multi_label"
    filler = ()

    def __init__(self, labels: Sequence[str], separator: str = ","):
        self.labels = tuple(labels)
        self.separator = separator

    def parse(self, cell: str) -> tuple[str, ...]:
        """Returns the labels in a field, in the task's order; see `Targets.parse`."""
        found = {part.strip() for part in cell.split(self.separator)} - {""}
        unknown = sorted(found.difference(self.labels))
        if unknown:
            raise ValueError(f"unknown label {shown(unknown[0])}; use some of the task's: {first_few(self.labels)}")
        return tuple(label for label in self.labels if label in found)

    def problem(self, label: object) -> str:
        """Says what is wrong with an example's labels; see `Targets.problem`."""
        if not isinstance(label, tuple):
            return f"the labels are {with_type(label)}; give a tuple of names"
        unknown = [name for name in label if name not in self.labels]
        return _unknown(unknown[0], self.labels) if unknown else ""


def table_separator(labels: Sequence[str]) -> str:
    r"""Returns what stands between the labels of an example in a table: a character that is in no label.

    Example:
        >>> table_separator(["sad", "funny"]), table_separator(["sad, but funny"])
        (',', ';')
    """
    unit_separator = "\x1f"  # the ASCII character for this purpose
    return next((each for each in ",;|" if not any(each in label for label in labels)), unit_separator)


KINDS = (OneLabel.kind, Number.kind, SomeLabels.kind)
# A model of this kind has no labels: its answers are parts of a text.
QUESTION_ANSWERING = "question_answering"
# A model of this kind gives each word of a text a tag, such as B-PER.
TOKEN_CLASSIFICATION = "token_classification"  # noqa: S105 - no password
# A model of this kind says which piece is behind a [MASK], and whether a text follows another.
PRETRAINING = "pretraining"
# A model of this kind only does the first of the two.
MASKED_LM = "masked_lm"


def make_targets(kind: str, labels: Sequence[str], aliases: Mapping[str, str] | None = None) -> Targets:
    """Creates the targets of a kind: `"classification"`, `"regression"` or `"multi_label"`.

    Raises:
        ValueError: there is no such kind.
    """
    makers = {
        OneLabel.kind: lambda: OneLabel(labels, aliases),
        Number.kind: Number,
        SomeLabels.kind: lambda: SomeLabels(labels),
    }
    if kind not in makers:
        raise ValueError(f"the kind {shown(kind)} is unknown; known: {', '.join(makers)}")
    return makers[kind]()


def _unknown(label: object, labels: Sequence[str]) -> str:
    return f"the label {with_type(label)} is unknown; use one of {first_few(sorted(map(repr, labels)))}"
