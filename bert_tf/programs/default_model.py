"""The model of a run: the default one, its name in folders, and its own folder and settings. Needs no TensorFlow."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

from bert_tf import run_files
from bert_tf.checkpoints.catalogue import DEFAULT_CHECKPOINT
from bert_tf.checkpoints.locate import latest_checkpoint, model_name
from bert_tf.files import read_json_or_empty
from bert_tf.remote import AnyPath, as_path
from bert_tf.training.config import AnyRunConfig, RunConfig
from bert_tf.training.early_checks import named_model


def with_default_model(config: AnyRunConfig) -> AnyRunConfig:
    """Fills in the default model for a run that trains and names none."""
    is_open = config.do_train and not config.names_model
    return dataclasses.replace(config, model=DEFAULT_CHECKPOINT) if is_open else config


def default_model_name(config: RunConfig) -> str:
    """Returns the name that the model has in the default output folder.

    Example:
        >>> default_model_name(RunConfig(do_train=True, model="models/uncased_L-12_H-768_A-12"))
        'uncased_L-12_H-768_A-12'
    """
    file = config.init_checkpoint or config.bert_config_file
    return model_name(config.model or (str(as_path(file).parent) if file else DEFAULT_CHECKPOINT))


def with_output_dir(config: AnyRunConfig, task_name: str) -> AnyRunConfig:
    """Fills in the output folder, output/TASK/MODEL, for a run that names none.

    Example:
        >>> config = RunConfig(do_train=True, model="models/uncased_L-12_H-768_A-12")
        >>> with_output_dir(config, "MRPC").output_dir
        'output/MRPC/uncased_L-12_H-768_A-12'
    """
    if config.output_dir:
        return config
    return dataclasses.replace(config, output_dir=str(Path("output", task_name, default_model_name(config))))


def model_folder(config: RunConfig) -> AnyPath:
    """Returns the output folder, or that of the model if the run only evaluated or predicted with it elsewhere."""
    if latest_checkpoint(config.output_dir):
        return as_path(config.output_dir)
    return named_model(config).checkpoint.parent


def earlier_settings(config: RunConfig) -> Mapping[str, object]:
    """Returns the settings of the training of the model, for a run that does not train; empty if nothing says them."""
    if config.do_train:
        return {}
    training = read_json_or_empty(model_folder(config) / run_files.RUN).get("training")
    return training if isinstance(training, dict) else {}
