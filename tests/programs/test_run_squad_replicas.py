"""Several replicas share the windows of a batch; each number of them in a process of its own."""

import os
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from support.commands import TIMEOUT, forks
from support.outputs import weights
from support.questions import write_questions
from support.tiny import write_tiny_model

from bert_tf.programs.run_squad import read_examples, run_task
from bert_tf.programs.squad_config import SquadConfig

pytestmark = pytest.mark.slow


def train_on(num_devices: int, strategy: str | None, data: Path, model: Path, output_dir: Path) -> None:
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * num_devices)
    config = SquadConfig(
        do_train=True,
        train_file=str(data / "train.json"),
        model=str(model),
        output_dir=str(output_dir),
        distribution_strategy=strategy,
        max_seq_length=40,
        doc_stride=16,
        max_query_length=12,
        train_batch_size=8,
        num_train_epochs=1.0,
    )
    run_task(config, read_examples(config))


def test_two_replicas_have_the_losses_of_one(tmp_path):
    data, model = write_questions(tmp_path, {"train": 24}), write_tiny_model(tmp_path / "model", dropout=0.0)
    for num_devices, strategy in ((1, None), (2, "mirrored")):
        process = forks.Process(target=train_on, args=(num_devices, strategy, data, model, tmp_path / str(num_devices)))
        process.start()
        process.join(TIMEOUT)
        assert process.exitcode == 0
    one, two = (weights(tmp_path / name)["training/losses"] for name in ("1", "2"))
    np.testing.assert_allclose(two, one, rtol=1e-4)
