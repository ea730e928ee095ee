"""Tells one model from another by the bytes of its files, wherever they lie. Needs no TensorFlow.

digest = model_digest(resolve("uncased_L-12_H-768_A-12"))
"""

import hashlib
from collections.abc import Iterable

from bert_tf.checkpoints.integrity import sha256
from bert_tf.checkpoints.locate import CheckpointFiles
from bert_tf.checkpoints.shards import is_index, shard_files
from bert_tf.errors import reading
from bert_tf.remote import AnyPath


def model_digest(files: CheckpointFiles) -> str:
    """Returns 16 hexadecimal digits that stand for configuration, vocabulary and weights.

    Hashes a gigabyte in about a second.

    Raises:
        UserError: a file cannot be read.

    Example:
        >>> from bert_tf.checkpoints.locate import resolve
        >>> len(model_digest(resolve("all-MiniLM-L6-v2")))
        16
    """
    parts = [_sha256(path) for path in (files.config_file, files.vocab_file, *_weight_files(files.checkpoint))]
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:16]


def _weight_files(checkpoint: AnyPath | None) -> Iterable[AnyPath]:
    if checkpoint is None:
        return []
    if is_index(checkpoint):
        return [checkpoint, *shard_files(checkpoint)]
    if checkpoint.suffix == ".safetensors":
        return [checkpoint]
    # Not by a pattern: a folder's name may have characters of patterns in it.
    names = (path.name for path in checkpoint.parent.iterdir())
    parts = (f"{checkpoint.name}.index", f"{checkpoint.name}.data-")
    return [checkpoint.parent / name for name in sorted(names) if name.startswith(parts)]


def _sha256(path: AnyPath) -> str:
    with reading(path, "check the path and its permissions"):
        return sha256(path)
