r"""Writes predictions: to read, as CSV or TSV, or as JSON lines.

writer = make_writer("jsonl", sys.stdout, ["bad", "good"], style=None)
writer.write([row], [prediction])  # {"text": "It rains .", "prediction": "good", "probabilities": {...}}
"""

import abc
import csv
import json
from collections.abc import Mapping, Sequence
from typing import IO, NamedTuple

import numpy as np

from bert_tf.data.examples import is_unicode
from bert_tf.data.text_rows import TextRow
from bert_tf.errors import printable
from bert_tf.serving.answer_forms import PREDICTION, PROBABILITIES, TableStyle, probability_name
from bert_tf.serving.predictions import AnyPrediction, LabelsPrediction, NumberPrediction, Prediction

_SHOWN_PROBABILITIES = 5


class Answer(NamedTuple):
    """A prediction as plain values.

    Attributes:
        value: the label, the number, or the list of labels.
        probabilities: of each label; empty for a number.
    """

    value: str | float | list[str]
    probabilities: Mapping[str, float]


def answer_of(prediction: AnyPrediction) -> Answer:
    """Converts a prediction to plain values, its numbers as short as a float32 can be written.

    Example:
        >>> answer_of(NumberPrediction(0.10000000149011612))
        Answer(value=0.1, probabilities={})
    """
    match prediction:
        case NumberPrediction(value):
            return Answer(_short(value), {})
        case LabelsPrediction(labels, probabilities):
            return Answer(list(labels), _short_each(probabilities))
        case Prediction(label, probabilities):
            return Answer(label, _short_each(probabilities))


def _short_each(probabilities: Mapping[str, float]) -> dict[str, float]:
    return {label: _short(probability) for label, probability in probabilities.items()}


def _short(number: float) -> float:
    return float(str(np.float32(number)))


class Writer(abc.ABC):
    """Writes rows with their predictions to a text stream."""

    @abc.abstractmethod
    def write(self, rows: Sequence[TextRow], predictions: Sequence[AnyPrediction]) -> None:
        """Writes some rows."""


class SentenceWriter(Writer):
    """Writes one line to read for each row: the answer, and the largest probabilities."""

    def __init__(self, stream: IO[str]):
        self._stream = stream

    def write(self, rows: Sequence[TextRow], predictions: Sequence[AnyPrediction]) -> None:
        """Writes some rows; see `Writer`."""
        self._stream.writelines(f"{sentence(prediction)}\n" for prediction in predictions)


def sentence(prediction: AnyPrediction) -> str:
    """Returns a prediction as one line to read.

    Example:
        >>> sentence(Prediction("good", {"bad": 0.25, "good": 0.75}))
        'good (good: 0.7500, bad: 0.2500)'
        >>> sentence(LabelsPrediction((), {"short": 0.25, "funny": 0.125}))
        'no label (short: 0.2500, funny: 0.1250)'
        >>> sentence(NumberPrediction(3.25))
        '3.2500'
    """
    value, probabilities = answer_of(prediction)
    if isinstance(value, float):
        return f"{value:.4f}"
    chosen = ", ".join([value] if isinstance(value, str) else value) or "no label"
    largest = sorted(probabilities.items(), key=lambda item: -item[1])
    shown = [f"{label}: {probability:.4f}" for label, probability in largest[:_SHOWN_PROBABILITIES]]
    rest = [f"{len(largest) - len(shown)} more"] if len(largest) > len(shown) else []
    return printable(f"{chosen} ({', '.join(shown + rest)})")


class TableWriter(Writer):
    """Writes CSV or TSV under a header: the cells of each row, the prediction, and a probability for each label.

    Several labels of a row have commas between them, or the first of ; and | that is in no label.
    """

    def __init__(self, stream: IO[str], labels: Sequence[str], style: TableStyle):
        # Quotes that are characters need no escape, but a label may have the delimiter in it.
        is_raw = not style.is_quoted and not any(style.delimiter in label for label in labels)
        quotes = {"quoting": csv.QUOTE_NONE, "quotechar": None} if is_raw else {}
        self._writer = csv.writer(stream, delimiter=style.delimiter, lineterminator="\n", **quotes)
        self._labels = labels
        self._separator = next((each for each in ",;|" if not any(each in label for label in labels)), ",")
        self._has_header = False

    def write(self, rows: Sequence[TextRow], predictions: Sequence[AnyPrediction]) -> None:
        """Writes some rows; see `Writer`."""
        if rows and not self._has_header:
            self._writer.writerow([*rows[0].names, PREDICTION, *map(probability_name, self._labels)])
            self._has_header = True
        answers = map(answer_of, predictions)
        self._writer.writerows([*row.cells, *self._cells(answer)] for row, answer in zip(rows, answers, strict=True))

    def _cells(self, answer: Answer) -> list[object]:
        value = self._separator.join(answer.value) if isinstance(answer.value, list) else answer.value
        return [value, *answer.probabilities.values()]


class JsonLinesWriter(Writer):
    """Writes one JSON object a line: the row's own keys, the prediction, and the probabilities."""

    def __init__(self, stream: IO[str]):
        self._stream = stream

    def write(self, rows: Sequence[TextRow], predictions: Sequence[AnyPrediction]) -> None:
        """Writes some rows; see `Writer`."""
        self._stream.writelines(map(_json_line, rows, map(answer_of, predictions)))


def _json_line(row: TextRow, answer: Answer) -> str:
    content = dict(zip(row.names, row.cells, strict=True)) | {PREDICTION: answer.value}
    if answer.probabilities:
        content[PROBABILITIES] = answer.probabilities
    line = json.dumps(content, ensure_ascii=False)
    # Half of a surrogate pair, in a cell that is no text of ours, can only be written as it came.
    return f"{line if is_unicode(line) else json.dumps(content)}\n"


def make_writer(form: str, stream: IO[str], labels: Sequence[str], style: TableStyle | None) -> Writer:
    """Makes the writer of a form.

    Args:
        form: one of `answer_forms.FORMS`.
        stream: a text stream.
        labels: in the order of the probabilities.
        style: of the table that was read, if one of this form was; None for that of the form.
    """
    if form == "text":
        return SentenceWriter(stream)
    if form == "jsonl":
        return JsonLinesWriter(stream)
    return TableWriter(stream, labels, style or TableStyle("," if form == "csv" else "\t"))
