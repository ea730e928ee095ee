"""scripts/export_litert.py and scripts/export_onnx.py: the whole way from a run to a model that predicts."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support.commands import subprocess_environment
from support.fine_tuned import write_fine_tuned
from support.outputs import content, probabilities, rows
from support.paths import ROOT

import bert_tf
from bert_tf.errors import UserError

pytestmark = pytest.mark.slow

SUFFIXES = {"export_litert.py": ".tflite", "export_onnx.py": ".onnx"}


def run_script(script: str, *words: object, cwd: Path) -> subprocess.CompletedProcess:
    environment = subprocess_environment(PYTHONPATH=os.pathsep.join([str(ROOT), *sys.path]))
    command = [sys.executable, str(ROOT / "scripts" / script), *map(str, words)]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


def table_of(text: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


@pytest.fixture(scope="module", params=SUFFIXES)
def export(request, finished, tmp_path_factory) -> tuple[Path, str, str]:
    """An export of a run: its folder, what was printed, and the suffix of its models."""
    if request.param == "export_onnx.py":
        pytest.importorskip("onnx")
    top = tmp_path_factory.mktemp("export")
    done = run_script(request.param, finished, "out", cwd=top)
    assert done.returncode == 0, done.stderr
    return top / "out", done.stdout, SUFFIXES[request.param]


def test_the_folder_has_both_models_and_what_using_them_needs(export):
    folder, printed, suffix = export
    needed = {"vocab.txt", "labels.txt", "export.json", "check.md", "bert_tf_export.json"}
    assert content(folder).keys() == needed | {f"model{suffix}", f"model_int8{suffix}"}
    said = json.loads((folder / "export.json").read_text())
    assert (said["kind"], said["pairs"], said["max_seq_length"], said["do_lower_case"]) == (
        "classification",
        True,
        48,
        True,
    )
    assert printed.endswith("\nout\n")


def test_one_table_has_size_score_differences_and_speed_of_both(export, finished):
    folder, printed, suffix = export
    text = (folder / "check.md").read_text()
    assert text in printed and "on the 24 dev examples of the run" in text
    assert "\nMeasured with 1 text at a time on " in text
    header, _, *models = table_of(text)
    assert header == ["model", "MB", "accuracy", "largest difference", "mean difference", "ms a text"]
    assert [row[0] for row in models] == ["TensorFlow, float32", f"model{suffix}", f"model_int8{suffix}"]
    accuracy = json.loads((finished / "results.json").read_text())["eval_accuracy"]
    assert float(models[0][2]) == float(models[1][2]) == pytest.approx(accuracy, abs=1e-4)
    assert float(models[1][3]) < 1e-6 < float(models[2][3]) < 0.1
    assert all(float(row[4]) <= float(row[3]) and float(row[5]) > 0 for row in models)


@pytest.mark.parametrize("batch_size", [1, 32])
def test_the_exported_model_predicts_texts_as_the_run_did(export, finished, corpus, batch_size):
    model = bert_tf.load(export[0])
    assert (model.labels, model.kind, model.pairs) == (("0", "1"), "classification", True)
    texts = [tuple(row[:2]) for row in rows(corpus / "test.tsv")]
    found = [list(each.probabilities.values()) for each in model.predict(texts, batch_size)]
    np.testing.assert_allclose(found, probabilities(finished), atol=1e-6)


def test_the_int8_model_is_loaded_by_its_own_path(export, finished, corpus):
    folder, _, suffix = export
    texts = [tuple(row[:2]) for row in rows(corpus / "test.tsv")]
    found = bert_tf.load(folder / f"model_int8{suffix}").predict(texts)
    difference = np.abs([list(each.probabilities.values()) for each in found] - probabilities(finished))
    assert 1e-6 < difference.max() < 0.1


@pytest.fixture
def copy(export, tmp_path) -> tuple[Path, str]:
    return shutil.copytree(export[0], tmp_path / "copy"), export[2]


def change_facts(folder: Path, **facts: object) -> None:
    path = folder / "export.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **facts}))


def assert_refused(path: Path, *messages: str) -> None:
    with pytest.raises(UserError) as error:
        bert_tf.load(path)
    assert "\n" not in str(error.value) and all(message in str(error.value) for message in messages), error.value


def test_an_export_with_the_int8_model_alone_is_loaded(copy):
    folder, suffix = copy
    (folder / f"model{suffix}").unlink()
    assert len(bert_tf.load(folder).predict(["w1 w2"])) == 1
    (folder / f"model_int8{suffix}").unlink()
    assert_refused(folder, "has no model, which is one of model.tflite", "export the model again")


def test_labels_with_other_names_are_taken_and_another_number_of_them_is_refused(copy):
    folder, _ = copy
    change_facts(folder, labels=["other", "same"])
    assert bert_tf.load(folder).labels == ("other", "same")
    change_facts(folder, labels=["other", "same", "both"])
    assert_refused(folder, "does not fit export.json, which has 3 labels")


@pytest.mark.parametrize("name", ["vocab.txt", "export.json"])
@pytest.mark.parametrize("change", ["missing", "empty", "cut"])
def test_a_damaged_export_is_refused_in_one_line(copy, name, change):
    path = copy[0] / name
    before = path.read_bytes()
    path.write_bytes({"missing": b"", "empty": b"", "cut": before[: len(before) // 2]}[change])
    if change == "missing":
        path.unlink()
    if (name, change) == ("export.json", "missing"):
        assert_refused(copy[0], "checkpoint")
    else:
        assert_refused(copy[0], name)


@pytest.mark.parametrize(
    "field, value", [("max_seq_length", "x"), ("do_lower_case", 1), ("pairs", "no"), ("scores", []), ("format", 2)]
)
def test_a_description_with_a_value_that_cannot_be_used_is_refused_in_one_line(copy, field, value):
    change_facts(copy[0], **{field: value})
    assert_refused(copy[0], "export.json", "export the model again")


def test_without_the_dev_set_the_sample_corpus_takes_its_place_and_there_is_no_score(tmp_path):
    pytest.importorskip("onnx")
    run = write_fine_tuned(tmp_path / "run", "regression", [])
    done = run_script("export_onnx.py", run, "out", "--batch_size=8", "--max_seq_length=32", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "out" / "check.md").read_text()
    assert "There is no score, because the folder holds no finished run with an evaluation." in text
    assert "204 texts of the sample corpus" in text
    header, _, *models = table_of(text)
    assert "accuracy" not in header and float(models[0][2]) == 0
    assert_shape(tmp_path / "out" / "model.onnx", [8, 32])
    said = json.loads((tmp_path / "out" / "export.json").read_text())
    assert (said["max_seq_length"], said["compute_dtype"], said["labels"]) == (32, "float32", [])
    model, whole = bert_tf.load(tmp_path / "out"), bert_tf.load(run)
    texts = [("w1 " * count, "w2 w3") for count in range(1, 25)]
    for found, right in zip(model.predict(texts), whole.predict(texts), strict=True):
        assert found.value == pytest.approx(right.value, abs=1e-5)


def assert_shape(path: Path, shape: list[int]) -> None:
    from onnxruntime import InferenceSession

    assert [each.shape for each in InferenceSession(path).get_inputs()] == [shape] * 3


@pytest.mark.parametrize(
    "words, message",
    [
        ((), "0 arguments given"),
        (("no-such-run", "out"), "no-such-run: there is no such folder"),
        (("run", "full"), "full: is there already; name another folder, or replace it with --overwrite"),
        (("run", "full", "--overwrite"), "full: has files that no export wrote (mine.txt)"),
        (("run", "out", "--batch_size=0"), "batch_size"),
        (("run", "out", "--batch_size=99999999999999"), "batch_size"),
        (("run", "out", "--max_seq_length=2"), "max_seq_length"),
        (("run", "out", "--max_seq_length=65"), "max_seq_length: is 65; the model has 64 positions"),
        (("full", "out"), "full"),
    ],
)
def test_mistakes_are_one_line_and_nothing_is_written(tmp_path, words, message):
    write_fine_tuned(tmp_path / "run")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    assert_one_line(run_script("export_litert.py", *words, cwd=tmp_path), message)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["full", "run"]
    assert content(tmp_path / "full") == {"mine.txt": b"mine"}


def assert_one_line(done: subprocess.CompletedProcess, message: str) -> None:
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1 and message in done.stderr, done.stderr


@pytest.mark.parametrize("missing", ["onnx", "onnxruntime"])
def test_without_the_extra_one_line_says_how_to_install_it(tmp_path, missing):
    script = str(ROOT / "scripts" / "export_onnx.py")
    hide = f"import runpy, sys; sys.modules[{missing!r}] = None; sys.argv = [{script!r}, 'run', 'out']"
    code = f"{hide}; runpy.run_path({script!r}, run_name='__main__')"
    environment = subprocess_environment(PYTHONPATH=os.pathsep.join([str(ROOT), *sys.path]))
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert_one_line(done, "is missing; install it with: pip install -e '.[onnx]'")
