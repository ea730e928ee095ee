"""What finished and failed runs left in their folders, read with suspicion.

    found = read_runs([Path("output")])
    [run.results["eval_accuracy"] for run in found.runs]

Nothing here needs TensorFlow. A file that is missing, cut or not what its name says is named in `Found.skipped`,
and the rest is read.
"""

import contextlib
import csv
import dataclasses
import functools
import hashlib
import json
import math
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from bert_tf.report.escaping import one_line

TRAINING_FIELDS = (
    "task_name",
    "model",
    "bert_config_file",
    "vocab_file",
    "init_checkpoint",
    "do_lower_case",
    "max_seq_length",
    "train_batch_size",
    "learning_rate",
    "num_train_epochs",
    "warmup_proportion",
    "warmup_steps",
    "weight_decay",
    "adam_bias_correction",
    "mixed_precision",
    "distribution_strategy",
    "seed",
)

# A folder with one of these is a run's.
RUN_FILES = ("results.json", "run.json", "train_log.csv", "eval_predictions.tsv", "failure.txt", "run.log")
REPORT_FILES = ("report.html", "report.csv", "report.md")
LAST_LINES = 24
_TAIL_BYTES = 8192


@dataclasses.dataclass(frozen=True, eq=False)
class Predictions:
    """A run's `eval_predictions.tsv`.

    Attributes:
        guids: of the dev examples, in file order.
        label_ids: int [examples].
        classes: the labels' names.
        probabilities: float [examples, classes].
    """

    guids: tuple[str, ...]
    label_ids: np.ndarray
    classes: tuple[str, ...]
    probabilities: np.ndarray

    @functools.cached_property
    def predicted(self) -> np.ndarray:
        """The class with the highest probability, int [examples]."""
        return self.probabilities.argmax(axis=1)

    @property
    def correct(self) -> np.ndarray:
        """Whether the predicted class is the label, bool [examples]."""
        return self.predicted == self.label_ids

    @property
    def confidence(self) -> np.ndarray:
        """The probability of the predicted class, float [examples]."""
        return self.probabilities.max(axis=1)

    @property
    def collapsed(self) -> bool:
        """Whether all examples, though of several labels, were given one class."""
        return len(set(self.predicted)) == 1 < len(set(self.label_ids))

    @functools.cached_property
    def dev_set(self) -> str:
        """A digest of guids, labels and classes: runs with the same can be compared example by example."""
        content = repr((self.guids, self.label_ids.tolist(), self.classes))
        return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()[:16]


@dataclasses.dataclass(frozen=True, eq=False)
class Run:
    """A finished run with an evaluation.

    Attributes:
        folder: where it was found.
        flags: those of the training, by name, without the seed.
        seed: of the training.
        train_data: a digest of the training set; None where run.json does not say.
        task: its name.
        dataset: what the data is called.
        data_dir: where it lay.
        versions: of Python and the packages.
        results: the numbers of results.json.
        predictions: None where there are none that can be used.
        train_log: float [rows, 2], step and loss; None where there is none that can be used.
    """

    folder: Path
    flags: dict
    seed: int
    train_data: str | None
    task: str
    dataset: str
    data_dir: str
    versions: dict
    results: dict[str, float]
    predictions: Predictions | None = None
    train_log: np.ndarray | None = None

    @property
    def num_dev_examples(self) -> int | None:
        """How many examples it was evaluated on; None where neither predictions nor speed tell."""
        if self.predictions is not None:
            return len(self.predictions.guids)
        return _evaluated_examples(self.results)


@dataclasses.dataclass(frozen=True, eq=False)
class FailedRun:
    """A run that left no usable results.

    Attributes:
        folder: where it was found.
        why: in words.
        last_lines: of failure.txt or of the newest log in the folder; may be empty.
        flags: as in `Run`; empty where run.json cannot be read.
        seed: None where run.json cannot be read.
        train_data: as in `Run`.
    """

    folder: Path
    why: str
    last_lines: tuple[str, ...] = ()
    flags: dict = dataclasses.field(default_factory=dict)
    seed: int | None = None
    train_data: str | None = None


@dataclasses.dataclass
class Found:
    """All that was found: runs, failed runs, and what was skipped, one line each."""

    runs: list[Run] = dataclasses.field(default_factory=list)
    failed: list[FailedRun] = dataclasses.field(default_factory=list)
    skipped: list[str] = dataclasses.field(default_factory=list)


class _UnusableError(Exception):
    """A file that cannot be used, and why."""


def read_runs(folders: Sequence[Path]) -> Found:
    """Reads all runs in and below some folders, each once, in the order of their paths."""
    found = Found()
    seen: set[Path] = set()
    for top in folders:
        for folder in _run_folders(top, found.skipped):
            if folder.resolve() not in seen:
                seen.add(folder.resolve())
                try:
                    _read_run(folder, found)
                except OSError as error:
                    found.skipped.append(f"{error.filename or folder}: cannot be read ({error.strerror})")
    return found


def _run_folders(top: Path, skipped: list[str]) -> Iterator[Path]:
    if not top.is_dir():
        skipped.append(f"{top}: is not a folder")
        return
    walk = os.walk(top, onerror=lambda error: skipped.append(f"{error.filename}: cannot be read ({error.strerror})"))
    for name, subfolders, files in walk:
        subfolders[:] = sorted(folder for folder in subfolders if not folder.startswith("."))
        if any(file in RUN_FILES for file in files):
            yield Path(name)
        else:
            foreign = sorted(file for file in files if file not in REPORT_FILES and not file.startswith("."))
            skipped.extend(f"{Path(name, file)}: is no part of a run" for file in foreign)


def _read_run(folder: Path, found: Found) -> None:
    """Puts the run of a folder where it belongs in `found`."""
    training = {}
    with _skipping(found.skipped):
        training = _read_training(folder / "run.json")
    if not (folder / "results.json").exists():
        found.failed.append(_failed(folder, training, _why_no_results(folder)))
        return
    try:
        results = _read_json(folder / "results.json")
        run = _create_run(folder, results, training)
    except _UnusableError as error:
        if training:
            found.failed.append(_failed(folder, training, str(error)))
        else:
            found.skipped.append(str(error))
        return
    if (folder / "failure.txt").exists():
        found.skipped.append(f"{folder / 'failure.txt'}: tells of a failure, yet the run has results; they are taken")
    parts = {}
    with _skipping(found.skipped):
        # Runs of older versions have none; the comparison says so.
        if (folder / "eval_predictions.tsv").exists():
            parts["predictions"] = read_predictions(folder / "eval_predictions.tsv", run.results)
    with _skipping(found.skipped):
        parts["train_log"] = read_train_log(folder / "train_log.csv", run.results.get("global_step"))
    found.runs.append(dataclasses.replace(run, **parts))


@contextlib.contextmanager
def _skipping(skipped: list[str]) -> Iterator[None]:
    """A block in which an unusable file is named and left out."""
    try:
        yield
    except _UnusableError as error:
        skipped.append(str(error))


# Failed runs.


def _failed(folder: Path, training: dict, why: str) -> FailedRun:
    flags, seed, train_data = _split_training(training)
    return FailedRun(folder, why, last_lines(folder), flags, seed, train_data)


def _why_no_results(folder: Path) -> str:
    if (folder / "failure.txt").exists():
        return "failed"
    return "has no results.json: it failed, was stopped or still runs"


def last_lines(folder: Path) -> tuple[str, ...]:
    """The last lines of a folder's failure.txt or else of its newest log; none where there is neither."""
    logs = sorted(folder.glob("*.log"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in [folder / "failure.txt", *logs]:
        if path.is_file():
            with path.open("rb") as file:
                file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
                lines = file.read().decode("utf-8", "replace").splitlines()
            return tuple(one_line(line) for line in lines if line.strip())[-LAST_LINES:]
    return ()


# results.json and run.json.


def _create_run(folder: Path, results: dict, training: dict) -> Run:
    path = folder / "results.json"
    flags = results.get("flags")
    if not isinstance(flags, dict) or not isinstance(results.get("versions"), dict):
        raise _UnusableError(f"{path}: is not a run's: it has no flags or no versions")
    numbers = {key: float(value) for key, value in results.items() if _is_number(value)}
    for key in ("eval_accuracy", "eval_loss"):
        if key not in results:
            raise _UnusableError(f"{path}: has no {key}: the run was not evaluated")
        if not math.isfinite(numbers.get(key, math.nan)):
            raise _UnusableError(f"{path}: {key} is {str(results[key])[:40]}, which is no number")
    # results.json tells of the last command in the folder, perhaps an evaluation with other flags than the training's.
    training = training or {name: flags[name] for name in TRAINING_FIELDS if name in flags}
    settings, seed, train_data = _split_training(training)
    if seed is None:
        raise _UnusableError(f"{path}: has no seed")
    return Run(
        folder=folder,
        flags=settings,
        seed=seed,
        train_data=train_data,
        task=str(settings.get("task_name")),
        dataset=str(results.get("dataset")),
        data_dir=str(flags.get("data_dir")),
        versions=results["versions"],
        results={key: value for key, value in numbers.items() if math.isfinite(value)},
    )


def _read_training(path: Path) -> dict:
    """What run.json says of the training; empty where there is no such file."""
    if not path.exists():
        return {}
    training = _read_json(path).get("training")
    if not isinstance(training, dict) or type(training.get("seed")) is not int:
        raise _UnusableError(f"{path}: is not a run's description")
    return training


def _split_training(training: dict) -> tuple[dict, int | None, str | None]:
    """The flags, the seed and the digest of the training data."""
    flags = {name: value for name, value in training.items() if name not in ("seed", "train_data")}
    seed, train_data = training.get("seed"), training.get("train_data")
    return flags, seed if type(seed) is int else None, train_data if isinstance(train_data, str) else None


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _read_json(path: Path) -> dict:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise _UnusableError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise _UnusableError(f"{path}: is cut or no JSON") from error
    if not isinstance(content, dict):
        raise _UnusableError(f"{path}: is not a run's: no JSON object")
    return content


# Predictions and the log of the training.


def read_predictions(path: Path, results: dict[str, float]) -> Predictions:
    """Reads `eval_predictions.tsv` and holds it against the run's results, so that no cut or old file is taken."""
    header, *rows = _read_lines(path, "\t")
    if header[:2] != ["guid", "label"] or len(header) < 4 or not rows:
        raise _UnusableError(f"{path}: is not an evaluation's predictions")
    classes = tuple(header[2:])
    for number, row in enumerate(rows, start=2):
        if len(row) != len(header) or row[1] not in classes:
            raise _UnusableError(f"{path}:{number}: is cut, or its label is none of the header's classes")
    probabilities = _floats(path, [row[2:] for row in rows])
    if (probabilities < 0).any() or np.abs(probabilities.sum(axis=1) - 1).max() > 0.01:
        raise _UnusableError(f"{path}: has rows that are no probabilities")
    label_ids = np.array([classes.index(row[1]) for row in rows])
    predictions = Predictions(tuple(row[0] for row in rows), label_ids, classes, probabilities)
    accuracy, examples = float(predictions.correct.mean()), _evaluated_examples(results)
    if abs(accuracy - results["eval_accuracy"]) > 1e-6 or examples not in (None, len(rows)):
        raise _UnusableError(f"{path}: does not belong to results.json: its accuracy or number of rows is another")
    return predictions


def _evaluated_examples(results: dict[str, float]) -> int | None:
    if "eval_runtime" not in results or "eval_samples_per_second" not in results:
        return None
    return round(results["eval_runtime"] * results["eval_samples_per_second"])


def read_train_log(path: Path, last_step: float | None) -> np.ndarray:
    """Reads step and loss, float [rows, 2], of a log that reaches the run's last step."""
    header, *rows = _read_lines(path, ",")
    if header[:2] != ["step", "loss"] or not rows:
        raise _UnusableError(f"{path}: is not a training's log")
    if any(len(row) != len(header) for row in rows):
        raise _UnusableError(f"{path}: has a cut row")
    log = _floats(path, [row[:2] for row in rows])
    if (np.diff(log[:, 0]) <= 0).any() or last_step not in (None, log[-1, 0]):
        raise _UnusableError(f"{path}: is cut: its steps do not lead to the run's last")
    return log


def _read_lines(path: Path, delimiter: str) -> list[list[str]]:
    try:
        text = path.read_text(encoding="utf-8")
        lines = list(csv.reader(text.removesuffix("\n").split("\n"), delimiter=delimiter, quoting=csv.QUOTE_NONE))
    except FileNotFoundError:
        raise _UnusableError(f"{path}: is missing") from None
    except (OSError, ValueError, csv.Error) as error:
        raise _UnusableError(f"{path}: cannot be read ({one_line(error)})") from error
    if not text.endswith("\n"):
        raise _UnusableError(f"{path}: is empty or its last line is cut")
    return lines


def _floats(path: Path, rows: list[list[str]]) -> np.ndarray:
    try:
        values = np.array(rows, dtype=float)
    except ValueError as error:
        raise _UnusableError(f"{path}: has something else where numbers are due") from error
    if not np.isfinite(values).all():
        raise _UnusableError(f"{path}: has numbers that are not finite")
    return values
