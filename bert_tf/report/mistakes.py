"""The mistakes that a configuration is surest of, with their sentences."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from bert_tf.data.examples import InputExample
from bert_tf.data.processors import PROCESSORS
from bert_tf.errors import UserError
from bert_tf.report.runs import Predictions, Run


@dataclasses.dataclass(frozen=True)
class Mistake:
    """A dev example with a wrong prediction.

    Attributes:
        guid: of the example.
        label: the right one.
        predicted: the wrong one.
        probability: of the wrong one, the mean over seeds.
        example: with its texts; None where they cannot be read.
    """

    guid: str
    label: str
    predicted: str
    probability: float
    example: InputExample | None


def most_confident_mistakes(runs: Sequence[Run], count: int = 10) -> tuple[list[Mistake], str | None]:
    """The dev examples on which the mean probability over some runs is highest for a wrong class.

    Args:
        runs: of one configuration, all with predictions.
        count: how many at most.

    Returns:
        The mistakes, the surest first, and why their texts are missing; None where they are there.
    """
    predictions = runs[0].predictions
    probabilities = np.mean([run.predictions.probabilities for run in runs], axis=0)
    predicted = probabilities.argmax(axis=1)
    wrong = np.flatnonzero(predicted != predictions.label_ids)
    surest = wrong[np.argsort(-probabilities.max(axis=1)[wrong], kind="stable")][:count]
    examples, reason = _read_examples(runs[0])
    mistakes = [
        Mistake(
            guid=predictions.guids[row],
            label=predictions.classes[predictions.label_ids[row]],
            predicted=predictions.classes[predicted[row]],
            probability=float(probabilities[row].max()),
            example=examples[row] if examples else None,
        )
        for row in surest
    ]
    return mistakes, reason


def _read_examples(run: Run) -> tuple[list[InputExample] | None, str | None]:
    """The dev examples of a run in the order of its predictions, or why they cannot be had."""
    if run.task.lower() not in PROCESSORS:
        return None, f"the task {run.task} is unknown here"
    try:
        examples = PROCESSORS[run.task.lower()]().get_dev_examples(run.data_dir)
    except UserError as error:
        return None, str(error)
    if not _belong(examples, run.predictions):
        return None, f"{run.data_dir}: its dev examples are not those that were predicted"
    return examples, None


def _belong(examples: Sequence[InputExample], predictions: Predictions) -> bool:
    labels = [predictions.classes[index] for index in predictions.label_ids]
    return [(each.guid, each.label) for each in examples] == list(zip(predictions.guids, labels, strict=True))
