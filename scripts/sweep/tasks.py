"""Chooses the tasks of a sweep over several, and finds their data."""

import os
import shlex
from pathlib import Path

from absl import logging

from bert_tf.data.folders import exported_dir
from bert_tf.data.processors import canonical_name, find_processor_class, glue_class
from bert_tf.errors import UserError
from bert_tf.paths import local_path

# Wang et al. 2018, GLUE: the names of its folders. The diagnostic set has no training data.
GLUE = ("CoLA", "SST-2", "MRPC", "STS-B", "QQP", "MNLI", "QNLI", "RTE", "WNLI")
ALL = "all"


def choose_tasks(text: str) -> dict[str, Path]:
    """Returns the folder of the data of each task.

    Args:
        text: names of tasks, or `all`: those of GLUE whose data are here; one line names the others.

    Raises:
        UserError: a task has no data, or none of GLUE's has.
    """
    wants_all = text.strip() == ALL
    found = {task: find_data(task) for task in (GLUE if wants_all else named_tasks(text))}
    missing = ", ".join(task for task, folder in found.items() if folder is None)
    if missing and not (wants_all and any(found.values())):
        raise UserError(f"TASKS: no data for {missing}; put them into data/TASK, or set GLUE_DIR to the folder above")
    if missing:
        logging.warning(
            "No data for %s, neither in GLUE_DIR nor in data: skipped. `python scripts/export_glue.py TASK` gets them.",
            missing,
        )
    return {task: folder for task, folder in found.items() if folder is not None}


def named_tasks(text: str) -> list[str]:
    """Returns the tasks that a text names, each once; those of GLUE as GLUE writes them.

    Raises:
        UserError: there are none, or one is unknown.

    Example:
        >>> named_tasks("mrpc sst2 MRPC")
        ['MRPC', 'SST-2']
    """
    try:
        names = shlex.split(text)
    except ValueError as error:
        raise UserError(f"TASKS: {text!r} cannot be split into words: {error}") from error
    if not names:
        raise UserError("TASKS: is empty")
    for name in names:
        find_processor_class(name)
    return list(dict.fromkeys(canonical_name(name) if glue_class(name) else name for name in names))


def find_data(task: str) -> Path | None:
    """Returns $GLUE_DIR/TASK, or else data/TASK in the clone; None if neither is a folder."""
    glue_dir, found = os.environ.get("GLUE_DIR"), glue_class(task)
    folders = [Path(local_path(glue_dir, "GLUE_DIR"), found.folder if found else task)] if glue_dir else []
    return next((folder for folder in (*folders, exported_dir(task)) if folder.is_dir()), None)
