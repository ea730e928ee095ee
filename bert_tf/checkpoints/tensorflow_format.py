"""Reads and writes TensorFlow's checkpoints, name-based (TensorFlow 1) and object-based (TensorFlow 2)."""

import contextlib
import os
import re
from collections.abc import Mapping

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import trackable_object_graph_pb2

from bert_tf.checkpoints.bundle import Bundle
from bert_tf.files import remove_tree, sync_file
from bert_tf.modeling.names import GARDEN_HEAD, original_name, original_shape
from bert_tf.remote import AnyPath, as_path

_OBJECT_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
# Optimizers keep their slots below these attributes of the object graph.
_SLOT_KEY = re.compile(r"(^|/)(optimizer|_optimizer|_variables|_momentums|_velocities|\.OPTIMIZER_SLOT)/")


def is_object_based(bundle: Bundle) -> bool:
    """Returns True if the checkpoint stores variables by object, as TensorFlow 2 and the Model Garden do."""
    return _OBJECT_GRAPH in bundle


def read_name_based(bundle: Bundle) -> dict[str, np.ndarray]:
    """Reads all arrays of a name-based checkpoint, by name."""
    return {name: bundle.read(name) for name in bundle.names}


def read_object_based(bundle: Bundle) -> list[tuple[str, np.ndarray]]:
    """Reads the variables of an object-based checkpoint, except those of optimizers.

    Returns:
        Pairs of a name and an array, in the original's names and shapes. A checkpoint of several encoders gives
        several pairs of the same name.
    """
    graph = trackable_object_graph_pb2.TrackableObjectGraph.FromString(bundle.read_string(_OBJECT_GRAPH))
    variables = [
        attribute
        for node in graph.nodes
        for attribute in node.attributes
        if attribute.name == "VARIABLE_VALUE" and not _SLOT_KEY.search(attribute.checkpoint_key)
    ]
    # A small file could fill the memory otherwise.
    if len({variable.checkpoint_key for variable in variables}) < len(variables):
        raise ValueError("its object graph names an array twice")
    return [_read_variable(bundle, variable.checkpoint_key, variable.full_name) for variable in variables]


def _read_variable(bundle: Bundle, key: str, full_name: str) -> tuple[str, np.ndarray]:
    name, array = original_name(full_name), bundle.read(key)
    if name in GARDEN_HEAD:
        return GARDEN_HEAD[name], array.T
    return name, array.reshape(original_shape(name, array.shape))


def write_name_based(prefix: AnyPath, arrays: Mapping[str, np.ndarray | tf.Tensor]) -> None:
    """Writes a name-based checkpoint in the original's shapes.

    The files are written in a temporary folder next to it. The index file comes last, because a checkpoint
    without an index does not count.
    """
    partial = prefix.with_name(f".{prefix.name}.partial")
    try:
        _remove(partial)
        partial.mkdir()
        _save(partial / "checkpoint", arrays)
        _move(partial / "checkpoint", prefix)
    finally:
        _remove(partial)


def _remove(folder: AnyPath) -> None:
    with contextlib.suppress(OSError):
        remove_tree(folder)


def _save(prefix: AnyPath, arrays: Mapping[str, np.ndarray | tf.Tensor]) -> None:
    with tf.device("cpu:0"):
        tensors = [tf.convert_to_tensor(array) for array in arrays.values()]
        tensors = [tf.reshape(t, original_shape(name, t.shape)) for name, t in zip(arrays, tensors, strict=True)]
        tf.raw_ops.SaveV2(
            # Bytes: the path may not be UTF-8.
            prefix=os.fsencode(prefix),
            tensor_names=list(arrays),
            shape_and_slices=[""] * len(arrays),
            tensors=tensors,
        )


def _move(source: AnyPath, prefix: AnyPath) -> None:
    # An old index must never be next to new data.
    as_path(f"{prefix}.index").unlink(missing_ok=True)
    for suffix in (".data-00000-of-00001", ".index"):
        written = as_path(f"{source}{suffix}")
        sync_file(written)
        written.replace(f"{prefix}{suffix}")
