"""The features of a record of create_pretraining_data.py, and what can be wrong with them. Needs no TensorFlow.

form = RecordForm(max_seq_length=128, max_predictions_per_seq=20)
check_first_records(files, form)
"""

import dataclasses
from collections.abc import Iterator, Mapping

import numpy as np

from bert_tf.data.example_format import example_values
from bert_tf.data.record_files import RecordFiles

_MAKER = "create_pretraining_data"


@dataclasses.dataclass(frozen=True)
class RecordForm:
    """The form of all records of a run.

    Attributes:
        max_seq_length: the number of positions.
        max_predictions_per_seq: the largest number of masked positions.

    Example:
        >>> RecordForm(max_seq_length=128, max_predictions_per_seq=20).sizes["masked_lm_ids"]
        20
    """

    max_seq_length: int
    max_predictions_per_seq: int

    @property
    def sizes(self) -> dict[str, int]:
        """The number of values of each feature, by name."""
        length, predictions = self.max_seq_length, self.max_predictions_per_seq
        return {
            **dict.fromkeys(("input_ids", "input_mask", "segment_ids"), length),
            **dict.fromkeys(("masked_lm_positions", "masked_lm_ids", "masked_lm_weights"), predictions),
            "next_sentence_labels": 1,
        }


# Which flag says how many values a feature has.
_FLAGS = {
    **dict.fromkeys(("input_ids", "input_mask", "segment_ids"), "max_seq_length"),
    **dict.fromkeys(("masked_lm_positions", "masked_lm_ids", "masked_lm_weights"), "max_predictions_per_seq"),
}


def check_first_records(files: RecordFiles, form: RecordForm, others_fit: bool = False) -> None:
    """Raises `UserError` if the first record of a file has another form.

    Args:
        files: the records.
        form: that they must have.
        others_fit: whether the run has other records, which have this form.
    """
    for number in np.unique(files.splits[:-1][np.diff(files.splits) > 0]).tolist():
        check_record(files, number, form, others_fit=others_fit or number > 0)


def check_record(
    files: RecordFiles, number: int, form: RecordForm, vocab_size: int | None = None, others_fit: bool = True
) -> None:
    """Raises `UserError` if a record is damaged, or has another form or impossible values.

    Args:
        files: the records.
        number: of the record.
        form: that it must have.
        vocab_size: the number of word pieces; None if that is unknown.
        others_fit: whether other records have this form, so that it is this one that must change.
    """
    (content,) = files.read([number])
    try:
        values = example_values(content)
    except ValueError as error:
        raise files.error(number, f"{error}; make the file with {_MAKER}") from error
    problem = _form_problem(values, form, others_fit)
    if problem is None:
        problem = next(iter(value_problems({name: x[None] for name, x in values.items()}, vocab_size)), (0, None))[1]
    if problem:
        raise files.error(number, problem)


def _form_problem(values: Mapping[str, np.ndarray], form: RecordForm, others_fit: bool) -> str | None:
    missing = [name for name in form.sizes if name not in values]
    if missing:
        return f"has no {missing[0]}; make the file with {_MAKER}"
    for name, size in form.sizes.items():
        kind = "f" if name == "masked_lm_weights" else "i"
        if values[name].dtype.kind != kind:
            return f"has other numbers as {name} than {_MAKER} writes"
        found = len(values[name])
        if found != size and name in _FLAGS:
            flag = _FLAGS[name]
            remedy = f"make all records with --{flag}={size}" if others_fit else f"pass --{flag}={found}"
            return f"has {found} values of {name}, but {flag} is {size}; {remedy}"
        if found != size:
            return f"has {found} values of {name}, not {size}; make the file with {_MAKER}"
    return None


def value_problems(arrays: Mapping[str, np.ndarray], vocab_size: int | None) -> Iterator[tuple[int, str]]:
    """Yields the first record with each kind of impossible value, and the problem.

    Args:
        arrays: the features of some records, [records, values] each, by name.
        vocab_size: the number of word pieces; None if that is unknown.
    """
    mask, weights, positions = (arrays[name] for name in ("input_mask", "masked_lm_weights", "masked_lm_positions"))
    lengths = mask.sum(axis=1, keepdims=True)
    is_text = np.arange(mask.shape[1]) < lengths
    is_masked = weights != 0
    is_wrong = {
        "has an input_mask that is not ones and then zeros": (mask != is_text) | (lengths < 1),
        "has masked_lm_weights that are no weights": ~(np.isfinite(weights) & (weights >= 0)),
        "has masked_lm_positions outside of its text": (positions < 0)
        | (positions >= np.where(is_masked, lengths, mask.shape[1])),
        "has other segment_ids than 0 and 1": ~np.isin(arrays["segment_ids"], (0, 1)),
        "has another label than 0 and 1 for the next sentence": ~np.isin(arrays["next_sentence_labels"], (0, 1)),
    }
    for problem, wrong in is_wrong.items():
        for row in np.flatnonzero(wrong.any(axis=1))[:1].tolist():
            yield row, f"{problem}; make the file with {_MAKER}"
    for name in ("input_ids", "masked_lm_ids"):
        yield from _unknown_ids(arrays[name], vocab_size)


def _unknown_ids(ids: np.ndarray, vocab_size: int | None) -> Iterator[tuple[int, str]]:
    limit = np.iinfo(np.int32).max if vocab_size is None else vocab_size
    is_unknown = (ids < 0) | (ids >= limit)
    for row in np.flatnonzero(is_unknown.any(axis=1))[:1].tolist():
        found = int(ids[row][is_unknown[row]][0])
        yield row, f"has the word piece {found}, but the vocabulary has {limit}; give the vocabulary it was made with"
