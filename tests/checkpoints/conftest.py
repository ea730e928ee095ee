"""The golden checkpoint in several forms, and a cache of the test's own."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from bert_tf.modeling.config import BertConfig


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("BERT_TF_CACHE", str(folder))
    return folder


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
