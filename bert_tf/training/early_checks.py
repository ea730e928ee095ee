"""Finds and checks the named model and the output folder before TensorFlow is loaded, which takes seconds."""

from collections.abc import Mapping, Sequence

from bert_tf import run_files
from bert_tf.checkpoints.completeness import check_files
from bert_tf.checkpoints.locate import CheckpointFiles, latest_checkpoint, named_files, resolve
from bert_tf.checkpoints.state_file import complete_steps, step_in_name
from bert_tf.errors import UserError, printable, shown
from bert_tf.files import read_json_or_empty
from bert_tf.modeling.config import BertConfig
from bert_tf.remote import AnyPath, as_path, is_remote
from bert_tf.training.config import MODEL_FIELDS, RunConfig, resume_differences, settle
from bert_tf.training.interruption import is_stopped


def check_model(config: RunConfig) -> None:
    """Checks that the files of the model that the flags name are there, and downloads it if necessary.

    A run that resumes, and one that only evaluates or predicts, may need only its output folder.

    Raises:
        UserError: there is no such model, a file is missing, the configuration is not a BERT's, or a file is in the
            place of the output folder.
    """
    _check_place(config.output_dir)
    has_checkpoint = not config.overwrite_output_dir and latest_checkpoint(config.output_dir)
    if not config.do_train and not has_checkpoint:
        check_names_weights(config)
    if config.eval_all_checkpoints and not config.do_train:
        _check_has_checkpoints(as_path(config.output_dir) if has_checkpoint else named_model(config).checkpoint.parent)
    resumes = config.do_train and has_checkpoint
    if not resumes and config.names_model:
        files = named_model(config)
        bert_config = BertConfig.from_json_file(files.config_file)
        check_files(files, bert_config)
        if config.do_train:
            check_length(settle(config, {}), bert_config, files.config_file)
            check_reinit_layers(config, bert_config, files.config_file)
    if not config.do_train:
        folder = as_path(config.output_dir) if has_checkpoint else named_model(config).checkpoint.parent
        _check_length_of_inference(config, folder)


def _check_place(output_dir: str) -> None:
    """Raises `UserError` if a file is where the folder, or one of those above it, must be."""
    path = as_path(output_dir)
    file = None if is_remote(path) else next((place for place in (path, *path.parents) if place.is_file()), None)
    if file is not None:
        raise UserError(
            f"output_dir: {printable(path)}: cannot be written to: {printable(file)} is a file; name another"
        )


def _check_length_of_inference(config: RunConfig, folder: AnyPath) -> None:
    """Checks the length for a model's folder that has its configuration and, if a run wrote it, the run's settings."""
    if (folder / run_files.CONFIG).is_file():
        training = read_json_or_empty(folder / run_files.RUN).get("training")
        settled = settle(config, training if isinstance(training, dict) else {})
        check_length(settled, BertConfig.from_json_file(folder / run_files.CONFIG), folder / run_files.CONFIG)


def check_resumable(config: RunConfig, train_data: str) -> None:
    """Raises `UserError` if the output folder holds a run that was clearly started otherwise.

    Which model it was started from is looked at later, because that takes the digest of its weights.

    Args:
        config: of a run that trains.
        train_data: the digest of its training set.
    """
    run = read_json_or_empty(as_path(config.output_dir) / run_files.RUN)
    training = run.get("training")
    if config.overwrite_output_dir or not isinstance(training, dict):
        return
    config = settle(config, {})
    differences = resume_differences(config, training | {field: getattr(config, field) for field in MODEL_FIELDS})
    if training.get("train_data") != train_data:
        differences.append(f"train_data was {training.get('train_data')!r}, is {train_data!r}")
    if differences:
        raise started_otherwise(config, differences, run)


def started_otherwise(config: RunConfig, differences: list[str], run: Mapping) -> UserError:
    """Returns the error for an output folder whose run has other settings, with what to do instead.

    Args:
        config: of the new run, settled.
        differences: in which it differs from the earlier one.
        run: the earlier one's run.json.
    """
    folder = printable(config.output_dir)
    remedy = "name another folder, or pass --overwrite_output_dir"
    if _is_longer_than_finished(config, run):
        # A longer run is no continuation: its learning rate would have fallen more slowly from the start.
        remedy = (
            f"--bert_model={folder} with another --output_dir trains further from its weights, and "
            "--overwrite_output_dir trains anew"
        )
    return UserError(f"output_dir: {folder}: was started with other settings: {'; '.join(differences)}; {remedy}")


def _is_longer_than_finished(config: RunConfig, run: Mapping) -> bool:
    checkpoint = latest_checkpoint(config.output_dir)
    step = checkpoint and step_in_name(checkpoint)
    return bool(step) and config.is_longer_than(run["training"]) and not is_stopped(config.output_dir, run, step)


def _check_has_checkpoints(folder: AnyPath) -> None:
    if not complete_steps(folder):
        raise UserError(f"eval_all_checkpoints: {folder}: holds no model.ckpt-STEP; name the output folder of a run")


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
            f"output_dir: {config.output_dir}: holds no trained model; pass --do_train, or name one with "
            "--bert_model or --init_checkpoint"
        )


def check_training_size(config: RunConfig, num_examples: int) -> None:
    """Raises `UserError` if this many examples are too many steps to be counted, or if passes cannot share a batch."""
    settled = settle(config, {})
    settled.check_passes()
    settled.check_size(num_examples)


def check_keep_best(config: RunConfig, score_names: Sequence[str]) -> None:
    """Raises `UserError` if `keep_best` is none of the task's scores.

    Example:
        >>> check_keep_best(RunConfig(do_train=True, keep_best="F1"), ["eval_accuracy", "eval_loss", "loss"])
        Traceback (most recent call last):
        ...
        bert_tf.errors.UserError: keep_best: is 'F1'; the scores of this task are accuracy, loss
    """
    names = [name.removeprefix("eval_") for name in score_names if name.startswith("eval_")]
    if config.keep_best is not None and config.keep_best not in names:
        raise UserError(f"keep_best: is {shown(config.keep_best)}; the scores of this task are {', '.join(names)}")


def check_length(config: RunConfig, bert_config: BertConfig, config_file: AnyPath) -> None:
    """Raises `UserError` if the model has fewer positions than `max_seq_length`."""
    if config.max_seq_length > bert_config.max_position_embeddings:
        raise UserError(
            f"max_seq_length: {config.max_seq_length} is more than the {bert_config.max_position_embeddings} "
            f"positions of {printable(config_file)}"
        )


def check_reinit_layers(config: RunConfig, bert_config: BertConfig, config_file: AnyPath) -> None:
    """Raises `UserError` if the model has fewer layers than `reinit_layers`."""
    if config.reinit_layers > bert_config.num_hidden_layers:
        raise UserError(
            f"reinit_layers: {config.reinit_layers} is more than the {bert_config.num_hidden_layers} layers of "
            f"{printable(config_file)}"
        )
