"""Takes the lists that programs of others give. Needs no TensorFlow.

elements_of(["a", "b"]), elements_of("a")    # (["a", "b"], None)
"""

from collections.abc import Mapping


def elements_of(values: object) -> list | None:
    """Returns the elements of a list, an array, a column of a table or a generator; None for anything else.

    A text, bytes and a mapping are no lists, and neither is an array without dimensions.

    Example:
        >>> elements_of(range(2)), elements_of("ab")
        ([0, 1], None)
    """
    if isinstance(values, (str, bytes, Mapping)):
        return None
    try:
        elements = iter(values)
    except TypeError:
        return None
    return list(elements)
