"""SIGTERM ends a training after the step that it is in, and the same command continues from there."""

import os
import re
import signal
import time
from pathlib import Path

import pytest
from support.commands import Command, Result, train_flags
from support.outputs import assert_same_bits, latest_step, weights
from support.tiny import write_corpus, write_tiny_model
from support.workers import run_together, start_together

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus") / "data", {"train": 64, "dev": 8})


@pytest.fixture(scope="module")
def tiny(tmp_path_factory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("model") / "tiny")


def step_after_which_it_ended(result: Result) -> int:
    """The exit code is 143, and the last line says why and what to do."""
    line = r"run_classifier\.py: ended by SIGTERM after step (\d+); the same command continues from there"
    match = re.fullmatch(line, result.stderr.splitlines()[-1])
    assert result.code == 143 and match and "Traceback" not in result.stderr, result
    return int(match[1])


def test_a_training_is_saved_after_its_step_and_ends_as_one_that_never_stopped(corpus, tiny, tmp_path):
    """With every flag of training that could stand in the way of exact resume; `recompute` may even change."""
    changes = {"gradient_accumulation_steps": 2, "layer_decay": 0.9, "reinit_layers": 1, "save_checkpoints_steps": 1000}
    whole, stopped = (train_flags(corpus, tiny, tmp_path / name, **changes) for name in ("whole", "stopped"))
    command = Command(tmp_path / "1", [*stopped, "--recompute"])
    log = tmp_path / "stopped" / "train_log.csv"
    command.wait_until(lambda: log.exists() and len(log.read_text().splitlines()) > 2)
    for _ in range(3):
        os.kill(command.process.pid, signal.SIGTERM)
        time.sleep(0.01)
    step = step_after_which_it_ended(command.result())
    assert 0 < step < 64 and latest_step(tmp_path / "stopped") == step
    for flags, folder in ((stopped, "2"), (whole, "3")):
        result = Command(tmp_path / folder, flags).result()
        assert result.code == 0, result.stderr
    assert_same_bits(weights(tmp_path / "stopped"), weights(tmp_path / "whole"))
    assert (tmp_path / "stopped/train_log.csv").read_bytes() == (tmp_path / "whole/train_log.csv").read_bytes()


@pytest.mark.parametrize("number", [0, 1])
def test_all_processes_stop_after_the_same_step_if_one_gets_the_signal(corpus, tiny, tmp_path, number):
    flags = train_flags(corpus, tiny, tmp_path / "out", num_train_epochs=800, save_checkpoints_steps=1000)
    log = tmp_path / "out" / "train_log.csv"
    commands, _ = start_together(tmp_path / "first", [flags, flags])
    commands[0].wait_until(lambda: log.exists() and len(log.read_text().splitlines()) > 2)
    os.kill(commands[number].process.pid, signal.SIGTERM)
    steps = {step_after_which_it_ended(command.result()) for command in commands}
    assert steps == {latest_step(tmp_path / "out")}


def test_two_processes_that_were_stopped_end_as_two_that_never_were(corpus, tiny, tmp_path):
    whole, stopped = (train_flags(corpus, tiny, tmp_path / name, num_train_epochs=16) for name in ("whole", "stopped"))
    commands, _ = start_together(tmp_path / "first", [stopped, stopped])
    commands[0].wait_until(lambda: latest_step(tmp_path / "stopped") > 4)
    for command in commands:
        os.kill(command.process.pid, signal.SIGTERM)
    assert len({step_after_which_it_ended(command.result()) for command in commands}) == 1
    for flags, folder in ((stopped, "second"), (whole, "third")):
        for result in run_together(tmp_path / folder, [flags, flags]):
            assert result.code == 0, result.stderr
    assert_same_bits(weights(tmp_path / "stopped"), weights(tmp_path / "whole"))
