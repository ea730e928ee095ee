"""The exception for mistakes that the user can fix, and how its messages list names."""

from collections.abc import Iterable

_SHOWN_NAMES = 4


class UserError(Exception):
    """A mistake in a flag, a file or the environment, told in one line.

    The message says what is wrong, where (file and line number if there is one) and what to do.
    `run_classifier.py` prints it without a traceback and exits with code 1.

    Example:
        >>> raise UserError("data/train.tsv:3: 2 columns where 3 are needed")
        Traceback (most recent call last):
        ...
        bert_tf.errors.UserError: data/train.tsv:3: 2 columns where 3 are needed
    """


def some_of(names: Iterable[str]) -> str:
    """Lists the first few names and counts the rest, for a message."""
    names = list(names)
    more = f" and {len(names) - _SHOWN_NAMES} more" if len(names) > _SHOWN_NAMES else ""
    return ", ".join(names[:_SHOWN_NAMES]) + more
