"""Finds the files of a fine-tuned model in its folder.

files = find_files("output/MRPC/all-MiniLM-L6-v2")
"""

import os

from bert_tf import run_files
from bert_tf.checkpoints.locate import CheckpointFiles, named_files, resolve, vocabulary_in
from bert_tf.errors import UserError, printable, user_error_for
from bert_tf.models.folder_forms import CONFIGS, refuse_bare
from bert_tf.paths import checked_path, is_hub_name
from bert_tf.remote import as_path


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
        refuse_bare(path)
        return resolve(path)
    config_file = bert_config_file or next((path / name for name in CONFIGS if (path / name).is_file()), None)
    return named_files(config_file or path / run_files.CONFIG, vocab_file or vocabulary_in(path), path)
