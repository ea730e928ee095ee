"""The sections that measure a fine-tuned model in use: raw texts in, probabilities out."""

import dataclasses
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from answering import RUN
from bert_tf.errors import UserError
from bert_tf.files import last_lines
from comparisons import ANSWERING, ONNX_EXPORT, Side
from session import Session

BATCH_SIZES = (8, 32, 128)
# Of the probabilities of two sides.
LARGEST_DIFFERENCE = 1e-4
_PREDICT = Path(__file__).resolve().parents[1] / "predict.py"
_PROGRAM = Side("ours, scripts/predict.py", {})


def measure_latency(session: Session) -> None:
    """Measures single texts of 32 word pieces, and batches of texts of all lengths."""
    sides = prepared_sides(session)
    answers, facts = session.take_turns("latency", sides)
    check_equal({label: side_facts["answers"] for label, side_facts in facts.items()})
    medians = {label: [_milliseconds(each, 50) for each in measured] for label, measured in answers.items()}
    for label, values in medians.items():
        session.add_median("latency", f"one text, median: {label}", "ms", values)
        slow = [_milliseconds(each, 90) for each in answers[label]]
        session.add_median("latency", f"one text, 90th percentile: {label}", "ms", slow)
    add_ratios_to_peers(session, "latency", "ms of one text", sides, medians)
    for size in BATCH_SIZES:
        speeds = {label: [each["texts_per_second"][str(size)] for each in found] for label, found in answers.items()}
        for label, values in speeds.items():
            session.add_median("latency", f"batches of {size}: {label}", "texts/s", values)
        add_ratios_to_peers(session, "latency", f"texts/s in batches of {size}", sides, speeds)


def _milliseconds(answer: Mapping, percent: int) -> float:
    return 1000 * statistics.quantiles(answer["calls"], n=100, method="inclusive")[percent - 1]


def measure_first_answer(session: Session) -> None:
    """Measures the time from the start of a process to its first answer, with all files in the page cache."""
    sides = prepared_sides(session)
    starts = {side.label: lambda side=side: _start_side(session, side) for side in sides}
    starts[_PROGRAM.label] = lambda: _start_program(session)
    measured: dict[str, list[float]] = {label: [] for label in starts}
    # The first start of each reads its files.
    for number in range(session.repetitions + 1):
        for label, start in starts.items():
            session.report("first answer", f"{label}, {number}/{session.repetitions}")
            measured[label].append(start())
    measured = {label: seconds[1:] for label, seconds in measured.items()}
    for label, seconds in measured.items():
        session.add_median("first answer", f"process start to first answer: {label}", "s", seconds)
    add_ratios_to_peers(session, "first answer", "process start to first answer", [_PROGRAM, *sides], measured)


def _start_side(session: Session, side: Side) -> float:
    """Returns the seconds until the process of a side has answered its first text."""
    with session.start_worker(side) as worker:
        return worker.start()["first_answer_at"] - worker.started


def _start_program(session: Session) -> float:
    """Returns the seconds until scripts/predict.py has printed its answer for one text."""
    text = json.loads(_texts_file(session).read_text(encoding="utf-8"))["single"][0]
    command = [sys.executable, str(_PREDICT), str(_models(session) / RUN), text]
    log = session.folder / "predict.log"
    started = time.perf_counter()
    with log.open("wb") as stderr, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr) as process:
        line = process.stdout.readline()
        seconds = time.perf_counter() - started
    if not line:
        raise UserError(f"{_PROGRAM.label}: {last_lines(log, 1)[0]}")
    return seconds


def prepared_sides(session: Session) -> list[Side]:
    """Writes the model in all forms, if that was not done before; returns the sides that can be measured."""
    models = _models(session)
    job = {"models": str(models), "texts": str(_texts_file(session)), "batch_sizes": BATCH_SIZES}
    if not models.exists():
        # One batch of the largest size, and more of them for a small model.
        num_texts = max(BATCH_SIZES) * max(1, session.job["batches"] // 4)
        session.do_once(Side("exports", {**session.job, **job, "kind": "exports", "num_texts": num_texts}))
        if session.has_peer:
            session.do_once(dataclasses.replace(ONNX_EXPORT, job={**job, **ONNX_EXPORT.job}))
    sides = [side for side in ANSWERING if session.has_peer or not side.is_peer]
    return [dataclasses.replace(side, job={**job, **side.job}) for side in sides]


def _models(session: Session) -> Path:
    return session.folder / f"{session.model}-models"


def _texts_file(session: Session) -> Path:
    return session.folder / f"{session.model}-texts.json"


def check_equal(answers: Mapping[str, Sequence[Sequence[float]]]) -> None:
    """Holds the answers of all sides for the same texts against those of the first side.

    Raises:
        UserError: a probability differs, so that the sides do not compute the same.
    """
    first, expected = next(iter(answers.items()))
    for label, found in answers.items():
        difference = float(np.abs(np.subtract(found, expected)).max())
        if difference > LARGEST_DIFFERENCE:
            raise UserError(f"{label}: a probability differs from that of {first} by {difference:.2g}")


def add_ratios_to_peers(
    session: Session, section: str, what: str, sides: Sequence[Side], values: Mapping[str, Sequence[float]]
) -> None:
    """Adds the ratio of each of our sides to each peer."""
    for peer in (side.label for side in sides if side.is_peer):
        for own in (side.label for side in sides if not side.is_peer):
            session.add_ratio(section, f"{what}: {own} / {peer}", values[own], values[peer])
