"""Weights that Hugging Face has split into several files."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from support.checkpoint_files import assert_same, huggingface

from bert_tf.checkpoints.completeness import check_files
from bert_tf.checkpoints.formats import read_checkpoint
from bert_tf.checkpoints.identity import model_digest
from bert_tf.checkpoints.locate import named_files, resolve
from bert_tf.errors import UserError
from bert_tf.modeling.config import BertConfig

NAME = "model.safetensors.index.json"
FIRST, SECOND = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"
HUGE = "[" * 100_000


@pytest.fixture
def shards(tmp_path, arrays, golden) -> Path:
    """The golden weights in two files, as transformers splits them."""
    folder = tmp_path / "shards"
    folder.mkdir()
    weights = huggingface(arrays, "bert.")
    names = list(weights)
    halves = {FIRST: names[::2], SECOND: names[1::2]}
    for file, half in halves.items():
        save_file({name: weights[name] for name in half}, folder / file)
    write_map(folder, {name: file for file, half in halves.items() for name in half})
    config = json.loads((golden / "bert_config.json").read_text()) | {"model_type": "bert", "hidden_act": "gelu_new"}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "vocab.txt").write_text("[PAD]\n[CLS]\n[SEP]\n")
    return folder


def write_map(folder: Path, places: object) -> None:
    (folder / NAME).write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": places}))


def read_map(folder: Path) -> dict[str, str]:
    return json.loads((folder / NAME).read_text())["weight_map"]


def check(folder: Path) -> None:
    files = resolve(folder)
    check_files(files, BertConfig.from_json_file(files.config_file))


def test_the_arrays_of_all_files_are_read(shards, arrays):
    files = resolve(shards)
    assert files.checkpoint == shards / NAME
    check(shards)
    for given in (shards, shards / NAME):
        assert_same(read_checkpoint(given), arrays)
    named = named_files(shards / "config.json", shards / "vocab.txt", shards / NAME)
    assert named == files == resolve(shards / NAME) == resolve(shards / SECOND)


def test_a_whole_file_beside_them_counts(shards):
    save_file(load_file(shards / FIRST) | load_file(shards / SECOND), shards / "model.safetensors")
    assert resolve(shards).checkpoint == shards / "model.safetensors"


def test_the_digest_of_the_model_changes_with_each_file(shards):
    digest = model_digest(resolve(shards))
    weights = load_file(shards / SECOND)
    name = min(weights)
    save_file(weights | {name: weights[name] + 1}, shards / SECOND)
    assert model_digest(resolve(shards)) != digest


def test_links_as_in_the_cache_of_the_hub_are_followed(shards, arrays, tmp_path):
    (tmp_path / "blobs").mkdir()
    for number, path in enumerate(sorted(shards.iterdir())):
        path.rename(tmp_path / "blobs" / str(number))
        path.symlink_to(tmp_path / "blobs" / str(number))
    assert_same(read_checkpoint(resolve(shards).checkpoint), arrays)


@pytest.mark.parametrize(
    ("places", "message"),
    [
        ({}, "its weight_map names no arrays"),
        (["x"], "its weight_map names no arrays"),
        ({"x": 1}, "it names 1, which is no .safetensors file of its folder"),
        ({"x": "../model.safetensors"}, "it names '../model.safetensors', which is no"),
        ({"x": "/etc/model.safetensors"}, "it names '/etc/model.safetensors', which is no"),
        ({"x": "..safetensors"}, "it names '..safetensors', which is no"),
        ({"x": "a\nb.safetensors"}, r"it names 'a\\nb.safetensors', which is no"),
        ({"x": "pytorch_model.bin"}, "it names 'pytorch_model.bin', which is no"),
        ({str(i): f"{i}.safetensors" for i in range(1001)}, "it names more than 1000 files"),
    ],
)
def test_an_index_that_leads_elsewhere_is_refused_in_one_line(shards, places, message):
    write_map(shards, places)
    for read in (check, read_checkpoint, lambda folder: model_digest(resolve(folder))):
        with pytest.raises(UserError, match=rf"{NAME}: cannot be read, it is broken or cut off \({message}") as error:
            read(shards)
        assert str(error.value).isprintable()


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "{}", HUGE, '{"weight_map": {"a": "x", "a": "x"}}', " " * (9 << 20)]
)
def test_an_index_that_is_none_is_refused_in_one_line(shards, content):
    (shards / NAME).write_text(content)
    for read in (check, read_checkpoint):
        with pytest.raises(UserError, match=rf"{NAME}: cannot be read, it is broken or cut off \(") as error:
            read(shards)
        assert len(str(error.value)) < 500


def test_a_file_that_is_missing_is_named(shards):
    (shards / SECOND).unlink()
    for read in (check, read_checkpoint):
        with pytest.raises(UserError, match=rf"{shards}: {SECOND} is missing, which {NAME} names; copy or download it"):
            read(shards)


def test_a_file_that_is_cut_is_named(shards):
    (shards / SECOND).write_bytes((shards / SECOND).read_bytes()[:100])
    for read in (check, read_checkpoint):
        with pytest.raises(UserError, match=rf"{SECOND}: cannot be read"):
            read(shards)


def test_a_file_of_another_model_is_named(shards):
    name = min(load_file(shards / SECOND))
    places = read_map(shards)
    for changed, message in (
        (places | {name: FIRST}, f"{FIRST}: .*it lacks '{name}', which the index places in it"),
        ({each: file for each, file in places.items() if each != name}, f"it has '{name}', .* places in no file"),
    ):
        write_map(shards, changed)
        with pytest.raises(UserError, match=message) as error:
            read_checkpoint(shards)
        assert "\n" not in str(error.value)


def test_an_array_in_two_files_is_named(shards):
    name, array = min(load_file(shards / SECOND).items())
    save_file(load_file(shards / FIRST) | {name: np.zeros_like(array)}, shards / FIRST)
    with pytest.raises(UserError, match=rf"{FIRST}: .*it has '{name}', which the index places in {SECOND}"):
        read_checkpoint(shards)


def test_files_without_their_index_are_refused(shards):
    (shards / NAME).unlink()
    with pytest.raises(UserError, match=rf"has weights in several files \({FIRST}, {SECOND}\), but no {NAME}; copy it"):
        resolve(shards)


def test_a_folder_in_the_place_of_a_file_is_reported(shards):
    (shards / SECOND).unlink()
    (shards / SECOND).mkdir()
    with pytest.raises(UserError, match=rf"{SECOND} is missing"):
        check(shards)
