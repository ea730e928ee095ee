"""Checkpoints of every format against the original's golden ones."""

import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from official.nlp.modeling import models, networks
from safetensors.numpy import save_file
from support.paths import ROOT

from bert_tf.checkpoints import formats as checkpoints
from bert_tf.checkpoints.formats import read_checkpoint, write_checkpoint
from bert_tf.checkpoints.load import fill, load_encoder
from bert_tf.checkpoints.locate import resolve
from bert_tf.errors import UserError
from bert_tf.modeling.config import BertConfig
from bert_tf.modeling.encoder import BertEncoder
from bert_tf.modeling.heads import ClassificationHead

QUERY = "bert/encoder/layer_0/attention/self/query/kernel"


@pytest.fixture(scope="module")
def arrays(golden) -> dict[str, np.ndarray]:
    """The golden checkpoint, read by TensorFlow alone."""
    reader = tf.train.load_checkpoint(str(golden / "bert_model.ckpt"))
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}


@pytest.fixture(scope="module")
def config(golden) -> BertConfig:
    return BertConfig.from_json_file(golden / "bert_config.json")


@pytest.fixture
def folder(tmp_path, golden) -> Path:
    """An unpacked official checkpoint."""
    folder = tmp_path / "official"
    folder.mkdir()
    for name in ("bert_config.json", "bert_model.ckpt.index", "bert_model.ckpt.data-00000-of-00001"):
        shutil.copy(golden / name, folder)
    (folder / "vocab.txt").write_text("[PAD]\n")
    return folder


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


def hugging_face(arrays: dict[str, np.ndarray], prefix: str = "", old_names: bool = False) -> dict[str, np.ndarray]:
    """The same weights as PyTorch's BertModel keeps them."""
    renamed = {}
    for name, array in arrays.items():
        torch_name = re.sub(r"layer_(\d+)", r"layer.\1", name.removeprefix("bert/")).replace("/", ".")
        if torch_name.endswith("_embeddings"):
            torch_name += ".weight"
        if not old_names:
            torch_name = torch_name.replace("gamma", "weight").replace("beta", "bias")
        if torch_name.endswith(".kernel"):
            torch_name, array = torch_name.replace(".kernel", ".weight"), array.T
        renamed[prefix + torch_name] = np.ascontiguousarray(array)
    return renamed


def forward_error(encoder: BertEncoder, golden: Path) -> float:
    """The largest difference from what the original computes, over all layers."""
    with np.load(golden / "forward.npz") as data:
        outputs = encoder(
            {
                "input_word_ids": data["input_ids"],
                "input_mask": data["input_mask"],
                "input_type_ids": data["segment_ids"],
            }
        )
        return max(
            np.abs(np.stack(outputs["encoder_outputs"]) - data["all_encoder_layers"]).max(),
            np.abs(outputs["pooled_output"] - data["pooled_output"]).max(),
        )


def assert_same(read: dict[str, np.ndarray], arrays: dict[str, np.ndarray]) -> None:
    assert arrays.keys() <= read.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(read[name], array, err_msg=name, strict=True)


# Formats


def test_an_original_checkpoint_gives_what_the_original_computes(folder, golden):
    assert forward_error(load_encoder(folder), golden) < 1e-5


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


@pytest.mark.parametrize("key", ["encoder", "model"])
@pytest.mark.parametrize("kind", [networks.BertEncoderV2, networks.BertEncoder])
def test_an_object_based_checkpoint_of_the_model_garden_is_the_same(folder, arrays, config, tmp_path, kind, key):
    encoder = garden_encoder(config, kind)
    fill_garden(encoder, load_encoder(folder))
    prefix = tf.train.Checkpoint(**{key: encoder}).save(str(tmp_path / "garden"))
    assert_same(read_checkpoint(prefix), arrays)


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


@pytest.mark.parametrize("prefix", ["", "bert."])
@pytest.mark.parametrize("old_names", [False, True])
def test_a_hugging_face_file_is_the_same(folder, arrays, golden, prefix, old_names):
    weights = hugging_face(arrays, prefix, old_names)
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
    save_file(hugging_face(halves), tmp_path / "model.safetensors")
    read = read_checkpoint(tmp_path / "model.safetensors")
    assert_same(read, {name: array.astype(np.float32) for name, array in halves.items()})


def test_the_small_real_checkpoint_fills_its_encoder(minilm_dir):
    encoder = load_encoder("all-MiniLM-L6-v2")
    assert sum(int(tf.size(v)) for v in encoder.variables) == 22_713_216
    assert encoder.config.hidden_act == "gelu_erf"
    ids = tf.constant([[101, 7592, 102]])
    outputs = encoder({"input_word_ids": ids, "input_mask": tf.ones_like(ids), "input_type_ids": ids * 0})
    assert np.isfinite(outputs["pooled_output"]).all()


# Writing


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

    monkeypatch.setattr(checkpoints.os, "fsync", stop_at_step)
    with pytest.raises(KeyboardInterrupt):
        write_checkpoint(tmp_path / "x", {"output_bias": np.ones(3, np.float32)})
    with pytest.raises(UserError, match=r"no checkpoint there \(x.index is missing\)"):
        read_checkpoint(tmp_path / "x")


def test_leftovers_of_a_killed_write_do_not_matter(tmp_path):
    (tmp_path / ".x.partial").mkdir()
    (tmp_path / ".x.partial" / "checkpoint.index").write_text("half")
    write_checkpoint(tmp_path / "x", {"output_bias": np.zeros(3, np.float32)})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.data-00000-of-00001", "x.index"]


def test_a_full_disk_leaves_no_checkpoint_and_is_told(tmp_path):
    code = (
        "import resource, sys\n"
        "import numpy as np\n"
        "from bert_tf.checkpoints import formats\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "formats.write_checkpoint(sys.argv[1], {'output_bias': np.zeros(10**6, np.float32)})\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "x")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert re.search(rf"UserError: {tmp_path}/x: cannot be written \(.*make room", done.stderr.splitlines()[-1])
    assert list(tmp_path.iterdir()) == []


# Finding the files


def test_a_folder_around_the_checkpoint_and_a_zip_file_of_it_are_resolved(folder, tmp_path, monkeypatch, golden):
    monkeypatch.setenv("BERT_TF_CACHE", str(tmp_path / "cache"))
    outer = tmp_path / "outer"
    shutil.copytree(folder, outer / "uncased_L-3_H-48_A-4")
    with zipfile.ZipFile(outer / "official.zip", "w") as archive:
        for path in folder.iterdir():
            archive.write(path, f"uncased_L-3_H-48_A-4/{path.name}")
    assert resolve(outer).config_file == outer / "uncased_L-3_H-48_A-4" / "bert_config.json"
    zipped = resolve(outer / "official.zip")
    assert zipped.checkpoint.is_relative_to(tmp_path / "cache")
    assert forward_error(load_encoder(outer / "official.zip"), golden) < 1e-5


def test_an_output_folder_gives_its_latest_checkpoint_also_after_a_move(folder, arrays):
    for step in (5, 10):
        write_checkpoint(folder / f"model.ckpt-{step}", arrays)
    (folder / "checkpoint").write_text('model_checkpoint_path: "/elsewhere/output/model.ckpt-10"\n')
    assert resolve(folder).checkpoint == folder / "model.ckpt-10"
    assert_same(read_checkpoint(folder), arrays)


def test_a_hugging_face_folder_goes_with_its_own_configuration(tmp_path, arrays):
    for name in ("config.json", "bert_config.json", "vocab.txt"):
        (tmp_path / name).write_text("{}")
    save_file(hugging_face(arrays), tmp_path / "model.safetensors")
    assert resolve(tmp_path).config_file == tmp_path / "config.json"


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "vocab.txt").unlink(), "vocab.txt is missing"),
        (lambda folder: (folder / "bert_config.json").unlink(), "neither bert_config.json nor config.json"),
        (lambda folder: (folder / "bert_model.ckpt.index").unlink(), "no checkpoint there"),
        (
            lambda folder: (folder / "checkpoint").write_text('model_checkpoint_path: "gone"'),
            "names gone, which",
        ),
        (lambda folder: (folder / "checkpoint").write_text("%&!"), "checkpoint: cannot be read"),
    ],
)
def test_an_incomplete_folder_is_told_in_one_line(folder, damage, message):
    damage(folder)
    with pytest.raises(UserError, match=message) as error:
        load_encoder(folder)
    assert str(folder) in str(error.value)
    assert "\n" not in str(error.value)


def test_a_pickled_checkpoint_is_never_opened(folder):
    for stale in folder.glob("bert_model.ckpt*"):
        stale.unlink()
    pickled = folder / "pytorch_model.bin"
    pickled.write_bytes(b"cos\nsystem\n(S'touch opened'\ntR.")
    for path in (folder, pickled):
        with pytest.raises(UserError, match=r"pytorch_model.bin: is a pickled file.*model.safetensors"):
            read_checkpoint(path)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("no/such/folder", "no/such/folder: no such folder"),
        ("missing.zip", "missing.zip: no such folder"),
        ("uncased_L-12_H-768_A-13", "did you mean uncased_L-12_H-768_A-12"),
    ],
)
def test_what_is_neither_a_path_nor_a_name_is_told(given, message):
    with pytest.raises(UserError, match=message):
        load_encoder(given)


def test_a_file_given_for_a_folder_is_told(folder):
    with pytest.raises(UserError, match=r"vocab.txt: is a file; give the folder"):
        resolve(folder / "vocab.txt")


# Broken and unfitting checkpoints


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
    save_file(hugging_face(arrays), path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(UserError, match=rf"{path}: cannot be read") as error:
        read_checkpoint(path)
    assert "\n" not in str(error.value)


def with_changes(arrays: dict[str, np.ndarray], **changes) -> dict[str, np.ndarray]:
    return arrays | {name.replace("__", "/"): value for name, value in changes.items()}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda a: {n: v for n, v in a.items() if "pooler" not in n},
            r"missing: bert/pooler/dense/\w+, bert/pooler",
        ),
        (
            lambda a: a | {"bert/encoder/layer_3/output/dense/bias": np.zeros(48)},
            r"left over: .*layer_3/output",
        ),
        (lambda a: a | {"something/else": np.zeros(1)}, "left over: something/else"),
        (lambda a: a | {QUERY: np.zeros([48, 4, 13])}, rf"another shape: {QUERY} \[48, 52\] for \[48, 48\]"),
        (lambda a: a | {QUERY: a[QUERY] * np.nan}, f"not finite: {QUERY}"),
        (lambda a: {}, r"missing: (bert/[^,]+, ){3}bert/\S+ and 51 more; check"),
    ],
)
def test_an_encoder_is_filled_whole_or_not_at_all(config, arrays, change, message):
    encoder = BertEncoder(config)
    before = [v.numpy() for v in encoder.variables]
    with pytest.raises(UserError, match=message) as error:
        fill(encoder, change(arrays), "here.ckpt")
    assert str(error.value).startswith("here.ckpt: ")
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 600
    for old, variable in zip(before, encoder.variables, strict=True):
        np.testing.assert_array_equal(old, variable)


def test_training_state_and_heads_are_not_left_over(config, arrays):
    more = [
        "cls/predictions/output_bias",
        "cls/seq_relationship/output_weights",
        "output_weights",
        "output_bias",
    ]
    more += [
        "global_step",
        "beta1_power",
        f"{QUERY}/adam_m",
        f"{QUERY}/adam_v",
        f"{QUERY}/Adam",
        f"{QUERY}/Adam_1",
    ]
    fill(BertEncoder(config), arrays | dict.fromkeys(more, np.zeros(1)))


def test_a_classifier_is_filled_with_its_head_or_not_at_all(config, golden, arrays):
    classifier = ClassificationHead(BertEncoder(config), num_labels=3)
    with pytest.raises(UserError, match="missing: output_weights, output_bias"):
        fill(classifier, arrays)
    with np.load(golden / "forward.npz") as data:
        head = {name: data[name] for name in ("output_weights", "output_bias")}
    fill(classifier, arrays | head)
    np.testing.assert_array_equal(classifier.variables_by_name["output_weights"], head["output_weights"])


def test_a_configuration_of_another_width_is_told_with_the_checkpoint(folder):
    config = json.loads((folder / "bert_config.json").read_text())
    (folder / "bert_config.json").write_text(json.dumps(config | {"hidden_size": 64}))
    with pytest.raises(UserError, match=rf"{folder}/bert_model.ckpt: .*another shape: .* and \d+ more"):
        load_encoder(folder)


def test_a_checkpoint_of_two_encoders_is_refused(config, tmp_path):
    both = tf.train.Checkpoint(a=BertEncoder(config), b=BertEncoder(config))
    with pytest.raises(UserError, match="more than one encoder"):
        read_checkpoint(both.save(str(tmp_path / "both")))
