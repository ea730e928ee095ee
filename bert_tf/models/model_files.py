"""Finds the files of a fine-tuned model in its folder.

files = find_files("output/MRPC/all-MiniLM-L6-v2")
"""

import os

from bert_tf import run_files
from bert_tf.checkpoints.locate import CheckpointFiles, existing_checkpoint, named_files, resolve, vocabulary_in
from bert_tf.errors import UserError, printable, user_error_for
from bert_tf.models.descriptions import is_folder_of_run
from bert_tf.paths import checked_path, is_hub_name
from bert_tf.remote import AnyPath, as_path

_CONFIGS = (run_files.CONFIG, "config.json")


def find_files(
    folder: str | os.PathLike,
    bert_config_file: str | os.PathLike | None = None,
    vocab_file: str | os.PathLike | None = None,
) -> CheckpointFiles:
    """Finds configuration, vocabulary and weights of a fine-tuned model.

    Args:
        folder: see `read_fine_tuned`.
        bert_config_file: the configuration, if it is elsewhere.
        vocab_file: the vocabulary, if it is elsewhere.

    Raises:
        UserError: there is no such folder, or a file is missing.
    """
    if is_hub_name(folder):
        return resolve(folder)
    path = as_path(checked_path(folder, "load"))
    with user_error_for(OSError, folder, "cannot be read", "check the path and its permissions"):
        is_there = path.is_dir() or path.is_file()
    if not is_there:
        raise UserError(
            f"{printable(folder)}: there is no such folder; give the output folder of a finished run, or a Hugging "
            "Face folder with a classifier"
        )
    if bert_config_file is None and vocab_file is None:
        _refuse_bare(path)
        return resolve(path)
    config_file = bert_config_file or next((path / name for name in _CONFIGS if (path / name).is_file()), None)
    return named_files(config_file or path / run_files.CONFIG, vocab_file or vocabulary_in(path), path)


def _refuse_bare(folder: AnyPath) -> None:
    """Raises `UserError` for an output folder of the original, which has weights and nothing else of the model."""
    if not (folder / run_files.CHECKPOINT).is_file() or is_folder_of_run(folder):
        return
    if not any((folder / name).is_file() for name in _CONFIGS):
        raise UserError(
            f"{printable(existing_checkpoint(folder))}: was written by the original: its folder has no configuration, "
            "no vocabulary and no labels; pass bert_config_file=, vocab_file= and labels=[...]"
        )
