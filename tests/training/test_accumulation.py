"""An update in several passes is that of the whole batch, to rounding."""

import contextlib
import dataclasses
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from support.commands import TIMEOUT, forks
from support.other_tasks import RegressionHead, SpanHead, TaggingHead
from support.tiny import TINY, make_tiny_features

from bert_tf.data.features import Features
from bert_tf.devices import Devices, create_devices, one_device
from bert_tf.errors import UserError
from bert_tf.modeling.encoder import BertEncoder
from bert_tf.modeling.heads import ClassificationHead, Head
from bert_tf.training.accumulation import GradientAccumulator
from bert_tf.training.config import TrainingConfig
from bert_tf.training.loop import Training
from bert_tf.training.output_dir import OutputDir

STEPS = 6


class PlainClassificationHead(ClassificationHead):
    dropout_rate = 0.0


HEADS = {
    "classification": lambda encoder: PlainClassificationHead(encoder, num_labels=2),
    "regression": lambda encoder: RegressionHead(encoder, 0),
    "tagging": lambda encoder: TaggingHead(encoder, 0),
    "spans": lambda encoder: SpanHead(encoder, 0),
}


def make_head(kind: str, dropout: float, dtype: str) -> Head:
    config = dataclasses.replace(TINY, hidden_dropout_prob=dropout, attention_probs_dropout_prob=dropout)
    head = HEADS[kind](BertEncoder(config, dtype=dtype))
    if kind == "classification" and dropout:
        head.dropout_rate = dropout
    random = np.random.default_rng(0)
    for name, variable in head.variables_by_name.items():
        variable.assign(random.normal(name.endswith("gamma"), 0.1, variable.shape))
    return head


def features_for(kind: str) -> Features:
    features = make_tiny_features(44)
    ids, lengths = features.input_ids, features.lengths
    targets = {
        "classification": features.targets,
        "regression": {"scores": tf.constant(lengths % 5, tf.float32)},
        "tagging": {"tag_ids": ids % 3},
        "spans": {"ends": tf.constant(np.stack([lengths * 0, lengths - 1], axis=1), tf.int32)},
    }[kind]
    return Features(ids, ids % 2, targets, max_seq_length=40)


def train(
    folder: Path,
    passes: int,
    kind: str = "classification",
    dropout: float = 0.0,
    dtype: str = "float32",
    devices: Devices | None = None,
    **fields: object,
) -> dict[str, np.ndarray]:
    """Six updates of 8 examples; returns losses, weights and moments."""
    devices = devices or one_device()
    with devices.scope():
        head = make_head(kind, dropout, dtype)
    settings = {"train_batch_size": 8, "learning_rate": 1e-2, "warmup_steps": 0, **fields}
    config = TrainingConfig(gradient_accumulation_steps=passes, **settings)
    training = Training(head, config, STEPS, devices)
    folder.mkdir()
    result = training.run(features_for(kind), OutputDir(folder))
    arrays = {**head.variables_by_name, **training.optimizer.state_by_name}
    return {"losses": result.losses, **{name: variable.numpy() for name, variable in arrays.items()}}


def assert_same_to_rounding(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    """The weights move by 0.06, and Adam makes full steps of gradients that are only rounding."""
    np.testing.assert_allclose(found["losses"], expected["losses"], rtol=2e-6)
    for name, array in expected.items():
        np.testing.assert_allclose(found[name], array, rtol=0, atol=1e-4, err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize("kind", HEADS)
def test_updates_in_passes_are_those_of_the_whole_batch(tmp_path, kind):
    whole = train(tmp_path / "whole", 1, kind)
    assert len(set(whole["losses"])) == STEPS
    assert_same_to_rounding(train(tmp_path / "passes", 4, kind), whole)


@pytest.mark.slow
def test_float16_scales_the_loss_of_each_pass_as_that_of_the_whole_batch(tmp_path):
    whole, passes = (train(tmp_path / str(n), n, dtype="mixed_float16", learning_rate=1e-3) for n in (1, 4))
    np.testing.assert_allclose(passes["losses"], whole["losses"], rtol=2e-2)
    assert passes["training/loss_scale"] == whole["training/loss_scale"]
    assert passes["training/loss_scale_good_steps"] == whole["training/loss_scale_good_steps"] > 0
    for name in ("output_bias/adam_m", "bert/encoder/layer_0/output/dense/kernel/adam_m"):
        assert np.abs(passes[name] - whole[name]).max() < 0.1 * np.abs(whole[name]).max()


def test_the_mean_is_over_all_weights_and_not_over_passes():
    accumulator = GradientAccumulator({"kernel": tf.Variable([0.0, 0.0]), "unused": tf.Variable(0.0)})
    for gradient, loss, weight in (([3.0, 0.0], 1.0, 1.0), ([1.0, 2.0], 5.0, 3.0)):
        accumulator.add({"kernel": tf.constant(gradient)}, tf.constant(loss), tf.constant(weight))
    mean = accumulator.take_mean()
    assert mean.gradients.keys() == {"kernel"}
    np.testing.assert_array_equal(mean.gradients["kernel"], [1.5, 1.5])
    assert float(mean.loss) == 4.0
    np.testing.assert_allclose(mean.norm, np.sqrt(4.5), rtol=1e-6)
    # The next update begins at zero.
    accumulator.add({"kernel": tf.constant([1.0, 1.0])}, tf.constant(2.0), tf.constant(8.0))
    np.testing.assert_array_equal(accumulator.take_mean().gradients["kernel"], [1.0, 1.0])


def test_an_update_without_any_weight_changes_nothing():
    accumulator = GradientAccumulator({"kernel": tf.Variable([0.0])})
    accumulator.add({"kernel": tf.constant([0.0])}, tf.constant(0.0), tf.constant(0.0))
    mean = accumulator.take_mean()
    assert (float(mean.gradients["kernel"][0]), float(mean.norm), float(mean.loss)) == (0.0, 0.0, 0.0)


def test_the_norm_of_a_table_is_that_of_its_rows_in_all_passes_before_they_are_summed():
    accumulator = GradientAccumulator({"table": tf.Variable(tf.zeros([4, 1]))})
    for values in ([[3.0], [-4.0]], [[12.0]]):
        rows = tf.IndexedSlices(tf.constant(values), tf.fill([len(values)], 2), tf.constant([4, 1]))
        accumulator.add({"table": rows}, tf.constant(0.0), tf.constant(1.0))
    mean = accumulator.take_mean()
    np.testing.assert_allclose(mean.norm, 13 / 2, rtol=1e-6)
    np.testing.assert_array_equal(mean.gradients["table"], [[0], [0], [11 / 2], [0]])


# Dropout and order


def make_training(passes: int, kind: type[Training] = Training) -> Training:
    config = TrainingConfig(train_batch_size=8, learning_rate=1e-2, gradient_accumulation_steps=passes)
    return kind(make_head("classification", 0.1, "float32"), config, STEPS, one_device())


def test_what_dropout_drops_depends_on_step_replica_and_pass():
    training = make_training(4)
    numbers = [(step, replica, number) for step in range(1, 9) for replica in range(3) for number in range(4)]
    seeds = {
        tuple(training.dropout_seed(tf.constant(step, tf.int64), replica, number).numpy())
        for step, replica, number in numbers
    }
    assert len(seeds) == len(numbers)


def test_passes_take_the_examples_in_the_order_of_the_whole_batch():
    features = make_tiny_features(22)
    seen = []
    for passes in (1, 4):
        training = make_training(passes)
        batches = [batch["input_word_ids"][:, 0] for batch in training.batches(features, training.order(22))]
        assert {len(batch) for batch in batches} == {8 // passes}
        seen.append(np.concatenate(batches))
    np.testing.assert_array_equal(seen[1], seen[0])


class SameInEachPass(Training):
    def dropout_seed(self, step, replica, pass_number=None):
        return super().dropout_seed(step, replica, 0)


@pytest.mark.slow
def test_each_pass_drops_something_else():
    losses = []
    for kind in (Training, SameInEachPass):
        training = make_training(2, kind)
        losses.append(float(training.train_step(training.batches(make_tiny_features(), training.order(22)))))
    assert abs(losses[1] - losses[0]) > 1e-4


# Stopped and resumed


class StoppedError(Exception):
    """Stops a run from outside."""


def stop_after_step_5(step: int, loss: float) -> None:
    if step >= 5:
        raise StoppedError


def train_stopped_and_not(folder: Path, devices: Devices) -> None:
    """Trains with dropout, once without interruption and once with; asserts that the bits are the same."""
    found = {}
    for name in ("whole", "stopped"):
        output_dir = OutputDir(folder / name)
        output_dir.path.mkdir()

        def run(start_step: int, output_dir: OutputDir = output_dir, **arguments: object) -> None:
            with devices.scope():
                head = make_head("classification", 0.1, "float32")
            config = TrainingConfig(
                train_batch_size=8,
                learning_rate=1e-2,
                gradient_accumulation_steps=2,
                save_checkpoints_steps=3,
                iterations_per_loop=1,
            )
            Training(head, config, STEPS, devices).run(make_tiny_features(), output_dir, start_step, **arguments)

        if name == "stopped":
            with contextlib.suppress(StoppedError):
                run(0, progress=stop_after_step_5)
            assert output_dir.latest_step() == 3
        run(output_dir.latest_step())
        found[name] = output_dir.read_checkpoint(STEPS)
    for name in found["whole"].keys() - {"training/seconds"}:
        np.testing.assert_array_equal(found["stopped"][name], found["whole"][name], err_msg=name)


# Two devices


def train_on_two_devices(folder: Path) -> None:
    """In a process of its own, whose CPU is split in two."""
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    devices = create_devices("mirrored")
    # The replicas and passes of a tagging step have different numbers of tokens.
    whole = train(folder / "whole_batch", 1, "tagging")
    assert_same_to_rounding(train(folder / "passes", 2, "tagging", devices=devices), whole)
    train_stopped_and_not(folder, devices)
    devices.check_batch_size(8, 4)
    with pytest.raises(UserError, match=r"12 examples cannot be shared by 2 replicas in 4 passes each; .* of 8$"):
        devices.check_batch_size(12, 4)


@pytest.mark.slow
def test_passes_on_two_devices_give_the_whole_batch_and_resume_with_the_same_bits(tmp_path):
    process = forks.Process(target=train_on_two_devices, args=(tmp_path,))
    process.start()
    process.join(TIMEOUT)
    assert process.exitcode == 0


# What a user can do wrong


def test_a_batch_that_passes_cannot_share_is_refused():
    with pytest.raises(UserError, match=r"^gradient_accumulation_steps: 3 does not divide the train_batch_size of 8$"):
        make_training(3)
