"""Configuration, vocabulary and weights are held against each other before a head is built."""

import json
import logging
import os
from pathlib import Path

import numpy as np
import pytest
from support.tiny import write_tiny_model

from bert_tf.checkpoints.formats import read_checkpoint, write_checkpoint
from bert_tf.checkpoints.locate import CheckpointFiles, resolve
from bert_tf.data.processors import MrpcProcessor
from bert_tf.data.tokenization import FullTokenizer
from bert_tf.devices import create_devices
from bert_tf.errors import UserError
from bert_tf.modeling.heads import ClassificationHead
from bert_tf.tasks.classification import ClassificationTask
from bert_tf.training.config import RunConfig, settle
from bert_tf.training.model import build_head
from bert_tf.training.start import Start

pytestmark = pytest.mark.slow
MRPC = ClassificationTask("MRPC", MrpcProcessor())
PIECES = 95


@pytest.fixture
def folder(tmp_path) -> Path:
    return write_tiny_model(tmp_path / "tiny")


def build(files: CheckpointFiles, step: int = 0, **fields: object) -> ClassificationHead:
    settings = {"do_train": True, "max_seq_length": 16, "do_lower_case": True, **fields}
    config = RunConfig(data_dir="data", output_dir="output", **settings)
    tokenizer = FullTokenizer(files.vocab_file, do_lower_case=True)
    head, _ = build_head(MRPC, Start(settle(config, {}), files, step), tokenizer, create_devices("one_device"))
    return head


def change_config(folder: Path, **fields) -> None:
    path = folder / "bert_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def cut_vocabulary(folder: Path, size: int) -> None:
    lines = (folder / "vocab.txt").read_text().splitlines(keepends=True)
    (folder / "vocab.txt").write_text("".join(lines[:size]))


def from_scratch(folder: Path) -> CheckpointFiles:
    return CheckpointFiles(folder / "bert_config.json", folder / "vocab.txt", None)


def warnings_of(caplog) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


def test_a_configuration_of_other_sizes_than_the_weights_is_refused(folder):
    change_config(folder, vocab_size=300_000_000)
    with pytest.raises(UserError, match=rf"vocab_size is 300000000, but the weights have {PIECES}; give the conf"):
        build(resolve(folder))


def test_without_weights_a_model_that_takes_all_memory_is_refused(folder, monkeypatch):
    monkeypatch.setattr(os, "sysconf", {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 1_000_000}.__getitem__)
    change_config(folder, vocab_size=10_000_000)
    message = r"bert_config.json: describes a model of 320,.* takes 5 GB in training, but this machine has 4 GB;"
    with pytest.raises(UserError, match=message):
        build(from_scratch(folder))


def test_without_weights_a_small_model_gets_random_ones(folder, caplog):
    head = build(from_scratch(folder))
    assert np.std(head.encoder.variables[0]) > 0
    assert warnings_of(caplog) == ["No --init_checkpoint: training starts from random weights."]


@pytest.mark.parametrize("size", [PIECES, PIECES - 6])
def test_a_vocabulary_that_was_rounded_up_to_more_rows_is_not_commented(folder, caplog, size):
    cut_vocabulary(folder, size)
    build(resolve(folder))
    assert warnings_of(caplog) == []


def test_a_vocabulary_that_was_cut_off_is_one_warning(folder, caplog):
    cut_vocabulary(folder, PIECES // 2)
    build(resolve(folder))
    (warning,) = warnings_of(caplog)
    assert warning.startswith(
        f"{folder}/vocab.txt: has 47 pieces, but {folder}/bert_config.json has room for 95; check"
    )


def test_a_vocabulary_larger_than_the_model_is_refused(folder):
    with (folder / "vocab.txt").open("a") as file:
        file.write("more\n")
    with pytest.raises(UserError, match=r"vocab.txt: has 96 pieces, but .*/bert_config.json has room for 95; give"):
        build(resolve(folder))


@pytest.mark.parametrize("step", [np.zeros(0, np.int64), np.zeros(2, np.int64), np.float32("nan")], ids=str)
def test_a_global_step_that_is_no_number_is_refused_in_one_line(folder, step):
    files = resolve(folder)
    write_checkpoint(files.checkpoint, read_checkpoint(files.checkpoint) | {"global_step": step})
    with pytest.raises(UserError, match=rf"{files.checkpoint}: its global_step is no number \([^\n]+$"):
        build(files)


def new_weights(before: dict, head: ClassificationHead) -> dict[str, np.ndarray]:
    """The encoder's weights that are not those of the checkpoint."""
    found = {name: variable.numpy() for name, variable in head.encoder.variables_by_name.items()}
    return {
        name: array for name, array in found.items() if not np.array_equal(array, before[name].reshape(array.shape))
    }


def test_the_top_layers_and_the_pooler_can_be_new(folder):
    before, files = read_checkpoint(folder / "bert_model.ckpt"), resolve(folder)
    changed = new_weights(before, build(files, reinit_layers=1, seed=3))
    assert {name.rpartition("/")[0] for name in changed} <= {name.rpartition("/")[0] for name in before}
    # Biases and layer norms of the checkpoint are 0 and 1, as new ones are.
    drawn = {name for name in before if name.startswith(("bert/pooler/", "bert/encoder/layer_1/"))}
    assert changed.keys() == {name for name in drawn if name.endswith("kernel")}
    scratch = build(from_scratch(folder), seed=3).encoder.variables_by_name
    for name, array in changed.items():
        np.testing.assert_array_equal(array, scratch[name], err_msg=name)
    other = new_weights(before, build(files, reinit_layers=1, seed=4))
    assert all(np.abs(other[name] - array).max() > 0.01 for name, array in changed.items())


def test_new_biases_and_layer_norms_are_those_of_a_model_from_scratch(folder):
    arrays = read_checkpoint(folder / "bert_model.ckpt")
    write_checkpoint(folder / "bert_model.ckpt", {name: array + 7 for name, array in arrays.items()})
    head = build(resolve(folder), reinit_layers=2)
    for name, variable in head.encoder.variables_by_name.items():
        if name.startswith("bert/embeddings/"):
            assert np.abs(variable.numpy() - 7).mean() < 1.1, name
        elif not name.endswith("kernel"):
            np.testing.assert_array_equal(variable, np.full(variable.shape, float(name.endswith("gamma"))), name)


@pytest.mark.parametrize("change", [{"reinit_layers": 0}, {"step": 3}, {"do_train": False, "do_eval": True}])
def test_nothing_is_new_without_layers_on_resume_or_without_training(folder, change):
    before = read_checkpoint(folder / "bert_model.ckpt")
    head = {"output_weights": np.ones([2, 32], np.float32), "output_bias": np.zeros(2, np.float32)}
    write_checkpoint(folder / "bert_model.ckpt", before | head)
    assert not new_weights(before, build(resolve(folder), **{"reinit_layers": 1, **change}))


def test_more_new_layers_than_the_model_has_are_refused(folder):
    with pytest.raises(UserError, match=r"^reinit_layers: 3 is more than the 2 layers of .*bert_config\.json$"):
        build(resolve(folder), reinit_layers=3)


def test_heads_for_pre_training_are_left_out_and_the_pooler_stays(golden, caplog):
    files = resolve(golden / "huggingface" / "pretraining")
    head, arrays = build(files), read_checkpoint(files.checkpoint)
    for name, variable in head.encoder.variables_by_name.items():
        np.testing.assert_array_equal(variable.numpy().reshape(arrays[name].shape), arrays[name], name)
    assert warnings_of(caplog) == []


def test_a_model_without_a_pooler_is_trained_with_a_new_one_and_one_warning(golden, caplog):
    files = resolve(golden / "huggingface" / "cased_masked_lm")
    kernels = [
        build(files, seed=seed).encoder.variables_by_name["bert/pooler/dense/kernel"].numpy() for seed in (1, 1, 2)
    ]
    np.testing.assert_array_equal(kernels[0], kernels[1])
    assert np.abs(kernels[0] - kernels[2]).max() > 0.1
    assert len(warnings_of(caplog)) == 3
    assert all("has no pooler" in warning for warning in warnings_of(caplog))
