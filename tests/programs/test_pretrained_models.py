"""Programs for fine-tuned models say in one line what to do with a pre-trained one; transformers gets it."""

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.commands import TIMEOUT, subprocess_environment
from support.paths import ROOT
from support.pretraining_models import write_pretrained_model, write_pretraining_run

from bert_tf.folders import new_folder
from bert_tf.programs import export_huggingface

pytestmark = pytest.mark.slow
ADVICE = (
    "is pre-trained and fills masks; fine-tune it first, as with run_classifier.py --bert_model, or call "
    "bert_tf.load(FOLDER).fill_mask(TEXT) in Python"
)
OWN_DATA = ("--train_file=train.csv", "--dev_file=train.csv", "--output_dir=out")


def start(script: str, *words: object, cwd: Path, poison: bool = False) -> subprocess.CompletedProcess:
    """Runs a script; with `poison`, loading TensorFlow fails."""
    paths = [str(ROOT), *sys.path]
    if poison:
        (cwd / "poison" / "tensorflow").mkdir(parents=True)
        (cwd / "poison" / "tensorflow" / "__init__.py").write_text("raise ImportError('TensorFlow was loaded')\n")
        paths = [str(cwd / "poison"), *paths]
    return subprocess.run(
        [sys.executable, str(ROOT / script), *map(str, words)],
        cwd=cwd,
        env=subprocess_environment(PYTHONPATH=os.pathsep.join(paths)),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )


@pytest.fixture(params=["run", "original", "transformers"])
def folder(request, tmp_path, golden) -> Path:
    if request.param == "transformers":
        return golden / "huggingface" / "pretraining"
    return {"run": write_pretraining_run, "original": write_pretrained_model}[request.param](tmp_path / "model")


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("predict.py", ["It rains ."]),
        ("export.py", ["out"]),
        ("export_litert.py", ["out"]),
        ("export_onnx.py", ["out"]),
    ],
)
def test_a_program_for_fine_tuned_models_refuses_it_before_tensorflow_is_loaded(tmp_path, folder, script, words):
    if script == "export_onnx.py":
        pytest.importorskip("onnx")
    done = start(f"scripts/{script}", folder, *words, cwd=tmp_path, poison=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"{script}: error: {folder}: {ADVICE}\n"
    assert not (tmp_path / "out").exists()


def test_a_run_of_pre_training_has_no_labels_to_evaluate(tmp_path):
    (tmp_path / "train.csv").write_text("text,label\nw1 w2,a\nw3,b\n")
    run = write_pretraining_run(tmp_path / "run")
    done = start("run_classifier.py", f"--bert_model={run}", "--do_eval", *OWN_DATA, cwd=tmp_path, poison=True)
    assert done.returncode == 1
    line = f"{run}: has a model that is pre-trained and knows no labels; fine-tune it with --do_train"
    assert done.stderr == f"run_classifier.py: error: {line}\n"


def test_transformers_gets_it_with_a_card(tmp_path, caplog):
    run = write_pretraining_run(tmp_path / "run", seed=7)
    with caplog.at_level(logging.INFO, "absl"), new_folder(tmp_path / "out", overwrite=False) as folder:
        export_huggingface.export(str(run), folder, "out")
    assert caplog.messages[0] == f"{run}: is a pre-trained model and becomes a BertForPreTraining."
    card = (tmp_path / "out" / "README.md").read_text()
    assert "pipeline_tag: fill-mask\n" in card and "AutoModelForMaskedLM.from_pretrained(folder)" in card
    assert "it fills masks and finds whether a text follows another" in card
    assert "| `--seed` | 7 |" in card
    assert "texts with the characters \\[SEP\\] and the like, which it takes for these pieces" in card
