"""The processes of one training start together, or end together with one line that says why."""

import os
import shutil
import signal
import time
from pathlib import Path

import pytest
from support.commands import assert_one_error_line, train_flags
from support.outputs import assert_same_bits, content, latest_step, weights
from support.tiny import write_corpus, write_tiny_model
from support.workers import free_addresses, run_together, start_together, start_worker

from bert_tf.cluster import Member
from bert_tf.training.agreement import find_problems

WORKERS = [Member("worker", 0, "a:1"), Member("worker", 1, "b:1"), Member("worker", 2, "c:1")]


def facts(**changes: object) -> dict:
    return {"facts": {"learning_rate": 5e-5, "train_data": "0123", "python": "3.11.9", **changes}}


def test_equal_processes_have_no_problem():
    assert find_problems(WORKERS, [facts(), facts(), facts()]) == []


def test_each_process_that_differs_is_named_with_what_it_differs_in():
    assert find_problems(WORKERS, [facts(), facts(learning_rate=2e-5, python="3.10.1"), facts(more=1)]) == [
        "worker 1 (b:1) differs from worker 0 (a:1) in learning_rate (2e-05, not 5e-05), python (3.10.1, not 3.11.9)",
        "worker 2 (c:1) differs from worker 0 (a:1) in more (1, not None)",
    ]


def test_a_difference_is_one_short_line_whatever_its_values_are():
    (problem,) = find_problems(WORKERS[:2], [facts(), facts(**{"labels.txt": "a\nb\n\x1b[31m" * 999})])
    assert len(problem) < 200 and problem.isprintable()
    many = {f"setting {number}": 0 for number in range(999)}
    (problem,) = find_problems(WORKERS[:2], [facts(), facts(**many)])
    assert problem.endswith("and 991 more")


def test_a_failure_is_told_instead_of_differences():
    notes = [facts(), {"failure": "output_dir: out: is full"}, facts(python="3.10.1")]
    assert find_problems(WORKERS, notes) == ["worker 1 (b:1) has failed: output_dir: out: is full"]


# Real processes.


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus") / "data", {"train": 64, "dev": 23})


@pytest.fixture(scope="module")
def tiny(tmp_path_factory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("model") / "tiny")


@pytest.mark.slow
def test_processes_that_differ_end_with_the_same_line_before_anything_is_written(corpus, tiny, tmp_path):
    other_corpus = shutil.copytree(corpus, tmp_path / "data")
    other_corpus.joinpath("train.tsv").write_text("a\tb\t1\n" * 64)
    other_tiny = shutil.copytree(tiny, tmp_path / "tiny")
    with other_tiny.joinpath("vocab.txt").open("a") as file:
        file.write("\n")
    flags = [
        train_flags(corpus, tiny, tmp_path / "out", num_train_epochs=2),
        train_flags(other_corpus, other_tiny, tmp_path / "out", learning_rate=2e-5, num_train_epochs=2),
    ]
    results = run_together(tmp_path, flags)
    for result in results:
        assert_one_error_line(result, "differs from worker 0 (127.0.0.1:")
        assert "in learning_rate (2e-05, not 0.001), train_data (" in result.stderr and "), model (" in result.stderr
        assert result.stderr.splitlines()[-1] == results[0].stderr.splitlines()[-1]
    assert content(tmp_path / "out") == {}


@pytest.mark.slow
def test_a_killed_process_is_named_and_all_resume_bit_identically(corpus, tiny, tmp_path):
    """SIGKILL ends one of two, then the other; the third start resumes where a run without kills would be."""
    flags = {name: train_flags(corpus, tiny, tmp_path / name, num_train_epochs=3) for name in ("whole", "killed")}
    for result in run_together(tmp_path / "1", [flags["whole"]] * 2):
        assert result.code == 0, result.stderr
    for number in (0, 1):
        (first, second), addresses = start_together(tmp_path / f"killed{number}", [flags["killed"]] * 2)
        before = latest_step(tmp_path / "killed")
        first.wait_until(lambda before=before: latest_step(tmp_path / "killed") > before)
        killed, other = (second, first) if number == 0 else (first, second)
        os.kill(killed.process.pid, signal.SIGKILL)
        assert killed.result().code == -signal.SIGKILL
        assert_one_error_line(other.result(), f"worker {1 - number} ({addresses[1 - number]}) has ended")
    assert 0 < latest_step(tmp_path / "killed") < latest_step(tmp_path / "whole")
    for result in run_together(tmp_path / "2", [flags["killed"]] * 2):
        assert result.code == 0, result.stderr
    assert_same_bits(weights(tmp_path / "killed"), weights(tmp_path / "whole"))
    # A worker that does not see the chief's folder.
    others = train_flags(corpus, tiny, tmp_path / "not_shared", num_train_epochs=3)
    for result in run_together(tmp_path / "3", [flags["killed"], others]):
        assert_one_error_line(result, "step of the checkpoint in output_dir (0, not 24)")
        assert "output_dir must be a folder that all of them see" in result.stderr


@pytest.mark.slow
@pytest.mark.parametrize(("end", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_process_that_waits_can_be_ended(end, code, corpus, tiny, tmp_path):
    addresses = free_addresses(2)
    command = start_worker(tmp_path, train_flags(corpus, tiny, tmp_path / "out"), addresses, 0)
    output = command.outputs[1]
    line = f"waiting for 1 of 2: {addresses[1]}"
    command.wait_until(lambda: output.exists() and line in output.read_text())
    os.kill(command.process.pid, end)
    started = time.monotonic()
    assert command.result().code == code
    assert time.monotonic() - started < 10
    assert content(tmp_path / "out") == {}


@pytest.mark.slow
def test_ctrl_c_ends_a_training_that_waits_for_a_process_which_does_not_answer(corpus, tiny, tmp_path):
    flags = train_flags(corpus, tiny, tmp_path / "out", num_train_epochs=800)
    (chief, second), _ = start_together(tmp_path, [flags, flags])
    chief.wait_until(lambda: latest_step(tmp_path / "out"))
    os.kill(chief.process.pid, signal.SIGSTOP)
    time.sleep(1)
    os.kill(second.process.pid, signal.SIGINT)
    result = second.result()
    chief.process.kill()
    chief.result()
    assert result.code == 130 and "Traceback" not in result.stderr
    assert "run_classifier.py: interrupted" in result.stderr.splitlines()[-1]
