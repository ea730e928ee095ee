"""Any number of rows are predicted in little memory, in their order."""

import io
import multiprocessing
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from bert_tf.data.text_rows import TextRow, chunks_of, line_rows
from bert_tf.data.texts import TextOnDisk
from bert_tf.serving.answers import make_writer
from bert_tf.serving.bulk import predict_chunks
from bert_tf.serving.predictions import NumberPrediction, Prediction

pytestmark = pytest.mark.slow

ROWS = 300_000


class FakePredictor:
    """Answers with the length of each text."""

    labels = ("short", "long")

    def __init__(self):
        self.sizes = []

    def predict(self, texts: list, batch_size: int) -> list[Prediction]:
        self.sizes.append((len(texts), batch_size))
        return [Prediction("short", {"short": 0.75, "long": 0.25}) for _ in texts]


def rows_of(path: Path) -> Iterator[TextRow]:
    return line_rows(str(path), TextOnDisk(path).lines())


def test_chunks_are_predicted_and_written_in_their_order_and_counted():
    class Lengths(FakePredictor):
        def predict(self, texts: list, batch_size: int) -> list[NumberPrediction]:
            return [NumberPrediction(float(len(text))) for text in texts]

    rows = line_rows("x", ["a\n", "ccc\n", "bb\n"])
    stream, counts = io.StringIO(), []
    writer = make_writer("csv", stream, (), None)
    predict_chunks(Lengths(), chunks_of(rows, 2), writer, 8, counts.append)
    assert stream.getvalue() == "text,prediction\na,1.0\nccc,3.0\nbb,2.0\n" and counts == [2, 3]


def predict_and_measure(folder: Path) -> int:
    """The memory in bytes that it takes to predict all lines of a file."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with (folder / "out.csv").open("w") as stream:
        writer = make_writer("csv", stream, FakePredictor.labels, None)
        predict_chunks(FakePredictor(), chunks_of(rows_of(folder / "in.txt"), 1024), writer, 32)
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) << 10


def test_a_file_of_300000_rows_takes_little_memory(tmp_path):
    with (tmp_path / "in.txt").open("w") as file:
        file.writelines(f"line {number} has a text of some words, as many as lines have\n" for number in range(ROWS))
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        peak = pool.apply(predict_and_measure, (tmp_path,))
    with (tmp_path / "out.csv").open() as file:
        assert sum(1 for _ in file) == ROWS + 1
    # The file has 20 MB, and its rows as objects 150 MB.
    assert peak < 32 << 20, peak
