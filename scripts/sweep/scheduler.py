"""Runs the runs of a sweep that are not finished, several at the same time."""

import dataclasses
import datetime
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from attempts import Outcome
from bert_tf import run_files
from bert_tf.errors import reason_of
from bert_tf.files import read_json_or_empty
from finished import Data, describe_score, finished_score
from grid import Run
from logs import record_failure
from processes import SECONDS_BETWEEN_LOOKS, Stoppable, StopSignal, stop

# A run that its machine's failure ended is started again; one that ends each machine it is on must not go on for ever.
MAX_RESTARTS = 5


class Attempt(Stoppable, Protocol):
    """A run in progress, on this machine or on another one."""

    def outcome(self) -> Outcome:
        """Returns how it ended; call it once, when it `has_ended`."""


@dataclasses.dataclass
class Started:
    """A run in progress, with its place in the sweep.

    Attributes:
        number: the run's place, from 1.
        run: the run.
        slot: the slot that it takes.
        attempt: its process.
    """

    number: int
    run: Run
    slot: str | None
    attempt: Attempt


class Sweep:
    """Runs all runs that are not finished, as many at the same time as there are slots.

    Args:
        runs: all runs.
        slots: one for each run that can be in progress at the same time.
        start: starts a run in a slot; its folder exists.
        data: the data of the runs of each task.
        stop_signal: ends the sweep early.

    Attributes:
        total: the number of runs.
        failed: the number of runs that failed so far.
    """

    def __init__(
        self,
        runs: Sequence[Run],
        slots: Sequence[str | None],
        start: Callable[[Run, str | None], Attempt],
        data: Mapping[str, Data],
        stop_signal: StopSignal,
    ):
        self.total = len(runs)
        self.failed = 0
        self._waiting = list(enumerate(runs, start=1))
        self._free_slots = list(slots)
        self._start_attempt = start
        self._data = data
        self._stop_signal = stop_signal
        self._started: list[Started] = []
        self._restarts = dict.fromkeys(range(1, self.total + 1), 0)

    def run(self) -> None:
        """Runs until all runs have ended or a signal stops the sweep; leaves no process behind."""
        try:
            while (self._waiting or self._started) and not self._stop_signal.received:
                while self._waiting and self._free_slots and not self._stop_signal.received:
                    self._start(*self._waiting.pop(0))
                time.sleep(SECONDS_BETWEEN_LOOKS)
                self._collect()
        finally:
            stop([started.attempt for started in self._started])

    def _start(self, number: int, run: Run) -> None:
        score = finished_score(run, self._data[run.config.task_name])
        if score is not None:
            self._succeed(number, run, score, "finished before")
            return
        slot = self._free_slots.pop(0)
        try:
            run.folder.mkdir(parents=True, exist_ok=True)
            self._started.append(Started(number, run, slot, self._start_attempt(run, slot)))
        except OSError as error:
            self._free_slots.append(slot)
            self._fail(number, run, Outcome("not started", [str(error)]))

    def _collect(self) -> None:
        for started in [started for started in self._started if started.attempt.has_ended()]:
            outcome = started.attempt.outcome()
            started.attempt.close()
            self._started.remove(started)
            self._free_slots.append(started.slot)
            self._judge(started.number, started.run, outcome)

    def _judge(self, number: int, run: Run, outcome: Outcome) -> None:
        score = describe_score(read_json_or_empty(run.folder / run_files.RESULTS))
        if outcome.lost and self._restarts[number] < MAX_RESTARTS:
            self._restarts[number] += 1
            self._waiting.insert(0, (number, run))
            self._print(number, run, f"{outcome.problem}; starts again")
        elif outcome.problem is not None:
            self._fail(number, run, outcome)
        elif score is None:
            problem = "exit code 0, but results.json has no score"
            self._fail(number, run, dataclasses.replace(outcome, problem=problem))
        else:
            self._succeed(number, run, score, clock(outcome.seconds))

    def _succeed(self, number: int, run: Run, score: str, when: str) -> None:
        self._write_failure(run, lambda: (run.folder / run_files.FAILURE).unlink(missing_ok=True), "removed")
        self._print(number, run, f"{score}, {when}")

    def _fail(self, number: int, run: Run, outcome: Outcome) -> None:
        self.failed += 1
        reason = ": ".join([outcome.problem, *outcome.lines[-1:]])
        self._print(number, run, f"FAILED, {clock(outcome.seconds)}, {reason}")
        self._write_failure(run, lambda: record_failure(run, outcome.problem, outcome.lines), "written")

    def _write_failure(self, run: Run, write: Callable[[], None], done: str) -> None:
        """Writes or removes `failure.txt`; the sweep goes on without it."""
        try:
            write()
        except OSError as error:
            print(f"{run.folder / run_files.FAILURE}: cannot be {done}: {reason_of(error)}", file=sys.stderr)

    def _print(self, number: int, run: Run, outcome: str) -> None:
        print(f"[{number}/{self.total}] {run.name} ... {outcome}", flush=True)


def clock(seconds: float) -> str:
    """Formats a duration as hours, minutes and seconds.

    Example:
        >>> clock(312.2)
        '0:05:12'
    """
    return str(datetime.timedelta(seconds=round(seconds)))
