"""Starts the processes of a sweep so that none outlives it, and stops them so that they can clean up."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

GUARD = Path(__file__).resolve().with_name("guard.py")
SECONDS_BETWEEN_LOOKS = 0.1
# An interrupted run removes the file that it was writing; one that does not react is killed.
SECONDS_TO_STOP = 10


class StopSignal:
    """Catches Ctrl-C and similar signals and remembers them, so that the sweep can stop at a safe point.

    Attributes:
        received: the number of the signal; 0 if there was none.
    """

    def __init__(self) -> None:
        self.received = 0
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # nohup ignores SIGHUP, and so must we. A script that starts us with & ignores SIGINT; we do not.
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self._receive)

    def _receive(self, number: int, frame: object) -> None:
        self.received = number


class GuardedProcess:
    """A command that ends at the latest when this process ends, even if this process is killed.

    Between the two is a guard, see guard.py. The command has a process group of its own, so that Ctrl-C in the
    terminal reaches it only through `interrupt`.

    Args:
        command: the words of the command line.
        options: more arguments of `subprocess.Popen`.
    """

    def __init__(self, command: Sequence[str], **options: object):
        # The guard reads from this pipe until the system closes it, because this process has ended.
        guarded = [sys.executable, str(GUARD), *command]
        self._guard = subprocess.Popen(guarded, stdin=subprocess.PIPE, start_new_session=True, **options)

    def exit_code(self) -> int | None:
        """Returns the command's exit code, 128 + N after signal N; None if it has not ended."""
        code = self._guard.poll()
        return code if code is None or code >= 0 else 128 - code

    def has_ended(self) -> bool:
        """Returns True if the command has ended."""
        return self.exit_code() is not None

    def interrupt(self) -> None:
        """Interrupts the command and everything that it started, as Ctrl-C does."""
        if not self.has_ended():
            self._signal_group(signal.SIGINT)

    def close(self) -> None:
        """Kills the command if it has not ended, and waits for its end."""
        self._guard.stdin.close()
        if self._guard.wait() < 0:
            self._signal_group(signal.SIGKILL)  # somebody killed the guard, which can end the command no more

    def _signal_group(self, number: int) -> None:
        # macOS refuses a signal for a group whose processes have all just ended.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._guard.pid, number)


class Stoppable(Protocol):
    """A process, here or elsewhere, that can be stopped."""

    def has_ended(self) -> bool:
        """Returns True if it has ended."""

    def interrupt(self) -> None:
        """Asks it to end."""

    def close(self) -> None:
        """Kills it if it has not ended."""


def stop(processes: Sequence[Stoppable]) -> None:
    """Interrupts processes, waits for their end, and kills those that take too long."""
    for process in reversed(processes):  # those that wait for their turn first
        process.interrupt()
    deadline = time.monotonic() + SECONDS_TO_STOP
    while time.monotonic() < deadline and not all(process.has_ended() for process in processes):
        time.sleep(SECONDS_BETWEEN_LOOKS)
    for process in processes:
        process.close()


def describe(exit_code: int) -> str:
    """Describes how a failed process ended.

    Example:
        >>> describe(137)
        'exit code 137, SIGKILL'
    """
    with contextlib.suppress(ValueError):
        return f"exit code {exit_code}, {signal.Signals(exit_code - 128).name}"
    return f"exit code {exit_code}"
