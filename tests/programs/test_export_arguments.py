"""The programs that export models: what they write, and each mistake in one line."""

import json
import logging
import os
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support.commands import TIMEOUT, subprocess_environment
from support.fine_tuned import write_fine_tuned
from support.paths import SCRIPTS
from support.tiny import write_tiny_model

from bert_tf.errors import UserError
from bert_tf.folders import MANIFEST, new_folder
from bert_tf.programs import export_huggingface, export_model_garden

pytestmark = pytest.mark.slow
PROGRAMS = ("export_huggingface", "export_model_garden")
RUN = {"training": {"task_name": "MRPC", "do_lower_case": True, "seed": 3, "max_seq_length": 32}, "pairs": True}
RESULTS = {"eval_accuracy": 0.75, "eval_f1": float("nan"), "dataset": "/data/MRPC", "dev_data": "84c4"}


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    return write_fine_tuned(tmp_path_factory.mktemp("top") / "run", run=RUN, results=RESULTS)


def start(program: str, *arguments: object, poison: Path | None = None) -> subprocess.CompletedProcess:
    """Runs a script; with `poison`, loading TensorFlow fails."""
    environment = {}
    if poison:
        (poison / "tensorflow").mkdir(parents=True)
        (poison / "tensorflow" / "__init__.py").write_text("raise ImportError('TensorFlow was loaded')\n")
        environment["PYTHONPATH"] = os.pathsep.join([str(poison), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, str(SCRIPTS / f"{program}.py"), *map(str, arguments)],
        env=subprocess_environment(**environment),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_run_becomes_a_folder_of_transformers(run, tmp_path):
    done = start("export_huggingface", run, tmp_path / "export")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{tmp_path / 'export'}\n"
    lines = done.stderr.splitlines()
    assert lines[0] == f"{run}: is fine-tuned (classification, 2 labels) and becomes a BertForSequenceClassification."
    assert lines[1].startswith("Its tokenizer cuts every text as bert-tf does, except for ") and len(lines) == 2
    assert names_in(tmp_path / "export") == {
        *("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "vocab.txt", "README.md"),
        MANIFEST,
    }
    assert json.loads((tmp_path / "export" / "tokenizer_config.json").read_text())["model_max_length"] == 32
    card = (tmp_path / "export" / "README.md").read_text()
    assert "# export" in card and "The dev set of MRPC (digest `84c4`)" in card and "| accuracy, % | 75.0 |" in card
    assert "nan" not in card


def test_a_run_becomes_a_checkpoint_of_the_model_garden(run, tmp_path):
    done = start("export_model_garden", run, tmp_path / "export")
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines() == [
        f"{run}: is fine-tuned (classification, 2 labels) and becomes a BertClassifier."
    ]
    assert names_in(tmp_path / "export") == {
        *("bert_model.ckpt.index", "bert_model.ckpt.data-00000-of-00001", "bert_config.json", "vocab.txt"),
        *("tokenizer_config.json", "task.json", "labels.txt", MANIFEST),
    }


ORIGINAL = ("bert_config_file", "vocab_file", "labels")


@pytest.mark.parametrize(
    ("program", "file"),
    [
        ("export", "1/saved_model.pb"),
        ("export_model_garden", "labels.txt"),
        ("export_litert", "model.tflite"),
    ],
)
def test_the_originals_output_folder_is_exported_with_what_the_flags_add(program, file, run, tmp_path):
    original = tmp_path / "original"
    original.mkdir()
    for path in run.glob("model.ckpt-*"):
        shutil.copy(path, original)
    (original / "checkpoint").write_text('model_checkpoint_path: "model.ckpt-3"\n')
    done = start(program, original, tmp_path / "export")
    [line] = done.stderr.splitlines()
    remedy = (
        "give bert_config_file, vocab_file and labels (a model that answers questions or fills masks has no labels)"
    )
    assert done.returncode == 1 and line.endswith(remedy)
    values = (run / "bert_config.json", run / "vocab.txt", "no,yes")
    done = start(program, original, tmp_path / "export", *map("--{}={}".format, ORIGINAL, values))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "export" / file).is_file()
    labels = {path.read_text() for path in (tmp_path / "export").rglob("labels.txt")}
    assert labels == {"no\nyes\n"}


def test_a_pre_trained_model_is_called_so(tmp_path, caplog):
    tiny = write_tiny_model(tmp_path / "tiny")
    with caplog.at_level(logging.INFO, "absl"), new_folder(tmp_path / "export", overwrite=False) as folder:
        export_huggingface.export(str(tiny), folder, "export")
    assert caplog.messages[0] == f"{tiny}: is a pre-trained encoder and becomes a BertModel."


def make_empty(folder: Path, run: Path) -> Path:
    folder.mkdir()
    return folder


def make_half(name: str):
    def make(folder: Path, run: Path) -> Path:
        folder.mkdir()
        for path in run.iterdir():
            if path.name != name:
                (folder / path.name).symlink_to(path)
        return folder

    return make


def make_corpus(folder: Path, run: Path) -> Path:
    folder.mkdir()
    (folder / "train.tsv").write_text("a\t1\n")
    return folder


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder, run: folder, "no such file or folder"),
        (make_empty, "has no checkpoint"),
        (make_corpus, "has no checkpoint"),
        (make_half("vocab.txt"), "vocab.txt is missing"),
        (make_half("labels.txt"), "labels.txt: cannot be read"),
        (make_half("bert_config.json"), "has neither bert_config.json nor config.json"),
        (make_half("model.ckpt-3.index"), "has no checkpoint"),
        (make_half("model.ckpt-3.data-00000-of-00001"), ".data-00000-of-00001 is missing"),
        (lambda folder, run: "gs:/bucket", "has one slash"),
    ],
)
def test_a_model_that_is_not_whole_is_one_line_before_tensorflow_loads(make, message, run, tmp_path):
    source = make(tmp_path / "source", run)
    done = start("export_huggingface", source, tmp_path / "export", poison=tmp_path / "poison")
    [line] = done.stderr.splitlines()
    assert done.returncode == 1 and line.startswith("export_huggingface.py: error: ") and message in line
    assert not (tmp_path / "export").exists()


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "0 arguments given; give two"),
        (["{run}"], "1 arguments given; give two"),
        (["{run}", "a", "b"], "3 arguments given; give two"),
        (["{run}", "gs://bucket/export"], "gs: addresses cannot be used here"),
        (["{run}", ""], "folder: is empty"),
        (["{run}", "{run}"], "is there already"),
        (["{run}", "{run}", "--overwrite"], "has files that no export wrote"),
        (["{run}", "{run}/vocab.txt"], "is a file"),
        (["{run}", "x", "--overwrite=perhaps"], "overwrite"),
        (["{run}", "x", "--labelz=a"], "Unknown command line flag 'labelz'"),
    ],
)
def test_a_mistake_in_the_command_is_one_line_before_tensorflow_loads(program, arguments, message, run, tmp_path):
    before = names_in(run)
    done = start(program, *(each.format(run=run) for each in arguments), poison=tmp_path / "poison")
    [line] = done.stderr.splitlines()
    assert done.returncode == 1 and line.startswith(f"{program}.py: error: ") and message in line
    assert names_in(run) == before


def test_an_export_may_be_inside_the_folder_of_its_run_and_can_be_replaced(run, tmp_path):
    inner = run / "export"
    for _ in range(2):
        with new_folder(inner, overwrite=True) as folder:
            export_huggingface.export(str(run), folder, "export")
    with new_folder(tmp_path / "again", overwrite=False) as folder:
        export_huggingface.export(str(inner), folder, "export")
    for name in ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "vocab.txt"):
        assert (inner / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


@pytest.mark.parametrize(
    "export",
    [lambda run, folder: export_huggingface.export(run, folder, "x"), export_model_garden.export],
    ids=PROGRAMS,
)
def test_a_full_disk_is_one_line_and_leaves_nothing(run, tmp_path, export):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        problem = r"cannot be written \(.*\); make room or name another folder"
        with pytest.raises(UserError, match=problem), new_folder(tmp_path / "export", overwrite=False) as folder:
            export(str(run), folder)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert names_in(tmp_path) == set()
