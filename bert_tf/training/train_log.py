"""The log of a training run: `train_log.csv`, and TensorBoard's events next to it."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from bert_tf import run_files
from bert_tf.training.output_dir import OutputDir


class TrainLog:
    """Writes a row every few steps: step, mean loss since the row before, learning rate.

    A run that resumes passes the losses from before. Rows that the killed run wrote after its last checkpoint are
    dropped, so that each step has one row.

    Args:
        output_dir: gets `train_log.csv` and `events.out.tfevents.*`.
        every: steps from row to row.
        schedule: the learning rate of an update, counted from 0; a row shows that of its step's update.
        losses: float32 [finished steps], from before.

    Example:
        >>> log = TrainLog(OutputDir("."), every=2, schedule=lambda step: 0.5, losses=np.zeros(0))
        >>> log.add(np.array([3.0, 1.0, 4.0]))
        >>> log.close(np.array([3.0, 1.0, 4.0]))
        >>> print(open("train_log.csv").read(), end="")
        step,loss,learning_rate
        2,2.0,0.5
        3,4.0,0.5
    """

    def __init__(
        self, output_dir: OutputDir, every: int, schedule: Callable[[int], tf.Tensor | float], losses: np.ndarray
    ):
        self._output_dir = output_dir
        self._every = every
        self._schedule = schedule
        self._last = 0
        writes = output_dir.is_writer
        self._events = (
            tf.summary.create_file_writer(str(output_dir.path)) if writes else tf.summary.create_noop_writer()
        )
        output_dir.write_lines(run_files.TRAIN_LOG, ["step,loss,learning_rate"])
        self.add(losses)

    def add(self, losses: np.ndarray) -> None:
        """Writes the rows that are due.

        Args:
            losses: float32 [finished steps], all of the run so far.
        """
        for step in range(self._last + self._every, len(losses) + 1, self._every):
            self._write(step, losses)

    def close(self, losses: np.ndarray) -> None:
        """Writes the last row, which may cover fewer steps."""
        if len(losses) > self._last:
            self._write(len(losses), losses)
        self._events.close()

    def _write(self, step: int, losses: np.ndarray) -> None:
        loss, rate = float(losses[self._last : step].mean()), float(self._schedule(step - 1))
        self._last = step
        self._output_dir.append_line(run_files.TRAIN_LOG, f"{step},{loss},{rate}")
        with self._events.as_default():
            tf.summary.scalar("loss", loss, step)
            tf.summary.scalar("learning_rate", rate, step)
        self._events.flush()
