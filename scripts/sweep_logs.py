"""What the runs of a sweep print, and how those that fail have ended."""

import contextlib
import shlex
from collections.abc import Iterator, Sequence
from typing import IO

from sweep_grid import Run

from bert_tf.files import atomic_write

LAST_LINES = 20


@contextlib.contextmanager
def open_log(run: Run) -> Iterator[IO[bytes]]:
    """Opens `run.log` at its end, where this attempt begins; an empty line follows those of earlier ones."""
    with (run.folder / "run.log").open("ab", buffering=0) as log:
        if log.tell():
            log.write(b"\n")
        yield log


def last_lines(run: Run, start: int) -> list[str]:
    """The last lines that a run printed; `start` is where its `run.log` was opened."""
    try:
        with (run.folder / "run.log").open("rb") as log:
            log.seek(start)
            text = log.read().decode("utf-8", errors="replace")
    except OSError as error:
        return [str(error)]
    return [line for line in text.splitlines() if line.strip()][-LAST_LINES:]


def record_failure(run: Run, how: str, lines: Sequence[str]) -> None:
    """Writes `failure.txt`: how the run ended, its command, its last lines."""
    with atomic_write(run.folder / "failure.txt") as file:
        file.write("".join(f"{line}\n" for line in (how, "", shlex.join(run.command), "", *lines)))
