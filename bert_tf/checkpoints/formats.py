"""Reads and writes checkpoints in every format that the project knows.

    arrays = read_checkpoint("uncased_L-12_H-768_A-12")
    write_checkpoint("output/model.ckpt-100", encoder.variables_by_name)

Three formats are read: the original's (TensorFlow 1, variables by name), the Model Garden's (TensorFlow 2, variables
by object) and Hugging Face's `model.safetensors`, in one file or several. All become arrays with the original's names
and shapes. The original's format is written. Nothing is ever unpickled.
"""

import os
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from bert_tf.checkpoints.bundle import Bundle
from bert_tf.checkpoints.locate import existing_checkpoint, is_safetensors
from bert_tf.checkpoints.safetensors_format import BROKEN, read_safetensors
from bert_tf.checkpoints.tensorflow_format import is_object_based, read_name_based, read_object_based, write_name_based
from bert_tf.errors import UserError, printable, reading, user_error_for
from bert_tf.remote import AnyPath, as_path


def read_checkpoint(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """Reads a checkpoint of any format into arrays with the original's names and shapes.

    Args:
        path: the prefix of a TensorFlow checkpoint (name-based or object-based), such as `bert_model.ckpt` or
            `model.ckpt-343`, or one of its files; a folder with one; a `.safetensors` file, or the
            `model.safetensors.index.json` of several.

    Returns:
        Arrays by name, such as `bert/encoder/layer_0/attention/self/query/kernel` [hidden, hidden]. Attention
        kernels are matrices, and `output_weights` is [labels, hidden]. A name-based checkpoint gives all its
        variables with their types. The other formats give floating-point arrays as float32, without the variables
        of optimizers.

    Raises:
        UserError: there is no checkpoint, it is pickled, or it is broken.

    Example:
        arrays = read_checkpoint("uncased_L-12_H-768_A-12/bert_model.ckpt")
        arrays["bert/embeddings/word_embeddings"].shape  # (30522, 768)
    """
    path = existing_checkpoint(path)
    with reading(path, *BROKEN):
        if is_safetensors(path):
            return _in_float32(read_safetensors(path), path)
        with Bundle(path) as bundle:
            if is_object_based(bundle):
                return _in_float32(read_object_based(bundle), path)
            return read_name_based(bundle)


def read_array(prefix: str | os.PathLike, name: str) -> np.ndarray | None:
    """Reads a single array of a name-based checkpoint, without reading the others.

    Args:
        prefix: the prefix of the checkpoint, such as `model.ckpt-343`.
        name: the array's name, such as `global_step`.

    Returns:
        The array; None if the checkpoint has none of this name.

    Raises:
        UserError: the checkpoint is missing or broken.

    Example:
        >>> write_checkpoint("example.ckpt", {"global_step": np.int64(343)})
        >>> read_array("example.ckpt", "global_step")
        array(343)
    """
    prefix = existing_checkpoint(prefix)
    with reading(prefix, *BROKEN), Bundle(prefix) as bundle:
        return bundle.read(name) if name in bundle else None


def write_checkpoint(prefix: str | os.PathLike, arrays: Mapping[str, np.ndarray | tf.Tensor]) -> None:
    """Writes a TensorFlow 1 name-based checkpoint, which the original reads with `--init_checkpoint`.

    It is written completely or not at all. Attention kernels in the Model Garden's shape are stored in the
    original's shape.

    Args:
        prefix: the path without `.index` and `.data-00000-of-00001`; its folder must exist.
        arrays: arrays, tensors or variables by the original's names.

    Raises:
        UserError: it cannot be written, for instance because the disk is full.

    Example:
        >>> write_checkpoint("example.ckpt", {"output_bias": np.zeros(2, np.float32)})
        >>> read_checkpoint("example.ckpt")["output_bias"]
        array([0., 0.], dtype=float32)
    """
    kinds = (OSError, tf.errors.OpError)
    with user_error_for(kinds, prefix, "cannot be written", "make room or name another folder"):
        write_name_based(as_path(prefix), arrays)


def _in_float32(pairs: list[tuple[str, np.ndarray]], path: AnyPath) -> dict[str, np.ndarray]:
    """Converts floating-point arrays to float32, and refuses a file with two arrays of the same name."""
    arrays = dict(pairs)
    if len(arrays) != len(pairs):
        raise UserError(
            f"{printable(path)}: has more than one encoder; save the one that you need in a checkpoint of its own"
        )
    # NumPy does not know bfloat16 as a floating type; its kind is "V", as of every unknown type.
    # What float32 cannot hold becomes infinite, and is refused with its name.
    with np.errstate(over="ignore"):
        return {
            name: array.astype(np.float32, copy=False) if array.dtype.kind in "fV" else array
            for name, array in arrays.items()
        }
