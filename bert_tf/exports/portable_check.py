"""Holds exported models against the fine-tuned one: size, score, largest difference, speed.

rows = check([Candidate("int8", 24_000_000, LiteRTModel("model_int8.tflite"))], features, expected, score=None)
print(table(rows, "accuracy"))
"""

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from bert_tf.data.features import Features
from bert_tf.modeling.names import INPUTS
from bert_tf.serving.portable import Engine


class Candidate(NamedTuple):
    """One model of the table.

    Attributes:
        name: in the table.
        num_bytes: its size.
        engine: computes its answers.
    """

    name: str
    num_bytes: int
    engine: Engine


class Row(NamedTuple):
    """The measurements of one model.

    Attributes:
        name: of the model.
        num_bytes: its size.
        score: of its answers; None if the labels are not known.
        difference: the largest from the expected answers.
        mean_difference: the mean of the differences.
        milliseconds: of one text, the median.
    """

    name: str
    num_bytes: int
    score: float | None
    difference: float
    mean_difference: float
    milliseconds: float


def check(
    candidates: Sequence[Candidate],
    features: Features,
    expected: np.ndarray | None,
    score: Callable[[np.ndarray], float] | None,
    batch_size: int = 1,
) -> list[Row]:
    """Computes the answers of each model for all texts.

    Args:
        candidates: the models; the first is the reference.
        features: the texts.
        expected: their answers; None takes those of the first model.
        score: computes a score of the answers.
        batch_size: how many texts to compute at a time.
    """
    rows = []
    for name, num_bytes, engine in candidates:
        answers, seconds = _measure(engine, features, batch_size)
        expected = answers if expected is None else expected
        differences = np.abs(answers - expected)
        found = float(differences.max()), float(differences.mean())
        rows.append(Row(name, num_bytes, score and score(answers), *found, 1000 * seconds))
    return rows


def _measure(engine: Engine, features: Features, batch_size: int) -> tuple[np.ndarray, float]:
    """Returns the answers, and the median of the seconds that a text took."""
    answers, seconds = [], []
    for start in range(0, len(features), batch_size):
        pieces = _pieces(features, np.arange(start, min(start + batch_size, len(features))))
        begin = time.perf_counter()
        answers.append(np.asarray(engine.answers_of_pieces(*pieces)))
        seconds.append((time.perf_counter() - begin) / len(pieces[0]))
    return np.concatenate(answers), float(np.median(seconds))


def _pieces(features: Features, rows: np.ndarray) -> list[np.ndarray]:
    batch = features.padded_batch(tf.constant(rows, tf.int64), int(features.lengths[rows].max()))
    return [batch[name].numpy() for name in INPUTS]


def table(rows: Sequence[Row], score_name: str | None) -> str:
    """Returns the table as Markdown.

    Args:
        rows: the result of `check`.
        score_name: its name; None if there is none.

    Example:
        >>> print(table([Row("int8", 23_600_000, 0.8431, 0.2, 0.01, 4.1)], "accuracy"))
        | model | MB | accuracy | largest difference | mean difference | ms a text |
        | --- | ---: | ---: | ---: | ---: | ---: |
        | int8 | 23.6 | 0.8431 | 2.0e-01 | 1.0e-02 | 4.1 |
    """
    scores = [score_name] if score_name else []
    header = ["model", "MB", *scores, "largest difference", "mean difference", "ms a text"]
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *(_cells(row) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cells(row: Row) -> list[str]:
    scores = [] if row.score is None else [f"{row.score:.4f}"]
    differences = f"{row.difference:.1e}", f"{row.mean_difference:.1e}"
    return [row.name, f"{row.num_bytes / 1e6:.1f}", *scores, *differences, f"{row.milliseconds:.1f}"]
