"""Programs whose standard streams cannot be written do their work all the same."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import contextlib, os, sys
from absl import logging
from bert_tf.errors import UserError
from bert_tf.flags import run_program
from bert_tf.training.progress import ProgressBar

def main():
    logging.info("a line of the log")
    print("a line", "x" * 100_000)
    with open("written", "w") as file:
        with ProgressBar("train", total=3, examples_per_step=1) as bar:
            for step in range(1, 4):
                bar.update(step, loss=0.5)
                logging.warning("a warning")
                with contextlib.suppress(OSError):
                    os.write(2, b"what TensorFlow prints")
        file.write(str(file.fileno() > 2))
    if "fail" in sys.argv[0]:
        raise UserError("a mistake")

run_program(main)
"""


def run_program(folder: Path, redirection: str, name: str = "program.py") -> int:
    (folder / name).write_text(PROGRAM)
    command = f'set -o pipefail; "{sys.executable}" {name} {redirection}'
    return subprocess.run(["bash", "-c", command], cwd=folder, timeout=60, check=False).returncode


@pytest.mark.slow
@pytest.mark.parametrize(
    "redirection",
    ["2>&-", ">&-", "<&- >&- 2>&-", "2>/dev/full", ">/dev/full", ">/dev/full 2>&1", "2>&1 | true", "2>&1 | head -1"],
)
def test_a_program_that_nobody_can_read_finishes(tmp_path, redirection):
    assert run_program(tmp_path, redirection) == 0
    assert (tmp_path / "written").read_text() == "True"


@pytest.mark.slow
@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full", "2>&1 | true"])
def test_the_exit_code_still_tells_of_a_mistake(tmp_path, redirection):
    assert run_program(tmp_path, redirection, "fail.py") == 1


@pytest.mark.slow
def test_streams_that_can_be_written_get_everything(tmp_path):
    assert run_program(tmp_path, ">out 2>err") == 0
    assert (tmp_path / "out").read_text() == f"a line {'x' * 100_000}\n"
    err = (tmp_path / "err").read_text()
    assert err.count("a warning\n") == 3 and "a line of the log\n" in err and "train: 100%" in err


# A GPU announces itself when TensorFlow starts it, whatever the log level is; this stands in for it.
ANNOUNCING = """
import os, sys
import tensorflow as tf
from bert_tf.devices import create_devices
from bert_tf.streams import hide_start_up_messages

start = tf.config.list_logical_devices

def announce(*kind):
    tf.config.list_logical_devices = start
    os.write(2, b"Created device GPU:0")
    return start(*kind)

tf.config.list_logical_devices = announce
if sys.argv[1] == "program":
    hide_start_up_messages()
create_devices(None)
os.write(2, b"later")
"""


@pytest.mark.slow
@pytest.mark.parametrize("caller, level, times", [("program", "3", 0), ("program", "0", 1), ("library", "3", 1)])
def test_a_program_hides_that_a_gpu_announces_itself_unless_messages_are_asked_for(caller, level, times):
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": level}
    command = [sys.executable, "-c", ANNOUNCING, caller]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=True)
    assert ended.stderr.count("Created device") == times
    assert ended.stderr.endswith("later")
