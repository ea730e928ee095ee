"""Starts a run as a process of this machine, and says how it ended."""

import dataclasses
import subprocess
import time
from collections.abc import Mapping

from gpus import environment
from grid import Run
from logs import open_log, read_last_lines
from processes import GuardedProcess, describe


@dataclasses.dataclass(frozen=True)
class Outcome:
    """The end of an attempt at a run.

    Attributes:
        problem: what went wrong; None if the exit code is 0.
        lines: the last lines that the run printed.
        seconds: the time that it took.
        lost: True if its machine failed and not the run, so that another attempt can succeed.
    """

    problem: str | None
    lines: list[str] = dataclasses.field(default_factory=list)
    seconds: float = 0.0
    lost: bool = False


class LocalAttempt:
    """A run in progress on this machine. It ends at the latest when this process ends.

    Args:
        run: the run; its folder exists.
        gpu: its GPU, see `gpus.environment`.
        variables: more environment variables of the run.

    Raises:
        OSError: it cannot be started.
    """

    def __init__(self, run: Run, gpu: str | None, variables: Mapping[str, str] | None = None):
        self._run = run
        self._since = time.monotonic()
        variables = {**environment(gpu), **(variables or {})}
        with open_log(run) as log:
            self._log_start = log.tell()
            self._process = GuardedProcess(run.command, stdout=log, stderr=subprocess.STDOUT, env=variables)

    def has_ended(self) -> bool:
        """Returns True if the run has ended."""
        return self._process.has_ended()

    def interrupt(self) -> None:
        """Interrupts the run as Ctrl-C does."""
        self._process.interrupt()

    def close(self) -> None:
        """Kills the run if it has not ended."""
        self._process.close()

    def outcome(self) -> Outcome:
        """Returns how the run ended; call it once, when it `has_ended`."""
        seconds, exit_code = time.monotonic() - self._since, self._process.exit_code()
        lines = read_last_lines(self._run, self._log_start)
        return Outcome(describe(exit_code) if exit_code else None, lines, seconds)
