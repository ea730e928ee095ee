"""Checks the names of labels that others chose.

label_problem("good", earlier=["bad"])
"""

import unicodedata
from collections.abc import Collection

# Control characters, halves of surrogate pairs and the two separators: files have one label a line.
_NOT_IN_LABELS = ("Cc", "Cs", "Zl", "Zp")


def label_problem(label: object, earlier: Collection[str]) -> str:
    r"""Returns what is wrong with the name of a label; "" if it is right.

    Args:
        label: the name.
        earlier: the names of the labels before it.

    Example:
        >>> label_problem("good", ["bad"]), label_problem("go\nod", ["bad"])
        ('', 'which has a line end or a control character')
    """
    if not isinstance(label, str):
        return "which is not a text"
    if not label.strip():
        return "which is empty"
    if any(unicodedata.category(char) in _NOT_IN_LABELS for char in label):
        return "which has a line end or a control character"
    return "as another one" if label in earlier else ""
