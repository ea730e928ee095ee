"""`python run_classifier.py` in a process that starts with TensorFlow loaded.

TensorFlow takes seconds to load, so the commands run in processes that are forked from one that has loaded it and
nothing more.
"""

import multiprocessing
import os
import runpy
import signal
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
from support.paths import ROOT

SCRIPT = ROOT / "run_classifier.py"
STEPS = 64
# For a process that hangs; a busy machine may need minutes for a training of seconds.
TIMEOUT = 1200

# TensorFlow reads it when it is loaded, and here that is before the program sets it.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
forks = multiprocessing.get_context("forkserver")
forks.set_forkserver_preload(["bert_tf.training.run"])


class Result(NamedTuple):
    code: int
    stdout: str
    stderr: str


class Command:
    """`python run_classifier.py FLAGS`, in a process that starts with TensorFlow loaded."""

    def __init__(self, folder: Path, flags: list[str], target: Callable[..., None] | None = None, **environment: str):
        folder.mkdir(parents=True, exist_ok=True)
        self.outputs = [folder / "stdout", folder / "stderr"]
        self.process = forks.Process(target=target or become_script, args=(flags, self.outputs, environment))
        self.process.start()

    def result(self) -> Result:
        self.process.join(TIMEOUT)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
            pytest.fail(f"still running after {TIMEOUT} s: {self.outputs[1].read_text()}")
        return Result(self.process.exitcode, *(path.read_text() for path in self.outputs))

    def kill_when(self, moment: Callable[[], bool]) -> None:
        """`kill -9` as soon as `moment()` holds."""
        self.wait_until(moment)
        os.kill(self.process.pid, signal.SIGKILL)
        assert self.result().code == -signal.SIGKILL

    def wait_until(self, moment: Callable[[], bool]) -> None:
        deadline = time.monotonic() + TIMEOUT
        while not moment():
            assert self.process.is_alive(), f"ended too early: {self.outputs[1].read_text()}"
            assert time.monotonic() < deadline, f"the moment never came: {self.outputs[1].read_text()}"
            time.sleep(0.001)


def become_script(flags: list[str], outputs: list[Path], environment: Mapping[str, str], script: Path = SCRIPT) -> None:
    os.environ.update(environment)
    for descriptor, path in enumerate(outputs, start=1):
        with path.open("wb") as file:
            os.dup2(file.fileno(), descriptor)
    sys.argv = [str(script), *flags]
    runpy.run_path(str(script), run_name="__main__")


def subprocess_environment(**variables: str) -> dict[str, str]:
    return {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **variables}


def train_flags(corpus: Path, tiny: Path, output_dir: Path, **changes: object) -> list[str]:
    """64 steps of 8 examples, with dropout and batches of several lengths."""
    flags = {
        "data_dir": corpus,
        "bert_model": tiny,
        "output_dir": output_dir,
        "max_seq_length": 48,
        "train_batch_size": 8,
        "num_train_epochs": 8,
        "learning_rate": 1e-3,
        "save_checkpoints_steps": 4,
        "logging_steps": 5,
        **changes,
    }
    return ["--task_name=MRPC", "--do_train", *(f"--{name}={value}" for name, value in flags.items())]


def assert_one_error_line(result: Result, message: str, program: str = "run_classifier.py") -> None:
    errors = [line for line in result.stderr.splitlines() if line.startswith(f"{program}: error: ")]
    assert result.code == 1, result
    assert "Traceback" not in result.stderr and len(errors) == 1, result.stderr
    assert result.stderr.splitlines()[-1] == errors[0]
    assert message in errors[0]
