"""The library changes nothing in the process that calls it, and nothing in that process changes its results."""

import os
import random
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from support.commands import Command
from support.outputs import assert_same_bits, weights
from support.tiny import write_corpus, write_tiny_model

from bert_tf.data.processors import MrpcProcessor
from bert_tf.tasks.classification import ClassificationTask
from bert_tf.training.config import RunConfig
from bert_tf.training.run import run

pytestmark = pytest.mark.slow

Train = Callable[..., dict[str, np.ndarray]]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture(scope="module")
def train(tiny, tmp_path_factory) -> Train:
    """Trains a tiny model with dropout for a few steps, in this process; returns all that the checkpoint holds."""
    corpus = write_corpus(tmp_path_factory.mktemp("corpus") / "data", {"train": 32, "dev": 8})

    def train(folder: Path, **fields: object) -> dict[str, np.ndarray]:
        settings = {
            "data_dir": str(corpus),
            "output_dir": str(folder),
            "model": str(tiny),
            "max_seq_length": 48,
            "train_batch_size": 8,
            "learning_rate": 1e-3,
            "num_train_epochs": 1.0,
        }
        config = RunConfig(do_train=True, do_eval=True, **(settings | fields))
        run(ClassificationTask("MRPC", MrpcProcessor()), config)
        return weights(folder)

    return train


@pytest.fixture(scope="module")
def expected(train, tmp_path_factory) -> dict[str, np.ndarray]:
    return train(tmp_path_factory.mktemp("expected") / "out")


def state_of_the_process() -> dict[str, object]:
    return {
        "random": random.getstate(),
        "numpy": repr(np.random.get_state()),
        "tensorflow": tf.random.get_global_generator().state.numpy().tolist(),
        "policy": tf_keras.mixed_precision.global_policy().name,
        "descriptors": [(os.fstat(number).st_dev, os.fstat(number).st_ino) for number in (0, 1, 2)],
        "signals": [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)],
        "folder": Path.cwd(),
        "environment": dict(os.environ),
    }


def test_a_run_leaves_the_process_as_it_was(train, tmp_path):
    random.seed(7)
    np.random.seed(7)
    before = state_of_the_process()
    train(tmp_path / "out")
    after = state_of_the_process()
    assert [name for name, value in before.items() if after[name] != value] == []


def test_operations_are_deterministic_while_a_run_lasts_and_not_after_it(train, tmp_path):
    train(tmp_path / "out")
    # With determinism TensorFlow refuses random numbers that have no seed.
    assert tf.random.uniform([]).shape == ()


def test_a_run_gives_the_bits_of_the_program(train, expected, tiny, tmp_path):
    corpus = write_corpus(tmp_path / "data", {"train": 32, "dev": 8})
    flags = [
        *("--task_name=MRPC", "--do_train", "--do_eval", f"--data_dir={corpus}", f"--output_dir={tmp_path / 'out'}"),
        *(f"--bert_model={tiny}", "--max_seq_length=48", "--train_batch_size=8", "--learning_rate=1e-3"),
    ]
    result = Command(tmp_path / "command", [*flags, "--num_train_epochs=1"]).result()
    assert result.code == 0, result.stderr
    assert_same_bits(weights(tmp_path / "out"), expected)


def test_a_second_run_in_the_process_gives_the_same_bits(train, expected, tmp_path):
    random.seed(1)
    np.random.seed(2)
    tf.random.set_seed(3)
    assert_same_bits(train(tmp_path / "out"), expected)


def test_a_run_in_a_thread_gives_the_same_bits(train, expected, tmp_path):
    found = {}
    thread = threading.Thread(target=lambda: found.update(train(tmp_path / "out")))
    thread.start()
    thread.join()
    assert_same_bits(found, expected)


def test_a_run_under_a_policy_of_mixed_float16_gives_the_same_bits(train, expected, tmp_path):
    earlier = tf_keras.mixed_precision.global_policy()
    tf_keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        assert_same_bits(train(tmp_path / "out"), expected)
    finally:
        tf_keras.mixed_precision.set_global_policy(earlier)


def test_a_model_from_scratch_starts_from_the_seed_alone(train, tiny, tmp_path):
    files = {"model": None, "bert_config_file": str(tiny / "bert_config.json"), "vocab_file": str(tiny / "vocab.txt")}
    first = train(tmp_path / "first", **files, seed=4)
    tf_keras.utils.set_random_seed(6)
    assert_same_bits(train(tmp_path / "second", **files, seed=4), first)
    other = train(tmp_path / "third", **files, seed=5)
    name = "bert/encoder/layer_0/attention/self/query/kernel"
    assert np.abs(other[name] - first[name]).max() > 1e-3
