"""Reads and checks the JSON files and the logs of one run's folder; `tables` reads its tables.

    results = read_json(folder / "results.json")

The files may be cut off, foreign or broken. Each reader raises `UserError` then, with one line that names the file and
says why it cannot be used. Sizes are limited, so that no file takes all memory.
"""

import json
from collections.abc import Iterable
from pathlib import Path

from bert_tf import files, run_files
from bert_tf.errors import UserError, reading
from bert_tf.report.escaping import one_line
from bert_tf.report.formatting import shortened

# A run's results.json has about 100 values in 4 kB.
MAX_JSON_BYTES = 1 << 20
_MAX_JSON_VALUES = 10_000
_MAX_DEPTH = 20
_MAX_NAME_LENGTH = 200
_MAX_EXAMPLES = 1e9
LARGEST_NUMBER = 1e15
_LAST_LINES = 24
_MAX_LINE_LENGTH = 400
LEFT_OUT = "the report leaves it out"


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
    return float(value) if abs(value) <= LARGEST_NUMBER else None


def num_evaluated(results: dict[str, float]) -> int | None:
    """Returns the number of evaluated examples, from the time and the speed; None if they do not give one.

    Example:
        >>> num_evaluated({"eval_runtime": 2.0, "eval_samples_per_second": 204.0})
        408
    """
    number = round(results.get("eval_runtime", 0) * results.get("eval_samples_per_second", 0))
    return number if 0 < number <= _MAX_EXAMPLES else None
