"""The training path knows no task: other heads are trained, resumed and replicated like classification."""

import contextlib
import os
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from support.commands import TIMEOUT, forks
from support.other_tasks import TASKS
from support.outputs import assert_same_bits, weights
from support.tiny import write_tiny_model

from bert_tf.checkpoints.formats import read_checkpoint
from bert_tf.errors import UserError
from bert_tf.modeling.encoder import BertEncoder
from bert_tf.modeling.heads import Head
from bert_tf.tasks.task import Task
from bert_tf.training.config import RunConfig
from bert_tf.training.run import run

pytestmark = pytest.mark.slow

NAMES = [task.name for task in TASKS]


def config_for(folder: Path, model: Path, **fields) -> RunConfig:
    settings = {
        "output_dir": str(folder),
        "data_dir": "none",
        "model": str(model),
        "max_seq_length": 40,
        "train_batch_size": 8,
        "num_train_epochs": 4.0,
        "learning_rate": 3e-3,
        "save_checkpoints_steps": 4,
        "iterations_per_loop": 1,
        "do_train": True,
        "do_eval": True,
        "do_predict": True,
    }
    return RunConfig(**(settings | fields))


def run_stopped(task: Task, config: RunConfig) -> None:
    """Stops the run at its eighth step, whose checkpoint cannot be written."""
    obstacle, make_head = Path(config.output_dir, "model.ckpt-8.index"), task.make_head

    def make_head_and_obstacle(encoder: BertEncoder, seed: int) -> Head:
        # A folder that is there at the start would be refused then.
        obstacle.mkdir()
        return make_head(encoder, seed)

    task.make_head = make_head_and_obstacle
    with contextlib.suppress(UserError):
        run(task, config)
    obstacle.rmdir()


def train_on(num_devices: int, model: Path, folder: Path, strategy: str | None, is_stopped: bool) -> None:
    """In a process of its own: trains each task without interruption, and then stopped and resumed."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * num_devices)
    for kind in TASKS:
        whole, stopped = (folder / f"{name}_{kind.name}" for name in ("whole", "stopped"))
        run(kind(), config_for(whole, model, distribution_strategy=strategy))
        if not is_stopped:
            continue
        run_stopped(kind(), config_for(stopped, model, distribution_strategy=strategy))
        (folder / f"stopped_at_{kind.name}").write_text((stopped / "checkpoint").read_text())
        run(kind(), config_for(stopped, model, distribution_strategy=strategy))


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> dict[float, Path]:
    """A tiny model for each rate of dropout."""
    return {rate: write_tiny_model(tmp_path_factory.mktemp("model") / "tiny", dropout=rate) for rate in (0.1, 0.0)}


@pytest.fixture(scope="module")
def trained(models, tmp_path_factory) -> dict[tuple[int, float], Path]:
    """The folder of each number of replicas and rate of dropout."""
    folders = {}
    for replicas, strategy, rate in ((1, None, 0.1), (2, "mirrored", 0.1), (1, None, 0.0), (2, "mirrored", 0.0)):
        folder = tmp_path_factory.mktemp("trained")
        process = forks.Process(target=train_on, args=(replicas, models[rate], folder, strategy, rate > 0))
        process.start()
        process.join(TIMEOUT)
        assert process.exitcode == 0
        folders[replicas, rate] = folder
    return folders


@pytest.mark.parametrize("replicas", [1, 2])
@pytest.mark.parametrize("task", NAMES)
def test_a_run_that_was_stopped_ends_with_the_same_bits(trained, task, replicas):
    folder = trained[replicas, 0.1]
    assert "model.ckpt-4" in (folder / f"stopped_at_{task}").read_text()
    whole, stopped = folder / f"whole_{task}", folder / f"stopped_{task}"
    assert_same_bits(weights(stopped), weights(whole))
    for name in ("eval_results.txt", "eval_values.tsv", "dev.txt", "test.txt", "train_log.csv"):
        assert (stopped / name).read_bytes() == (whole / name).read_bytes(), name


@pytest.mark.parametrize("task", NAMES)
def test_two_replicas_give_the_losses_of_one(trained, task):
    one, two = (weights(trained[replicas, 0.0] / f"whole_{task}") for replicas in (1, 2))
    assert one["training/losses"].shape == (20,)
    np.testing.assert_allclose(two["training/losses"], one["training/losses"], rtol=1e-4)


@pytest.mark.parametrize("task", NAMES)
def test_the_loss_falls_and_the_folder_remembers_the_task(trained, task):
    folder = trained[1, 0.0] / f"whole_{task}"
    losses = weights(folder)["training/losses"]
    assert losses[-3:].mean() < 0.95 * losses[:3].mean()
    assert (folder / "task.txt").read_text() == f"{task}\n"
    assert len((folder / "eval_values.tsv").read_text().splitlines()) == 41


@pytest.mark.parametrize("task, uses_pooler", [("regression", True), ("tagging", False), ("spans", False)])
def test_a_variable_that_the_loss_does_not_need_is_not_even_decayed(trained, models, task, uses_pooler):
    before = read_checkpoint(models[0.0] / "bert_model.ckpt")
    after = weights(trained[1, 0.0] / f"whole_{task}")
    changed = {name for name, array in before.items() if not np.array_equal(after[name], array)}
    pooler = {"bert/pooler/dense/kernel", "bert/pooler/dense/bias"}
    assert changed >= before.keys() - pooler - {"bert/embeddings/token_type_embeddings"}
    assert changed & pooler == (pooler if uses_pooler else set())
