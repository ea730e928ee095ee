import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support.paths import SCRIPTS
from support.sweep_project import wait_for

BENCHMARK = [sys.executable, str(SCRIPTS / "benchmark")]


def write_python(folder: Path, error: str) -> Path:
    """Writes a program that fails as a Python without torch does."""
    python = folder / "python"
    python.write_text(f'#!/bin/sh\necho "{error}" >&2\nexit 1\n')
    python.chmod(0o755)
    return python


def test_a_peer_without_torch_is_one_line_and_exit_code_1(tmp_path):
    python = write_python(tmp_path, "ModuleNotFoundError: No module named 'torch'")
    ended = subprocess.run([*BENCHMARK, f"--peer_python={python}"], capture_output=True, text=True)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == (
        f"benchmark: error: peer_python: {python}: ModuleNotFoundError: No module named 'torch'; "
        "name a Python that has torch, transformers, onnxruntime, onnx, onnxscript\n"
    )


def test_a_peer_that_is_not_there_is_one_line_and_exit_code_1(tmp_path):
    ended = subprocess.run([*BENCHMARK, "--peer_python=/nowhere/python"], capture_output=True, text=True, cwd=tmp_path)
    assert ended.returncode == 1
    assert ended.stderr.startswith("benchmark: error: peer_python: /nowhere/python: cannot be run: No such file")
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_benchmark_and_leaves_no_folder_behind(tmp_path, number):
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    process = subprocess.Popen(BENCHMARK, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: list(tmp_path.glob("benchmark.*/*.log")))
    process.send_signal(number)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130 and stderr.endswith("benchmark: interrupted\n")
    assert list(tmp_path.iterdir()) == []
