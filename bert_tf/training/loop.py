"""The training loop: from pre-trained weights, or from where it was killed, to fine-tuned ones.

    training = Training(model, TrainingOptions(learning_rate=5e-5, num_train_steps=343), strategy)
    result = training.run(features, output_dir)

A run that is killed and started again ends with the same weights, bit by bit, as one that never was: the order
of the examples and what dropout drops are functions of (seed, step), and a checkpoint holds all the rest.
"""

import dataclasses
import math
import threading
import time
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from bert_tf.data.batches import batch_dataset, batch_row_counts, training_order
from bert_tf.data.features import Features
from bert_tf.devices import check_batch_size, distribute, is_chief, is_tpu
from bert_tf.errors import UserError
from bert_tf.modeling.fusion import compile_for, is_fusing, recorded, silence_compiler
from bert_tf.modeling.heads import BertClassifier
from bert_tf.training.optimization import AdamWeightDecayOptimizer, WarmupPolynomialDecay
from bert_tf.training.output_dir import OutputDir
from bert_tf.training.train_log import TrainLog

# Losses stay on the device until somebody needs them; a progress bar needs them so often.
_SECONDS_BETWEEN_LOOKS = 0.5

# A slow run is saved more often than every `save_checkpoints_steps`, so that no kill costs more than this.
_SECONDS_BETWEEN_CHECKPOINTS = 600


@dataclasses.dataclass(frozen=True)
class TrainingOptions:
    """How to train; see the flags of `run_classifier.py` for what each means."""

    num_train_steps: int
    train_batch_size: int = 32
    learning_rate: float = 5e-5
    num_warmup_steps: int = 0
    weight_decay: float = 0.01
    adam_bias_correction: bool = True
    seed: int = 0
    save_checkpoints_steps: int = 1000
    iterations_per_loop: int = 1000
    logging_steps: int = 10


@dataclasses.dataclass(frozen=True)
class TrainingResult:
    """What training gave.

    Attributes:
        losses: float32 [steps], of each step, those before an interruption included.
        seconds: spent in training, over all the processes that worked on it.
        num_tokens: how many tokens it trained on; on TPUs, which compute it all, padding counts as well.
    """

    losses: np.ndarray
    seconds: float
    num_tokens: int


def num_train_steps(num_examples: int, batch_size: int, epochs: float) -> int:
    """Steps in which each epoch sees all its examples: the original's number, rounded up instead of down.

    Example:
        >>> num_train_steps(num_examples=3668, batch_size=32, epochs=3.0)
        344
    """
    return max(1, math.ceil(num_examples * epochs / batch_size - 1e-9))


def mean_loss(logits: tf.Tensor, label_ids: tf.Tensor, global_batch_size: int) -> tf.Tensor:
    """The part that some examples have in the mean cross-entropy of a whole batch, float32 []."""
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(label_ids, tf.cast(logits, tf.float32))
    return tf.reduce_sum(losses) / global_batch_size


class Training:
    """One run of training.

    Args:
        model: made under the strategy's scope, filled with pre-trained weights.
        options: how to train.
        strategy: where to compute.
        schedule: the learning rate of each step, counted from 1; by default the original's.

    Raises:
        UserError: the replicas cannot share a batch.
    """

    def __init__(
        self,
        model: BertClassifier,
        options: TrainingOptions,
        strategy: tf.distribute.Strategy,
        schedule: Callable[[tf.Tensor], tf.Tensor] | None = None,
    ):
        check_batch_size(strategy, options.train_batch_size)
        self.model = model
        self.options = options
        self.strategy = strategy
        self.schedule = schedule or WarmupPolynomialDecay(
            options.learning_rate, options.num_train_steps, options.num_warmup_steps
        )
        with strategy.scope():
            self.optimizer = AdamWeightDecayOptimizer(
                model.variables_by_name,
                weight_decay=options.weight_decay,
                bias_correction=options.adam_bias_correction,
                dynamic_loss_scale=model.encoder.compute_dtype == "float16",
            )
        self._losses = np.zeros(0, np.float32)
        self._seconds = 0.0

    # Nothing in the graph depends on what Python code decides, and reading that code takes seconds.
    @tf.function(autograph=False)
    def train_step(self, batches: tf.data.Iterator | tf.distribute.DistributedIterator) -> tf.Tensor:
        """One update on the next batch; returns the batch's loss before it, float32 [].

        Taking the batch in here, not outside, makes one graph do for all lengths.
        """
        loss = self.strategy.run(self._replica_step, (batches.get_next(),))
        return self.strategy.reduce(tf.distribute.ReduceOp.SUM, loss, axis=None)

    def _replica_step(self, batch: dict[str, tf.Tensor]) -> tf.Tensor:
        replica = tf.distribute.get_replica_context()
        step = self.optimizer.global_step + 1
        names, variables = zip(*self.model.variables_by_name.items(), strict=True)
        with tf.GradientTape() as tape:
            seed = self._dropout_seed(step, replica.replica_id_in_sync_group)
            loss = mean_loss(self.model(batch, seed), batch["label_ids"], self.options.train_batch_size)
            scaled_loss = loss * self.optimizer.loss_scale
        gradients = tape.gradient(scaled_loss, variables)
        if is_tpu(self.strategy):
            gradients = [tf.convert_to_tensor(gradient) for gradient in gradients]
        gradients = replica.all_reduce(tf.distribute.ReduceOp.SUM, list(gradients))
        self.optimizer.apply_gradients(dict(zip(names, gradients, strict=True)), self.schedule(step))
        return loss

    def _dropout_seed(self, step: tf.Tensor, replica: tf.Tensor | int) -> tf.Tensor:
        seed = tf.stack([tf.constant(self.options.seed, tf.int32), tf.cast(step, tf.int32)])
        return tf.random.experimental.stateless_fold_in(seed, replica)

    def run(
        self,
        features: Features,
        output_dir: OutputDir,
        start_step: int = 0,
        progress: Callable[[int, float], None] = lambda step, loss: None,
    ) -> TrainingResult:
        """Trains from the checkpoint of `start_step`, or from the model as it is, to the last step.

        At the end `output_dir` holds the weights alone, without the optimizer's moments.

        Args:
            features: the training set.
            output_dir: where checkpoints, the log and TensorBoard's events are written, by the chief only.
            start_step: that of a checkpoint in `output_dir`, or 0.
            progress: called now and then with the number of finished steps and the last one's loss.

        Raises:
            UserError: a loss is not finite.
        """
        order = training_order(
            len(features), self.options.train_batch_size, self.options.num_train_steps, self.options.seed
        )
        if start_step:
            self._restore(output_dir, start_step)
        if start_step < self.options.num_train_steps:
            self._train(features, order[start_step:], start_step, output_dir, progress)
        computed = order.size * features.max_seq_length if is_tpu(self.strategy) else features.lengths[order].sum()
        return TrainingResult(
            losses=self._losses,
            seconds=self._seconds,
            num_tokens=int(computed),
        )

    def _train(
        self,
        features: Features,
        order: np.ndarray,
        first: int,
        output_dir: OutputDir,
        progress: Callable[[int, float], None],
    ) -> None:
        batches = self.batches(features, order)
        compiling = self.compile_ahead(batches, features, order)
        log = self._open_log(output_dir)
        pending: list[tf.Tensor] = []
        looked = saved = time.perf_counter()
        for step in range(first + 1, self.options.num_train_steps + 1):
            pending.append(self.train_step(batches))
            compiling.join()
            is_last = step == self.options.num_train_steps
            must_save = is_last or step % self.options.save_checkpoints_steps == 0
            must_save = must_save or time.perf_counter() - saved > _SECONDS_BETWEEN_CHECKPOINTS
            must_look = must_save or len(pending) >= self.options.iterations_per_loop
            if must_look or time.perf_counter() - looked > _SECONDS_BETWEEN_LOOKS:
                self._collect(pending, step, output_dir)
                looked = time.perf_counter()
                if log:
                    log.add(self._losses)
                progress(step, float(self._losses[-1]))
            if must_save:
                self._check_weights(output_dir, step)
                self._seconds += looked - saved
                saved = looked
                if log:
                    if is_last:
                        log.close(self._losses)
                    self._save(output_dir, step)

    def batches(self, features: Features, order: np.ndarray) -> tf.data.Iterator | tf.distribute.DistributedIterator:
        """What `train_step` takes its batches from: `order` is that of `training_order`."""

        def make_dataset(num_replicas: int, here: range) -> tf.data.Dataset:
            return batch_dataset(features, order, is_tpu(self.strategy), num_replicas, here, is_fusing())

        return iter(distribute(self.strategy, make_dataset))

    def compile_ahead(
        self,
        batches: tf.data.Iterator | tf.distribute.DistributedIterator,
        features: Features,
        order: np.ndarray,
    ) -> threading.Thread:
        """Has what is compiled for each number of rows compiled beside the first step, so that no later one waits.

        TensorFlow spends seconds on preparing that step, with one core.

        Returns:
            The thread that compiles; it ends when all is done.
        """
        with recorded() as record:
            if is_fusing():
                silence_compiler()
                self.train_step.get_concrete_function(batches)
        rows = order.reshape(order.shape[0] * self.strategy.num_replicas_in_sync, -1)
        counts = batch_row_counts(features.lengths, rows, features.max_seq_length, few=True)
        # The last layer has as many rows as there are examples.
        compiling = threading.Thread(
            target=compile_for, args=(record, dict.fromkeys([rows.shape[1], *counts.tolist()]))
        )
        compiling.start()
        return compiling

    def _open_log(self, output_dir: OutputDir) -> TrainLog | None:
        if not is_chief(self.strategy):
            return None
        return TrainLog(output_dir.path, self.options.logging_steps, self.schedule, self._losses)

    def _collect(self, pending: list[tf.Tensor], step: int, output_dir: OutputDir) -> None:
        losses = np.array([loss.numpy() for loss in pending], np.float32)
        pending.clear()
        bad = np.flatnonzero(~np.isfinite(losses))
        if len(bad):
            first = step - len(losses) + int(bad[0]) + 1
            raise UserError(f"step {first}: the loss is {losses[bad[0]]}; {_last_good(output_dir)}")
        self._losses = np.concatenate([self._losses, losses])

    def _check_weights(self, output_dir: OutputDir, step: int) -> None:
        """The loss of a step is that before its update, so it says nothing of the weights after it."""
        for name, variable in self.model.variables_by_name.items():
            if not bool(tf.reduce_all(tf.math.is_finite(variable))):
                raise UserError(f"step {step}: {name} is not finite; {_last_good(output_dir)}")

    def _save(self, output_dir: OutputDir, step: int) -> None:
        arrays = {
            **self.model.variables_by_name,
            "global_step": self.optimizer.global_step,
            "training/losses": self._losses,
            "training/seconds": np.float64(self._seconds),
        }
        if step < self.options.num_train_steps:
            arrays |= self.optimizer.state_by_name
        output_dir.write_checkpoint(step, arrays)

    def _restore(self, output_dir: OutputDir, step: int) -> None:
        arrays = output_dir.read_checkpoint(step)
        variables = dict(self.model.variables_by_name)
        if step < self.options.num_train_steps:
            variables |= self.optimizer.state_by_name
        missing = sorted(variables.keys() - arrays.keys())
        if missing:
            raise UserError(
                f"{output_dir.checkpoint(step)}: cannot be continued, {missing[0]} and {len(missing) - 1} more are "
                "missing; --overwrite_output_dir starts anew"
            )
        for name, variable in variables.items():
            variable.assign(np.reshape(arrays[name], variable.shape))
        self._losses = arrays["training/losses"]
        self._seconds = float(arrays["training/seconds"])


def _last_good(output_dir: OutputDir) -> str:
    saved = output_dir.latest_step()
    good = f"the last good checkpoint is {output_dir.checkpoint(saved)}" if saved else "no checkpoint was saved"
    return f"{good}; try a lower --learning_rate or more --warmup_steps"
