"""Fused functions compute what they say, and a step does not compile again what was compiled ahead."""

import os
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf

from bert_tf.modeling import fusion
from bert_tf.modeling.fusion import compile_for, fused, recorded

# Trains a tiny BERT on batches with three different numbers of rows, with or without compiling ahead.
TRAINING = """
import sys
import numpy as np
import tensorflow as tf
from bert_tf.data.batches import batch_row_counts
from bert_tf.data.features import Features
from bert_tf.modeling.config import BertConfig
from bert_tf.modeling.encoder import BertEncoder
from bert_tf.devices import one_device
from bert_tf.modeling.heads import ClassificationHead
from bert_tf.training.config import TrainingConfig
from bert_tf.training.loop import Training
from bert_tf.streams import hide_start_up_messages

config = BertConfig(vocab_size=50, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24)
ids = tf.RaggedTensor.from_row_lengths(tf.ones([120], tf.int32), [5, 10, 20, 25, 28, 32])
features = Features(ids, ids * 0, {"label_ids": tf.constant([0, 1, 0, 1, 0, 1])}, max_seq_length=40)
order = np.array([[0, 1], [2, 3], [4, 5], [0, 1], [2, 3], [4, 5]])
assert len(set(batch_row_counts(features.lengths, order, 40, few_sizes=True))) == 3
settings = TrainingConfig(train_batch_size=2, learning_rate=5e-5)
training = Training(ClassificationHead(BertEncoder(config), 2), settings, 6, one_device())
batches = training.batches(features, order)
hide_start_up_messages()
if sys.argv[1] == "ahead":
    training.compile_ahead(batches, features, order).join()
print("NOW THE STEPS", file=sys.stderr, flush=True)
for _ in range(6):
    training.train_step(batches).numpy()
"""


@fused
def scaled_sum(x: tf.Tensor, y: tf.Tensor, factor: float) -> tf.Tensor:
    return x * factor + y


def test_a_fused_function_computes_the_same_for_any_number_of_rows():
    for rows in (1, 3, 4):
        x, y = (tf.constant(np.random.default_rng(seed).normal(size=[rows, 5]), tf.float32) for seed in (0, 1))
        np.testing.assert_allclose(scaled_sum(x, y, factor=2.5, fuse=True), x * 2.5 + y, rtol=1e-6)
        np.testing.assert_allclose(scaled_sum(x, y, factor=-1.0, fuse=True), y - x, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("dtype", [tf.float32, tf.bfloat16])
def test_a_fused_function_takes_each_type_and_width(dtype):
    for width in (2, 7):
        x = tf.ones([3, width], dtype)
        y = scaled_sum(x, x, factor=2.0, fuse=True)
        assert y.dtype == dtype
        np.testing.assert_array_equal(tf.cast(y, tf.float32), np.full([3, width], 3.0))


def test_a_fused_function_works_in_a_graph_of_unknown_rows():
    graph = tf.function(
        lambda x: scaled_sum(x, x, factor=2.0, fuse=True), input_signature=[tf.TensorSpec([None, 2], tf.float32)]
    )
    assert [graph(tf.ones([rows, 2])).shape for rows in (1, 5)] == [(1, 2), (5, 2)]


def test_a_function_that_is_not_fused_is_called_unchanged():
    with recorded() as record:
        total = scaled_sum(tf.ones([2, 2]), tf.ones([2, 2]), factor=2.0, fuse=False)
    np.testing.assert_array_equal(total, np.full([2, 2], 3.0))
    assert not record


def test_by_default_the_machine_decides():
    with recorded() as record:
        scaled_sum(tf.ones([2, 14]), tf.ones([2, 14]), factor=2.0)
    assert bool(record) == fusion.is_fusing()


@pytest.mark.skipif(not fusion.is_fusing(), reason="next to a GPU")
def test_without_a_gpu_none_is_compiled_for():
    assert not fusion.can_fuse_on_gpu()


@pytest.mark.parametrize("compiles", [False, True])
def test_a_gpu_is_compiled_for_if_xla_finds_its_tools(monkeypatch, compiles):
    def compiled(function: Callable, **_: object) -> Callable:
        def fail(x: tf.Tensor) -> None:
            raise tf.errors.InternalError(None, None, "libdevice not found")

        return function if compiles else fail

    monkeypatch.setattr(fusion, "has_one_gpu", lambda: True)
    monkeypatch.setattr(fusion.tf, "function", compiled)
    fusion._compiles_for_gpu.cache_clear()
    assert fusion.can_fuse_on_gpu() == compiles
    fusion._compiles_for_gpu.cache_clear()


def test_a_record_holds_what_is_called_within_it():
    with recorded() as outer:
        scaled_sum(tf.ones([2, 11]), tf.ones([2, 11]), factor=2.0, fuse=True)
        with recorded() as inner:
            scaled_sum(tf.ones([3, 12]), tf.ones([3, 12]), factor=2.0, fuse=True)
        compile_for(inner, [(4,)])
    scaled_sum(tf.ones([2, 13]), tf.ones([2, 13]), factor=2.0, fuse=True)
    assert [[spec.shape[1] for spec in specs] for _, specs, _ in outer] == [[11, 11], [12, 12]]
    assert [[spec.shape[1] for spec in specs] for _, specs, _ in inner] == [[12, 12]]


def test_functions_are_compiled_for_the_sizes_of_their_unknown_dimensions():
    def names(rows: tf.Tensor, grid: tf.Tensor) -> dict[tuple, list]:
        with recorded() as record:
            scaled_sum(rows, rows, factor=7.0, fuse=True)
            scaled_sum(grid, grid, factor=7.0, fuse=True)
        return record

    specs = [tf.TensorSpec(shape, tf.float32) for shape in ([None, 5], [None, None])]
    with recorded() as record:
        tf.function(
            lambda rows, grid: [scaled_sum(x, x, factor=7.0, fuse=True) for x in (rows, grid)], input_signature=specs
        ).get_concrete_function()
    called = []
    spies = {key: lambda x, y, key=key: called.append((x.shape, y.shape)) or x for key in record}
    compile_for(spies, [(3,), (4, 6)])
    assert len(record) == 2
    assert [shape for shapes in called for shape in shapes] == [(None, 5)] * 2 + [(None, None)] * 2


def stderr_of_a_training(mode: str) -> str:
    """The standard error of a process that trains, XLA's compilations included."""
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "0", "TF_CPP_VMODULE": "device_compiler=1"}
    command = [sys.executable, "-c", TRAINING, mode]
    ended = subprocess.run(command, env=environment, stderr=subprocess.PIPE, text=True, timeout=300, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stderr


def compilations_of_a_training(mode: str) -> tuple[int, int]:
    """Counts XLA's compilations before the first step, and from then on."""
    before, after = stderr_of_a_training(mode).split("NOW THE STEPS")
    return before.count("Compilation of XLA executable"), after.count("Compilation of XLA executable")


@pytest.mark.slow
@pytest.mark.skipif(not fusion.is_fusing(), reason="nothing is fused next to a GPU or a TPU")
def test_no_step_waits_for_what_was_compiled_ahead():
    ahead, then = compilations_of_a_training("ahead")
    assert ahead > 0
    assert then == 0
    assert "Compiled cluster" not in stderr_of_a_training("ahead")
    nothing, all_of_it = compilations_of_a_training("late")
    assert nothing == 0
    assert all_of_it == ahead
