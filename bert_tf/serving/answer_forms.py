"""The forms in which predictions are written, and the names that they get there. Needs no TensorFlow.

form_of("predictions.csv")  # "csv"
added_names("csv", ["bad", "good"])  # ["prediction", "probability_bad", "probability_good"]
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from bert_tf.errors import UserError, printable
from bert_tf.remote import as_path

FORMS = ("text", "csv", "tsv", "jsonl")
PREDICTION = "prediction"
PROBABILITIES = "probabilities"
_FORM_OF_SUFFIX = {
    ".txt": "text",
    ".csv": "csv",
    **dict.fromkeys((".tsv", ".tab"), "tsv"),
    **dict.fromkeys((".jsonl", ".ndjson", ".json"), "jsonl"),
}


class TableStyle(NamedTuple):
    """The look of a table.

    Attributes:
        delimiter: between its columns.
        is_quoted: True if fields are wrapped in double quotes where they must; False if these are characters.
    """

    delimiter: str
    is_quoted: bool = True


def form_of(path: str, form_of_suffix: Mapping[str, str] = _FORM_OF_SUFFIX) -> str:
    """Returns the form that the name of a file stands for.

    Args:
        path: the file.
        form_of_suffix: the form that each ending stands for, by default those of labels and numbers.

    Raises:
        UserError: it stands for none.

    Example:
        >>> form_of("new/predictions.jsonl")
        'jsonl'
    """
    form = form_of_suffix.get(as_path(path).suffix.lower())
    if form is None:
        known = ", ".join(form_of_suffix)
        raise UserError(f"output_file: {printable(path)}: has none of the endings {known}; pass --format")
    return form


def probability_name(label: str) -> str:
    """Returns the name of the column of a label's probability."""
    return f"probability_{label}"


def added_names(form: str, labels: Sequence[str]) -> list[str]:
    """Returns the names of the cells that a form adds to those of a row.

    Args:
        form: one of `FORMS`.
        labels: of the model; none for a number, or if they are not known yet.

    Example:
        >>> added_names("csv", ["bad", "good"]), added_names("jsonl", ["bad", "good"]), added_names("text", [])
        (['prediction', 'probability_bad', 'probability_good'], ['prediction', 'probabilities'], [])
    """
    added = {"text": [], "jsonl": [PREDICTION, PROBABILITIES]}
    return added.get(form, [PREDICTION, *map(probability_name, labels)])
