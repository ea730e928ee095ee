"""Reads the dev examples of a run, whose texts its own files do not have."""

from collections.abc import Sequence

import numpy as np

from bert_tf import run_files
from bert_tf.data.columns import WantedColumns
from bert_tf.data.examples import InputExample
from bert_tf.data.found_labels import LabelOptions, known_targets
from bert_tf.data.label_files import read_labels
from bert_tf.data.own_data import OwnDataOptions, OwnDataProcessor, files_of
from bert_tf.data.own_files import find_files
from bert_tf.data.processors import DataProcessor, find_processor, is_known_task
from bert_tf.errors import UserError, reading
from bert_tf.report.formatting import flag_text
from bert_tf.report.inventory import Run
from bert_tf.report.predictions import (
    MULTI_LABEL,
    ClassPredictions,
    NumberPredictions,
    Predictions,
)

_REMEDY = "their predictions are shown without them"


def read_dev_examples(run: Run) -> tuple[list[InputExample] | None, str | None]:
    """Reads the dev examples of a run in the order of its predictions; returns the reason if they cannot be read."""
    where = run.data_dir or _own_file(run)
    if where is None:
        return None, f"{run_files.RESULTS} does not name their folder"
    try:
        with reading(where, _REMEDY):
            examples = _find_processor(run).get_dev_examples(run.data_dir)
    except UserError as error:
        return None, str(error)
    if not _are_predicted(examples, run.predictions):
        return None, f"the dev examples in {where} are not those that were predicted"
    return examples, None


def _own_file(run: Run) -> str | None:
    return run.all_flags.get("dev_file") or run.all_flags.get("train_file")


def _find_processor(run: Run) -> DataProcessor:
    if _own_file(run) is not None:
        return _own_data(run, run.all_flags.get("train_file"))
    if is_known_task(run.task):
        return find_processor(run.task, eval_languages=run.languages)
    if "train_file" not in run.all_flags:
        raise UserError(f"the task {flag_text(run.task)} is unknown")
    return _own_data(run, run.data_dir)


def _own_data(run: Run, training_set: str | None) -> OwnDataProcessor:
    """Creates the processor of own files as the run did, with the labels that the run has."""
    separator = run.flags.get("label_separator")
    labels = read_labels(run.folder, run.kind, _REMEDY)
    options = OwnDataOptions(
        WantedColumns(*(run.flags.get(name) for name in ("text_column", "text_pair_column", "label_column"))),
        LabelOptions(multi_label=run.kind == MULTI_LABEL, separator=separator),
        run.flags.get("dev_split", 0.0),
        run.flags.get("split_seed", 0),
        known_targets(run.kind, labels, separator),
    )
    return OwnDataProcessor(files_of(find_files(training_set, run.all_flags.get("dev_file"), None)), options)


def _are_predicted(examples: Sequence[InputExample], predictions: Predictions) -> bool:
    if isinstance(predictions, ClassPredictions):
        labels = [predictions.classes[index] for index in predictions.label_ids]
    elif isinstance(predictions, NumberPredictions):
        labels = predictions.labels.tolist()
    else:
        classes = np.array(predictions.classes)
        labels = [tuple(classes[row].tolist()) for row in predictions.labels]
    return [(each.guid, each.label) for each in examples] == list(zip(predictions.guids, labels, strict=True))
