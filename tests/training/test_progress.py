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


@pytest.mark.parametrize("make_stream", [lambda: None, closed, BrokenPipe, FullDisk], ids=str)
def test_a_bar_that_cannot_be_written_does_not_end_the_work(monkeypatch, make_stream: Callable):
    monkeypatch.setattr(sys, "stderr", make_stream())
    show()


def test_a_bar_on_a_file_is_lines_with_the_loss(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    show()
    last = stream.getvalue().split("\r")[-1]
    assert last.startswith("train: 100% |") and "step 3/3, loss 0.5000" in last
