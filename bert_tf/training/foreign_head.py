"""Fits the head of a Hugging Face classifier to a task: its labels may have another order, or be others.

arrays = fit_head(arrays, files, task.describe(), is_needed=not config.do_train)
"""

import json
from collections.abc import Mapping, Sequence

import numpy as np
from absl import logging

from bert_tf import run_files
from bert_tf.checkpoints.huggingface_config import DescribedHead, described_head
from bert_tf.checkpoints.locate import CheckpointFiles, is_safetensors
from bert_tf.errors import UserError, first_few, printable

_WEIGHTS, _BIAS = "output_weights", "output_bias"


def fit_head(
    arrays: Mapping[str, np.ndarray], files: CheckpointFiles, description: Mapping[str, str], is_needed: bool
) -> Mapping[str, np.ndarray]:
    """Puts the rows of the head in the order of the task's labels; leaves out the head of other labels.

    Args:
        arrays: the result of `read_checkpoint`.
        files: of the model.
        description: of the task, see `Task.describe`.
        is_needed: True if the run cannot make a head of its own, because it does not train.

    Raises:
        UserError: the head is needed, and it is for other labels, or `config.json` does not say for which.
    """
    if not is_safetensors(files.checkpoint) or run_files.TASK not in description or not _has_classifier(arrays):
        return arrays
    try:
        head = described_head(files.config_file, len(arrays[_WEIGHTS]))
        order = _order(head, description, files)
    except UserError as error:
        if is_needed:
            raise
        logging.info("The head is new: %s", error)
        return {name: array for name, array in arrays.items() if name not in (_WEIGHTS, _BIAS)}
    return {**arrays, **{name: arrays[name][order] for name in (_WEIGHTS, _BIAS)}}


def _has_classifier(arrays: Mapping[str, np.ndarray]) -> bool:
    if _WEIGHTS not in arrays or _BIAS not in arrays:
        return False
    return arrays[_WEIGHTS].ndim == 2 and arrays[_BIAS].shape == arrays[_WEIGHTS].shape[:1]


def _order(head: DescribedHead, description: Mapping[str, str], files: CheckpointFiles) -> list[int]:
    """Returns the row of the head for each label of the task.

    Raises:
        UserError: the labels are of another kind, or have other names.
    """
    facts = json.loads(description[run_files.TASK])
    kind, labels = facts["kind"], facts.get("tags") or description.get(run_files.LABELS, "").splitlines()
    if (kind, sorted(labels)) != (head.kind, sorted(head.labels)):
        raise UserError(
            f"{printable(files.config_file)}: the head is for {_subject(head.kind, head.labels)}, not for "
            f"{_subject(kind, labels)}; name its task, or write the names of the task's labels into its id2label if "
            "they mean the same"
        )
    return [head.labels.index(label) for label in labels] or [0]


def _subject(kind: str, labels: Sequence[str]) -> str:
    return f"{kind.replace('_', '-')} with the labels {first_few(labels)}" if labels else f"a {kind}"
