"""Reads and checks the tables of one run's folder: predictions, values per example and the training log.

    log = read_train_log(folder / "train_log.csv", last_step=30)

Each reader raises `UserError` for a file that is cut off, foreign or broken, as those in `reading` do.
"""

import array
import dataclasses
import io
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from bert_tf import files, run_files
from bert_tf.data.tag_schemes import is_tag
from bert_tf.data.targets import QUESTION_ANSWERING, TOKEN_CLASSIFICATION, table_separator
from bert_tf.errors import UserError, reading
from bert_tf.report.predictions import (
    MULTI_LABEL,
    REGRESSION,
    AnswerPredictions,
    ClassPredictions,
    LabelSetPredictions,
    NumberPredictions,
    Predictions,
    TagPredictions,
    values_of_examples,
)
from bert_tf.report.reading import LARGEST_NUMBER, LEFT_OUT, num_evaluated
from bert_tf.report.scores import ACCURACY, is_score, score
from bert_tf.report.significance import is_binary

# The predictions of MNLI's dev set have 600 kB.
MAX_TABLE_BYTES = 64 << 20
_MAX_ROWS = 1_000_000
_MAX_COLUMNS = 100_000
_MAX_NUMBERS = 10_000_000
_TOLERANCE = 1e-6
# A correlation computed again from predictions that were written with the digits of float32.
_CORRELATION_TOLERANCE = 1e-3
_ANSWER_COLUMNS = ["guid", "exact_match", "f1", "probability", "prediction", "answers"]
_TAG_COLUMNS = ["guid", "correct", "f1", "probability", "words", "gold", "prediction"]


@dataclasses.dataclass(frozen=True, eq=False)
class ExampleValues:
    """One value per dev example, from `eval_values.tsv`. Higher is better.

    Attributes:
        guids: of the dev examples, in file order.
        values: float [examples]; 1 or 0 for a correct or wrong class.
    """

    guids: tuple[str, ...]
    values: np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class TrainLog:
    """The course of a training, from `train_log.csv`.

    Attributes:
        losses: float [rows, 2], step and mean loss since the previous row.
        scores: float [rows, 2], step and score of the evaluations while training, by the name of the score.
    """

    losses: np.ndarray
    scores: dict[str, np.ndarray]


def read_predictions(path: Path, results: dict[str, float], headline: str, kind: str) -> Predictions | None:
    """Reads the predictions and compares them with the run's results, to detect cut and outdated files.

    Args:
        path: the file.
        results: the numbers of results.json.
        headline: the name of the main score.
        kind: of the task, as in task.json.

    Returns:
        The predictions; None if they have another form and the task may have no classes.
    """
    rows = _read_rows(path, "\t")
    header = next(rows)
    readers = {
        REGRESSION: _read_numbers,
        MULTI_LABEL: _read_label_sets,
        QUESTION_ANSWERING: _read_answers,
        TOKEN_CLASSIFICATION: _read_tags,
    }
    has_classes = header[:2] == ["guid", "label"] and len(header) >= 4
    if kind not in readers and not has_classes:
        if headline == ACCURACY:
            raise UserError(f"{path}: is not a file of class probabilities")
        return None
    predictions = readers.get(kind, _read_classes)(path, header, rows)
    _check_predictions(path, predictions, results, kind)
    return predictions


def _check_predictions(path: Path, predictions: Predictions, results: dict[str, float], kind: str) -> None:
    """Compares the scores of predictions with those of the run."""
    for name, values in predictions.values.items():
        _check_mean(path, values, results, name)
    if isinstance(predictions, NumberPredictions):
        _check_correlation(path, predictions, results)
    if isinstance(predictions, TagPredictions):
        for name, value in predictions.scores.items():
            _check_score(path, value, results, name)
    _check_number_of_rows(path, len(predictions.guids), results, kind)


def _read_classes(path: Path, header: Sequence[str], rows: Iterator[list[str]]) -> ClassPredictions:
    classes = _classes(path, header)
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
    return ClassPredictions(tuple(guids), np.array(label_ids), tuple(classes), probabilities)


def _classes(path: Path, header: Sequence[str]) -> dict[str, int]:
    """Returns the column of each class, counted from 0."""
    classes = {name: number for number, name in enumerate(header[2:])}
    if len(classes) < len(header) - 2:
        raise UserError(f"{path}: is not a file of class probabilities")
    return classes


def _read_numbers(path: Path, header: Sequence[str], rows: Iterator[list[str]]) -> NumberPredictions:
    if header != ["guid", "label", "prediction"]:
        raise UserError(f"{path}: is not a file of predicted numbers")
    guids, numbers = [], _Numbers(path, 2)
    for line, row in enumerate(rows, start=2):
        if len(row) != len(header):
            raise UserError(f"{path}:{line}: is cut off")
        guids.append(sys.intern(row[0]))
        numbers.add(line, row[1:])
    labels, predicted = numbers.table().T
    return NumberPredictions(tuple(guids), labels, predicted)


def _read_label_sets(path: Path, header: Sequence[str], rows: Iterator[list[str]]) -> LabelSetPredictions:
    if header[:2] != ["guid", "labels"] or len(header) < 3:
        raise UserError(f"{path}: is not a file of probabilities of labels")
    classes = _classes(path, header)
    separator = table_separator(list(classes))
    guids, labels, numbers = [], [], _Numbers(path, len(classes))
    for line, row in enumerate(rows, start=2):
        names = row[1].split(separator) if len(row) == len(header) and row[1] else []
        if len(row) != len(header) or not classes.keys() >= set(names):
            raise UserError(f"{path}:{line}: is cut off, or one of its labels is not in the header")
        guids.append(sys.intern(row[0]))
        labels.append([classes[name] for name in names])
        numbers.add(line, row[2:])
    probabilities = numbers.table()
    if probabilities.min() < 0 or probabilities.max() > 1:
        raise UserError(f"{path}: has numbers that are not probabilities")
    is_label = np.zeros(probabilities.shape, bool)
    for row, ids in zip(is_label, labels, strict=True):
        row[ids] = True
    return LabelSetPredictions(tuple(guids), is_label, tuple(classes), probabilities)


def _read_answers(path: Path, header: Sequence[str], rows: Iterator[list[str]]) -> AnswerPredictions:
    if header != _ANSWER_COLUMNS:
        raise UserError(f"{path}: is not a file of answers to questions")
    guids, predicted, answers, numbers = [], [], [], _Numbers(path, 3)
    for line, row in enumerate(rows, start=2):
        if len(row) != len(header):
            raise UserError(f"{path}:{line}: is cut off")
        guids.append(sys.intern(row[0]))
        numbers.add(line, row[1:4])
        text, gold = (_parse_json(path, line, field, "an answer") for field in row[4:6])
        if not isinstance(text, str) or not _are_texts(gold):
            raise UserError(f"{path}:{line}: has something other than a text and a list of texts as answers")
        # Many runs have the same texts.
        predicted.append(sys.intern(text))
        answers.append(tuple(map(sys.intern, gold)))
    exact_match, f1, confidence = numbers.table().T
    if not is_binary(exact_match) or min(f1.min(), confidence.min()) < 0 or max(f1.max(), confidence.max()) > 1:
        raise UserError(f"{path}: has numbers that are not exact match, F1 and probability")
    return AnswerPredictions(tuple(guids), tuple(answers), tuple(predicted), confidence, exact_match, f1)


def _read_tags(path: Path, header: Sequence[str], rows: Iterator[list[str]]) -> TagPredictions:
    if header != _TAG_COLUMNS:
        raise UserError(f"{path}: is not a file of tags of words")
    guids, sentences, numbers = [], [], _Numbers(path, 3)
    for line, row in enumerate(rows, start=2):
        if len(row) != len(header):
            raise UserError(f"{path}:{line}: is cut off")
        guids.append(sys.intern(row[0]))
        numbers.add(line, row[1:4])
        sentences.append(_parse_sentence(path, line, row[4:]))
    correct, f1, confidence = numbers.table().T
    predictions = TagPredictions(tuple(guids), *zip(*sentences, strict=True), confidence)
    if confidence.min() < 0 or confidence.max() > 1:
        raise UserError(f"{path}: has numbers that are not probabilities")
    if (correct != predictions.correct).any() or np.abs(f1 - predictions.f1).max() > _TOLERANCE:
        raise UserError(f"{path}: has other scores of sentences than its tags have")
    return predictions


def _parse_sentence(path: Path, line: int, fields: Sequence[str]) -> list[tuple[str, ...]]:
    """Returns words, gold tags and predicted tags; many runs have the same."""
    lists = [_parse_json(path, line, field, "a list") for field in fields]
    if (
        not all(map(_are_texts, lists))
        or not lists[0]
        or len(set(map(len, lists))) > 1
        or not all(map(is_tag, lists[1] + lists[2]))
    ):
        raise UserError(f"{path}:{line}: has something other than a list of words and two lists of their tags")
    return [tuple(map(sys.intern, each)) for each in lists]


def _parse_json(path: Path, line: int, text: str, what: str) -> object:
    with reading(f"{path}:{line}", LEFT_OUT, f"has {what} that is cut off or not JSON"):
        return json.loads(text)


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) for text in value)


def read_values(
    path: Path, results: dict[str, float], headline: str, kind: str, predictions: Predictions | None
) -> ExampleValues:
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
    _check_number_of_rows(path, len(guids), results, kind)
    if predictions is not None and predictions.guids != guids:
        raise UserError(f"{path}: has other examples than {run_files.EVAL_PREDICTIONS}")
    if (headline == ACCURACY and is_binary(values)) or kind == QUESTION_ANSWERING:
        _check_mean(path, values, results, headline)
    expected = None if predictions is None else values_of_examples(predictions, headline)
    if expected is not None and np.abs(values - expected).max() > _TOLERANCE:
        raise UserError(f"{path}: has other values than {run_files.EVAL_PREDICTIONS}")
    return ExampleValues(guids, values)


def _check_number_of_rows(path: Path, number: int, results: dict[str, float], kind: str) -> None:
    # The model reads a text once for each of its windows, and its speed counts these.
    if kind not in (QUESTION_ANSWERING, TOKEN_CLASSIFICATION) and num_evaluated(results) not in (None, number):
        raise UserError(f"{path}: does not belong to {run_files.RESULTS}: its number of rows differs")


def _check_mean(path: Path, values: np.ndarray, results: dict[str, float], name: str) -> None:
    _check_score(path, float(values.mean()), results, name)


def _check_score(path: Path, value: float, results: dict[str, float], name: str) -> None:
    if name in results and abs(value - results[name]) > _TOLERANCE:
        raise UserError(f"{path}: does not belong to {run_files.RESULTS}: its {score(name).phrase} differs")


def _check_correlation(path: Path, predictions: NumberPredictions, results: dict[str, float]) -> None:
    """Compares Pearson's r; that of predictions which are nearly all the same is left alone, being made of rounding."""
    if "eval_pearson" not in results or predictions.collapsed or not np.ptp(predictions.labels):
        return
    pearson = np.corrcoef(predictions.labels, predictions.predicted)[0, 1]
    if abs(pearson - results["eval_pearson"]) > _CORRELATION_TOLERANCE:
        raise UserError(f"{path}: does not belong to {run_files.RESULTS}: its Pearson correlation differs")


def read_train_log(path: Path, last_step: float | None) -> TrainLog:
    """Reads losses and dev scores of a log that reaches at least the step of the evaluation."""
    rows = _read_rows(path, ",")
    header = next(rows)
    if header[:2] != ["step", "loss"]:
        raise UserError(f"{path}: is not a training log")
    curves = {name: (column, _Numbers(path, 2)) for column, name in enumerate(header) if is_score(name)}
    losses = _Numbers(path, 2)
    for line, row in enumerate(rows, start=2):
        if len(row) != len(header):
            raise UserError(f"{path}:{line}: is cut off")
        losses.add(line, row[:2])
        for column, numbers in curves.values():
            # A row without an evaluation has no dev scores, and a score that has no value is NaN.
            if row[column] not in ("", "nan"):
                numbers.add(line, [row[0], row[column]])
    _check_steps(path, losses.table()[:, 0], last_step)
    return TrainLog(losses.table(), {name: numbers.table() for name, (_, numbers) in curves.items() if numbers})


def _check_steps(path: Path, steps: np.ndarray, last_step: float | None) -> None:
    if steps[0] < 0 or (np.diff(steps) <= 0).any() or (last_step is not None and steps[-1] < last_step):
        raise UserError(f"{path}: is cut off: its steps do not lead to the last step of the run")


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

    def __len__(self) -> int:
        return len(self._numbers)

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
        if np.abs(table).max() > LARGEST_NUMBER:
            raise UserError(f"{self._path}: has numbers larger than {LARGEST_NUMBER:g}")
        return table
