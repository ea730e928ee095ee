"""The most confident wrong predictions, with their texts."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from bert_tf import run_files
from bert_tf.data.examples import InputExample
from bert_tf.data.processors import find_processor
from bert_tf.errors import UserError, reading
from bert_tf.report.formatting import flag_text
from bert_tf.report.reading import Predictions
from bert_tf.report.runs import Run


@dataclasses.dataclass(frozen=True)
class Mistake:
    """A dev example with a wrong prediction.

    Attributes:
        guid: of the example.
        label: the right class.
        predicted: the wrong class.
        probability: of the wrong class, the mean over seeds.
        example: with its texts; None if they cannot be read.
    """

    guid: str
    label: str
    predicted: str
    probability: float
    example: InputExample | None


def most_confident_mistakes(runs: Sequence[Run], count: int = 10) -> tuple[list[Mistake], str | None]:
    """Finds the dev examples where the mean probability of a wrong class is highest.

    Args:
        runs: of one configuration, all with class probabilities.
        count: the largest number of mistakes.

    Returns:
        The mistakes, the most confident first, and the reason if their texts are missing, else None.
    """
    predictions = runs[0].predictions
    probabilities = sum(run.predictions.probabilities for run in runs) / len(runs)
    predicted = probabilities.argmax(axis=1)
    wrong = np.flatnonzero(predicted != predictions.label_ids)
    most_confident = wrong[np.argsort(-probabilities.max(axis=1)[wrong], kind="stable")][:count]
    examples, reason = _read_examples(runs[0])
    mistakes = [
        Mistake(
            guid=predictions.guids[row],
            label=predictions.classes[predictions.label_ids[row]],
            predicted=predictions.classes[predicted[row]],
            probability=float(probabilities[row].max()),
            example=examples[row] if examples else None,
        )
        for row in most_confident
    ]
    return mistakes, reason


def _read_examples(run: Run) -> tuple[list[InputExample] | None, str | None]:
    """Reads the dev examples of a run in the order of its predictions; returns the reason if they cannot be read."""
    try:
        processor = find_processor(run.task)
    except UserError:
        return None, f"the task {flag_text(run.task)} is unknown"
    if run.data_dir is None:
        return None, f"{run_files.RESULTS} does not name their folder"
    try:
        with reading(run.data_dir, "their predictions are shown without them"):
            examples = processor.get_dev_examples(run.data_dir)
    except UserError as error:
        return None, str(error)
    if not _are_predicted(examples, run.predictions):
        return None, f"the dev examples in {run.data_dir} are not those that were predicted"
    return examples, None


def _are_predicted(examples: Sequence[InputExample], predictions: Predictions) -> bool:
    labels = [predictions.classes[index] for index in predictions.label_ids]
    return [(each.guid, each.label) for each in examples] == list(zip(predictions.guids, labels, strict=True))
