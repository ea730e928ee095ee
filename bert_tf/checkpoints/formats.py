"""Checkpoints in and out: a name or a path becomes an encoder's weights, whatever the format.

    encoder = load_encoder("uncased_L-12_H-768_A-12")  # a name of the catalogue, or a folder, or a zip file
    write_checkpoint("output/model.ckpt-100", encoder.variables_by_name)

Three formats are read: the original's (TensorFlow 1, variables by name), the Model Garden's (TensorFlow 2,
variables by object) and Hugging Face's `model.safetensors`. Inside the program there is one: arrays under the
original's variable names and in the original's shapes. The original's format is the one that is written.
Nothing is ever unpickled.
"""

import contextlib
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from safetensors import SafetensorError, safe_open
from tensorflow.core.protobuf import trackable_object_graph_pb2

from bert_tf.checkpoints.locate import PICKLED_SUFFIXES, checkpoint_in, pickled_file
from bert_tf.errors import UserError
from bert_tf.modeling.names import original_name, original_shape

_OBJECT_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
# Optimizers keep their slots below these attributes of the object graph.
_SLOT_KEY = re.compile(r"(^|/)(optimizer|_optimizer|_variables|_momentums|_velocities|\.OPTIMIZER_SLOT)/")


def read_checkpoint(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """Reads a checkpoint of any format into arrays under the original's variable names.

    Args:
        path: the prefix of a TensorFlow checkpoint (name-based or object-based), such as `bert_model.ckpt` or
            `model.ckpt-343`; a folder with one; or a `.safetensors` file.

    Returns:
        Arrays by name, such as `bert/encoder/layer_0/attention/self/query/kernel` [hidden, hidden], in the
        original's shapes (attention kernels are matrices, `output_weights` is [labels, hidden]). A name-based
        checkpoint gives all its variables with their types, from the others floating-point arrays come as
        float32, and variables of optimizers are left out.

    Raises:
        UserError: there is no checkpoint, it is pickled, or it is broken.

    Example:
        arrays = read_checkpoint("uncased_L-12_H-768_A-12/bert_model.ckpt")
        arrays["bert/embeddings/word_embeddings"].shape  # (30522, 768)
    """
    path = Path(path)
    if path.is_dir():
        path = checkpoint_in(path)
    if path.suffix in PICKLED_SUFFIXES:
        raise pickled_file(path)
    in_tensorflow = path.suffix != ".safetensors"
    file = Path(f"{path}.index") if in_tensorflow else path
    if not file.is_file():
        raise UserError(f"{path}: no checkpoint there ({file.name} is missing); check the path")
    return _read_tensorflow(path) if in_tensorflow else _read_safetensors(path)


def write_checkpoint(prefix: str | os.PathLike, arrays: Mapping[str, np.ndarray | tf.Tensor]) -> None:
    """Writes a TensorFlow 1 name-based checkpoint, which the original reads with `--init_checkpoint`.

    It is written in a temporary folder beside it; the index file, without which there is no checkpoint, comes
    last. Attention kernels in the Model Garden's shape are stored in the original's.

    Args:
        prefix: the path without `.index` and `.data-00000-of-00001`; its folder must exist.
        arrays: arrays, tensors or variables under the original's names.

    Raises:
        UserError: it cannot be written, for instance because the disk is full.

    Example:
        >>> write_checkpoint("example.ckpt", {"output_bias": np.zeros(2, np.float32)})
        >>> read_checkpoint("example.ckpt")["output_bias"]
        array([0., 0.], dtype=float32)
    """
    prefix = Path(prefix)
    partial = prefix.with_name(f".{prefix.name}.partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        _save(partial / "checkpoint", arrays)
        _move(partial / "checkpoint", prefix)
    except (OSError, tf.errors.OpError) as error:
        raise UserError(f"{prefix}: cannot be written ({_reason(error)}); make room or name another folder") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _read_safetensors(path: Path) -> dict[str, np.ndarray]:
    with _broken_means_user_error(path), safe_open(path, framework="np") as file:
        pairs = [(_from_hugging_face(name), file.get_tensor(name)) for name in file.keys()]  # noqa: SIM118
    # A PyTorch linear layer keeps [out, in] where TensorFlow keeps [in, out].
    return {
        name: _widened(array.T if name.endswith("/kernel") else array)
        for name, array in _without_doubles(pairs, path).items()
    }


def _from_hugging_face(name: str) -> str:
    """`bert.encoder.layer.0.output.LayerNorm.weight` -> `bert/encoder/layer_0/output/LayerNorm/gamma`."""
    bare = name.removeprefix("bert.")
    if not bare.startswith(("embeddings.", "encoder.", "pooler.")):
        return name
    scope, _, leaf = bare.rpartition(".")
    scope = "bert/" + scope.replace(".", "/").replace("encoder/layer/", "encoder/layer_")
    if scope.endswith("_embeddings"):
        return scope
    if scope.endswith("/LayerNorm"):
        leaf = {"weight": "gamma", "bias": "beta"}.get(leaf, leaf)
    return f"{scope}/{leaf.replace('weight', 'kernel')}"


def _read_tensorflow(prefix: Path) -> dict[str, np.ndarray]:
    with _broken_means_user_error(prefix):
        reader = tf.train.load_checkpoint(str(prefix))
        names = reader.get_variable_to_shape_map()
        if _OBJECT_GRAPH not in names:
            return {name: reader.get_tensor(name) for name in sorted(names)}
        variables = _variables_of_object_graph(reader.get_tensor(_OBJECT_GRAPH))
        pairs = [(original_name(name), reader.get_tensor(key)) for name, key in variables]
    return {
        name: _widened(array).reshape(original_shape(name, array.shape))
        for name, array in _without_doubles(pairs, prefix).items()
    }


def _variables_of_object_graph(serialized: bytes) -> list[tuple[str, str]]:
    """(variable name, checkpoint key) of what is no optimizer's, from the object graph stored along."""
    graph = trackable_object_graph_pb2.TrackableObjectGraph.FromString(serialized)
    attributes = [attribute for node in graph.nodes for attribute in node.attributes]
    return [
        (attribute.full_name, attribute.checkpoint_key)
        for attribute in attributes
        if attribute.name == "VARIABLE_VALUE" and not _SLOT_KEY.search(attribute.checkpoint_key)
    ]


def _without_doubles(pairs: list[tuple[str, np.ndarray]], path: Path) -> dict[str, np.ndarray]:
    arrays = dict(pairs)
    if len(arrays) != len(pairs):
        raise UserError(f"{path}: holds more than one encoder; save the one that is meant in a checkpoint alone")
    return arrays


def _widened(array: np.ndarray) -> np.ndarray:
    # bfloat16 is no floating type to numpy, but kind "V" like every type that it does not know.
    return array.astype(np.float32, copy=False) if array.dtype.kind in "fV" else array


def _save(prefix: Path, arrays: Mapping[str, np.ndarray | tf.Tensor]) -> None:
    with tf.device("cpu:0"):
        tensors = [tf.convert_to_tensor(array) for array in arrays.values()]
        tensors = [tf.reshape(t, original_shape(name, t.shape)) for name, t in zip(arrays, tensors, strict=True)]
        tf.raw_ops.SaveV2(
            prefix=str(prefix),
            tensor_names=list(arrays),
            shape_and_slices=[""] * len(arrays),
            tensors=tensors,
        )


def _move(source: Path, prefix: Path) -> None:
    # An old index must never stand beside new data.
    Path(f"{prefix}.index").unlink(missing_ok=True)
    for suffix in (".data-00000-of-00001", ".index"):
        written = Path(f"{source}{suffix}")
        with written.open("rb") as file:
            os.fsync(file.fileno())
        written.replace(f"{prefix}{suffix}")


@contextlib.contextmanager
def _broken_means_user_error(path: Path) -> Iterator[None]:
    # TensorFlow's reader says IndexError for a truncated data file, and ValueError for a broken object graph.
    kinds = (OSError, SafetensorError, tf.errors.OpError, IndexError, ValueError, RuntimeError, DecodeError)
    try:
        yield
    except kinds as error:
        raise UserError(f"{path}: cannot be read, it is broken or cut off ({_reason(error)}); get it again") from error


def _reason(error: Exception) -> str:
    # TensorFlow puts the name of the operation in front, in double braces.
    return " ".join(re.sub(r"\{\{.*?\}\}", "", str(error)).split())[:200]
