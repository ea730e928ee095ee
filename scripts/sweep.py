#!/usr/bin/env python
r"""Runs run_classifier.py for each configuration of a grid and each seed, and writes a report of them all.

    python scripts/sweep.py --output_dir=output/sweep --seeds="0 1 2" \
        --grid "uncased_L-12_H-768_A-12" "5e-5 3e-5" "16 32" "3" --task_name=MRPC

`--grid` takes models, learning rates, batch sizes and numbers of epochs; it may be given several times. Arguments
that are not the sweep's are passed on to each run. sweep_mrpc.sh has the grid for MRPC and tells the rest.
"""

import argparse
import contextlib
import ctypes
import dataclasses
import datetime
import fcntl
import itertools
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from absl import flags

from bert_tf.errors import UserError
from bert_tf.files import atomic_write

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
import run_classifier  # noqa: E402  # the flags of a run, and what they come to

FLAGS = flags.FLAGS
MODEL_FILES = ("bert_config_file", "vocab_file", "init_checkpoint")
# The flags that the sweep itself gives to a run, and what says their values.
OURS = {
    "bert_model": "MODELS",
    "learning_rate": "LEARNING_RATES",
    "train_batch_size": "BATCH_SIZES",
    "num_train_epochs": "EPOCHS",
    "seed": "SEEDS",
    "output_dir": "OUTPUT_DIR",
}
# What does not tell one run's results from another's, or is written down in other words than the flag's.
NOT_COMPARED = ("output_dir", "overwrite_output_dir", "distribution_strategy", "tpu_name")
LAST_LINES = 20
SECONDS_BETWEEN_LOOKS = 0.1
# A run that is interrupted removes what it was writing; one that does not hear is killed.
SECONDS_TO_STOP = 10
PR_SET_PDEATHSIG = 1


# What to run.


@dataclasses.dataclass(frozen=True)
class Run:
    """One run of the sweep.

    Attributes:
        folder: its output folder.
        command: its command line.
        settings: what its results.json must say of it, under "flags".
    """

    folder: Path
    command: list[str]
    settings: dict[str, object]


def parse(argv: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    """The sweep's own arguments, and those for the runs, which are checked and left in `FLAGS`.

    Raises:
        UserError: the runs would refuse their arguments, or the sweep would contradict them.
    """
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, add_help=False, allow_abbrev=False
    )
    parser.add_argument("--help", action="help", help="show this help")
    parser.add_argument("--output_dir", type=Path, required=True, help="a folder for each run is made there")
    parser.add_argument(
        "--grid",
        nargs=4,
        action="append",
        required=True,
        metavar=("MODELS", "LEARNING_RATES", "BATCH_SIZES", "EPOCHS"),
        help="run each with each; may be repeated",
    )
    parser.add_argument("--seeds", default="0", help='such as "0 1 2"')
    parser.add_argument("--jobs", default="1", help="how many runs go side by side")
    parser.add_argument("--dry_run", action="store_true", help="print the commands and run none")
    arguments, passed_on = parser.parse_known_args(argv)
    passed_on = ["--do_train", "--do_eval", *passed_on]
    try:
        unknown = FLAGS([run_classifier.__file__, *passed_on])[1:]
    except flags.Error as error:
        raise UserError(str(error)) from error
    if unknown:
        raise UserError(f"{unknown[0]!r}: what is this? Flags begin with --; see --help")
    for name, source in OURS.items():
        if FLAGS[name].present:
            raise UserError(f"--{name}: the sweep gives it to each run itself; say it with {source}")
    run_classifier.check_flags()
    return arguments, passed_on


def make_runs(arguments: argparse.Namespace, passed_on: Sequence[str]) -> list[Run]:
    """The runs of all grids, each once, the seeds of a configuration one after the other.

    Raises:
        UserError: a value is no number, or two models have the same name.
    """
    seeds = numbers("SEEDS", arguments.seeds, int)
    made: dict[Path, Run] = {}
    for models, rates, sizes, epochs in arguments.grid:
        grid = itertools.product(
            [None] if model_from_files() else words("MODELS", models),
            numbers("LEARNING_RATES", rates, float),
            numbers("BATCH_SIZES", sizes, int),
            numbers("EPOCHS", epochs, float),
            seeds,
        )
        for values in grid:
            run = make_run(arguments.output_dir, passed_on, *values)
            if made.setdefault(run.folder, run) != run:
                raise UserError(f"MODELS: two are called {Path(values[0]).name}; rename a folder")
    return list(made.values())


def make_run(
    output_dir: Path, passed_on: Sequence[str], model: str | None, rate: str, size: str, epochs: str, seed: str
) -> Run:
    """The run of one configuration; `model` is None where the arguments name its files."""
    label = Path(model).resolve().name if model else Path(run_classifier.output_dir()).name
    folder = output_dir / f"{label}_lr{rate}_batch{size}_epochs{epochs}_seed{seed}"
    own = {
        "bert_model": model,
        "learning_rate": rate,
        "train_batch_size": size,
        "num_train_epochs": epochs,
        "seed": seed,
        "output_dir": folder,
    }
    given = [f"--{name}={value}" for name, value in own.items() if value is not None]
    settings = {
        "model": model,
        "learning_rate": float(rate),
        "train_batch_size": int(size),
        "num_train_epochs": float(epochs),
        "seed": int(seed),
    }
    return Run(folder, [sys.executable, str(ROOT / "run_classifier.py"), *passed_on, *given], settings)


def model_from_files() -> bool:
    """Whether the arguments name the model's files.

    Raises:
        UserError: MODELS names models as well.
    """
    named = [name for name in MODEL_FILES if FLAGS[name].value]
    if named and os.environ.get("MODELS"):
        raise UserError(f"MODELS: contradicts --{named[0]}; give the one or the other")
    return bool(named)


def words(name: str, text: str) -> list[str]:
    """Splits a variable's value as a shell does."""
    try:
        found = shlex.split(text)
    except ValueError as error:
        raise UserError(f"{name}: {text!r} cannot be split into words: {error}") from error
    if not found:
        raise UserError(f"{name}: is empty")
    return found


def numbers(name: str, text: str, kind: type[int] | type[float]) -> list[str]:
    """The words of a variable whose words must be numbers, as they were written."""
    found = words(name, text)
    for word in found:
        try:
            kind(word)
        except ValueError as error:
            wanted = "whole number" if kind is int else "number"
            raise UserError(f"{name}: {word!r} is no {wanted}") from error
    return found


# Where to run.


def make_slots(jobs: str) -> list[str | None]:
    """For each run that may go on at a time the GPU that it has for itself; None for what TensorFlow finds.

    Raises:
        UserError: `jobs` is no number from 1 on, or there are GPUs, but not so many.
    """
    if not jobs.isdecimal() or int(jobs) < 1:
        raise UserError(f"JOBS: {jobs!r} is no whole number from 1 on")
    count = int(jobs)
    gpus = find_gpus() if count > 1 else []
    if not gpus:
        return [None] * count
    if count > len(gpus):
        raise UserError(f"JOBS: {count} runs side by side need a GPU each, and there are {len(gpus)}")
    return list(gpus[:count])


def find_gpus() -> list[str]:
    """The GPUs that CUDA_VISIBLE_DEVICES allows, or all there are, as that variable names them."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        # CUDA takes those before the first that it does not know, such as -1.
        known = itertools.takewhile(lambda gpu: gpu and not gpu.startswith("-"), map(str.strip, visible.split(",")))
        return list(known)
    try:
        listed = subprocess.run(["nvidia-smi", "--list-gpus"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return []
    gpus = [line for line in listed.splitlines() if line.startswith("GPU ")]
    return [str(index) for index in range(len(gpus))]


# What is there already.


def finished_accuracy(run: Run, data_dir: str) -> float | None:
    """The accuracy of a run that was finished earlier with the same flags, else None."""
    results = read_results(run)
    if not isinstance(results.get("eval_accuracy"), float) or not isinstance(results.get("flags"), dict):
        return None
    found = results["flags"]
    wanted = {name: FLAGS[name].value for name in found if name in FLAGS and name not in NOT_COMPARED}
    if not FLAGS["do_lower_case"].present:
        wanted.pop("do_lower_case", None)  # depends on the model then
    wanted |= {**run.settings, "data_dir": data_dir}
    return results["eval_accuracy"] if all(found.get(name) == value for name, value in wanted.items()) else None


def read_results(run: Run) -> dict:
    """A run's results.json; empty where there is none that can be read."""
    try:
        results = json.loads((run.folder / "results.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return results if isinstance(results, dict) else {}


def record_failure(run: Run, how: str, lines: Sequence[str]) -> None:
    """Writes `failure.txt`: how the run ended, its command, its last lines."""
    with atomic_write(run.folder / "failure.txt") as file:
        file.write("".join(f"{line}\n" for line in (how, "", shlex.join(run.command), "", *lines)))


def last_lines(run: Run) -> list[str]:
    """The last lines that a run printed."""
    try:
        text = (run.folder / "run.log").read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        return [str(error)]
    return [line for line in text.splitlines() if line.strip()][-LAST_LINES:]


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


# Running.


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


@dataclasses.dataclass
class Started:
    """A run that goes on: its place in the sweep, its process, its GPU and when it was started."""

    number: int
    run: Run
    process: subprocess.Popen
    gpu: str | None
    since: float = dataclasses.field(default_factory=time.monotonic)


class Sweep:
    """Runs what is not finished, as many at a time as there are slots.

    Args:
        runs: all runs.
        slots: see `make_slots`.
        data_dir: the data that they are run on.
        stop_signal: ends the sweep.
    """

    def __init__(self, runs: Sequence[Run], slots: Sequence[str | None], data_dir: str, stop_signal: StopSignal):
        self.total = len(runs)
        self.failed = 0
        self._waiting = list(enumerate(runs, start=1))
        self._free = list(slots)
        self._data_dir = data_dir
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
        accuracy = finished_accuracy(run, self._data_dir)
        if accuracy is not None:
            self._succeed(number, run, accuracy, "finished before")
            return
        gpu = self._free.pop(0)
        try:
            run.folder.mkdir(parents=True, exist_ok=True)
            with (run.folder / "run.log").open("wb") as log:
                process = spawn(run.command, stdout=log, stderr=subprocess.STDOUT, env=environment(gpu))
        except OSError as error:
            self._free.append(gpu)
            self._fail(number, run, "not started", [str(error)], 0)
            return
        self._started.append(Started(number, run, process, gpu))

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
                self._fail(started.number, started.run, describe(code), last_lines(started.run), seconds)

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


def describe(code: int) -> str:
    """How a process that failed has ended, in words.

    Example:
        >>> describe(-9)
        'exit code 137, SIGKILL'
    """
    if code == 0:
        return "exit code 0, but no eval_accuracy in results.json"
    return f"exit code {code}" if code > 0 else f"exit code {128 - code}, {signal.Signals(-code).name}"


def environment(gpu: str | None) -> dict[str, str]:
    """The environment of a run that has this GPU."""
    return {**os.environ, **({"CUDA_VISIBLE_DEVICES": gpu} if gpu is not None else {})}


def clock(seconds: float) -> str:
    """Hours, minutes and seconds.

    Example:
        >>> clock(312.2)
        '0:05:12'
    """
    return str(datetime.timedelta(seconds=round(seconds)))


def write_report(output_dir: Path, stop_signal: StopSignal) -> bool:
    """Calls report.py on the sweep; whether it went well."""
    process = spawn([sys.executable, str(ROOT / "scripts" / "report.py"), str(output_dir)])
    try:
        while process.poll() is None and not stop_signal.received:
            time.sleep(SECONDS_BETWEEN_LOOKS)
    finally:
        stop([process])
    return process.returncode == 0


def main(argv: Sequence[str]) -> int:
    """Runs the sweep of the command line; returns the exit code."""
    arguments, passed_on = parse(argv)
    runs = make_runs(arguments, passed_on)
    slots = make_slots(arguments.jobs)
    if arguments.dry_run:
        for run in runs:
            print(shlex.join(run.command))
        return 0
    data_dir, _ = run_classifier.data_dir()
    stop_signal = StopSignal()
    with locked(arguments.output_dir):
        print(
            f"{len(runs)} runs, {len(slots)} at a time, in {arguments.output_dir}; what each prints is in its run.log",
            flush=True,
        )
        sweep = Sweep(runs, slots, data_dir, stop_signal)
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
