"""The processes of a sweep: started so that none outlives it, and stopped so that they clean up."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

SECONDS_BETWEEN_LOOKS = 0.1
# A run that is interrupted removes what it was writing; one that does not hear is killed.
SECONDS_TO_STOP = 10
PR_SET_PDEATHSIG = 1


class StopSignal:
    """Remembers Ctrl-C and its like, so that nothing is torn apart in the middle.

    Attributes:
        received: the signal's number; 0 as long as there was none.
    """

    def __init__(self) -> None:
        self.received = 0
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # nohup ignores SIGHUP, and so do we then; SIGINT is ignored by what a script starts with &.
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self._receive)

    def _receive(self, number: int, frame: object) -> None:
        self.received = number


def spawn(command: Sequence[str], **options: object) -> subprocess.Popen:
    """Starts a process in a group of its own, so that a signal for the sweep comes to it once, from us."""
    return subprocess.Popen(
        command, stdin=subprocess.DEVNULL, start_new_session=True, preexec_fn=die_with_parent(), **options
    )


def die_with_parent() -> Callable[[], None] | None:
    """What makes a child of this process die when the sweep is killed; only Linux can do so."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    return lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def stop(processes: Sequence[subprocess.Popen]) -> None:
    """Interrupts processes and all that they started, and waits until they are gone."""
    signal_groups(processes, signal.SIGINT)
    deadline = time.monotonic() + SECONDS_TO_STOP
    while time.monotonic() < deadline and any(process.poll() is None for process in processes):
        time.sleep(SECONDS_BETWEEN_LOOKS)
    signal_groups(processes, signal.SIGKILL)
    for process in processes:
        process.wait()


def signal_groups(processes: Sequence[subprocess.Popen], number: int) -> None:
    """Sends a signal to the groups of those processes that have not ended."""
    for process in processes:
        if process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, number)


def describe(code: int) -> str:
    """How a process that failed has ended, in words.

    Example:
        >>> describe(-9)
        'exit code 137, SIGKILL'
    """
    if code == 0:
        return "exit code 0, but no eval_accuracy in results.json"
    return f"exit code {code}" if code > 0 else f"exit code {128 - code}, {signal.Signals(-code).name}"
