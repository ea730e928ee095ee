"""The log of a training run: `train_log.csv`, and TensorBoard's events next to it."""

import abc
import struct
import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import tensorflow as tf
from absl import logging
from tensorflow.core.framework.summary_pb2 import DATA_CLASS_SCALAR, Summary, SummaryMetadata
from tensorflow.core.util.event_pb2 import Event

from bert_tf import run_files
from bert_tf.crc32c import masked_crc32c
from bert_tf.errors import UserError
from bert_tf.training.curve import DevCurve
from bert_tf.training.output_dir import OutputDir


class TrainLog:
    """Writes a row every few steps: step, mean loss since the row before, learning rate, and scores of the dev set.

    A step that was evaluated has a row too. Other rows have no scores.

    A run that resumes passes the losses from before, and writes all rows anew. Rows that the killed run wrote after its
    last checkpoint are dropped, so that each step has one row. A log that cannot be written does not end the training.

    Args:
        output_dir: gets `train_log.csv` and `events.out.tfevents.*`.
        every: steps from row to row.
        schedule: the learning rate of an update, counted from 0; a row shows that of its step's update.
        losses: float32 [finished steps], from before.
        curve: the scores; it grows while training.

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
        self,
        output_dir: OutputDir,
        every: int,
        schedule: Callable[[int], tf.Tensor | float],
        losses: np.ndarray,
        curve: DevCurve | None = None,
    ):
        self._curve = curve or DevCurve()
        self._every = every
        self._schedule = schedule
        self._last = 0
        self._files = [_Table(output_dir, self._curve.names), _Events(output_dir, self._curve.names)]
        for file in self._files:
            file.write(b"")
        self.add(losses)

    def add(self, losses: np.ndarray) -> None:
        """Writes the rows that are due.

        Args:
            losses: float32 [finished steps], all of the run so far.
        """
        for step in range(self._last + 1, len(losses) + 1):
            if step % self._every == 0 or step in self._curve.scores:
                self._write(step, losses)

    def close(self, losses: np.ndarray) -> None:
        """Writes the last row, which may cover fewer steps."""
        if len(losses) > self._last:
            self._write(len(losses), losses)
        for file in self._files:
            file.write(b"", at_once=True)

    def _write(self, step: int, losses: np.ndarray) -> None:
        loss, rate = float(losses[self._last : step].mean()), float(self._schedule(step - 1))
        self._last = step
        scores = self._curve.scores.get(step, {})
        for file in self._files:
            file.write(file.row(step, {"loss": loss, "learning_rate": rate, **scores}))


class _LogFile(abc.ABC):
    """A file of rows. Those that cannot be written are reported once, and are written later if that is possible."""

    def __init__(self, output_dir: OutputDir, score_names: Sequence[str]):
        self.output_dir = output_dir
        self.columns = ("loss", "learning_rate", *score_names)
        self._name = ""
        self._waiting = b""
        self._is_reported = False
        self._next = 0.0

    @abc.abstractmethod
    def start(self) -> tuple[str, bytes]:
        """Begins a new file in place of an earlier one; returns its name and what it begins with."""

    @abc.abstractmethod
    def row(self, step: int, values: Mapping[str, float]) -> bytes:
        """Returns a row as it is written; some columns may have no value."""

    def write(self, rows: bytes, at_once: bool = False) -> None:
        """Writes rows, and those that are waiting. To a bucket, rows wait unless they are to be written at once."""
        self._waiting += rows
        if time.monotonic() < self._next and not at_once:
            return
        self._next = time.monotonic() + self.output_dir.seconds_between_appends
        try:
            if not self._name:
                self._name, beginning = self.start()
                self._waiting = beginning + self._waiting
            self.output_dir.append(self._name, self._waiting)
            self._waiting = b""
        except UserError as error:
            if not self._is_reported:
                logging.warning("Training continues without this log: %s", error)
            self._is_reported = True


class _Table(_LogFile):
    """`train_log.csv`."""

    def start(self) -> tuple[str, bytes]:
        self.output_dir.write_lines(run_files.TRAIN_LOG, [",".join(("step", *self.columns))])
        return run_files.TRAIN_LOG, b""

    def row(self, step: int, values: Mapping[str, float]) -> bytes:
        cells = (str(values.get(name, "")) for name in self.columns)
        return f"{','.join((str(step), *cells))}\n".encode()


class _Events(_LogFile):
    """A file of events for TensorBoard, as `tf.summary.scalar` writes them.

    TensorBoard shows the events of all files in a folder, so the files of earlier attempts must go.
    """

    def start(self) -> tuple[str, bytes]:
        version = Event(wall_time=time.time(), file_version="brain.Event:2")
        return self.output_dir.start_events(), _record(version)

    def row(self, step: int, values: Mapping[str, float]) -> bytes:
        scalars = (_scalar(name, values[name]) for name in self.columns if name in values)
        events = (Event(wall_time=time.time(), step=step, summary=Summary(value=[scalar])) for scalar in scalars)
        return b"".join(map(_record, events))


def _scalar(tag: str, value: float) -> Summary.Value:
    kind = SummaryMetadata(plugin_data={"plugin_name": "scalars"}, data_class=DATA_CLASS_SCALAR)
    return Summary.Value(tag=tag, tensor=tf.make_tensor_proto(value, tf.float32), metadata=kind)


def _record(event: Event) -> bytes:
    """Returns a record of a TFRecord file: the length and the content, each with its checksum."""
    content = event.SerializeToString()
    length = struct.pack("<Q", len(content))
    return b"".join(part + struct.pack("<I", masked_crc32c(part)) for part in (length, content))
