#!/usr/bin/env python
r"""Runs run_classifier.py for each configuration of a grid and each seed, and writes a report of them all.

    python scripts/sweep.py --output_dir=output/sweep --seeds="0 1 2" \
        --grid "uncased_L-12_H-768_A-12" "5e-5 3e-5" "16 32" "3" --task_name=MRPC

`--grid` takes models, learning rates, batch sizes and numbers of epochs; it may be given several times. Arguments
that are not the sweep's are passed on to each run. sweep_mrpc.sh has the grid for MRPC and tells the rest.
"""

import contextlib
import dataclasses
import datetime
import fcntl
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from sweep_finished import Data, finished_accuracy, read_data, read_results
from sweep_gpus import environment, make_slots
from sweep_grid import Run, data_dir, make_runs, parse
from sweep_logs import last_lines, open_log, record_failure
from sweep_processes import SECONDS_BETWEEN_LOOKS, StopSignal, describe, spawn, stop

from bert_tf.errors import UserError


@dataclasses.dataclass
class Started:
    """A run that goes on.

    Attributes:
        number: its place in the sweep.
        run: the run.
        process: its process.
        gpu: its GPU, see `make_slots`.
        log_start: where in its log this attempt begins.
        since: when it was started.
    """

    number: int
    run: Run
    process: subprocess.Popen
    gpu: str | None
    log_start: int
    since: float = dataclasses.field(default_factory=time.monotonic)


class Sweep:
    """Runs what is not finished, as many at a time as there are slots.

    Args:
        runs: all runs.
        slots: see `make_slots`.
        data: what they are run on.
        stop_signal: ends the sweep.
    """

    def __init__(self, runs: Sequence[Run], slots: Sequence[str | None], data: Data, stop_signal: StopSignal):
        self.total = len(runs)
        self.failed = 0
        self._waiting = list(enumerate(runs, start=1))
        self._free = list(slots)
        self._data = data
        self._stop_signal = stop_signal
        self._started: list[Started] = []

    def run(self) -> None:
        """Runs all; leaves no process behind, however it ends."""
        try:
            while (self._waiting or self._started) and not self._stop_signal.received:
                while self._waiting and self._free and not self._stop_signal.received:
                    self._start(*self._waiting.pop(0))
                time.sleep(SECONDS_BETWEEN_LOOKS)
                self._collect()
        finally:
            stop([started.process for started in self._started])

    def _start(self, number: int, run: Run) -> None:
        accuracy = finished_accuracy(run, self._data)
        if accuracy is not None:
            self._succeed(number, run, accuracy, "finished before")
            return
        gpu = self._free.pop(0)
        try:
            run.folder.mkdir(parents=True, exist_ok=True)
            with open_log(run) as log:
                log_start = log.tell()
                process = spawn(run.command, stdout=log, stderr=subprocess.STDOUT, env=environment(gpu))
        except OSError as error:
            self._free.append(gpu)
            self._fail(number, run, "not started", [str(error)], 0)
            return
        self._started.append(Started(number, run, process, gpu, log_start))

    def _collect(self) -> None:
        for started in [started for started in self._started if started.process.poll() is not None]:
            self._started.remove(started)
            self._free.append(started.gpu)
            seconds = time.monotonic() - started.since
            code = started.process.returncode
            accuracy = read_results(started.run).get("eval_accuracy")
            if code == 0 and accuracy is not None:
                self._succeed(started.number, started.run, accuracy, clock(seconds))
            else:
                lines = last_lines(started.run, started.log_start)
                self._fail(started.number, started.run, describe(code), lines, seconds)

    def _succeed(self, number: int, run: Run, accuracy: float, when: str) -> None:
        (run.folder / "failure.txt").unlink(missing_ok=True)
        self._tell(number, run, f"accuracy {accuracy:.4f}, {when}")

    def _fail(self, number: int, run: Run, how: str, lines: Sequence[str], seconds: float) -> None:
        self.failed += 1
        self._tell(number, run, f"FAILED, {clock(seconds)}, {': '.join([how, *lines[-1:]])}")
        try:
            record_failure(run, how, lines)
        except OSError as error:
            print(f"{run.folder / 'failure.txt'}: cannot be written: {error.strerror}", file=sys.stderr)

    def _tell(self, number: int, run: Run, outcome: str) -> None:
        print(f"[{number}/{self.total}] {run.folder.name} ... {outcome}", flush=True)


def clock(seconds: float) -> str:
    """Hours, minutes and seconds.

    Example:
        >>> clock(312.2)
        '0:05:12'
    """
    return str(datetime.timedelta(seconds=round(seconds)))


def write_report(output_dir: Path, stop_signal: StopSignal) -> bool:
    """Calls report.py on the sweep; whether it went well."""
    process = spawn([sys.executable, str(Path(__file__).resolve().with_name("report.py")), str(output_dir)])
    try:
        while process.poll() is None and not stop_signal.received:
            time.sleep(SECONDS_BETWEEN_LOOKS)
    finally:
        stop([process])
    return process.returncode == 0


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keeps other sweeps out of a folder, which is made; the lock dies with the process.

    Raises:
        UserError: another sweep holds it, or the folder cannot be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / ".sweep.lock").open("w")
    except OSError as error:
        raise UserError(f"OUTPUT_DIR: {folder}: cannot be written to: {error.strerror}") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UserError(f"OUTPUT_DIR: {folder}: another sweep is running there; wait or name another") from error
        yield


def main(argv: Sequence[str]) -> int:
    """Runs the sweep of the command line; returns the exit code."""
    arguments, passed_on = parse(argv, __doc__)
    runs = make_runs(arguments, passed_on)
    slots = make_slots(arguments.jobs)
    if arguments.dry_run:
        for run in runs:
            print(shlex.join(run.command))
        return 0
    stop_signal = StopSignal()
    data = read_data(data_dir())
    with locked(arguments.output_dir):
        print(
            f"{len(runs)} runs, {len(slots)} at a time, in {arguments.output_dir}; what each prints is in its run.log",
            flush=True,
        )
        sweep = Sweep(runs, slots, data, stop_signal)
        sweep.run()
        reported = not stop_signal.received and write_report(arguments.output_dir, stop_signal)
    if stop_signal.received:
        print("sweep.py: interrupted; the same command goes on", file=sys.stderr)
        return 128 + stop_signal.received
    if sweep.failed:
        print(
            f"sweep.py: {sweep.failed} of {sweep.total} runs failed, see failure.txt in their folders; the same "
            "command tries them again",
            file=sys.stderr,
        )
    if not reported:
        print("sweep.py: the report failed", file=sys.stderr)
    return 0 if reported and not sweep.failed else 1


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except UserError as user_error:
        print(f"sweep.py: error: {user_error}", file=sys.stderr)
        sys.exit(1)
