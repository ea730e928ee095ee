"""Keeps messages that no setting turns off out of a program's standard error."""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

_hides = False


def hide_start_up_messages() -> None:
    """Lets `hidden_start_up_messages` hide messages.

    For programs only: standard error of the whole process is closed meanwhile.
    """
    global _hides
    _hides = True


@contextlib.contextmanager
def hidden_start_up_messages() -> Iterator[None]:
    """Hides what is written to standard error inside the block, if the program called `hide_start_up_messages`.

    Some parts of TensorFlow announce their start whatever the log level is.
    """
    if not _hides or sys.stderr is None:
        yield
        return
    sys.stderr.flush()
    stderr = os.dup(2)
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
