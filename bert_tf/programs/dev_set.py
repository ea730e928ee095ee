"""Finds the texts on which an exported model is compared with its run: the dev set, or the sample corpus.

check_set = read_check_set("output/MRPC/all-MiniLM-L6-v2", pairs=True)
check_set.description  # "the 408 dev examples of the run"
"""

import dataclasses
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from bert_tf.data.folders import sample_dir
from bert_tf.data.processors import find_processor
from bert_tf.errors import UserError
from bert_tf.exports.check_set import CheckSet
from bert_tf.remote import is_remote
from bert_tf.report.dev_set import read_dev_examples
from bert_tf.report.inventory import Run
from bert_tf.report.predictions import ClassPredictions, NumberPredictions, Predictions
from bert_tf.report.runs import read_runs
from bert_tf.tasks.metrics import METRICS

# More would not tell more about the differences, and a large model computes a thousand in minutes.
_MOST_EXAMPLES = 1000


def read_check_set(folder: str | os.PathLike, pairs: bool | None) -> CheckSet:
    """Reads the dev set that a run was evaluated on, or else the sample corpus, which has no labels for the model.

    Args:
        folder: of the run.
        pairs: whether the model takes pairs of texts; None if nobody knows.
    """
    try:
        return _dev_set(_find_run(folder))
    except UserError as error:
        return _sample(str(error), pairs)


def _find_run(folder: str | os.PathLike) -> Run:
    if is_remote(folder):
        raise UserError("the run is not on this machine")
    inventory = read_runs([Path(folder)])
    runs = [run for run in inventory.runs if run.folder == Path(folder)]
    if not runs:
        raise UserError("the folder holds no finished run with an evaluation")
    return runs[0]


def _dev_set(run: Run) -> CheckSet:
    if run.predictions is None:
        raise UserError("the run has no predictions")
    examples, reason = read_dev_examples(run)
    if examples is None:
        raise UserError(reason)
    rows = _evenly_spread(len(examples))
    part = "" if len(rows) == len(examples) else f"{len(rows):,} of "
    description = f"{part}the {len(examples):,} dev examples of the run, whose predictions are the expected answers"
    name = run.headline.key.removeprefix("eval_")
    found = CheckSet([examples[row] for row in rows], description, _answers(run.predictions)[rows])
    metric = METRICS[run.kind].get(name)
    if metric is None:
        return found
    return found._replace(score_name=name, score=lambda answers: _score(metric, run.predictions, rows, answers))


def _evenly_spread(count: int) -> np.ndarray:
    return np.linspace(0, count - 1, min(count, _MOST_EXAMPLES)).round().astype(int)


def _answers(predictions: Predictions) -> np.ndarray:
    return predictions.predicted if isinstance(predictions, NumberPredictions) else predictions.probabilities


def _score(metric: Callable, predictions: Predictions, rows: np.ndarray, answers: np.ndarray) -> float:
    field = "predicted" if isinstance(predictions, NumberPredictions) else "probabilities"
    labels = predictions.label_ids if isinstance(predictions, ClassPredictions) else predictions.labels
    return metric(labels[rows], dataclasses.replace(predictions, **{field: answers}).predicted)


def _sample(reason: str, pairs: bool | None) -> CheckSet:
    examples = find_processor("MRPC").get_dev_examples(sample_dir("MRPC"))
    if pairs is False:
        examples = [dataclasses.replace(example, text_b=None) for example in examples]
    description = (
        f"{len(examples):,} texts of the sample corpus, where TensorFlow's answers are the expected ones. "
        f"There is no score, because {reason}"
    )
    return CheckSet(examples, description)
