"""Reports exceptions in a user's own processor as one line, with the place in the user's code."""

import contextlib
import traceback
from collections.abc import Iterator
from types import TracebackType

from bert_tf.errors import UserError, printable


@contextlib.contextmanager
def own_code(owner: type, name: str) -> Iterator[None]:
    """Replaces exceptions inside the block by a `UserError` that names the method and the line of its file.

    The exception itself is the error's `__cause__`: from Python, the traceback shows both.

    Args:
        owner: the class of the user, such as a processor.
        name: the method that the block calls.

    Raises:
        UserError: the block raised an exception. Its own `UserError`s pass unchanged.

    Example:
        >>> class Reviews:
        ...     def get_labels(self):
        ...         return self.lables
        >>> with own_code(Reviews, "get_labels"):  # doctest: +ELLIPSIS
        ...     Reviews().get_labels()
        Traceback (most recent call last):
        ...
        bert_tf.errors.UserError: Reviews.get_labels: AttributeError: 'Reviews' object has no attribute 'lables' (...)
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        reason = printable(f"{type(error).__name__}: {error}")[:300]
        raise UserError(f"{owner.__name__}.{name}: {reason} ({_place(error.__traceback__, owner)})") from error


def _place(where: TracebackType | None, owner: type) -> str:
    """Returns the last line that ran in a module of the class or its parents; the very last if none did."""
    modules = {parent.__module__ for parent in owner.__mro__}
    # The first two frames are those of `own_code` and of its caller.
    frames = list(traceback.walk_tb(where))[2:]
    own = [(frame, line) for frame, line in frames if frame.f_globals.get("__name__") in modules]
    if not (own or frames):
        return "called with wrong arguments"
    frame, line = (own or frames)[-1]
    return f"{frame.f_code.co_filename}:{line}"
