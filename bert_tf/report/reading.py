"""Reads and checks the files of one run's folder.

    results = read_json(folder / "results.json")
    log = read_train_log(folder / "train_log.csv", last_step=30)

The files may be cut off, foreign or broken. Each reader raises `UnusableFileError` then, with one line that names the
file and says why it cannot be used.
"""

import csv
import dataclasses
import functools
import hashlib
from pathlib import Path

import numpy as np

from bert_tf import files, run_files
from bert_tf.report.escaping import one_line
from bert_tf.report.scores import ACCURACY
from bert_tf.report.significance import is_binary

LAST_LINES = 24
_MAX_DEPTH = 20
_LARGEST_NUMBER = 1e15
_TOLERANCE = 1e-6


class UnusableFileError(Exception):
    """A file that cannot be used. The message names the file and the reason in one line."""


@dataclasses.dataclass(frozen=True, eq=False)
class Predictions:
    """The class probabilities of a run, from `eval_predictions.tsv`.

    Attributes:
        guids: of the dev examples, in file order.
        label_ids: int [examples].
        classes: the names of the labels.
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
        """True where the predicted class is the label, bool [examples]."""
        return self.predicted == self.label_ids

    @property
    def confidence(self) -> np.ndarray:
        """The probability of the predicted class, float [examples]."""
        return self.probabilities.max(axis=1)

    @property
    def collapsed(self) -> bool:
        """True if all examples got the same class although their labels differ."""
        return len(set(self.predicted)) == 1 < len(set(self.label_ids))

    @functools.cached_property
    def dev_set(self) -> str:
        """A digest of guids, labels and classes. Runs with the same digest can be compared example by example."""
        return digest(self.guids, self.label_ids.tolist(), self.classes)


@dataclasses.dataclass(frozen=True, eq=False)
class ExampleValues:
    """One value per dev example, from `eval_values.tsv`. Higher is better.

    Attributes:
        guids: of the dev examples, in file order.
        values: float [examples]; 1 or 0 for a correct or wrong class.
    """

    guids: tuple[str, ...]
    values: np.ndarray


def digest(*parts: object) -> str:
    """Returns a short digest of values: 16 hexadecimal digits."""
    return hashlib.sha256(repr(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def last_lines(folder: Path) -> tuple[str, ...]:
    """Returns the last lines of a folder's failure.txt or else of its newest log; empty if it has neither."""
    logs = sorted(folder.glob("*.log"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in [folder / run_files.FAILURE, *logs]:
        if path.is_file():
            return tuple(map(one_line, files.last_lines(path, LAST_LINES)))
    return ()


# JSON.


def read_json(path: Path) -> dict:
    """Reads a JSON object that is not nested deeply."""
    try:
        content = files.read_json(path)
    except OSError as error:
        raise UnusableFileError(f"{path}: cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise UnusableFileError(f"{path}: is cut off or not a JSON object") from error
    if _is_deep(content):
        raise UnusableFileError(f"{path}: has values nested in more than {_MAX_DEPTH} levels")
    return content


def _is_deep(content: object) -> bool:
    level = [content]
    for _ in range(_MAX_DEPTH):
        level = [child for value in level for child in _children(value)]
    return bool(level)


def _children(value: object) -> list:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def read_training(path: Path) -> dict:
    """Reads the settings of the training from run.json; empty if there is no such file."""
    if not path.exists():
        return {}
    training = read_json(path).get("training")
    if not isinstance(training, dict) or type(training.get("seed")) is not int:
        raise UnusableFileError(f"{path}: does not describe a run")
    return training


def finite_number(value: object) -> float | None:
    """Converts a number of a JSON file to a float. Returns None for anything else, also for NaN and absurd sizes.

    Example:
        >>> finite_number(3), finite_number(float("nan")), finite_number(10**400), finite_number("3")
        (3.0, None, None, None)
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if abs(value) <= _LARGEST_NUMBER else None


def num_evaluated(results: dict[str, float]) -> int | None:
    """Returns the number of evaluated examples, from the time and the speed; None if they do not give one.

    Example:
        >>> num_evaluated({"eval_runtime": 2.0, "eval_samples_per_second": 204.0})
        408
    """
    number = round(results.get("eval_runtime", 0) * results.get("eval_samples_per_second", 0))
    return number if number > 0 else None


# Tables.


def read_predictions(path: Path, results: dict[str, float], headline: str) -> Predictions | None:
    """Reads the class probabilities and compares them with the run's results, to detect cut and outdated files.

    Returns:
        The probabilities; None if the headline is not the accuracy and the file has another form, for a task without
        classes.
    """
    header, *rows = _read_lines(path, "\t")
    has_classes = header[:2] == ["guid", "label"] and len(header) >= 4
    if not has_classes and headline != ACCURACY:
        return None
    classes = {name: number for number, name in enumerate(header[2:])}
    if not has_classes or not rows or len(classes) < len(header) - 2:
        raise UnusableFileError(f"{path}: is not a file of class probabilities")
    for number, row in enumerate(rows, start=2):
        if len(row) != len(header) or row[1] not in classes:
            raise UnusableFileError(f"{path}:{number}: is cut off, or its label is not a class of the header")
    probabilities = _floats(path, [row[2:] for row in rows])
    if (probabilities < 0).any() or np.abs(probabilities.sum(axis=1) - 1).max() > 0.01:
        raise UnusableFileError(f"{path}: has rows that are not probabilities")
    label_ids = np.array([classes[row[1]] for row in rows])
    predictions = Predictions(tuple(row[0] for row in rows), label_ids, tuple(classes), probabilities)
    _check_number_of_rows(path, rows, results)
    if ACCURACY in results:
        _check_accuracy(path, predictions.correct, results)
    return predictions


def read_values(path: Path, results: dict[str, float], headline: str, predictions: Predictions | None) -> ExampleValues:
    """Reads one value per dev example and compares the values with the run's results and predictions."""
    header, *rows = _read_lines(path, "\t")
    if header != ["guid", "value"] or not rows:
        raise UnusableFileError(f"{path}: is not a file of values per example")
    for number, row in enumerate(rows, start=2):
        if len(row) != 2:
            raise UnusableFileError(f"{path}:{number}: is cut off")
    guids, values = tuple(row[0] for row in rows), _floats(path, [row[1:] for row in rows])[:, 0]
    _check_number_of_rows(path, rows, results)
    if predictions is not None and predictions.guids != guids:
        raise UnusableFileError(f"{path}: has other examples than {run_files.EVAL_PREDICTIONS}")
    if headline == ACCURACY and is_binary(values):
        _check_accuracy(path, values, results)
    if headline == ACCURACY and predictions is not None and (values != predictions.correct).any():
        raise UnusableFileError(f"{path}: has other values than {run_files.EVAL_PREDICTIONS}")
    return ExampleValues(guids, values)


def _check_number_of_rows(path: Path, rows: list, results: dict[str, float]) -> None:
    if num_evaluated(results) not in (None, len(rows)):
        raise UnusableFileError(f"{path}: does not belong to {run_files.RESULTS}: its number of rows differs")


def _check_accuracy(path: Path, correct: np.ndarray, results: dict[str, float]) -> None:
    if abs(float(correct.mean()) - results[ACCURACY]) > _TOLERANCE:
        raise UnusableFileError(f"{path}: does not belong to {run_files.RESULTS}: its accuracy differs")


def read_train_log(path: Path, last_step: float | None) -> np.ndarray:
    """Reads step and loss, float [rows, 2], of a log that reaches the run's last step."""
    header, *rows = _read_lines(path, ",")
    if header[:2] != ["step", "loss"] or not rows:
        raise UnusableFileError(f"{path}: is not a training log")
    if any(len(row) != len(header) for row in rows):
        raise UnusableFileError(f"{path}: has a row that is cut off")
    log = _floats(path, [row[:2] for row in rows])
    if (np.diff(log[:, 0]) <= 0).any() or last_step not in (None, log[-1, 0]):
        raise UnusableFileError(f"{path}: is cut off: its steps do not lead to the last step of the run")
    return log


def _read_lines(path: Path, delimiter: str) -> list[list[str]]:
    try:
        text = path.read_text(encoding="utf-8")
        lines = list(csv.reader(text.removesuffix("\n").split("\n"), delimiter=delimiter, quoting=csv.QUOTE_NONE))
    except FileNotFoundError:
        raise UnusableFileError(f"{path}: is missing") from None
    except (OSError, ValueError, csv.Error) as error:
        raise UnusableFileError(f"{path}: cannot be read ({one_line(error)})") from error
    if not text.endswith("\n"):
        raise UnusableFileError(f"{path}: is empty or its last line is cut off")
    return lines


def _floats(path: Path, rows: list[list[str]]) -> np.ndarray:
    try:
        values = np.array(rows, dtype=float)
    except ValueError as error:
        raise UnusableFileError(f"{path}: has something other than a number in a number's place") from error
    if not np.isfinite(values).all():
        raise UnusableFileError(f"{path}: has numbers that are not finite")
    if np.abs(values).max() > _LARGEST_NUMBER:
        raise UnusableFileError(f"{path}: has numbers larger than {_LARGEST_NUMBER:g}")
    return values
