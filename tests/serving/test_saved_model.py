"""A SavedModel that is broken, or not ours, is refused in one line."""

import json
import shutil
from pathlib import Path

import pytest
import tensorflow as tf
from support.fine_tuned import write_fine_tuned

from bert_tf.errors import UserError
from bert_tf.exports.saved_model import export
from bert_tf.models.fine_tuned import read_fine_tuned
from bert_tf.serving.predictor import load

pytestmark = pytest.mark.slow

VARIABLES = "variables/variables.data-00000-of-00001"


@pytest.fixture(scope="module")
def exported(tmp_path_factory) -> Path:
    top = tmp_path_factory.mktemp("export")
    return export(read_fine_tuned(write_fine_tuned(top / "run")), top / "export")


@pytest.fixture
def copy(exported, tmp_path) -> Path:
    return shutil.copytree(exported, tmp_path / "1")


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def overwrite(path: Path) -> None:
    path.write_bytes(b"\xff" * path.stat().st_size)


FILES = ("saved_model.pb", VARIABLES, "variables/variables.index", "assets/export.json")
DAMAGES = [(name, damage) for name in FILES for damage in (truncate, overwrite, Path.unlink)]
# A folder without saved_model.pb is no SavedModel.
DAMAGES.remove(("saved_model.pb", Path.unlink))


@pytest.mark.parametrize("name, damage", DAMAGES)
def test_a_damaged_file_is_one_line(copy, name, damage):
    damage(copy / name)
    with pytest.raises(UserError) as error:
        load(copy)
    message = str(error.value)
    assert message.startswith(str(copy)) and message.endswith("; export the model again") and "\n" not in message


@pytest.mark.parametrize(
    "change",
    [{"labels": ["a", "b", "c"]}, {"kind": "regression", "labels": []}, {"kind": "multi_label", "labels": ["a"]}],
)
def test_facts_of_another_model_are_refused(copy, change):
    path = copy / "assets" / "export.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(UserError, match=r"1: cannot be loaded \(.*\); export the model again"):
        load(copy)


def test_a_saved_model_of_others_is_refused_in_one_line(tmp_path):
    module = tf.Module()
    module.double = tf.function(lambda x: 2 * x, input_signature=[tf.TensorSpec([], tf.float32)])
    tf.saved_model.save(module, str(tmp_path / "3"))
    with pytest.raises(UserError, match=r"export\.json: is missing, so this is no export of bert-tf") as error:
        load(tmp_path)
    assert "\n" not in str(error.value)


def test_a_run_is_loaded_itself_and_not_an_export_in_its_folder(tmp_path):
    run = write_fine_tuned(tmp_path / "run")
    export(read_fine_tuned(run), run)
    (run / "labels.txt").write_text("no\nyes\n")
    assert load(run).labels == ("no", "yes") and load(run / "1").labels == ("bad", "good")


@pytest.mark.parametrize("name, dtype", [("sentence", tf.string), ("text", tf.int32)])
def test_a_saved_model_that_takes_other_inputs_is_refused_when_it_is_loaded(exported, tmp_path, name, dtype):
    module, answers = tf.Module(), {"probabilities": tf.zeros([1, 2])}
    module.answer = tf.function(lambda inputs: answers, input_signature=[tf.TensorSpec([None], dtype, name)])
    signature = module.answer.get_concrete_function()
    tf.saved_model.save(module, str(tmp_path / "1"), {"serving_default": signature})
    shutil.copytree(exported / "assets", tmp_path / "1" / "assets", dirs_exist_ok=True)
    with pytest.raises(UserError, match=rf"1: cannot be loaded \(.* takes {name}, .*\); export the model again"):
        load(tmp_path)


@pytest.mark.parametrize("given", [{"labels": ["x", "y"]}, {"vocab_file": "vocab.txt"}, {"bert_config_file": "a"}])
def test_labels_and_files_that_an_export_would_not_use_are_refused(exported, given):
    with pytest.raises(UserError, match=f"{next(iter(given))}: .* is an export, which has its own; leave it out"):
        load(exported, **given)


def test_a_pair_is_refused_by_a_model_of_single_texts(tmp_path):
    run = write_fine_tuned(tmp_path / "run", run={"training": {}, "pairs": False})
    model = load(export(read_fine_tuned(run), tmp_path / "export"))
    assert model.predict(["w1 w2"])[0].label in ("bad", "good")
    with pytest.raises(UserError, match="predict: this export takes single texts, not pairs"):
        model.predict(["w1", ("w1", "w2")])
