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


def build(files: CheckpointFiles) -> ClassificationHead:
    config = RunConfig(data_dir="data", output_dir="output", do_train=True, max_seq_length=16, do_lower_case=True)
    tokenizer = FullTokenizer(files.vocab_file, do_lower_case=True)
    head, _ = build_head(MRPC, Start(settle(config, {}), files), tokenizer, create_devices("one_device"))
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
