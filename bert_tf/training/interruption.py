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
        return f"the same command without --overwrite_output_dir continues after step {step}"
    return f"the same command continues after step {step}"


def is_stopped(folder: str | os.PathLike, run: Mapping, step: int) -> bool:
    """Returns True if the command that trains a run has not done all its work, evaluation and prediction included.

    Args:
        folder: the run's output folder.
        run: the content of its run.json.
        step: of its newest checkpoint.
    """
    total = run["training"].get("num_train_steps")
    results = read_json_or_empty(as_path(folder) / run_files.RESULTS)
    # A command that trains writes its results last.
    return isinstance(total, int) and (not _is_trained(results, step, total) or "train_loss" not in results)


def _is_trained(results: Mapping, step: int, total: int) -> bool:
    """Returns True if training has ended, maybe early, or with weights of an earlier step that were better."""
    return step >= total or "best" in results or "stopped_early" in results


def _is_run_of(config: RunConfig, run: dict) -> bool:
    """Returns True if a run was started with the settings of `config`. The model may be named otherwise."""
    training = run.get("training")
    if not isinstance(training, dict):
        return False
    model = {field: getattr(config, field) for field in flags_of(ModelConfig)}
    return not resume_differences(settle(config, {}), training | model)
