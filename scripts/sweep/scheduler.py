"""Runs the runs of a sweep that are not finished, several at the same time."""

import dataclasses
import datetime
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

from bert_tf import run_files
from bert_tf.errors import reason_of
from bert_tf.files import read_json_or_empty
from finished import Data, describe_score, finished_score
from gpus import environment
from grid import Run
from logs import open_log, read_last_lines, record_failure
from processes import SECONDS_BETWEEN_LOOKS, GuardedProcess, StopSignal, describe, stop


@dataclasses.dataclass
class Attempt:
    """A run in progress.

    Attributes:
        number: the run's place in the sweep, from 1.
        run: the run.
        process: its process.
        gpu: its GPU, see `gpus.make_slots`.
        log_start: the size of its log when the attempt began.
        since: when it began, on the monotonic clock.
    """

    number: int
    run: Run
    process: GuardedProcess
    gpu: str | None
    log_start: int
    since: float = dataclasses.field(default_factory=time.monotonic)


class Sweep:
    """Runs all runs that are not finished, as many at the same time as there are slots.

    Args:
        runs: all runs.
        slots: see `gpus.make_slots`.
        data: the data of all runs.
        stop_signal: ends the sweep early.

    Attributes:
        total: the number of runs.
        slots: the number of runs at the same time.
        failed: the number of runs that failed so far.
    """

    def __init__(self, runs: Sequence[Run], slots: Sequence[str | None], data: Data, stop_signal: StopSignal):
        self.total = len(runs)
        self.slots = len(slots)
        self.failed = 0
        self._waiting = list(enumerate(runs, start=1))
        self._free_slots = list(slots)
        self._data = data
        self._stop_signal = stop_signal
        self._attempts: list[Attempt] = []

    def run(self) -> None:
        """Runs until all runs have ended or a signal stops the sweep; leaves no process behind."""
        try:
            while (self._waiting or self._attempts) and not self._stop_signal.received:
                while self._waiting and self._free_slots and not self._stop_signal.received:
                    self._start(*self._waiting.pop(0))
                time.sleep(SECONDS_BETWEEN_LOOKS)
                self._collect()
        finally:
            stop([attempt.process for attempt in self._attempts])

    def _start(self, number: int, run: Run) -> None:
        score = finished_score(run, self._data)
        if score is not None:
            self._succeed(number, run, score, "finished before")
            return
        gpu = self._free_slots.pop(0)
        try:
            run.folder.mkdir(parents=True, exist_ok=True)
            with open_log(run) as log:
                log_start = log.tell()
                process = GuardedProcess(run.command, stdout=log, stderr=subprocess.STDOUT, env=environment(gpu))
        except OSError as error:
            self._free_slots.append(gpu)
            self._fail(number, run, "not started", [str(error)], 0)
            return
        self._attempts.append(Attempt(number, run, process, gpu, log_start))

    def _collect(self) -> None:
        for attempt in [attempt for attempt in self._attempts if attempt.process.exit_code() is not None]:
            attempt.process.close()
            self._attempts.remove(attempt)
            self._free_slots.append(attempt.gpu)
            self._judge(attempt, attempt.process.exit_code(), time.monotonic() - attempt.since)

    def _judge(self, attempt: Attempt, exit_code: int, seconds: float) -> None:
        score = describe_score(read_json_or_empty(attempt.run.folder / run_files.RESULTS))
        if exit_code == 0 and score is not None:
            self._succeed(attempt.number, attempt.run, score, clock(seconds))
            return
        outcome = describe(exit_code) if exit_code else "exit code 0, but results.json has no score"
        self._fail(attempt.number, attempt.run, outcome, read_last_lines(attempt.run, attempt.log_start), seconds)

    def _succeed(self, number: int, run: Run, score: str, when: str) -> None:
        self._write_failure(run, lambda: (run.folder / run_files.FAILURE).unlink(missing_ok=True), "removed")
        self._print(number, run, f"{score}, {when}")

    def _fail(self, number: int, run: Run, outcome: str, lines: Sequence[str], seconds: float) -> None:
        self.failed += 1
        self._print(number, run, f"FAILED, {clock(seconds)}, {': '.join([outcome, *lines[-1:]])}")
        self._write_failure(run, lambda: record_failure(run, outcome, lines), "written")

    def _write_failure(self, run: Run, write: Callable[[], None], done: str) -> None:
        """Writes or removes `failure.txt`; the sweep goes on without it."""
        try:
            write()
        except OSError as error:
            print(f"{run.folder / run_files.FAILURE}: cannot be {done}: {reason_of(error)}", file=sys.stderr)

    def _print(self, number: int, run: Run, outcome: str) -> None:
        print(f"[{number}/{self.total}] {run.folder.name} ... {outcome}", flush=True)


def clock(seconds: float) -> str:
    """Formats a duration as hours, minutes and seconds.

    Example:
        >>> clock(312.2)
        '0:05:12'
    """
    return str(datetime.timedelta(seconds=round(seconds)))
