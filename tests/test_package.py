"""The installed package works without the clone, from any folder."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.paths import ROOT
from support.tiny import write_tiny_model

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """A folder with the package alone, installed by pip from a copy of the project."""
    source, site = tmp_path_factory.mktemp("source") / "project", tmp_path_factory.mktemp("site")
    leave_out = shutil.ignore_patterns(".git", "tests", "*.egg-info", "build", "output", "__pycache__", "MRPC.zip")
    shutil.copytree(ROOT, source, ignore=leave_out)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(site), str(source)]
    subprocess.run(command, check=True)
    shutil.rmtree(source)
    return site


def run_installed(site: Path, folder: Path, *words: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, str(site / "bin" / "bert-tf"), *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(site), "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_trains_on_the_sample_corpus_that_came_along(site, tmp_path):
    tiny = write_tiny_model(tmp_path / "tiny")
    flags = (f"--bert_model={tiny}", "--max_seq_length=32", "--num_train_epochs=0.05", "--output_dir=out")
    done = run_installed(site, tmp_path, "run_classifier", "--task_name=MRPC", "--do_train", "--do_eval", *flags)
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert results["dataset"] == "sample" and results["eval_runtime"] > 0
    assert results["flags"]["data_dir"] == str(site / "bert_tf" / "sample" / "MRPC")


def test_the_questions_of_the_sample_came_along(site):
    names = {path.name for path in (site / "bert_tf" / "sample" / "SQuAD").iterdir()}
    assert names == {"train-v1.1.json", "dev-v1.1.json", "train-v2.0.json", "dev-v2.0.json"}


def test_the_tagged_sentences_of_the_sample_came_along(site):
    names = {path.name for path in (site / "bert_tf" / "sample" / "NER").iterdir()}
    assert names == {"train.conll", "dev.conll", "test.conll"}


def test_the_report_finds_its_page(site, tmp_path):
    code = (
        "from bert_tf.report.page import page; from bert_tf.report.runs import Inventory; print(page([], Inventory()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0 and "</html>" in done.stdout, done.stderr


def test_help_shows_the_programs_and_their_flags(site, tmp_path):
    assert "programs: run_classifier" in run_installed(site, tmp_path, "--help").stdout
    shown = run_installed(site, tmp_path, "run_classifier", "--help").stdout
    assert "--[no]do_train" in shown and "Fine-tunes BERT on a text classification task" in shown


@pytest.mark.parametrize("words", [[], ["run_squat"], ["--do_train"]])
def test_a_program_that_there_is_not_is_one_line(site, tmp_path, words):
    done = run_installed(site, tmp_path, *words)
    assert done.returncode == 1 and not done.stdout
    assert done.stderr.splitlines() == [done.stderr.strip()] and "programs: run_classifier" in done.stderr


def test_mistakes_are_one_line_with_the_commands_name(site, tmp_path):
    done = run_installed(site, tmp_path, "run_classifier", "--task_name=MRCP", "--do_train")
    assert done.returncode == 1 and done.stderr.startswith("bert-tf run_classifier: error: task_name: 'MRCP'")
    assert len(done.stderr.splitlines()) == 1
