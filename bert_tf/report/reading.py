"""Reads and checks the files of one run's folder.

    results = read_json(folder / "results.json")
    log = read_train_log(folder / "train_log.csv", last_step=30)

The files may be cut off, foreign or broken. Each reader raises `UserError` then, with one line that names the file and
says why it cannot be used. Sizes are limited, so that no file takes all memory.
"""

import array
import dataclasses
import functools
import hashlib
import io
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from bert_tf import files, run_files
from bert_tf.errors import UserError, reading
from bert_tf.report.escaping import one_line
from bert_tf.report.formatting import shortened
from bert_tf.report.scores import ACCURACY
from bert_tf.report.significance import is_binary

# A run's results.json has about 100 values in 4 kB; its predictions of MNLI's dev set have 600 kB.
MAX_JSON_BYTES = 1 << 20
MAX_TABLE_BYTES = 64 << 20
_MAX_JSON_VALUES = 10_000
_MAX_DEPTH = 20
_MAX_NAME_LENGTH = 200
_MAX_ROWS = 1_000_000
_MAX_COLUMNS = 100_000
_MAX_NUMBERS = 10_000_000
_MAX_EXAMPLES = 1e9
_LARGEST_NUMBER = 1e15
_TOLERANCE = 1e-6
_LAST_LINES = 24
_MAX_LINE_LENGTH = 400
LEFT_OUT = "the report leaves it out"


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
        return len(np.unique(self.predicted)) == 1 < len(np.unique(self.label_ids))

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
    """Returns the last lines of a folder's failure.txt or else of its newest log; empty if it has neither.

    Raises:
        UserError: a log cannot be read.
    """
    for path in (folder / run_files.FAILURE, *_newest_first(folder.glob("*.log"))):
        if path.is_file():
            with reading(path, LEFT_OUT):
                lines = files.last_lines(path, _LAST_LINES)
            return tuple(shortened(one_line(line), _MAX_LINE_LENGTH) for line in lines)
    return ()


def _newest_first(logs: Iterable[Path]) -> list[Path]:
    times = {}
    for path in logs:
        with reading(path, LEFT_OUT):
            times[path] = path.stat().st_mtime
    return sorted(times, key=times.get, reverse=True)


# JSON.


def read_json(path: Path) -> dict:
    """Reads a JSON object of the size and the depth that a run's files have.

    Raises:
        UserError: the file cannot be read, is cut off, or holds something else.
    """
    with reading(path, LEFT_OUT):
        text = files.read_text(path, MAX_JSON_BYTES)
    with reading(path, LEFT_OUT, "is cut off or not a JSON object"):
        content = json.loads(text)
    if not isinstance(content, dict):
        raise UserError(f"{path}: is cut off or not a JSON object")
    _check_shape(path, content)
    return content


def _check_shape(path: Path, content: dict) -> None:
    """Raises `UserError` for too many values, values inside values inside values, and names that are no names."""
    level, number = [content], 0
    for _ in range(_MAX_DEPTH):
        for name in (name for value in level if isinstance(value, dict) for name in value):
            if len(name) > _MAX_NAME_LENGTH:
                raise UserError(f"{path}: has a name of {len(name):,} characters, {one_line(name[:20])}...")
        level = [child for value in level for child in _children(value)]
        number += len(level)
    if level:
        raise UserError(f"{path}: has values nested in more than {_MAX_DEPTH} levels")
    if number > _MAX_JSON_VALUES:
        raise UserError(f"{path}: has {number:,} values; a run's file has at most {_MAX_JSON_VALUES:,}")


def _children(value: object) -> list:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def read_training(path: Path) -> dict:
    """Reads the settings of the training from run.json; empty if there is no such file."""
    if not exists(path):
        return {}
    training = read_json(path).get("training")
    if not isinstance(training, dict) or not is_seed(training.get("seed")):
        raise UserError(f"{path}: does not describe a run: it has no settings of a training, or no seed")
    return training


def exists(path: Path) -> bool:
    """Returns True if there is anything of this name, also a link that leads nowhere."""
    return path.is_symlink() or path.exists()


def is_seed(value: object) -> bool:
    """Returns True for an integer of at most 64 bits.

    Example:
        >>> is_seed(3), is_seed(True), is_seed("3"), is_seed(10**400)
        (True, False, False, False)
    """
    return type(value) is int and abs(value) < 1 << 64


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
    return number if 0 < number <= _MAX_EXAMPLES else None


# Tables.


def read_predictions(path: Path, results: dict[str, float], headline: str) -> Predictions | None:
    """Reads the class probabilities and compares them with the run's results, to detect cut and outdated files.

    Returns:
        The probabilities; None if the headline is not the accuracy and the file has another form, for a task without
        classes.
    """
    rows = _read_rows(path, "\t")
    header = next(rows)
    has_classes = header[:2] == ["guid", "label"] and len(header) >= 4
    if not has_classes and headline != ACCURACY:
        return None
    classes = {name: number for number, name in enumerate(header[2:])}
    if not has_classes or len(classes) < len(header) - 2:
        raise UserError(f"{path}: is not a file of class probabilities")
    guids, label_ids, numbers = [], array.array("q"), _Numbers(path, len(classes))
    for line, row in enumerate(rows, start=2):
        if len(row) != len(header) or row[1] not in classes:
            raise UserError(f"{path}:{line}: is cut off, or its label is not a class of the header")
        guids.append(sys.intern(row[0]))
        label_ids.append(classes[row[1]])
        numbers.add(line, row[2:])
    probabilities = numbers.table()
    if probabilities.min() < 0 or np.abs(probabilities.sum(axis=1) - 1).max() > 0.01:
        raise UserError(f"{path}: has rows that are not probabilities")
    predictions = Predictions(tuple(guids), np.array(label_ids), tuple(classes), probabilities)
    _check_number_of_rows(path, len(guids), results)
    if ACCURACY in results:
        _check_accuracy(path, predictions.correct, results)
    return predictions


def read_values(path: Path, results: dict[str, float], headline: str, predictions: Predictions | None) -> ExampleValues:
    """Reads one value per dev example and compares the values with the run's results and predictions."""
    rows = _read_rows(path, "\t")
    if next(rows) != ["guid", "value"]:
        raise UserError(f"{path}: is not a file of values per example")
    names, numbers = [], _Numbers(path, 1)
    for line, row in enumerate(rows, start=2):
        if len(row) != 2:
            raise UserError(f"{path}:{line}: is cut off")
        names.append(sys.intern(row[0]))
        numbers.add(line, row[1:])
    guids, values = tuple(names), numbers.table()[:, 0]
    _check_number_of_rows(path, len(guids), results)
    if predictions is not None and predictions.guids != guids:
        raise UserError(f"{path}: has other examples than {run_files.EVAL_PREDICTIONS}")
    if headline == ACCURACY and is_binary(values):
        _check_accuracy(path, values, results)
    if headline == ACCURACY and predictions is not None and (values != predictions.correct).any():
        raise UserError(f"{path}: has other values than {run_files.EVAL_PREDICTIONS}")
    return ExampleValues(guids, values)


def _check_number_of_rows(path: Path, number: int, results: dict[str, float]) -> None:
    if num_evaluated(results) not in (None, number):
        raise UserError(f"{path}: does not belong to {run_files.RESULTS}: its number of rows differs")


def _check_accuracy(path: Path, correct: np.ndarray, results: dict[str, float]) -> None:
    if abs(float(correct.mean()) - results[ACCURACY]) > _TOLERANCE:
        raise UserError(f"{path}: does not belong to {run_files.RESULTS}: its accuracy differs")


def read_train_log(path: Path, last_step: float | None) -> np.ndarray:
    """Reads step and loss, float [rows, 2], of a log that reaches at least the step of the evaluation."""
    rows = _read_rows(path, ",")
    header = next(rows)
    if header[:2] != ["step", "loss"]:
        raise UserError(f"{path}: is not a training log")
    numbers = _Numbers(path, 2)
    for line, row in enumerate(rows, start=2):
        if len(row) != len(header):
            raise UserError(f"{path}:{line}: is cut off")
        numbers.add(line, row[:2])
    log = numbers.table()
    steps = log[:, 0]
    if steps[0] < 0 or (np.diff(steps) <= 0).any() or (last_step is not None and steps[-1] < last_step):
        raise UserError(f"{path}: is cut off: its steps do not lead to the last step of the run")
    return log


def _read_rows(path: Path, delimiter: str) -> Iterator[list[str]]:
    """Yields the fields of each line, one line after the other, so that few of them are in memory."""
    try:
        content = files.read_bytes(path, MAX_TABLE_BYTES)
    except FileNotFoundError:
        raise UserError(f"{path}: is missing") from None
    if not content.endswith(b"\n"):
        raise UserError(f"{path}: is empty or its last line is cut off")
    for number, line in enumerate(io.BytesIO(content), start=1):
        if number > _MAX_ROWS or line.count(delimiter.encode()) >= _MAX_COLUMNS:
            raise UserError(f"{path}: has more than {_MAX_ROWS:,} rows or {_MAX_COLUMNS:,} columns; {LEFT_OUT}")
        yield line.removesuffix(b"\n").removesuffix(b"\r").decode("utf-8").split(delimiter)


class _Numbers:
    """Collects the numbers of a table, 8 bytes each."""

    def __init__(self, path: Path, columns: int):
        self._path = path
        self._columns = columns
        self._numbers = array.array("d")

    def add(self, line: int, fields: list[str]) -> None:
        """Adds a row."""
        try:
            self._numbers.extend(map(float, fields))
        except ValueError:
            message = f"{self._path}:{line}: has something other than a number in a number's place"
            raise UserError(message) from None
        if len(self._numbers) > _MAX_NUMBERS:
            raise UserError(f"{self._path}: has more than {_MAX_NUMBERS:,} numbers; {LEFT_OUT}")

    def table(self) -> np.ndarray:
        """Returns float [rows, columns], after a check of all numbers."""
        if not self._numbers:
            raise UserError(f"{self._path}: has no rows below its header")
        table = np.frombuffer(self._numbers).reshape(-1, self._columns)
        if not np.isfinite(table).all():
            raise UserError(f"{self._path}: has numbers that are not finite")
        if np.abs(table).max() > _LARGEST_NUMBER:
            raise UserError(f"{self._path}: has numbers larger than {_LARGEST_NUMBER:g}")
        return table
