"""Converts values of a table to texts and label cells: files and Python write the same value in many ways."""

import json
import math
import numbers
from collections.abc import Iterable
from decimal import Decimal

from bert_tf.data.examples import is_unicode
from bert_tf.errors import with_type

Cell = str | tuple[str, ...]

# How pandas and NumPy write a missing value as a text.
_NOT_A_NUMBER = {"nan", "<na>", "nat"}


def is_missing(value: object) -> bool:
    """Returns True for a value that stands for nothing: None, NaN, pandas' NA.

    Example:
        >>> is_missing(None), is_missing(float("nan")), is_missing("")
        (True, True, False)
    """
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, (numbers.Real, Decimal)) and math.isnan(value)


def text_of(value: object) -> str:
    """Returns the text of a field; "" if it is missing.

    Raises:
        ValueError: it is something else than a text, or has half of a surrogate pair.
    """
    if isinstance(value, str):
        if not is_unicode(value):
            raise ValueError("has half of a surrogate pair, which is no character; decode it again")
        return str.__str__(value)  # NumPy's texts become plain ones
    if is_missing(value):
        return ""
    raise ValueError(f"is {with_type(value)}; make it a text")


def label_of(value: object) -> Cell:
    """Returns the label of a field as a text, or a tuple of texts if it is a list; "" if it is missing.

    Raises:
        ValueError: it is something else than a text, a finite number, True or False, or a list of these.

    Example:
        >>> label_of(" good "), label_of(3), label_of(True), label_of(["sad", "short"])
        ('good', '3', 'true', ('sad', 'short'))
    """
    if isinstance(value, str):
        cell = value.strip()
        return "" if cell.lower() in _NOT_A_NUMBER else cell
    if is_missing(value):
        return ""
    if _is_scalar(value):
        value = value.item()
    if isinstance(value, (numbers.Real, Decimal)):
        return _number(value)
    if isinstance(value, Iterable) and not isinstance(value, (bytes, dict)):
        parts = tuple(label_of(part) for part in value)
        if all(isinstance(part, str) and part for part in parts):
            return parts
    raise ValueError(f"the label is {with_type(value)}; give a text, a number, or a list of texts")


def _number(value: numbers.Real | Decimal) -> str:
    if isinstance(value, int):
        return json.dumps(value)
    if not math.isfinite(value):
        raise ValueError(f"the label is {with_type(value)}; give a finite number")
    return json.dumps(float(value))


def _is_scalar(value: object) -> bool:
    """Returns True for a number of NumPy or the like."""
    return getattr(value, "shape", None) == () and callable(getattr(value, "item", None))
