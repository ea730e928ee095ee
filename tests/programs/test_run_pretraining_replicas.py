"""Several replicas, or several processes, share the records of a batch."""

import functools
import json
import os
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from support.commands import TIMEOUT, Command, become_script, forks
from support.outputs import weights
from support.paths import SCRIPTS
from support.pretraining_records import LENGTH, PREDICTIONS, random_features, write_records
from support.tiny import write_tiny_model
from support.workers import free_addresses

from bert_tf.programs.pretraining_config import PretrainingConfig
from bert_tf.programs.run_pretraining import find_records, run_task, with_defaults

pytestmark = pytest.mark.slow
become_run_pretraining = functools.partial(become_script, script=SCRIPTS / "run_pretraining.py")


def train_on(num_devices: int, strategy: str | None, passes: int, records: Path, model: Path, output_dir: Path) -> None:
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * num_devices)
    config = PretrainingConfig(
        do_train=True,
        input_file=str(records),
        model=str(model),
        output_dir=str(output_dir),
        distribution_strategy=strategy,
        gradient_accumulation_steps=passes,
        max_seq_length=LENGTH,
        max_predictions_per_seq=PREDICTIONS,
        train_batch_size=8,
        train_steps=6,
        warmup_steps=0,
        learning_rate=1e-3,
    )
    config = with_defaults(config)
    run_task(config, find_records(config))


def test_two_replicas_have_the_losses_of_one_and_passes_nearly_so(tmp_path):
    records = write_records(tmp_path / "records", random_features(24))
    model = write_tiny_model(tmp_path / "model", dropout=0.0)
    for name, *arguments in (("one", 1, None, 1), ("two", 2, "mirrored", 1), ("passes", 1, None, 2)):
        process = forks.Process(target=train_on, args=(*arguments, records, model, tmp_path / name))
        process.start()
        process.join(TIMEOUT)
        assert process.exitcode == 0
    one, two, passes = (weights(tmp_path / name)["training/losses"] for name in ("one", "two", "passes"))
    np.testing.assert_allclose(two, one, rtol=1e-4)
    # A pass counts by the sum of its weights, and the two losses of a record have different ones.
    np.testing.assert_allclose(passes, one, rtol=2e-2)


def test_two_processes_have_the_losses_of_one_and_end_with_the_same_scores(tmp_path):
    records = write_records(tmp_path / "records", random_features(24))
    model = write_tiny_model(tmp_path / "model", dropout=0.0)
    flags = ["--do_train", "--do_eval", f"--input_file={records}", f"--bert_model={model}", "--num_train_steps=6"]
    flags += [f"--max_seq_length={LENGTH}", f"--max_predictions_per_seq={PREDICTIONS}", "--num_warmup_steps=0"]
    flags += ["--train_batch_size=8", "--learning_rate=1e-3", "--max_eval_steps=3"]
    alone = Command(tmp_path / "alone", [*flags, f"--output_dir={tmp_path / 'one'}"], become_run_pretraining)
    assert alone.result().code == 0
    addresses = free_addresses(2)
    commands = [
        Command(
            tmp_path / f"process{number}",
            [*flags, f"--output_dir={tmp_path / 'two'}", "--distribution_strategy=multi_worker_mirrored"],
            become_run_pretraining,
            TF_CONFIG=json.dumps({"cluster": {"worker": addresses}, "task": {"type": "worker", "index": number}}),
        )
        for number in range(2)
    ]
    for result in [command.result() for command in commands]:
        assert result.code == 0, result.stderr
    one, two = (weights(tmp_path / name) for name in ("one", "two"))
    np.testing.assert_allclose(two["training/losses"], one["training/losses"], rtol=1e-4)
    scores = [json.loads((tmp_path / name / "results.json").read_text()) for name in ("one", "two")]
    assert scores[1]["eval_masked_lm_loss"] == pytest.approx(scores[0]["eval_masked_lm_loss"], rel=1e-3)
