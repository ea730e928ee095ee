"""Models that were saved without a pooler."""

import logging

import numpy as np
import pytest

from bert_tf.checkpoints.formats import read_checkpoint
from bert_tf.checkpoints.load import load_encoder
from bert_tf.checkpoints.locate import resolve
from bert_tf.checkpoints.pooler import with_pooler
from bert_tf.modeling.config import BertConfig

NEW = {"bert/pooler/dense/kernel", "bert/pooler/dense/bias"}


@pytest.fixture
def model(golden) -> tuple:
    """Arrays, configuration and checkpoint of a BertForMaskedLM that transformers wrote."""
    files = resolve(golden / "huggingface" / "cased_masked_lm")
    return read_checkpoint(files.checkpoint), BertConfig.from_json_file(files.config_file), files.checkpoint


def test_a_new_pooler_is_a_pure_function_of_the_seed_and_one_warning(model, caplog):
    arrays, config, checkpoint = model
    with caplog.at_level(logging.WARNING, logger="absl"):
        made = with_pooler(arrays, config, 1, checkpoint)
    [record] = caplog.records
    assert f"{checkpoint}: has no pooler" in record.getMessage()
    assert made.keys() - arrays.keys() == NEW
    again, other = (with_pooler(arrays, config, seed, checkpoint) for seed in (1, 2))
    np.testing.assert_array_equal(made["bert/pooler/dense/kernel"], again["bert/pooler/dense/kernel"])
    assert np.abs(made["bert/pooler/dense/kernel"] - other["bert/pooler/dense/kernel"]).max() > 0.1
    assert made["bert/pooler/dense/kernel"].shape == (8, 8) and not made["bert/pooler/dense/bias"].any()


def test_a_pooler_that_is_there_is_kept(golden, caplog):
    files = resolve(golden / "huggingface" / "classifier")
    arrays = read_checkpoint(files.checkpoint)
    assert with_pooler(arrays, BertConfig.from_json_file(files.config_file), 1, files.checkpoint) is arrays
    half = {name: array for name, array in arrays.items() if name != "bert/pooler/dense/bias"}
    assert with_pooler(half, BertConfig.from_json_file(files.config_file), 1, files.checkpoint) is half
    assert not caplog.records


def test_the_encoder_of_a_model_without_a_pooler_is_loaded_the_same_each_time(golden, caplog):
    with caplog.at_level(logging.WARNING, logger="absl"):
        encoders = [load_encoder(golden / "huggingface" / "cased_masked_lm") for _ in range(2)]
    kernels = [each.variables_by_name["bert/pooler/dense/kernel"].numpy() for each in encoders]
    np.testing.assert_array_equal(*kernels)
    assert kernels[0].any()
    assert len([record for record in caplog.records if "has no pooler" in record.getMessage()]) == 2


def test_a_pooler_that_nobody_needs_is_no_warning(model, caplog):
    arrays, config, checkpoint = model
    assert with_pooler(arrays, config, 1, checkpoint, warns=False).keys() - arrays.keys() == NEW
    assert not caplog.records
