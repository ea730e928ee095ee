"""Progress bars, and standard errors that cannot be written."""

import io
import sys
from collections.abc import Callable

import pytest

from bert_tf.training.progress import ProgressBar


def show(steps: int = 3) -> None:
    with ProgressBar("train", steps, examples_per_step=8) as bar:
        for step in range(1, steps + 1):
            bar.update(step, loss=0.5)


def no_stream() -> None:
    return None


def closed() -> io.StringIO:
    stream = io.StringIO()
    stream.close()
    return stream


class BrokenPipe(io.StringIO):
    def write(self, text: str) -> int:
        raise BrokenPipeError(32, "Broken pipe")


class FullDisk(io.StringIO):
    def flush(self) -> None:
        raise OSError(28, "No space left on device")


@pytest.mark.parametrize("make_stream", [no_stream, closed, BrokenPipe, FullDisk])
def test_a_bar_that_cannot_be_written_does_not_end_the_work(monkeypatch, make_stream: Callable):
    monkeypatch.setattr(sys, "stderr", make_stream())
    show()


def test_a_bar_on_a_file_is_lines_with_the_loss(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    show()
    last = stream.getvalue().split("\r")[-1]
    assert last.startswith("train: 100% |") and "step 3/3, loss 0.5000" in last


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("kind", [io.StringIO, Terminal])
def test_a_line_is_printed_apart_from_the_bar(monkeypatch, kind):
    stream = kind()
    monkeypatch.setattr(sys, "stderr", stream)
    with ProgressBar("train", 3, examples_per_step=8) as bar:
        bar.update(1, loss=0.5)
        bar.say("step 1: eval_accuracy = 0.7500")
    # On a terminal the bar is wiped out before.
    lines = [line.split("\r")[-1] for line in stream.getvalue().splitlines()]
    assert lines.count("step 1: eval_accuracy = 0.7500") == 1


def test_a_bar_that_is_not_shown_says_nothing(monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with ProgressBar("train", 3, examples_per_step=8, disable=True) as bar:
        bar.say("step 1")
    assert sys.stderr.getvalue() == ""


@pytest.mark.parametrize("make_stream", [no_stream, closed, BrokenPipe, FullDisk])
def test_a_line_that_cannot_be_written_does_not_end_the_work(monkeypatch, make_stream: Callable):
    monkeypatch.setattr(sys, "stderr", make_stream())
    with ProgressBar("train", 3, examples_per_step=8) as bar:
        bar.say("step 1")
