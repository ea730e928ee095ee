"""Checkpoints of every format against the original's golden ones."""

import json
import os
import re
import subprocess
import sys

import ml_dtypes
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from official.nlp.modeling import models, networks
from safetensors.numpy import save_file
from support.checkpoint_files import assert_same, forward_error, huggingface
from support.paths import ROOT
from tensorflow.core.protobuf.trackable_object_graph_pb2 import TrackableObjectGraph

from bert_tf.checkpoints.formats import read_checkpoint, write_checkpoint
from bert_tf.checkpoints.load import load_encoder
from bert_tf.errors import UserError
from bert_tf.modeling.config import BertConfig
from bert_tf.modeling.encoder import BertEncoder

QUERY = "bert/encoder/layer_0/attention/self/query/kernel"


def garden_encoder(config: BertConfig, kind=networks.BertEncoderV2) -> tf_keras.Model:
    inner = "inner_dim" if kind is networks.BertEncoderV2 else "intermediate_size"
    encoder = kind(
        vocab_size=config.vocab_size,
        hidden_size=config.hidden_size,
        num_layers=config.num_hidden_layers,
        num_attention_heads=config.num_attention_heads,
        max_sequence_length=config.max_position_embeddings,
        type_vocab_size=config.type_vocab_size,
        name=kind.__name__,
        **{inner: config.intermediate_size},
    )
    encoder(encoder.inputs)
    return encoder


def fill_garden(encoder: tf_keras.Model, ours: BertEncoder) -> None:
    """Sets a Model Garden encoder from ours, whose variables have the same names but for an outer scope."""
    ours_by_name = {variable.name: variable for variable in ours.variables}
    for variable in encoder.variables:
        name = variable.name.removeprefix(f"{encoder.name}/")
        variable.assign(ours_by_name.pop(name))
    assert not ours_by_name


# Reading.


def test_a_name_based_checkpoint_keeps_all_variables_and_types(golden, tmp_path):
    arrays = {
        "output_bias": np.zeros(2, np.float32),
        "global_step": np.int64(7),
        "output_bias/adam_m": np.ones(2),
    }
    write_checkpoint(tmp_path / "model.ckpt-7", arrays)
    read = read_checkpoint(tmp_path / "model.ckpt-7")
    assert {name: (value.dtype, value.shape) for name, value in read.items()} == {
        "output_bias": (np.float32, (2,)),
        "global_step": (np.int64, ()),
        "output_bias/adam_m": (np.float64, (2,)),
    }


@pytest.mark.slow
@pytest.mark.parametrize("key", ["encoder", "model"])
@pytest.mark.parametrize("kind", [networks.BertEncoderV2, networks.BertEncoder])
def test_an_object_based_checkpoint_of_the_model_garden_is_the_same(folder, arrays, config, tmp_path, kind, key):
    encoder = garden_encoder(config, kind)
    fill_garden(encoder, load_encoder(folder))
    prefix = tf.train.Checkpoint(**{key: encoder}).save(str(tmp_path / "garden"))
    assert_same(read_checkpoint(prefix), arrays)


@pytest.mark.slow
def test_the_official_converter_writes_what_is_read_as_the_same(arrays, golden, tmp_path):
    # In a process of its own: the converter has flags of the same names as run_classifier.py.
    converter = [sys.executable, "-m", "official.nlp.tools.tf2_bert_encoder_checkpoint_converter"]
    files = {
        "bert_config_file": golden / "bert_config.json",
        "checkpoint_to_convert": golden / "bert_model.ckpt",
        "converted_checkpoint_path": tmp_path / "converted",
        "checkpoint_model_name": "model",
    }
    subprocess.run([*converter, *(f"--{name}={value}" for name, value in files.items())], check=True)
    assert_same(read_checkpoint(tmp_path / "converted-1"), arrays)


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", [tf_keras.optimizers.Adam, tf_keras.optimizers.legacy.Adam])
@pytest.mark.parametrize("wrap", [lambda e: models.BertClassifier(e, 2), models.BertPretrainerV2])
def test_heads_and_optimizers_of_an_object_based_checkpoint_are_passed_over(
    folder, config, golden, tmp_path, wrap, optimizer
):
    encoder = garden_encoder(config)
    fill_garden(encoder, load_encoder(folder))
    model, adam = wrap(encoder), optimizer(0.0)
    model(model.inputs)
    adam.apply_gradients((tf.ones_like(v), v) for v in model.trainable_variables)
    tf.train.Checkpoint(model=model, optimizer=adam).save(str(folder / "garden"))
    for stale in folder.glob("bert_model.ckpt*"):
        stale.unlink()
    assert forward_error(load_encoder(folder), golden) < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("prefix", ["", "bert."])
@pytest.mark.parametrize("old_names", [False, True])
def test_a_hugging_face_file_is_the_same(folder, arrays, golden, prefix, old_names):
    weights = huggingface(arrays, prefix, old_names)
    weights |= {
        f"{prefix}embeddings.position_ids": np.arange(64)[None],
        "cls.predictions.bias": np.zeros(1000, np.float32),
        "classifier.weight": np.zeros((2, 48), np.float32),
    }
    for stale in folder.glob("bert_model.ckpt*"):
        stale.unlink()
    save_file(weights, folder / "model.safetensors")
    assert_same(read_checkpoint(folder / "model.safetensors"), arrays)
    assert forward_error(load_encoder(folder), golden) < 1e-5


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16])
def test_half_precision_files_are_widened(arrays, tmp_path, dtype):
    halves = {name: array.astype(dtype) for name, array in arrays.items()}
    save_file(huggingface(halves), tmp_path / "model.safetensors")
    read = read_checkpoint(tmp_path / "model.safetensors")
    assert_same(read, {name: array.astype(np.float32) for name, array in halves.items()})


def test_a_checkpoint_of_two_encoders_is_refused(config, tmp_path):
    both = tf.train.Checkpoint(a=BertEncoder(config), b=BertEncoder(config))
    with pytest.raises(UserError, match="more than one encoder"):
        read_checkpoint(both.save(str(tmp_path / "both")))


def test_a_pickled_checkpoint_is_never_opened(folder):
    for stale in folder.glob("bert_model.ckpt*"):
        stale.unlink()
    pickled = folder / "pytorch_model.bin"
    pickled.write_bytes(b"cos\nsystem\n(S'touch opened'\ntR.")
    for path in (folder, pickled):
        with pytest.raises(UserError, match=r"pytorch_model.bin: is a pickled file.*model.safetensors"):
            read_checkpoint(path)


@pytest.mark.parametrize("name", ["bert_model.ckpt.index", "bert_model.ckpt.data-00000-of-00001"])
@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[: len(content) // 2],
        lambda content: b"",
        lambda content: content[:1000] + bytes(255 - byte for byte in content[1000:1100]) + content[1100:],
    ],
    ids=["cut off", "empty", "changed"],
)
def test_a_broken_tensorflow_checkpoint_is_named(folder, name, damage):
    (folder / name).write_bytes(damage((folder / name).read_bytes()))
    with pytest.raises(UserError, match=rf"{folder}/bert_model.ckpt: cannot be read") as error:
        load_encoder(folder)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "damage", [lambda content: content[:-1], lambda content: content[:50], lambda content: b"\xff" * 100]
)
def test_a_broken_safetensors_file_is_named(arrays, tmp_path, damage):
    path = tmp_path / "model.safetensors"
    save_file(huggingface(arrays), path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(UserError, match=rf"{path}: cannot be read") as error:
        read_checkpoint(path)
    assert "\n" not in str(error.value)


def test_a_file_that_git_lfs_did_not_fetch_is_named(tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n")
    with pytest.raises(UserError, match=r"it is a pointer of Git LFS; `git lfs pull` gets the file itself"):
        read_checkpoint(path)


@pytest.mark.filterwarnings("error")
def test_a_number_that_float32_cannot_hold_is_infinite_without_a_warning(arrays, tmp_path):
    weights = huggingface(arrays | {"bert/pooler/dense/bias": np.full(8, 1e300)})
    save_file(weights, tmp_path / "model.safetensors")
    assert np.isinf(read_checkpoint(tmp_path / "model.safetensors")["bert/pooler/dense/bias"]).all()


def write_safetensors(path, header: dict | bytes, data: bytes = bytes(8)) -> None:
    header = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + data)


def in_safetensors(dtype: str = "F32", shape=(2,), end: int = 8) -> dict:
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [0, end]}


@pytest.mark.parametrize(("dtype", "size"), [("F8_E4M3", 2), ("F8_E5M2", 2), ("F8_E8M0", 2), ("F4", 1), ("C64", 16)])
def test_numbers_of_other_types_in_a_safetensors_file_are_named(tmp_path, dtype, size):
    path = tmp_path / "model.safetensors"
    write_safetensors(path, {"classifier.weight": in_safetensors(dtype, end=size)}, bytes(size))
    problem = rf"{path}: has arrays of types that are not read: classifier.weight \({dtype}\); save them as float32"
    with pytest.raises(UserError, match=problem):
        read_checkpoint(path)


ARRAY = json.dumps(in_safetensors()).encode()


@pytest.mark.parametrize(
    "header",
    [
        b'{"a":' + ARRAY + b',"a":' + ARRAY + b"}",
        {"a": in_safetensors(), "b": in_safetensors()},
        {"": in_safetensors()},
        {"a": in_safetensors(shape=[-2])},
        {"a": in_safetensors(shape=[2**62, 0], end=0)},
        {"a": in_safetensors(shape=[1] * 100 + [2])},
        {"a": 1},
        {"__metadata__": {"a": 1}, "b": in_safetensors()},
        b'{"\xff":' + ARRAY + b"}",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"[]",
        b"1",
        b'{"a":' + ARRAY + b"}" + b" " * (9 << 20),
    ],
    ids=lambda header: str(header)[:40],
)
def test_a_safetensors_file_that_nobody_writes_is_refused_in_one_line(tmp_path, header):
    path = tmp_path / "model.safetensors"
    write_safetensors(path, header)
    with pytest.raises(UserError, match=rf"{path}: cannot be read") as error:
        read_checkpoint(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("graph", [b"\xff\xff", b"no graph", "float"])
def test_an_object_graph_that_is_none_is_refused_in_one_line(tmp_path, graph):
    name = "_CHECKPOINTABLE_OBJECT_GRAPH"
    write_checkpoint(tmp_path / "x", {name: np.zeros(2, np.float32) if graph == "float" else tf.constant(graph)})
    with pytest.raises(UserError, match=rf"{tmp_path}/x: cannot be read") as error:
        read_checkpoint(tmp_path / "x")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("keys", "problem"),
    [(["a", "a"], "names an array twice"), (["b"], "the array 'b' is missing"), ([""], "the array '' is missing")],
)
def test_an_object_graph_that_names_other_arrays_is_refused(tmp_path, keys, problem):
    graph = TrackableObjectGraph()
    for key in keys:
        graph.nodes.add().attributes.add(name="VARIABLE_VALUE", full_name=f"of {key}", checkpoint_key=key)
    arrays = {"_CHECKPOINTABLE_OBJECT_GRAPH": tf.constant(graph.SerializeToString()), "a": np.zeros(2, np.float32)}
    write_checkpoint(tmp_path / "x", arrays)
    with pytest.raises(UserError, match=rf"{tmp_path}/x: cannot be read.*{problem}"):
        read_checkpoint(tmp_path / "x")


# Writing.


def test_what_is_written_is_read_back_by_tensorflow_in_the_original_shapes(folder, arrays, tmp_path):
    encoder = load_encoder(folder)
    assert encoder.variables_by_name[QUERY].shape == (48, 4, 12)
    write_checkpoint(tmp_path / "model.ckpt-3", encoder.variables_by_name)
    reader = tf.train.load_checkpoint(str(tmp_path / "model.ckpt-3"))
    assert_same({name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}, arrays)
    assert sorted(path.name for path in tmp_path.glob("*model.ckpt-3*")) == [
        "model.ckpt-3.data-00000-of-00001",
        "model.ckpt-3.index",
    ]


def test_a_checkpoint_is_written_over_an_older_one_of_the_same_name(tmp_path):
    for value in (1.0, 2.0):
        write_checkpoint(tmp_path / "x", {"output_bias": np.full(3, value, np.float32)})
    assert read_checkpoint(tmp_path / "x")["output_bias"].tolist() == [2.0, 2.0, 2.0]


@pytest.mark.parametrize("step", [1, 2])
def test_a_write_that_stops_on_the_way_leaves_no_checkpoint(tmp_path, monkeypatch, step):
    write_checkpoint(tmp_path / "x", {"output_bias": np.zeros(3, np.float32)})
    calls = []

    def stop_at_step(_):
        calls.append(1)
        if len(calls) == step:
            raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", stop_at_step)
    with pytest.raises(KeyboardInterrupt):
        write_checkpoint(tmp_path / "x", {"output_bias": np.ones(3, np.float32)})
    with pytest.raises(UserError, match=r"there is no checkpoint \(x.index is missing\)"):
        read_checkpoint(tmp_path / "x")


def test_leftovers_of_a_killed_write_do_not_matter(tmp_path):
    (tmp_path / ".x.partial").mkdir()
    (tmp_path / ".x.partial" / "checkpoint.index").write_text("half")
    write_checkpoint(tmp_path / "x", {"output_bias": np.zeros(3, np.float32)})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.data-00000-of-00001", "x.index"]


@pytest.mark.slow
def test_a_full_disk_leaves_no_checkpoint_and_is_reported(tmp_path):
    code = (
        "import resource, sys\n"
        "import numpy as np\n"
        "from bert_tf.checkpoints.formats import write_checkpoint\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "write_checkpoint(sys.argv[1], {'output_bias': np.zeros(10**6, np.float32)})\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "x")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert re.search(rf"UserError: {tmp_path}/x: cannot be written \(.*make room", done.stderr.splitlines()[-1])
    assert list(tmp_path.iterdir()) == []
