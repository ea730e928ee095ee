"""Writes the files that stand beside an exported model.

write_assets(folder, model)  # ["vocab.txt", "export.json", "labels.txt"]
"""

from collections.abc import Sequence
from pathlib import Path

from bert_tf import run_files
from bert_tf.files import write_json
from bert_tf.models.fine_tuned import FineTunedModel


def write_assets(folder: Path, model: FineTunedModel) -> list[str]:
    """Writes vocabulary, facts and labels into a folder; returns the names of the files.

    Args:
        folder: it must exist.
        model: the model. `export.json` has all its facts; labels.txt is for programs of others.
    """
    (folder / run_files.VOCAB).write_bytes(model.vocab_file.read_bytes())
    write_json(folder / run_files.EXPORT, model.facts.to_json())
    return [run_files.VOCAB, run_files.EXPORT, *write_labels(folder, model.labels)]


def write_labels(folder: Path, labels: Sequence[str]) -> list[str]:
    """Writes labels.txt into a folder, one label a line; returns its name. A regression has no such file.

    Example:
        >>> write_labels(Path(), ["bad", "good"])
        ['labels.txt']
        >>> write_labels(Path(), [])
        []
    """
    if not labels:
        return []
    (folder / run_files.LABELS).write_bytes("".join(f"{label}\n" for label in labels).encode())
    return [run_files.LABELS]
