"""Ends a program at SIGTERM, which Slurm, Kubernetes and preemptible machines send before they kill it.

with handled():  # in a program: from here on SIGTERM raises Terminated
    read()
    with deferred():  # SIGTERM waits until the block asks for it, or ends
        train_until(is_requested)
"""

import contextlib
import signal
import threading
from collections.abc import Iterator

EXIT_CODE = 128 + signal.SIGTERM

_is_requested = False
_deferrals = 0


class Terminated(BaseException):
    """SIGTERM ends the program. As KeyboardInterrupt it is no `Exception`: nothing that handles errors handles it.

    Attributes:
        step: the step of training whose checkpoint was saved for it; 0 if there is none.
    """

    def __init__(self, step: int = 0):
        super().__init__(f"SIGTERM after step {step}" if step else "SIGTERM")
        self.step = step


@contextlib.contextmanager
def handled() -> Iterator[None]:
    """Makes SIGTERM raise `Terminated` inside the block, once; restores the handler after it.

    For programs only. Does nothing outside the main thread, which alone gets signals, and if SIGTERM is ignored.
    """
    global _is_requested
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield
        return
    _is_requested = False
    signal.signal(signal.SIGTERM, _receive)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        _is_requested = False


@contextlib.contextmanager
def deferred() -> Iterator[None]:
    """Lets the block finish: inside, SIGTERM only sets `is_requested`.

    Raises:
        Terminated: at the end of the block, if there was a SIGTERM.
    """
    global _deferrals
    _deferrals += 1
    try:
        yield
    finally:
        _deferrals -= 1
    if _is_requested and not _deferrals:
        raise Terminated


def is_requested() -> bool:
    """Returns True if the program got SIGTERM. Always False if no program handles it."""
    return _is_requested


def _receive(number: int, frame: object) -> None:
    global _is_requested
    # A second one does not disturb what the first one began.
    is_first, _is_requested = not _is_requested, True
    if is_first and not _deferrals:
        raise Terminated
