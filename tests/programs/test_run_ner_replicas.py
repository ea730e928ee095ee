"""Several replicas share the sentences of a batch; each number of them in a process of its own."""

import os
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from support.commands import TIMEOUT, forks
from support.outputs import weights
from support.tagged_files import write_tagged_files
from support.tiny import write_tiny_model

from bert_tf.modeling.heads import TokenHead
from bert_tf.programs.ner_config import NerConfig
from bert_tf.programs.run_ner import read_sentences, run_task

pytestmark = pytest.mark.slow


def train_on(num_devices: int, strategy: str | None, data: Path, model: Path, output_dir: Path) -> None:
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    # What is dropped depends on how many replicas share a batch, and the head's own rate is fixed.
    TokenHead.dropout_rate = 0.0
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * num_devices)
    config = NerConfig(
        do_train=True,
        do_predict=True,
        train_file=str(data / "train.conll"),
        test_file=str(data / "test.conll"),
        model=str(model),
        output_dir=str(output_dir),
        distribution_strategy=strategy,
        max_seq_length=20,
        doc_context=4,
        train_batch_size=8,
        num_train_epochs=2.0,
        learning_rate=5e-3,
    )
    run_task(config, read_sentences(config))


def test_two_replicas_have_the_losses_and_the_tags_of_one(tmp_path):
    data = write_tagged_files(tmp_path / "data", {"train": 30, "test": 9})
    model = write_tiny_model(tmp_path / "model", dropout=0.0)
    for num_devices, strategy in ((1, None), (2, "mirrored")):
        process = forks.Process(target=train_on, args=(num_devices, strategy, data, model, tmp_path / str(num_devices)))
        process.start()
        process.join(TIMEOUT)
        assert process.exitcode == 0
    one, two = (weights(tmp_path / name)["training/losses"] for name in ("1", "2"))
    np.testing.assert_allclose(two, one, rtol=1e-4)
    assert (tmp_path / "1" / "predictions.conll").read_text() == (tmp_path / "2" / "predictions.conll").read_text()
