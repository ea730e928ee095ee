"""Collects what a run prints, and records how a failed run ended."""

import contextlib
import shlex
from collections.abc import Iterator, Sequence
from typing import IO

from bert_tf import run_files
from bert_tf.files import atomic_write, last_lines, open_at_end
from grid import Run

LAST_LINES = 20


@contextlib.contextmanager
def open_log(run: Run) -> Iterator[IO[bytes]]:
    """Opens `run.log` at its end; an empty line separates this attempt from earlier ones.

    Raises:
        OSError: it cannot be opened, or it is a symbolic link: what it points to is not written.
    """
    with open_at_end(run.folder / run_files.LOG) as log:
        if log.tell():
            log.write(b"\n")
        yield log


def read_last_lines(run: Run, start: int) -> list[str]:
    """Returns the last lines that an attempt printed, or the reason why they cannot be read.

    Args:
        run: the run.
        start: the size of its `run.log` when the attempt began.
    """
    try:
        return last_lines(run.folder / run_files.LOG, LAST_LINES, start)
    except OSError as error:
        return [str(error)]


def record_failure(run: Run, outcome: str, lines: Sequence[str]) -> None:
    """Writes `failure.txt`: how the run ended, its command, and its last lines."""
    with atomic_write(run.folder / run_files.FAILURE) as file:
        file.write("".join(f"{line}\n" for line in (outcome, "", shlex.join(run.command), "", *lines)))
