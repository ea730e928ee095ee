"""The training loop. It can start from pre-trained weights or resume a killed run.

    training = Training(head, config, num_train_steps=343, devices=devices)
    result = training.run(features, output_dir)

A run that is killed and started again ends with the same weights, bit by bit, as one that was not, on the same kind of
machine, number of cores and versions: the order of the examples and the dropout are functions of (seed, step), and a
checkpoint holds the rest.
"""

import dataclasses
import threading
import time
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from bert_tf.data.batches import attention_lengths, batch_dataset, batch_row_counts, training_order
from bert_tf.data.features import Features
from bert_tf.devices import Devices
from bert_tf.errors import UserError, reading
from bert_tf.modeling.fusion import can_fuse_on_gpu, compile_for, is_fusing, recorded, start_compiler
from bert_tf.modeling.heads import Batch, Head
from bert_tf.termination import Terminated
from bert_tf.training.accumulation import GradientAccumulator, repeat
from bert_tf.training.config import TrainingConfig
from bert_tf.training.curve import DevCurve
from bert_tf.training.lamb import LambOptimizer
from bert_tf.training.optimization import AdamWeightDecayOptimizer, WarmupPolynomialDecay, layerwise_rates
from bert_tf.training.output_dir import LAST_STEP, OutputDir
from bert_tf.training.overflow import NotFiniteError, remedy_for_overflow
from bert_tf.training.stopping import Stop, stop_at_sigterm
from bert_tf.training.stopwatch import Stopwatch
from bert_tf.training.train_log import TrainLog
from bert_tf.training.validation import Validation

# How often to fetch losses from the device for the progress bar.
_SECONDS_BETWEEN_LOOKS = 0.5
# Measured on an H100 with BERT-base: compiling for one more size takes 0.9 s, and gains 5 ms in a step of 32 x 128
# tokens and 70 ms in one of 256 x 128.
_STEPS_WORTH_A_SIZE = 200

_OPTIMIZERS = {"adamw": AdamWeightDecayOptimizer, "lamb": LambOptimizer}

Batches = tf.data.Iterator | tf.distribute.DistributedIterator


@dataclasses.dataclass(frozen=True)
class TrainingResult:
    """The result of a training run.

    Attributes:
        losses: float32 [steps], of each step, including those before an interruption.
        step: the one whose weights the head has: the last one, or the best.
        seconds: spent in training, in all the processes that worked on it, without evaluations.
        num_tokens: the number of tokens trained on; on TPUs, which compute it all, padding counts too.
    """

    losses: np.ndarray
    step: int
    seconds: float
    num_tokens: int


class Training:
    """One run of training.

    Args:
        head: created in the scope of the devices, filled with pre-trained weights. Only its trainable variables are
            trained.
        config: how to train; no field is open, see `config.settle`.
        num_train_steps: the number of steps.
        devices: where to compute.
        schedule: the learning rate of each update, counted from 0; by default the original's.
        validation: evaluates while training; by default nothing does.

    Attributes:
        seconds_between_checkpoints: a slow run is saved this often, so that no kill costs more.

    Raises:
        UserError: a field of the config is open, or the replicas cannot share a batch.
    """

    seconds_between_checkpoints = 600

    def __init__(
        self,
        head: Head,
        config: TrainingConfig,
        num_train_steps: int,
        devices: Devices,
        schedule: Callable[[tf.Tensor], tf.Tensor] | None = None,
        validation: Validation | None = None,
    ):
        _check_settled(config)
        config.check_passes()
        devices.check_batch_size(config.train_batch_size, config.gradient_accumulation_steps)
        self.head = head
        self.config = config
        self.num_train_steps = num_train_steps
        self.devices = devices
        self.schedule = schedule or WarmupPolynomialDecay(
            config.learning_rate, num_train_steps, config.num_warmup_steps(num_train_steps)
        )
        self.validation = validation or Validation(head, DevCurve())
        self._trained = _trainable_by_name(head)
        with devices.scope():
            self.optimizer = _OPTIMIZERS[config.optimizer](
                self._trained,
                weight_decay=config.weight_decay,
                bias_correction=config.adam_bias_correction,
                dynamic_loss_scale=head.encoder.compute_dtype == "float16",
                rates=layerwise_rates(self._trained, head.encoder.config.num_hidden_layers, config.layer_decay),
            )
            if config.gradient_accumulation_steps > 1:
                self._accumulator = GradientAccumulator(self._trained)
        self._losses = np.zeros(0, np.float32)
        self._seconds = 0.0
        self._step_of_weights = 0
        self._saved_step = 0
        self._is_finished = False
        self._fuses: bool | None = None

    # AutoGraph is off: the graph has no Python control flow, and converting the source takes seconds.
    @tf.function(autograph=False)
    def train_step(self, batches: Batches) -> tf.Tensor:
        """Makes one update on the next batch; returns the batch's loss before it, float32 [].

        The batch, or the batch of each pass, is taken in here, so that one graph serves all lengths.
        """
        strategy, passes = self.devices.strategy, self.config.gradient_accumulation_steps
        if passes == 1:
            loss = strategy.run(self._replica_step, (batches.get_next(),))
        else:
            repeat(passes, lambda number: strategy.run(self._replica_pass, (batches.get_next(), number)))
            loss = strategy.run(self._replica_update)
        return strategy.reduce(tf.distribute.ReduceOp.SUM, loss, axis=None)

    def _replica_step(self, batch: Batch) -> tf.Tensor:
        replica = tf.distribute.get_replica_context()
        finished = tf.identity(self.optimizer.global_step)
        with tf.GradientTape() as tape:
            loss = self._replica_loss(batch, self.dropout_seed(finished + 1, replica.replica_id_in_sync_group))
            scaled_loss = loss * self.optimizer.loss_scale
        gradients = self._gradients(tape, scaled_loss)
        summed = replica.all_reduce(tf.distribute.ReduceOp.SUM, list(gradients.values()))
        # The original's main() reads the step before the update counts it, so the first update has the rate of step 0.
        self.optimizer.apply_gradients(dict(zip(gradients, summed, strict=True)), self.schedule(finished))
        return loss

    def _replica_loss(self, batch: Batch, dropout_seed: tf.Tensor) -> tf.Tensor:
        """Returns this replica's share of the batch's mean loss."""
        totals, weights = self.head.loss(self.head(batch, dropout_seed), batch)
        replica = tf.distribute.get_replica_context()
        return _sum_of_means(totals, replica.all_reduce(tf.distribute.ReduceOp.SUM, weights))

    def _replica_pass(self, batch: Batch, number: tf.Tensor) -> None:
        """Adds the gradients of one pass; `number` counts the passes of an update from 0."""
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        with tf.GradientTape() as tape:
            seed = self.dropout_seed(self.optimizer.global_step + 1, replica, number)
            totals, weights = self.head.loss(self.head(batch, seed), batch)
            loss = _sum_of_means(totals, weights)
            scaled_loss = loss * self.optimizer.loss_scale
        self._accumulator.add(self._gradients(tape, scaled_loss), loss, tf.reduce_sum(weights))

    def _replica_update(self) -> tf.Tensor:
        """Makes one update from the gradients of its passes; returns this replica's share of the mean loss."""
        mean = self._accumulator.take_mean()
        rate = self.schedule(tf.identity(self.optimizer.global_step))
        self.optimizer.apply_gradients(mean.gradients, rate, mean.norm)
        return mean.loss

    def _gradients(self, tape: tf.GradientTape, loss: tf.Tensor) -> dict[str, tf.Tensor | tf.IndexedSlices]:
        """Computes the gradients by name. Variables that the loss does not need are left out, as in the original."""
        gradients = zip(self._trained, tape.gradient(loss, list(self._trained.values())), strict=True)
        gradients = {name: gradient for name, gradient in gradients if gradient is not None}
        if self.devices.is_tpu:
            return {name: tf.convert_to_tensor(gradient) for name, gradient in gradients.items()}
        return gradients

    def dropout_seed(
        self, step: tf.Tensor, replica: tf.Tensor | int, pass_number: tf.Tensor | int | None = None
    ) -> tf.Tensor:
        """Returns the seed of all dropout of a step, counted from 1, or of one of its passes; int32 [2].

        It is a function of (seed, step, replica, pass).
        """
        seed = tf.stack([tf.constant(self.config.seed, tf.int32), tf.cast(step, tf.int32)])
        seed = tf.random.experimental.stateless_fold_in(seed, replica)
        return seed if pass_number is None else tf.random.experimental.stateless_fold_in(seed, pass_number)

    def run(
        self,
        features: Features,
        output_dir: OutputDir,
        start_step: int = 0,
        progress: Callable[[int, float], None] = lambda step, loss: None,
    ) -> TrainingResult:
        """Trains from the checkpoint of `start_step`, or from the head as it is, to the last step.

        At the end `output_dir` holds the weights alone, without the optimizer's moments: those of the last step, or the
        best ones if the validation keeps them. The head has them then.

        Args:
            features: the training set.
            output_dir: gets checkpoints, the log and TensorBoard's events.
            start_step: the step of a checkpoint in `output_dir`, or 0.
            progress: is called now and then with the number of finished steps and the last one's loss.

        Raises:
            UserError: a loss is not finite.
            Terminated: the program got SIGTERM; the last step has been saved.
        """
        order = self.order(len(features))
        self.decide_to_fuse(features, order)
        if start_step:
            self._restore(output_dir, start_step)
        if not self._is_finished and self._is_last(start_step):
            # It was killed after the first of its last two saves.
            self._save(output_dir, start_step, is_last=True)
        elif start_step:
            # A run that is killed between a save and the removal leaves them.
            last_step = len(self._losses) if self._is_finished else start_step
            output_dir.remove_leftover_checkpoints(start_step, self.config.keep_checkpoint_max, last_step)
        if not self._is_finished:
            with stop_at_sigterm(self.devices, start_step + 1) as stop:
                self._train(features, order[start_step:], start_step, output_dir, progress, stop)
        trained = order[: len(self._losses)]
        computed = trained.size * features.max_seq_length if self.devices.is_tpu else features.lengths[trained].sum()
        return TrainingResult(self._losses, self._step_of_weights, self._seconds, num_tokens=int(computed))

    def order(self, num_examples: int) -> np.ndarray:
        """Returns the examples of each step, int64 [steps, batch size]; see `training_order`."""
        return training_order(num_examples, self.config.train_batch_size, self.num_train_steps, self.config.seed)

    def _train(
        self,
        features: Features,
        order: np.ndarray,
        first: int,
        output_dir: OutputDir,
        progress: Callable[[int, float], None],
        stop: Stop,
    ) -> None:
        batches = self.batches(features, order)
        compiling = self.compile_ahead(batches, features, order)
        log = TrainLog(output_dir, self.config.logging_steps, self.schedule, self._losses, self.validation.curve)
        pending: list[tf.Tensor] = []
        stopwatch = Stopwatch(self._seconds)
        looked = saved = time.perf_counter()
        for step in range(first + 1, self.num_train_steps + 1):
            pending.append(self.train_step(batches))
            compiling.join()
            must_evaluate = self.validation.is_due(step)
            is_stopped = step < self.num_train_steps and stop.is_after(step)
            must_save = is_stopped or self._must_save(step, time.perf_counter() - saved)
            must_look = must_evaluate or must_save or len(pending) >= self.config.iterations_per_loop
            if must_look or time.perf_counter() - looked > _SECONDS_BETWEEN_LOOKS:
                self._collect(pending, step, output_dir)
                self._seconds = stopwatch.seconds
                looked = time.perf_counter()
            if must_evaluate:
                with stopwatch.paused():
                    self._evaluate(step, output_dir)
            if not pending:
                log.add(self._losses)
                progress(step, float(self._losses[-1]))
            is_last = self._is_last(step)
            if must_save or is_last:
                self._check_weights(output_dir, step)
                saved = time.perf_counter()
                if is_last:
                    log.close(self._losses)
                self._save(output_dir, step, is_last)
            if is_last:
                break
            if is_stopped:
                # No process ends before the first one has saved.
                self.devices.exchange("saved")
                raise Terminated(step)

    def _evaluate(self, step: int, output_dir: OutputDir) -> None:
        # The loss of a step says nothing about its update.
        self._check_weights(output_dir, step)
        try:
            self.validation.evaluate(step)
        except NotFiniteError as error:
            problem = f"step {step}: answers to the dev set are not finite; {_last_good(output_dir)}"
            raise UserError(f"{problem}; {self._remedy(step)}") from error

    def _is_last(self, step: int) -> bool:
        return step == self.num_train_steps or self.validation.is_over

    def _must_save(self, step: int, seconds_since_saved: float) -> bool:
        is_due = (
            step % self.config.save_checkpoints_steps == 0 or seconds_since_saved > self.seconds_between_checkpoints
        )
        return is_due or step == self.num_train_steps

    def batches(self, features: Features, order: np.ndarray) -> Batches:
        """Returns the batches that `train_step` takes, one for each pass; `order` comes from `order`."""
        if self._fuses is None:
            self.decide_to_fuse(features, order)
        order = self._order_of_passes(order)

        def make_dataset(num_replicas: int, replicas: range) -> tf.data.Dataset:
            groups = self.devices.attention_groups(features.lengths.max())
            return batch_dataset(features, order, self.devices.is_tpu, num_replicas, replicas, self._fuses, groups)

        return iter(self.devices.distribute(make_dataset))

    def decide_to_fuse(self, features: Features, order: np.ndarray) -> None:
        """Decides whether steps run compiled functions: always on CPUs, and on a GPU if it is worth the time.

        Args:
            features: the training set.
            order: of all steps, so that a run that continues decides in the same way; see `order`.
        """
        self._fuses = is_fusing()
        if not self._fuses and self.head.encoder.fuse is None and can_fuse_on_gpu():
            sizes = self._compiled_sizes(features, self._order_of_passes(order))
            self._fuses = self.num_train_steps >= _STEPS_WORTH_A_SIZE * len(sizes)

    def _order_of_passes(self, order: np.ndarray) -> np.ndarray:
        """Returns the examples of each pass, int64 [steps * passes, examples]; they come in the same order."""
        return order.reshape(len(order) * self.config.gradient_accumulation_steps, -1)

    def compile_ahead(self, batches: Batches, features: Features, order: np.ndarray) -> threading.Thread:
        """Compiles the fused functions for every batch size in a background thread, so that no later step waits.

        TensorFlow needs seconds to prepare the first step, on one core.

        Returns:
            The thread that compiles; it ends when all is done.
        """
        with recorded() as record:
            if self._fuses:
                start_compiler()
                self._trace_fused(batches)
        sizes = self._compiled_sizes(features, self._order_of_passes(order))
        compiling = threading.Thread(target=compile_for, args=(record, sizes))
        compiling.start()
        return compiling

    def _trace_fused(self, batches: Batches) -> None:
        """Traces the step with compiled functions, also on a GPU, where the encoder has none by default."""
        encoder = self.head.encoder
        before = encoder.fuse
        encoder.fuse = True if before is None else before
        try:
            self.train_step.get_concrete_function(batches)
        finally:
            encoder.fuse = before

    def _compiled_sizes(self, features: Features, order: np.ndarray) -> dict[tuple[int, ...], None]:
        """Returns the sizes of what a replica computes, for `compile_for`; `order` is that of the passes."""
        rows = order.reshape(order.shape[0] * self.devices.num_replicas, -1)
        shape = (features.lengths, rows, features.max_seq_length)
        groups = self.devices.attention_groups(features.lengths.max())
        counts = batch_row_counts(*shape, few_sizes=True, attention_groups=groups)
        attended = attention_lengths(*shape, groups)
        scores = rows.shape[1] // attended.shape[1] * self.head.encoder.config.num_attention_heads
        sizes = [(count,) for count in counts.tolist()]
        sizes += [(scores * length, length) for length in np.unique(attended).tolist()]
        positions = self.head.positions
        if positions is not None:
            # The last layer of a head that needs only [CLS] has one row for each example.
            sizes += [(positions * rows.shape[1],)]
            sizes += [(scores * positions, length) for length in np.unique(attended).tolist() if positions > 1]
        return dict.fromkeys(sizes)

    def _collect(self, pending: list[tf.Tensor], step: int, output_dir: OutputDir) -> None:
        losses = np.array([loss.numpy() for loss in pending], np.float32)
        pending.clear()
        bad = np.flatnonzero(~np.isfinite(losses))
        if len(bad):
            first = step - len(losses) + int(bad[0]) + 1
            problem = f"step {first}: the loss is {losses[bad[0]]}; {_last_good(output_dir)}"
            raise UserError(f"{problem}; {self._remedy(first)}")
        self._losses = np.concatenate([self._losses, losses])

    def _check_weights(self, output_dir: OutputDir, step: int) -> None:
        """Raises `UserError` if a weight is not finite: the loss of a step says nothing about its update."""
        for name, variable in self._trained.items():
            if not bool(tf.reduce_all(tf.math.is_finite(variable))):
                raise UserError(f"step {step}: {name} is not finite; {_last_good(output_dir)}; {self._remedy(step)}")

    def _remedy(self, step: int) -> str:
        # The first loss comes from weights that no update has changed.
        if step == 1 and self.head.encoder.compute_dtype == "float16":
            return remedy_for_overflow("float16")
        return f"try a lower --learning_rate or more --{self.config.warmup_flag}"

    def _save(self, output_dir: OutputDir, step: int, is_last: bool) -> None:
        if is_last:
            self._save_last(output_dir, step)
        else:
            self._save_to_resume(output_dir, step, self.config.keep_checkpoint_max)

    def _save_last(self, output_dir: OutputDir, step: int) -> None:
        best_step = self.validation.step_to_end_with(step)
        if best_step == self._saved_step != step:
            # The files of a checkpoint cannot be replaced at once, so until they are, another one must count.
            keep = self.config.keep_checkpoint_max
            self._save_to_resume(output_dir, step, keep and keep + 1)
        self.validation.load_best()
        arrays = self._arrays(best_step) | self.validation.last_arrays(step)
        output_dir.write_checkpoint(best_step, arrays, self.config.keep_checkpoint_max, step)
        self._step_of_weights = best_step
        self._is_finished = True

    def _save_to_resume(self, output_dir: OutputDir, step: int, keep: int) -> None:
        arrays = self._arrays(step) | self.validation.arrays(step) | self.optimizer.state_by_name
        output_dir.write_checkpoint(step, arrays, keep)
        self._saved_step = step

    def _arrays(self, step: int) -> dict[str, np.ndarray | tf.Variable]:
        return {
            **self.head.variables_by_name,
            "global_step": np.int64(step),
            "training/losses": self._losses,
            "training/seconds": np.float64(self._seconds),
        }

    def _restore(self, output_dir: OutputDir, step: int) -> None:
        arrays = output_dir.read_checkpoint(step)
        self._is_finished = LAST_STEP in arrays if self.validation.is_active else step >= self.num_train_steps
        variables = dict(self.head.variables_by_name)
        if not self._is_finished:
            variables |= self.optimizer.state_by_name
        missing = sorted(variables.keys() - arrays.keys())
        if missing:
            raise UserError(
                f"{output_dir.checkpoint(step)}: cannot be resumed: {missing[0]} and {len(missing) - 1} more are "
                "missing; --overwrite_output_dir starts again"
            )
        with reading(output_dir.checkpoint(step), "--overwrite_output_dir starts again", "cannot be resumed"):
            for name, variable in variables.items():
                variable.assign(np.reshape(arrays[name], variable.shape))
            self._losses = arrays["training/losses"]
            self._seconds = float(arrays["training/seconds"])
            self.validation.restore(arrays, step)
        self._step_of_weights = self._saved_step = step


def _sum_of_means(totals: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """Returns the sum over the terms of a loss of their means, float32 []; see `Head.loss`."""
    return tf.reduce_sum(tf.math.divide_no_nan(totals, weights))


def _check_settled(config: TrainingConfig) -> None:
    for name in ("train_batch_size", "learning_rate"):
        if getattr(config, name) is None:
            raise UserError(f"{name}: is open; give the config a value")


def _trainable_by_name(head: Head) -> dict[str, tf.Variable]:
    trainable = {id(variable) for variable in head.trainable_variables}
    return {name: variable for name, variable in head.variables_by_name.items() if id(variable) in trainable}


def _last_good(output_dir: OutputDir) -> str:
    saved = output_dir.latest_step()
    return f"the last good checkpoint is {output_dir.checkpoint(saved)}" if saved else "no checkpoint was saved"
