"""Tells a run's folder from the original's. Needs no TensorFlow.

is_folder_of_run(Path("output/MRPC/all-MiniLM-L6-v2"))  # True
"""

from bert_tf import run_files
from bert_tf.checkpoints.locate import existing_checkpoint
from bert_tf.errors import UserError, printable
from bert_tf.remote import AnyPath

CONFIGS = (run_files.CONFIG, "config.json")


def is_folder_of_run(folder: AnyPath) -> bool:
    """Returns True if a run of ours wrote the folder: it has said what its head is for."""
    return any((folder / name).exists() for name in (run_files.RUN, run_files.TASK, run_files.LABELS))


def refuse_bare(folder: AnyPath) -> None:
    """Raises `UserError` for an output folder of the original, which has weights and nothing else of the model."""
    if not (folder / run_files.CHECKPOINT).is_file() or is_folder_of_run(folder):
        return
    if not any((folder / name).is_file() for name in CONFIGS):
        raise UserError(
            f"{printable(existing_checkpoint(folder))}: was written by the original: its folder has no configuration, "
            "no vocabulary and no labels; give bert_config_file, vocab_file and labels (a model that answers questions "
            "or fills masks has no labels)"
        )
