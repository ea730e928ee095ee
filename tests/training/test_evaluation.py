"""Runs that evaluate while they train, on one device and on two, and evaluations of each checkpoint of a folder."""

import csv
import json
import logging
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from support.commands import TIMEOUT, forks
from support.outputs import assert_same_bits, read_eval_results, weights
from support.tiny import make_tiny_features, make_tiny_head, write_corpus, write_tiny_model

from bert_tf.checkpoints.state_file import complete_steps
from bert_tf.data.processors import MrpcProcessor
from bert_tf.devices import one_device
from bert_tf.errors import UserError
from bert_tf.tasks.classification import ClassificationTask
from bert_tf.training.config import RunConfig
from bert_tf.training.inference import Inference, predict
from bert_tf.training.run import run


def test_a_graph_and_a_data_set_serve_all_evaluations():
    head, features = make_tiny_head(), make_tiny_features()
    inference = Inference(head, features, 8, one_device())
    before = inference.answers()
    head.variables_by_name["output_bias"].assign([1.0, -1.0])
    np.testing.assert_array_equal(inference.answers(), predict(head, features, 8, one_device()))
    assert (inference.answers() != before).all()
    assert inference._next_answers.experimental_get_tracing_count() == 1


def config_for(folder: Path, output: str, **fields) -> RunConfig:
    settings = {
        "output_dir": str(folder / output),
        "data_dir": str(folder / "data"),
        "model": str(folder / "tiny"),
        "max_seq_length": 48,
        "train_batch_size": 8,
        "num_train_epochs": 2.0,
        "learning_rate": 1e-2,
        "logging_steps": 4,
        "save_checkpoints_steps": 4,
        "do_train": True,
    }
    return RunConfig(**(settings | fields))


BEST = {"eval_steps": "3", "keep_best": "loss", "do_eval": True, "keep_checkpoint_max": 2}


class StoppedError(Exception):
    """Stops a run from outside."""


def train_all(folder: Path, num_devices: int) -> None:
    """In a process of its own: trains without evaluations, with them, and with them and stopped after step 12."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * num_devices)
    task = ClassificationTask("MRPC", MrpcProcessor())
    strategy = {"distribution_strategy": "mirrored" if num_devices > 1 else None}
    run(task, config_for(folder, "plain", **strategy))
    run(task, config_for(folder, "curve", eval_steps="3", **strategy))
    run(task, config_for(folder, "best", **BEST, **strategy))
    evaluate, left = task.evaluate, [4]

    def stop_at_the_fifth(*arguments):
        left[0] -= 1
        if left[0] < 0:
            raise StoppedError
        return evaluate(*arguments)

    task.evaluate = stop_at_the_fifth
    try:
        run(task, config_for(folder, "stopped", **BEST, **strategy))
    except StoppedError:
        shutil.copy(folder / "stopped" / "checkpoint", folder / "checkpoint_of_stopped")
    task.evaluate = evaluate
    run(task, config_for(folder, "stopped", **BEST, **strategy))


@pytest.fixture(scope="module", params=[1, 2])
def trained(request, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    write_tiny_model(folder / "tiny")
    write_corpus(folder / "data", {"train": 64, "dev": 24, "test": 21})
    process = forks.Process(target=train_all, args=(folder, request.param))
    process.start()
    process.join(TIMEOUT)
    assert process.exitcode == 0
    return folder


def log_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "train_log.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_evaluations_do_not_change_what_is_trained(trained):
    plain, curve = weights(trained / "plain"), weights(trained / "curve")
    assert_same_bits({name: curve[name] for name in plain}, plain)
    assert curve.keys() - plain.keys() == {
        *(f"training/scores/eval_{name}" for name in ("accuracy", "f1", "loss")),
        *("training/evaluated_steps", "training/last_step"),
    }


@pytest.mark.slow
def test_the_best_weights_are_those_that_are_evaluated(trained):
    scores = {int(row["step"]): row["eval_loss"] for row in log_of(trained / "best") if row["eval_loss"]}
    assert list(scores) == [3, 6, 9, 12, 15, 16]
    best = min(scores, key=lambda step: float(scores[step]))
    results = json.loads((trained / "best" / "results.json").read_text())
    assert results["best"] == {"metric": "eval_loss", "step": best, "value": float(scores[best])}
    # The same weights and batches: the same bits.
    found = read_eval_results(trained / "best")
    assert found["global_step"] == best and str(found["eval_loss"]) == scores[best]
    assert complete_steps(trained / "best") == sorted({best, 12})
    assert [row for row in log_of(trained / "best")] == log_of(trained / "curve")


@pytest.mark.slow
def test_a_run_that_was_stopped_ends_with_the_same_bits(trained):
    assert "model.ckpt-12" in (trained / "checkpoint_of_stopped").read_text()
    assert_same_bits(weights(trained / "stopped"), weights(trained / "best"))
    for name in ("checkpoint", "train_log.csv", "eval_results.txt", "eval_values.tsv"):
        assert (trained / "stopped" / name).read_bytes() == (trained / "best" / name).read_bytes(), name


# Each checkpoint of a folder, and runs that are refused.


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """The folder of a run of twelve steps that kept three checkpoints."""
    folder = tmp_path_factory.mktemp("finished")
    write_tiny_model(folder / "tiny")
    write_corpus(folder / "data", {"train": 64, "dev": 24, "test": 21})
    config = config_for(folder, "out", keep_checkpoint_max=3, num_train_epochs=1.5, do_eval=True, eval_steps="4")
    run(ClassificationTask("MRPC", MrpcProcessor()), config)
    return folder


@pytest.mark.slow
def test_each_checkpoint_of_the_folder_is_evaluated(finished, caplog):
    caplog.set_level(logging.INFO, logger="absl")
    before = json.loads((finished / "out" / "results.json").read_text())
    config = config_for(finished, "out", do_train=False, do_eval=True, do_predict=True, eval_all_checkpoints=True)
    results = run(ClassificationTask("MRPC", MrpcProcessor()), config)
    curve = {int(row["step"]): row["eval_accuracy"] for row in log_of(finished / "out")}
    assert {row["step"]: str(row["eval_accuracy"]) for row in results["checkpoints"]} == curve
    lines = (finished / "out" / "eval_results_all.tsv").read_text().splitlines()
    assert lines[0] == "checkpoint\tstep\teval_accuracy\teval_f1\teval_loss"
    assert [line.split("\t")[:3] for line in lines[1:]] == [
        [f"model.ckpt-{step}", str(step), curve[step]] for step in (4, 8, 12)
    ]
    best = max(curve, key=lambda step: float(curve[step]))
    assert (
        f"The best of 3 checkpoints is model.ckpt-{best} (eval_accuracy {float(curve[best]):.4f})." in caplog.messages
    )
    # The folder's own evaluation is that of its newest checkpoint, as before.
    assert results["eval_loss"] == before["eval_loss"] and results["global_step"] == 12


@pytest.mark.slow
def test_other_dev_data_than_chose_the_weights_are_refused(finished, tmp_path):
    shutil.copytree(finished, tmp_path / "copy")
    dev = tmp_path / "copy" / "data" / "dev.tsv"
    dev.write_text("".join(dev.read_text().splitlines(keepends=True)[1:]))
    config = config_for(tmp_path / "copy", "out", num_train_epochs=1.5, eval_steps="4")
    with pytest.raises(UserError, match=r"was started with other settings: (model was [^;]*; )?dev_data was '"):
        run(ClassificationTask("MRPC", MrpcProcessor()), config)


@pytest.mark.slow
def test_a_finished_run_with_other_evaluations_is_refused(finished):
    config = config_for(finished, "out", num_train_epochs=1.5, eval_steps="epoch")
    with pytest.raises(UserError, match="eval_steps was '4', is 'epoch'; name another folder"):
        run(ClassificationTask("MRPC", MrpcProcessor()), config)


def test_a_score_that_the_task_does_not_have_is_refused_before_anything_is_made(tmp_path):
    config = config_for(tmp_path, "out", keep_best="f2")
    with pytest.raises(UserError, match=r"^keep_best: is 'f2'; the scores of this task are accuracy, f1, loss$"):
        run(ClassificationTask("MRPC", MrpcProcessor()), config)
    assert not (tmp_path / "out").exists()
