"""The log of a training run, as a table and as TensorBoard's events."""

import csv
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorflow.core.util import event_pb2

from bert_tf.files import append_whole
from bert_tf.training.output_dir import OutputDir
from bert_tf.training.train_log import TrainLog

LOSSES = np.array([5.0, 3.0, 2.0, 4.0, 6.0, 1.0, 7.0], np.float32)


def open_log(folder: Path, losses: np.ndarray = LOSSES[:0], every: int = 3) -> TrainLog:
    return TrainLog(OutputDir(folder), every, schedule=lambda step: tf.constant(step / 4), losses=losses)


def read_rows(folder: Path) -> list[tuple[int, float, float]]:
    with (folder / "train_log.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["step", "loss", "learning_rate"]
    return [(int(step), float(loss), float(rate)) for step, loss, rate in rows]


def read_events(folder: Path) -> list[tuple[int, str, float]]:
    events = []
    for path in sorted(folder.glob("events.out.tfevents.*")):
        for record in tf.data.TFRecordDataset(str(path)):
            event = event_pb2.Event.FromString(record.numpy())
            events += [(event.step, v.tag, float(tf.make_ndarray(v.tensor))) for v in event.summary.value]
    return events


def test_a_row_has_the_mean_loss_since_the_row_before_and_the_steps_rate(tmp_path):
    log = open_log(tmp_path)
    log.add(LOSSES)
    assert read_rows(tmp_path) == [(3, pytest.approx(10 / 3), 0.5), (6, pytest.approx(11 / 3), 1.25)]


def test_the_last_row_stands_for_the_rest(tmp_path):
    log = open_log(tmp_path)
    log.add(LOSSES)
    log.close(LOSSES)
    assert read_rows(tmp_path)[2:] == [(7, 7.0, 1.5)]


def test_there_is_no_rest_row_without_a_rest(tmp_path):
    log = open_log(tmp_path)
    log.close(LOSSES[:0])
    assert read_rows(tmp_path) == []
    log = open_log(tmp_path)
    log.add(LOSSES[:6])
    log.close(LOSSES[:6])
    assert [step for step, *_ in read_rows(tmp_path)] == [3, 6]


def test_it_does_not_matter_in_how_many_portions_the_losses_come(tmp_path):
    logs = {}
    for portion in (1, 2, 5, 7):
        folder = tmp_path / str(portion)
        folder.mkdir()
        log = open_log(folder)
        for end in [*range(portion, 7, portion), 7]:
            log.add(LOSSES[:end])
        log.close(LOSSES)
        logs[portion] = (folder / "train_log.csv").read_bytes()
    assert len(set(logs.values())) == 1


def test_rows_are_in_the_file_as_soon_as_they_are_due(tmp_path):
    log = open_log(tmp_path)
    for finished, rows in ((2, 0), (3, 1), (5, 1), (6, 2)):
        log.add(LOSSES[:finished])
        assert len(read_rows(tmp_path)) == rows


def test_a_run_that_goes_on_drops_the_rows_after_its_checkpoint(tmp_path):
    killed = open_log(tmp_path, every=2)
    killed.add(np.array([5.0, 3.0, 2.0, 4.0, 99.0, 99.0], np.float32))
    assert read_rows(tmp_path)[-1][:2] == (6, 99.0)
    log = open_log(tmp_path, losses=LOSSES[:5], every=2)
    assert [step for step, *_ in read_rows(tmp_path)] == [2, 4]
    log.add(LOSSES)
    log.close(LOSSES)
    whole = tmp_path / "whole"
    whole.mkdir()
    log = open_log(whole, every=2)
    log.add(LOSSES)
    log.close(LOSSES)
    assert (tmp_path / "train_log.csv").read_bytes() == (whole / "train_log.csv").read_bytes()


def test_tensorboard_gets_the_same_numbers(tmp_path):
    log = open_log(tmp_path)
    log.add(LOSSES)
    log.close(LOSSES)
    expected = [
        item
        for step, loss, rate in read_rows(tmp_path)
        for item in ((step, "loss", loss), (step, "learning_rate", rate))
    ]
    assert read_events(tmp_path) == [(step, tag, pytest.approx(value)) for step, tag, value in expected]


# Resumed and killed runs in TensorBoard.


def shown_steps(folder: Path, tag: str = "loss") -> list[int]:
    """The steps of the points that TensorBoard shows."""
    accumulator = EventAccumulator(str(folder), size_guidance={"tensors": 0})
    accumulator.Reload()
    return [event.step for event in accumulator.Tensors(tag)]


@pytest.mark.slow
def test_tensorboard_shows_each_step_of_a_resumed_run_once(tmp_path):
    for finished in (0, 2, 2, 4):  # The run is killed again and again, without closing its log.
        open_log(tmp_path, losses=LOSSES[:finished], every=1).add(LOSSES[: finished + 2])
    log = open_log(tmp_path, losses=LOSSES[:5], every=1)
    log.add(LOSSES)
    log.close(LOSSES)
    for tag in ("loss", "learning_rate"):
        assert shown_steps(tmp_path, tag) == list(range(1, 8))


def test_events_of_other_programs_stay(tmp_path):
    with tf.summary.create_file_writer(str(tmp_path)).as_default():
        tf.summary.scalar("theirs", 1.0, 1)
    (tmp_path / "events.out.tfevents.1700000000.host").write_bytes(b"")
    (tmp_path / "events.out.tfevents.1700000000.host.1.bert_tf").write_bytes(b"")
    theirs = {path.name for path in tmp_path.iterdir()} - {"events.out.tfevents.1700000000.host.1.bert_tf"}
    for _ in range(2):
        open_log(tmp_path).close(LOSSES)
    found = {path.name for path in tmp_path.iterdir()}
    assert theirs < found and len(found - theirs - {"train_log.csv"}) == 1


# Logs that cannot be written.


@pytest.mark.parametrize("name", ["train_log.csv", "events.out.tfevents.1700000000.host.1.bert_tf"])
def test_a_log_that_cannot_be_written_is_reported_once_and_the_other_goes_on(tmp_path, name, monkeypatch, caplog):
    def fail(path: Path, *arguments: object) -> None:
        if Path(path).name.partition(".")[0] == name.partition(".")[0]:
            raise OSError(28, "No space left on device")
        append_whole(path, *arguments)

    log = open_log(tmp_path, every=1)
    log.add(LOSSES[:2])
    monkeypatch.setattr("bert_tf.training.output_dir.append_whole", fail)
    log.add(LOSSES)
    log.close(LOSSES)
    (message,) = caplog.messages
    assert message.startswith(f"Training continues without this log: {tmp_path / name.partition('.')[0]}")
    assert "No space left on device" in message
    complete = [(step, pytest.approx(loss), (step - 1) / 4) for step, loss in enumerate(LOSSES, start=1)]
    assert read_rows(tmp_path) == (complete[:2] if name == "train_log.csv" else complete)
    steps = [step for step, tag, _ in read_events(tmp_path) if tag == "loss"]
    assert steps == (list(range(1, 8)) if name == "train_log.csv" else [1, 2])


def test_rows_that_could_not_be_written_are_written_later(tmp_path, monkeypatch, caplog):
    calls = iter([False, True, False, False, True] + [False] * 50)

    def fail_sometimes(*arguments: object) -> None:
        if next(calls):
            raise OSError(28, "No space left on device")
        append_whole(*arguments)

    log = open_log(tmp_path, every=1)
    monkeypatch.setattr("bert_tf.training.output_dir.append_whole", fail_sometimes)
    for step in range(1, 8):
        log.add(LOSSES[:step])
    log.close(LOSSES)
    assert len(caplog.messages) == 2
    assert [step for step, *_ in read_rows(tmp_path)] == list(range(1, 8))
    assert [step for step, tag, _ in read_events(tmp_path) if tag == "loss"] == list(range(1, 8))


def test_a_folder_in_the_place_of_the_table_does_not_end_the_training(tmp_path, caplog):
    (tmp_path / "train_log.csv").mkdir()
    log = open_log(tmp_path, every=1)
    log.add(LOSSES)
    log.close(LOSSES)
    (message,) = caplog.messages
    assert "train_log.csv: cannot be written (Is a directory)" in message
    assert len(read_events(tmp_path)) == 14
