"""Finds and checks the model that the flags name, before TensorFlow is loaded, which takes seconds."""

from pathlib import Path

from bert_tf.checkpoints.locate import CheckpointFiles, latest_checkpoint, named_files, resolve
from bert_tf.errors import UserError, printable
from bert_tf.modeling.config import BertConfig
from bert_tf.training.config import RunConfig, settle


def check_model(config: RunConfig) -> None:
    """Checks that the files of the model that the flags name are there, and downloads it if necessary.

    A run that resumes, and one that only evaluates or predicts, may need only its output folder.

    Raises:
        UserError: there is no such model, a file is missing, or the configuration is not a BERT's.
    """
    has_checkpoint = not config.overwrite_output_dir and latest_checkpoint(config.output_dir)
    if not config.do_train and not has_checkpoint:
        check_names_weights(config)
    resumes = config.do_train and has_checkpoint
    if not resumes and config.names_model:
        files = named_model(config)
        bert_config = BertConfig.from_json_file(files.config_file)
        if config.do_train:
            check_length(settle(config, {}), bert_config, files.config_file)
            check_reinit_layers(config, bert_config, files.config_file)


def named_model(config: RunConfig) -> CheckpointFiles:
    """Returns the files of the model that the flags name; the checkpoint is None for training from scratch.

    Raises:
        UserError: there is no such model, or a file is missing.
    """
    if config.model:
        return resolve(config.model)
    return named_files(config.bert_config_file, config.vocab_file, config.init_checkpoint)


def check_names_weights(config: RunConfig) -> None:
    """Raises `UserError` if the flags name no weights, for a run that needs them: its output folder has none."""
    if not config.model and not config.init_checkpoint:
        raise UserError(
            f"output_dir: {config.output_dir}: holds no fine-tuned checkpoint; pass --do_train, or name a fine-tuned "
            "model with --bert_model or --init_checkpoint"
        )


def check_training_size(config: RunConfig, num_examples: int) -> None:
    """Raises `UserError` if this many examples are too many steps to be counted, or if passes cannot share a batch."""
    settled = settle(config, {})
    settled.check_passes()
    settled.check_size(num_examples)


def check_length(config: RunConfig, bert_config: BertConfig, config_file: Path) -> None:
    """Raises `UserError` if the model has fewer positions than `max_seq_length`."""
    if config.max_seq_length > bert_config.max_position_embeddings:
        raise UserError(
            f"max_seq_length: {config.max_seq_length} is more than the {bert_config.max_position_embeddings} "
            f"positions of {printable(config_file)}"
        )


def check_reinit_layers(config: RunConfig, bert_config: BertConfig, config_file: Path) -> None:
    """Raises `UserError` if the model has fewer layers than `reinit_layers`."""
    if config.reinit_layers > bert_config.num_hidden_layers:
        raise UserError(
            f"reinit_layers: {config.reinit_layers} is more than the {bert_config.num_hidden_layers} layers of "
            f"{printable(config_file)}"
        )
