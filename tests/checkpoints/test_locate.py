"""Finding the files of a model from a folder, a zip file or a name."""

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from support.checkpoint_files import assert_same, forward_error, huggingface
from support.paths import ROOT

from bert_tf.checkpoints.formats import read_checkpoint, write_checkpoint
from bert_tf.checkpoints.load import load_encoder
from bert_tf.checkpoints.locate import model_name, named_files, resolve
from bert_tf.errors import UserError


def test_a_folder_around_the_checkpoint_and_a_zip_file_of_it_are_resolved(folder, cache, tmp_path, golden):
    outer = tmp_path / "outer"
    shutil.copytree(folder, outer / "uncased_L-3_H-48_A-4")
    with zipfile.ZipFile(outer / "official.zip", "w") as archive:
        for path in folder.iterdir():
            archive.write(path, f"uncased_L-3_H-48_A-4/{path.name}")
    assert resolve(outer).config_file == outer / "uncased_L-3_H-48_A-4" / "bert_config.json"
    zipped = resolve(outer / "official.zip")
    assert zipped.checkpoint.is_relative_to(cache)
    shutil.copy(outer / "official.zip", outer / "OFFICIAL.ZIP")
    assert resolve(outer / "OFFICIAL.ZIP") == zipped
    assert forward_error(load_encoder(outer / "official.zip"), golden) < 1e-5


def test_an_output_folder_gives_its_latest_checkpoint_also_after_a_move(folder, arrays):
    for step in (5, 10):
        write_checkpoint(folder / f"model.ckpt-{step}", arrays)
    (folder / "checkpoint").write_text('model_checkpoint_path: "/elsewhere/output/model.ckpt-10"\n')
    assert resolve(folder).checkpoint == folder / "model.ckpt-10"
    assert_same(read_checkpoint(folder), arrays)


def test_an_output_folder_that_lacks_its_configuration_is_not_taken_for_one_around_its_export(folder):
    (folder / "bert_config.json").unlink()
    (folder / "export").mkdir()
    with pytest.raises(UserError, match=f"{folder}: has neither bert_config.json nor config.json"):
        resolve(folder)


def test_a_hugging_face_folder_goes_with_its_own_configuration(tmp_path, arrays):
    for name in ("config.json", "bert_config.json", "vocab.txt"):
        (tmp_path / name).write_text("{}")
    save_file(huggingface(arrays), tmp_path / "model.safetensors")
    assert resolve(tmp_path).config_file == tmp_path / "config.json"


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "vocab.txt").unlink(), "vocab.txt is missing"),
        (lambda folder: (folder / "bert_config.json").unlink(), "has neither bert_config.json nor config.json"),
        (lambda folder: (folder / "bert_model.ckpt.index").unlink(), "has no checkpoint"),
        (
            lambda folder: (folder / "checkpoint").write_text('model_checkpoint_path: "gone"'),
            "names gone, which",
        ),
        (lambda folder: (folder / "checkpoint").write_text("%&!"), "checkpoint: cannot be read"),
    ],
)
def test_an_incomplete_folder_is_reported_in_one_line(folder, damage, message):
    damage(folder)
    with pytest.raises(UserError, match=message) as error:
        load_encoder(folder)
    assert str(folder) in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("no/such/folder", "no/such/folder: no such file or folder"),
        ("missing.zip", "missing.zip: no such file or folder"),
        ("uncased_L-12_H-768_A-13", "did you mean uncased_L-12_H-768_A-12"),
    ],
)
def test_what_is_neither_a_path_nor_a_name_is_reported(given, message):
    with pytest.raises(UserError, match=message):
        load_encoder(given)


def test_a_file_given_for_a_folder_is_reported(folder):
    with pytest.raises(UserError, match=r"vocab.txt: is a file; give the folder"):
        resolve(folder / "vocab.txt")


# Checkpoints named by their files.


@pytest.mark.parametrize("suffix", ["", ".", ".index", ".data-00000-of-00001"])
def test_a_checkpoint_named_by_its_prefix_or_one_of_its_files_is_found(folder, suffix):
    given = f"{folder}/bert_model.ckpt{suffix}"
    assert resolve(given) == resolve(folder)
    files = named_files(folder / "bert_config.json", folder / "vocab.txt", given)
    assert files == resolve(folder)


def test_an_older_checkpoint_of_a_folder_can_be_named(folder):
    for step in (5, 10):
        for path in folder.glob("bert_model.ckpt.*"):
            shutil.copy(path, folder / path.name.replace("bert_model.ckpt", f"model.ckpt-{step}"))
    (folder / "checkpoint").write_text('model_checkpoint_path: "model.ckpt-10"\n')
    assert resolve(folder / "model.ckpt-5").checkpoint == folder / "model.ckpt-5"
    assert resolve(folder).checkpoint == folder / "model.ckpt-10"


def test_paths_begin_at_the_home_folder_if_they_begin_with_a_tilde(folder, monkeypatch):
    monkeypatch.setenv("HOME", str(folder.parent))
    assert resolve("~/official").config_file == folder / "bert_config.json"
    assert resolve("~/official/bert_model.ckpt.index").checkpoint == folder / "bert_model.ckpt"
    names = ("bert_config.json", "vocab.txt", "bert_model.ckpt")
    assert named_files(*(f"~/official/{name}" for name in names)) == resolve(folder)
    with pytest.raises(UserError, match=r"'~nobody-here/x': ~nobody-here is not known here"):
        resolve("~nobody-here/x")


def test_training_from_scratch_names_no_checkpoint(folder):
    assert named_files(folder / "bert_config.json", folder / "vocab.txt", None).checkpoint is None


# Hugging Face's folders.


def huggingface_folder(folder: Path, **config) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps({"model_type": "bert", "vocab_size": 3} | config))
    save_file({"x": np.zeros(1, np.float32)}, folder / "model.safetensors")
    return folder


def test_the_folder_of_another_model_says_what_it_is(tmp_path):
    folder = huggingface_folder(tmp_path, model_type="roberta")
    with pytest.raises(UserError, match=r"config.json: is a 'roberta' model; only BERT's architecture"):
        resolve(folder)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(UserError, match=r"config.json: is a 'roberta' model; only BERT's architecture"):
        resolve(folder)


@pytest.mark.parametrize("name", ["merges.txt", "vocab.json", "spiece.model"])
def test_the_vocabulary_of_another_tokenizer_is_named(tmp_path, name):
    folder = huggingface_folder(tmp_path)
    (folder / name).write_text("")
    with pytest.raises(UserError, match=rf"has {name} and no vocab.txt: this is a model with another tokenizer"):
        resolve(folder)


def test_pickled_weights_are_refused_with_a_call_that_converts_them(tmp_path):
    folder = huggingface_folder(tmp_path)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(UserError, match=r"pytorch_model.bin: is a pickled file.*AutoModel.*save_pretrained\(NEW\)"):
        resolve(folder)


def test_control_characters_of_paths_do_not_reach_the_terminal(tmp_path):
    for path in (tmp_path / "a\nb\x1b[31m", huggingface_folder(tmp_path / "c\nd\x1b[31m")):
        with pytest.raises(UserError) as error:
            resolve(path)
        assert str(error.value).isprintable()


def test_finding_the_files_needs_no_tensorflow(folder):
    code = "import sys; from bert_tf.checkpoints.locate import resolve; resolve(sys.argv[1]); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code, folder], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "bert_tf.checkpoints.locate" in done.stdout
    assert "tensorflow" not in done.stdout


@pytest.mark.parametrize("name", ["x" * 5000, f"./{'x' * 300}/model", "a\0b", "", "foo://bucket/bert", b"bert", None])
def test_what_cannot_be_a_path_or_a_name_is_reported_in_one_line(name):
    with pytest.raises(UserError, match=r"^model: ") as error:
        resolve(name)
    assert "\n" not in str(error.value)


def test_a_state_file_with_a_name_that_no_file_can_have_is_reported_in_one_line(folder):
    (folder / "checkpoint").write_text(f'model_checkpoint_path: "{"x" * 300}"\n')
    for read in (resolve, read_checkpoint):
        with pytest.raises(UserError, match=r"cannot be read \(File name too long\)"):
            read(folder)


def test_a_folder_with_several_checkpoints_names_them(folder):
    for path in folder.glob("bert_model.ckpt.*"):
        for name in "abcdef":
            shutil.copy(path, folder / path.name.replace("bert_model.ckpt", f"{name}.ckpt"))
        path.unlink()
    with pytest.raises(UserError, match=r"has several checkpoints \(a.ckpt, b.ckpt, c.ckpt, d.ckpt and 2 more\)"):
        resolve(folder)


def test_a_model_is_called_as_its_folder_is(folder):
    for path in (folder, folder / "bert_model.ckpt", folder / "bert_model.ckpt.index"):
        assert model_name(path) == "official"
    assert model_name("no/such/folder") == "folder" and model_name("a.zip") == "a.zip"
