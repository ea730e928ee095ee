"""Says what the same command would do after Ctrl-C. Needs no TensorFlow."""

import os
from collections.abc import Mapping

from bert_tf import run_files
from bert_tf.checkpoints.state_file import latest_checkpoint, step_in_name
from bert_tf.files import read_json_or_empty
from bert_tf.remote import as_path
from bert_tf.training.config import ModelConfig, RunConfig, resume_differences, settle
from bert_tf.training.fields import flags_of


def advice_after_interruption(config: RunConfig) -> str:
    """Returns what the user can do after Ctrl-C: what the same command would do now."""
    if not config.do_train:
        return "the same command starts it again"
    run = read_json_or_empty(as_path(config.output_dir) / run_files.RUN)
    checkpoint = latest_checkpoint(config.output_dir)
    step = checkpoint and step_in_name(checkpoint)
    if not step or not _is_run_of(config, run):
        return "nothing was saved yet; the same command starts again"
    is_continued = run.get("overwrites") is True and is_stopped(config.output_dir, run, step)
    if config.overwrite_output_dir and not is_continued:
        return f"the same command without --overwrite_output_dir continues after {_where(config, step)}"
    return f"the same command continues after {_where(config, step)}"


def _where(config: RunConfig, step: int) -> str:
    """Returns where a run continues: the step of its checkpoint may be an earlier one than that of its end."""
    return "the training" if _has_ended(_results(config.output_dir)) else f"step {step}"


def is_stopped(folder: str | os.PathLike, run: Mapping, step: int) -> bool:
    """Returns True if the command that trains a run has not done all its work, evaluation and prediction included.

    Args:
        folder: the run's output folder.
        run: the content of its run.json.
        step: of its newest checkpoint.
    """
    total = run["training"].get("num_train_steps")
    if not isinstance(total, int):
        return False
    results = _results(folder)
    is_trained = step >= total or _has_ended(results)
    # A command that trains writes its results last.
    return not is_trained or "train_loss" not in results


def _results(folder: str | os.PathLike) -> dict:
    return read_json_or_empty(as_path(folder) / run_files.RESULTS)


def _has_ended(results: Mapping) -> bool:
    """Returns True if training has ended early, or with weights of an earlier step that were better."""
    return "best" in results or "stopped_early" in results


def _is_run_of(config: RunConfig, run: dict) -> bool:
    """Returns True if a run was started with the settings of `config`. The model may be named otherwise."""
    training = run.get("training")
    if not isinstance(training, dict):
        return False
    model = {field: getattr(config, field) for field in flags_of(ModelConfig)}
    return not resume_differences(settle(config, {}), training | model)
