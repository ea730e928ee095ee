"""The log of a training run: `train_log.csv`, and TensorBoard's events beside it."""

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf

from bert_tf.files import atomic_write


class TrainLog:
    """Writes a row every so many steps: step, mean loss since the row before, learning rate.

    A run that goes on where another was killed hands in the losses from before: the rows that the other wrote
    after its last checkpoint are dropped, so that each step stands once.

    Args:
        folder: gets `train_log.csv` and `events.out.tfevents.*`.
        every: steps from row to row.
        schedule: the learning rate of a step.
        losses: float32 [finished steps], from before.

    Example:
        >>> log = TrainLog(".", every=2, schedule=lambda step: 0.5, losses=np.zeros(0))
        >>> log.add(np.array([3.0, 1.0, 4.0]))
        >>> log.close(np.array([3.0, 1.0, 4.0]))
        >>> print(Path("train_log.csv").read_text(), end="")
        step,loss,learning_rate
        2,2.0,0.5
        3,4.0,0.5
    """

    def __init__(
        self, folder: str | Path, every: int, schedule: Callable[[int], tf.Tensor | float], losses: np.ndarray
    ):
        self._path = Path(folder) / "train_log.csv"
        self._every = every
        self._schedule = schedule
        self._last = 0
        self._events = tf.summary.create_file_writer(str(folder))
        with atomic_write(self._path) as file:
            file.write("step,loss,learning_rate\n")
        self.add(losses)

    def add(self, losses: np.ndarray) -> None:
        """Writes the rows that are due.

        Args:
            losses: float32 [finished steps], all of the run so far.
        """
        for step in range(self._last + self._every, len(losses) + 1, self._every):
            self._write(step, losses)

    def close(self, losses: np.ndarray) -> None:
        """Writes the last row, which may stand for fewer steps."""
        if len(losses) > self._last:
            self._write(len(losses), losses)
        self._events.close()

    def _write(self, step: int, losses: np.ndarray) -> None:
        loss, rate = float(losses[self._last : step].mean()), float(self._schedule(step))
        self._last = step
        with self._path.open("a", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerow((step, loss, rate))
        with self._events.as_default():
            tf.summary.scalar("loss", loss, step)
            tf.summary.scalar("learning_rate", rate, step)
        self._events.flush()
