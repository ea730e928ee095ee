"""The whole sweep; two tests train a tiny BERT."""

import os
import shlex
import signal

import pytest
from support.commands import Command, train_flags
from support.outputs import assert_same_bits, latest_step, weights
from support.sweep_project import (
    Project,
    assert_refused,
    finish,
    wait_for,
)
from support.tiny import write_corpus, write_tiny_model


@pytest.fixture
def project(tmp_path) -> Project:
    return Project(tmp_path, trains=False)


def test_a_report_that_fails_makes_the_sweep_fail(project):
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


# With real training.


@pytest.mark.slow
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
    assert "Resuming after step" in (folder / "run.log").read_text()
    assert not (folder / "failure.txt").exists()
    assert {path.name for path in folder.glob(".*")} == {".lock"}
    assert "finished before" in project.run(*flags, **grid).stdout
    whole = train_flags(corpus, tiny, tmp_path / "whole", num_train_epochs=16, save_checkpoints_steps=1000, seed=5)
    assert Command(tmp_path / "command", whole).result().code == 0
    assert_same_bits(weights(folder), weights(tmp_path / "whole"))


@pytest.mark.slow
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
    assert refused.returncode == 1 and "was started with other settings: train_data was" in refused.stdout
    assert "was started with other settings: train_data was" in (folder / "failure.txt").read_text()
    assert_same_bits(weights(folder), trained)
