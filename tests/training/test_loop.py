"""The training loop: steps, and runs that go on as if nothing had happened."""

import csv
import math
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from support.tiny import make_tiny_features, make_tiny_head

from bert_tf.data.batches import batch_lengths, training_order
from bert_tf.devices import one_device
from bert_tf.errors import UserError
from bert_tf.modeling import fusion
from bert_tf.modeling.heads import ClassificationHead
from bert_tf.training import loop
from bert_tf.training.config import TrainingConfig
from bert_tf.training.loop import Training
from bert_tf.training.output_dir import OutputDir

ONE_DEVICE = one_device()


@pytest.fixture
def output_dir(tmp_path) -> OutputDir:
    return OutputDir(tmp_path)


def make_training(
    steps: int,
    batch_size: int = 32,
    head: ClassificationHead | None = None,
    schedule: Callable | None = None,
    kind: type[Training] = Training,
    **fields,
) -> Training:
    defaults = {"train_batch_size": batch_size, "learning_rate": 5e-5, "warmup_steps": 0}
    return kind(head or make_tiny_head(), TrainingConfig(**(defaults | fields)), steps, ONE_DEVICE, schedule)


class StoppedError(Exception):
    """Stops a run from outside."""


def stop_at(last: int) -> Callable[[int, float], None]:
    """A progress callback in place of kill -9."""

    def progress(step: int, loss: float) -> None:
        if step >= last:
            raise StoppedError

    return progress


# Compiling


@pytest.fixture
def one_gpu(monkeypatch):
    """Lets a training decide as next to a GPU; the fused functions still run on the CPU."""
    monkeypatch.setattr(loop, "is_fusing", lambda: False)
    monkeypatch.setattr(loop, "can_fuse_on_gpu", lambda: True)
    monkeypatch.setattr(fusion, "has_only_cpus", lambda: False)


def fused_functions(training: Training, start_step: int = 0) -> int:
    """The number of functions that the step of a training runs compiled."""
    features = make_tiny_features()
    order = training.order(len(features))
    training.decide_to_fuse(features, order)
    batches = training.batches(features, order[start_step:])
    with fusion.recorded() as record:
        training.compile_ahead(batches, features, order[start_step:]).join()
        training.train_step(batches)
    return len(record)


def test_a_long_training_on_a_gpu_compiles_and_a_short_one_does_not(one_gpu):
    assert fused_functions(make_training(10)) == 0
    assert fused_functions(make_training(20_000)) > 0


def test_the_end_of_a_long_training_computes_as_its_start(one_gpu):
    assert fused_functions(make_training(20_000), start_step=19_990) > 0


def test_a_training_on_a_gpu_leaves_the_encoder_as_it_was(one_gpu):
    head = make_tiny_head()
    assert fused_functions(make_training(20_000, head=head)) > 0
    assert head.encoder.fuse is None
    head.encoder.fuse = False
    assert fused_functions(make_training(20_000, head=head)) == 0


# Steps


class GivenLosses(Training):
    """Trains without computing: each step has the loss that `losses` gives, and `seen` keeps the batches."""

    losses: Callable[[int], float] = staticmethod(lambda step: 1.0)

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.seen: list[dict[str, np.ndarray]] = []

    def train_step(self, batches: Iterator) -> tf.Tensor:
        self.seen.append({name: tensor.numpy() for name, tensor in next(batches).items()})
        return tf.constant(self.losses(len(self.seen)), tf.float32)

    def compile_ahead(self, *_) -> threading.Thread:
        nothing = threading.Thread()
        nothing.start()
        return nothing


def with_losses(losses: Callable[[int], float]) -> type[GivenLosses]:
    return type("WithLosses", (GivenLosses,), {"losses": staticmethod(losses)})


def test_each_epoch_trains_on_every_example_once(output_dir):
    features = make_tiny_features(22)
    training = make_training(11, 6, seed=4, kind=GivenLosses)
    training.run(features, output_dir)
    batches = training.seen
    seen = np.concatenate([batch["input_word_ids"][:, 0] for batch in batches])
    assert len(seen) == 66
    for epoch in seen.reshape(3, 22):
        assert sorted(epoch) == list(range(22))
    assert {batch["input_mask"].shape[1] for batch in batches} <= {16, 32, 40}
    labels = np.concatenate([batch["label_ids"] for batch in batches])
    np.testing.assert_array_equal(labels, features.targets["label_ids"].numpy()[seen])


def test_the_result_has_the_losses_and_tokens_of_the_whole_run(output_dir):
    features, reported = make_tiny_features(), []
    training = make_training(7, 4, seed=2, iterations_per_loop=3, kind=with_losses(float))
    result = training.run(features, output_dir, progress=lambda step, loss: reported.append((step, loss)))
    np.testing.assert_array_equal(result.losses, np.arange(1, 8, dtype=np.float32))
    assert result.num_tokens == features.lengths[training_order(22, 4, 7, seed=2)].sum()
    assert result.seconds > 0
    assert reported[-1] == (7, 7.0)
    assert all(step == loss for step, loss in reported)


@pytest.mark.slow
def test_one_graph_serves_all_lengths(output_dir):
    training = make_training(6, 2, seed=1)
    features = make_tiny_features()
    lengths = batch_lengths(features.lengths, training_order(22, 2, 6, seed=1), 40)
    assert len(set(lengths)) == 3
    result = training.run(features, output_dir)
    assert training.train_step.experimental_get_tracing_count() == 1
    assert np.isfinite(result.losses).all()


@pytest.mark.parametrize("dtype, scale", [("float32", 1.0), ("mixed_bfloat16", 1.0), ("mixed_float16", 2.0**15)])
def test_only_float16_scales_its_loss(dtype, scale):
    assert float(make_training(1, head=make_tiny_head(dtype)).optimizer.loss_scale) == scale


@pytest.mark.slow
def test_training_in_float16_is_near_float32(output_dir):
    weights = {}
    for dtype in ("float32", "mixed_float16"):
        model = make_tiny_head(dtype)
        before = {name: variable.numpy() for name, variable in model.variables_by_name.items()}
        result = make_training(3, 8, model, learning_rate=1e-3).run(make_tiny_features(), output_dir)
        weights[dtype] = np.concatenate([np.ravel(v - before[n]) for n, v in model.variables_by_name.items()])
        assert np.isfinite(result.losses).all()
    moved = np.abs(weights["float32"]).mean()
    assert moved > 1e-4
    assert np.abs(weights["mixed_float16"] - weights["float32"]).mean() < 0.3 * moved


# Killed and started again


def run(
    output_dir: OutputDir,
    start_step: int = 0,
    seed: int = 3,
    kind: type[Training] = Training,
    optimizer: str = "adamw",
    **arguments,
) -> Training:
    training = make_training(
        steps=7,
        batch_size=4,
        learning_rate=1e-2,
        warmup_steps=2,
        seed=seed,
        save_checkpoints_steps=3,
        iterations_per_loop=1,
        logging_steps=2,
        optimizer=optimizer,
        kind=kind,
    )
    training.run(make_tiny_features(), output_dir, start_step, **arguments)
    return training


def new_folder(path: Path) -> OutputDir:
    path.mkdir()
    return OutputDir(path)


def read_log(folder: OutputDir) -> list[list[str]]:
    with (folder.path / "train_log.csv").open(newline="") as file:
        return list(csv.reader(file))


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["adamw", "lamb"])
def test_a_run_that_was_stopped_ends_as_one_that_never_was(tmp_path, optimizer):
    whole, stopped, other = (new_folder(tmp_path / name) for name in ("whole", "stopped", "other"))
    run(whole, optimizer=optimizer)
    with pytest.raises(StoppedError):
        run(stopped, progress=stop_at(5), optimizer=optimizer)
    assert stopped.latest_step() == 3
    assert read_log(stopped)[-1][0] == "4"
    run(stopped, start_step=3, optimizer=optimizer)
    expected, found = whole.read_checkpoint(7), stopped.read_checkpoint(7)
    assert expected.keys() == found.keys()
    for name in expected.keys() - {"training/seconds"}:
        np.testing.assert_array_equal(found[name], expected[name], err_msg=name)
    assert (stopped.path / "train_log.csv").read_bytes() == (whole.path / "train_log.csv").read_bytes()
    assert [row[0] for row in read_log(whole)] == ["step", "2", "4", "6", "7"]
    # And the seed is what makes it so: another one gives other losses from the first step on.
    with pytest.raises(StoppedError):
        run(other, seed=4, progress=stop_at(4), optimizer=optimizer)
    losses = other.read_checkpoint(3)["training/losses"]
    assert (losses != expected["training/losses"][:3]).all()


@pytest.mark.slow
def test_each_step_drops_something_else():
    batch = {
        name: tf.constant(np.tile(np.arange(1, 13) % (7 if name == "input_word_ids" else 2), [4, 1]), tf.int32)
        for name in ("input_word_ids", "input_type_ids")
    }
    batch |= {"input_mask": tf.ones([4, 12], tf.int32), "label_ids": tf.constant([0, 1, 1, 0])}
    batches = iter(tf.data.Dataset.from_tensors(batch).repeat())
    training = make_training(4, 4, schedule=lambda step: tf.constant(0.0))
    # The rate is 0 and the batch the same: nothing but dropout makes a difference.
    assert len({float(training.train_step(batches)) for _ in range(4)}) == 4


def test_what_dropout_drops_depends_on_step_and_replica():
    training = make_training(1, seed=3)
    seeds = {
        tuple(training.dropout_seed(tf.constant(step, tf.int64), replica).numpy())
        for step in range(1, 50)
        for replica in range(8)
    }
    assert len(seeds) == 49 * 8


def test_only_a_checkpoint_that_training_resumes_from_has_moments(output_dir):
    with pytest.raises(StoppedError):
        run(output_dir, kind=GivenLosses, progress=stop_at(4))
    going_on = output_dir.read_checkpoint(3)
    assert {"output_bias/adam_m", "output_bias/adam_v", "training/loss_scale"} < going_on.keys()
    run(output_dir, start_step=3, kind=GivenLosses)
    final = output_dir.read_checkpoint(7)
    assert final.keys() == make_tiny_head().variables_by_name.keys() | {
        "global_step",
        "training/losses",
        "training/seconds",
    }


def test_a_slow_run_is_saved_before_its_steps_are_full(output_dir):
    class Slow(GivenLosses):
        seconds_between_checkpoints = 0

    with pytest.raises(StoppedError):
        run(output_dir, kind=Slow, progress=stop_at(2))
    assert output_dir.latest_step() == 1


@pytest.mark.slow
def test_a_finished_run_is_read_and_not_trained(output_dir):
    run(output_dir)
    before = output_dir.read_checkpoint(7)
    (output_dir.path / "model.ckpt-6.index").touch()  # As a run leaves it that is killed after its last save.
    training = run(output_dir, start_step=7, kind=GivenLosses)
    assert training.seen == [] and not (output_dir.path / "model.ckpt-6.index").exists()
    for name, variable in training.head.variables_by_name.items():
        np.testing.assert_array_equal(variable.numpy().reshape(before[name].shape), before[name], err_msg=name)
    assert read_log(output_dir)[-1][0] == "7"


def test_a_checkpoint_without_moments_is_not_continued(output_dir):
    arrays = dict(make_tiny_head().variables_by_name)
    output_dir.write_checkpoint(3, arrays)
    with pytest.raises(UserError) as error:
        run(output_dir, start_step=3)
    assert re.match(rf"{output_dir.path}/model\.ckpt-3: cannot be resumed: .* are missing; [^\n]+$", str(error.value))


@pytest.mark.parametrize(
    "change",
    [
        lambda arrays: arrays | {"output_bias": np.zeros(5, np.float32)},
        lambda arrays: {name: array for name, array in arrays.items() if name != "training/losses"},
        lambda arrays: arrays | {"training/seconds": np.zeros(2)},
    ],
)
def test_a_checkpoint_with_arrays_of_another_shape_is_not_continued(output_dir, change):
    head = make_tiny_head()
    arrays = {name: variable.numpy() for name, variable in head.variables_by_name.items()}
    arrays |= {
        "global_step": np.int64(7),
        "training/losses": np.zeros(7, np.float32),
        "training/seconds": np.float64(1),
    }
    output_dir.write_checkpoint(7, change(arrays))
    with pytest.raises(UserError) as error:
        run(output_dir, start_step=7)
    assert re.match(rf"{output_dir.path}/model\.ckpt-7: cannot be resumed \([^\n]+$", str(error.value))


# Frozen variables


@pytest.mark.slow
def test_a_frozen_encoder_keeps_its_weights_while_the_head_learns(output_dir):
    head = make_tiny_head()
    head.encoder.trainable = False
    before = {name: variable.numpy() for name, variable in head.variables_by_name.items()}
    make_training(3, 8, head, learning_rate=1e-2).run(make_tiny_features(), output_dir)
    changed = {name for name, variable in head.variables_by_name.items() if (variable.numpy() != before[name]).any()}
    assert changed == {"output_weights", "output_bias"}
    assert output_dir.read_checkpoint(3).keys() >= before.keys()


# Losses that are not finite


@pytest.mark.slow
@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("iterations_per_loop", [1, 1000])
def test_a_loss_that_is_not_finite_names_its_step_and_the_last_good_checkpoint(output_dir, bad, iterations_per_loop):
    kind = with_losses(lambda step: bad if step >= 5 else 1.0)
    training = make_training(9, 4, save_checkpoints_steps=2, iterations_per_loop=iterations_per_loop, kind=kind)
    with pytest.raises(UserError) as error:
        training.run(make_tiny_features(), output_dir)
    message = str(error.value)
    assert message.startswith(f"step 5: the loss is {bad}; ")
    assert f"the last good checkpoint is {output_dir.path / 'model.ckpt-4'};" in message
    assert "\n" not in message
    assert output_dir.latest_step() == 4


def test_a_first_loss_that_is_not_finite_says_that_nothing_was_saved(output_dir):
    with pytest.raises(UserError, match=r"^step 1: the loss is nan; no checkpoint was saved; "):
        make_training(9, 4, kind=with_losses(lambda step: math.nan)).run(make_tiny_features(), output_dir)
    assert output_dir.latest_step() == 0


def test_a_first_loss_that_overflows_in_float16_names_the_precision(output_dir):
    kind, head = with_losses(lambda step: math.nan), make_tiny_head("mixed_float16")
    with pytest.raises(UserError, match=r"^step 1: the loss is nan; .* in float16; use --mixed_precision=bfloat16"):
        make_training(9, 4, head=head, kind=kind).run(make_tiny_features(), output_dir)


@pytest.mark.slow
def test_weights_that_are_not_finite_are_never_saved(output_dir):
    # The loss is that before the update: it is finite at the step which spoils the weights.

    def schedule(step: tf.Tensor | int) -> tf.Tensor:
        return tf.where(tf.cast(step, tf.int64) == 1, np.inf, 1e-3)

    with pytest.raises(UserError, match=r"^step 2: .*the last good checkpoint is [^ ]*model\.ckpt-1;"):
        make_training(4, 4, schedule=schedule, save_checkpoints_steps=1).run(make_tiny_features(), output_dir)
    assert all(np.isfinite(array).all() for array in output_dir.read_checkpoint(output_dir.latest_step()).values())


@pytest.mark.parametrize("field", ["train_batch_size", "learning_rate"])
def test_a_config_that_leaves_open_what_training_needs_is_refused(field):
    fields = {"train_batch_size": 4, "learning_rate": 1e-3, field: None}
    with pytest.raises(UserError, match=f"^{field}: is open; give the config a value$"):
        Training(make_tiny_head(), TrainingConfig(**fields), 3, ONE_DEVICE)
