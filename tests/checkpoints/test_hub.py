"""Models of the Hugging Face hub, from a server on this machine. The library reads its settings when it is imported."""

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from support.fake_hub import commit_of, fake_hub, files_of
from support.paths import ROOT

from bert_tf.checkpoints.locate import model_name, resolve
from bert_tf.errors import UserError

needs_the_library = pytest.mark.skipif(
    importlib.util.find_spec("huggingface_hub") is None, reason="needs the extra hub"
)
# Prints what `resolve` says of each name, a JSON text a line.
PROGRAM = """
import json, sys
from bert_tf.checkpoints.casing import find_casing
from bert_tf.checkpoints.locate import resolve
from bert_tf.errors import UserError
for name in sys.argv[1:]:
    try:
        files = resolve(name)
        print(json.dumps({"checkpoint": str(files.checkpoint), "lower": find_casing(files, name).do_lower_case}))
    except UserError as error:
        print(json.dumps({"error": str(error)}))
assert "tensorflow" not in sys.modules
"""


@pytest.fixture(scope="module")
def models(golden) -> Mapping[str, Mapping[str, bytes]]:
    folder = golden / "huggingface"
    classifier = files_of(folder / "classifier")
    others = {"pytorch_model.bin": b"cos", "onnx/config.json": b"{}", "onnx/model.safetensors": b"x", "README.md": b"x"}
    return {
        "org/classifier": classifier | others,
        "org/classifier@v1": files_of(folder / "two_unnamed_labels_in_float16"),
        "org/shards": files_of(folder / "multi_label_in_bfloat16_shards"),
        "org/cased": files_of(folder / "cased_masked_lm"),
        "org/pickled": {"config.json": classifier["config.json"], "pytorch_model.bin": b"cos"},
        "org/llama": {"config.json": b'{"model_type": "llama"}', "model.safetensors": b"x" * 1000},
        "org/empty": {"README.md": b"x"},
    }


@pytest.fixture
def hub(models) -> Iterator[tuple[str, list[str]]]:
    with fake_hub(models) as served:
        yield served


def answers(address: str, home: Path, *names: str, **settings: str) -> list[dict]:
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    env = os.environ | {"HF_ENDPOINT": address, "HF_HOME": str(home), "PYTHONPATH": path} | settings
    result = subprocess.run([sys.executable, "-c", PROGRAM, *names], env=env, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.mark.slow
@needs_the_library
def test_a_model_of_the_hub_is_downloaded_once_and_without_what_nobody_needs(hub, models, tmp_path):
    address, requests = hub
    names = ["hf://org/classifier", "hf://org/classifier@v1", "hf://org/shards", "hf://org/cased"]
    found = answers(address, tmp_path, *names)
    checkpoints = [Path(answer["checkpoint"]) for answer in found]
    served = ["org/classifier", "org/classifier@v1", "org/shards", "org/cased"]
    assert [path.parent.name for path in checkpoints] == [commit_of(models[name]) for name in served]
    assert checkpoints[2].name == "model.safetensors.index.json"
    assert [answer["lower"] for answer in found] == [True, True, True, False]
    assert not [request for request in requests if request.endswith((".bin", "README.md")) or "onnx" in request]
    requests.clear()
    assert answers(address, tmp_path, *names) == found
    assert not [request for request in requests if "/resolve/" in request]
    assert answers("http://127.0.0.1:9", tmp_path, *names, HF_HUB_OFFLINE="1") == found


@pytest.mark.slow
@needs_the_library
def test_a_model_that_cannot_be_used_is_one_line(hub, tmp_path):
    address, requests = hub
    messages = {
        "hf://org/pickled": "hf://org/pickled: has no model.safetensors, and pickled weights are not read; give a",
        "hf://org/llama": "config.json: is a 'llama' model; only BERT's architecture can be loaded",
        "hf://org/nothing": "hf://org/nothing: is no model of the hub, or a private one; check the name, or log in",
        "hf://org/classifier@v2": "hf://org/classifier@v2: has no such revision; give a branch, a tag or a commit",
        "hf://org/empty": "hf://org/empty: has no config.json; give the name of a BERT",
    }
    for answer, message in zip(answers(address, tmp_path, *messages), messages.values(), strict=True):
        assert message in answer["error"]
        assert answer["error"].isprintable() and len(answer["error"]) < 400
    assert not [request for request in requests if request.endswith((".bin", ".safetensors"))]
    [answer] = answers(address, tmp_path, "hf://org/other", HF_HUB_OFFLINE="1")
    assert answer["error"] == "hf://org/other: cannot be downloaded and is not in the cache; check the network"


def test_without_the_library_one_line_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    message = r"hf://org/name: needs the package huggingface_hub, .* install it with: pip install 'bert-tf\[hub\]'"
    with pytest.raises(UserError, match=message):
        resolve("hf://org/name")


@pytest.mark.parametrize(
    "name", ["hf://", "hf://a b/c", "hf://a/b/c", "hf://../b", "hf://a/b@", "hf://a/b@../c", "hf://a\n/b"]
)
def test_what_is_no_name_of_the_hub_is_refused(name):
    with pytest.raises(UserError, match="is no model of the hub; give it as hf://ORGANIZATION/NAME") as error:
        resolve(name)
    assert str(error.value).isprintable()


def test_a_path_that_exists_is_a_path_and_another_one_says_how_to_name_a_model_of_the_hub(
    tmp_path, monkeypatch, folder
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "org").mkdir()
    folder.rename(tmp_path / "org" / "name")
    assert resolve("org/name").checkpoint == Path("org/name/bert_model.ckpt")
    with pytest.raises(
        UserError, match=r"org/other: no such file .*, or hf://org/other for a model of the Hugging Face"
    ):
        resolve("org/other")


def test_a_model_of_the_hub_is_called_by_its_name():
    assert model_name("hf://org/name") == model_name("hf://org/name@refs/pr/1") == "name"
