"""`scripts/export.py` and `--do_export`: what they write and print, and each mistake in one line."""

import os
import runpy
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from support.commands import TIMEOUT, Command, Result, subprocess_environment, train_flags
from support.paths import SCRIPTS

import bert_tf

pytestmark = pytest.mark.slow
SCRIPT = SCRIPTS / "export.py"


def become_export(words: list[str], outputs: list[Path], environment: Mapping[str, str]) -> None:
    for descriptor, path in enumerate(outputs, start=1):
        with path.open("wb") as file:
            os.dup2(file.fileno(), descriptor)
    sys.argv = [str(SCRIPT), *words]
    runpy.run_path(str(SCRIPT), run_name="__main__")


@pytest.fixture
def export(tmp_path) -> Callable[..., Result]:
    def export(*words: object) -> Result:
        return Command(tmp_path / "command", [str(word) for word in words], become_export).result()

    return export


@pytest.fixture
def copy(finished, tmp_path) -> Path:
    return shutil.copytree(finished, tmp_path / "out")


def test_the_export_goes_below_the_run_and_its_path_is_all_that_is_printed(export, copy):
    assert export(copy) == Result(0, f"{copy}/export/1\n", "")
    texts = [("w1 w2", "w3"), ("w4", "")]
    assert bert_tf.load(copy / "export").predict(texts) == bert_tf.load(copy).predict(texts)
    # A second export of the same model is none.
    code, stdout, stderr = export(copy)
    assert (code, stdout) == (0, f"{copy}/export/1\n") and stderr == f"{copy}/export/1: is this model already.\n"
    assert [path.name for path in (copy / "export").iterdir()] == ["1"]


def test_it_goes_into_a_folder_of_the_users_choice_with_any_name(export, copy, tmp_path):
    folder = tmp_path / "srv, my \u00e4 models" / "mrpc"
    assert export(copy, folder).stdout == f"{folder}/1\n"
    assert not (copy / "export").exists()


def test_a_run_exports_its_model_at_its_end(corpus, tiny, run, tmp_path):
    flags = train_flags(corpus, tiny, tmp_path / "out", num_train_epochs=1)
    done = run(*flags, "--do_export")
    assert done.code == 0, done.stderr
    assert done.stderr.endswith(f"{tmp_path}/out/export/1: the exported model.\n")
    # A finished run may be exported by itself, and elsewhere.
    done = run("--task_name=MRPC", "--do_export", "--do_eval", f"--data_dir={corpus}", f"--output_dir={tmp_path}/out")
    assert done.code == 0, done.stderr
    assert [path.name for path in (tmp_path / "out" / "export").iterdir()] == ["1"]


@pytest.mark.parametrize(
    "words, message",
    [
        ([], "give the output folder of a finished run, and optionally a folder for the export"),
        (["{run}", "{top}/a", "{top}/b"], "give the output folder of a finished run, and optionally a folder"),
        (["{top}/missing"], "{top}/missing: there is no such folder; give the output folder of a finished run"),
        (["{run}/labels.txt"], "{run}/labels.txt: is no folder on this machine; also give a folder for the export"),
        (["{run}/labels.txt", "{top}/a"], "{run}/labels.txt: is a file; give the folder that holds it, or a zip file"),
        (["hf://org/name"], "hf://org/name: is no folder on this machine; also give a folder for the export"),
        (["{run}", "gs://bucket/models"], "folder: 'gs://bucket/models': gs: addresses cannot be used here"),
        ([""], "model: is empty; give a path"),
        (["{run}", "--overwrite"], "Unknown command line flag 'overwrite'"),
    ],
)
def test_a_mistake_is_one_line_before_tensorflow_is_loaded(finished, tmp_path, words, message):
    (tmp_path / "tensorflow").mkdir()
    (tmp_path / "tensorflow" / "__init__.py").write_text("raise ImportError('TensorFlow was loaded')\n")
    paths = {"run": finished, "top": tmp_path}
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *(word.format(**paths) for word in words)],
        env=subprocess_environment(PYTHONPATH=os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    [line] = done.stderr.splitlines()
    assert line.startswith("export.py: error: ") and message.format(**paths) in line


@pytest.mark.parametrize("name", ["labels.txt", "vocab.txt", "bert_config.json"])
def test_a_folder_that_lacks_a_file_is_one_line_and_nothing_is_written(export, copy, name):
    (copy / name).unlink()
    done = export(copy)
    assert (done.code, done.stdout) == (1, "")
    [line] = done.stderr.splitlines()
    assert line.startswith("export.py: error: ") and name in line
    assert not (copy / "export").exists()


def test_a_target_that_is_a_file_is_one_line(export, copy, tmp_path):
    (tmp_path / "models").write_text("mine")
    done = export(copy, tmp_path / "models")
    assert done.code == 1 and "Traceback" not in done.stderr and len(done.stderr.splitlines()) == 1
    assert (tmp_path / "models").read_text() == "mine"
