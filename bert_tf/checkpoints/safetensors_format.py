"""Reads and writes Hugging Face's `model.safetensors`, in one file or several. Nothing in it is executed or unpickled.

Needs no TensorFlow.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from bert_tf.checkpoints.huggingface_names import has_head, huggingface_name, original_head_names, original_name
from bert_tf.checkpoints.shards import check_places, is_index, parse_json, read_index, shard_files
from bert_tf.errors import UserError, first_few, printable, reading, shown, user_error_for
from bert_tf.files import give_usual_permissions
from bert_tf.modeling.shapes import SPAN_BIAS
from bert_tf.remote import AnyPath, local_copy

# A header has about 100 bytes for each array.
_MAX_HEADER_BYTES = 8 << 20
_MAX_OUTPUTS = 1 << 20
# Git LFS leaves a text in place of a file that it did not fetch: version https://git-lfs ...
_GIT_LFS_START = b"version "
# The remedy and the problem, for `reading`.
BROKEN = ("copy or download it again", "cannot be read, it is broken or cut off")
_TYPES = {"F64", "F32", "F16", "BF16", "I64", "I32", "I16", "I8", "U64", "U32", "U16", "U8", "BOOL"}


def read_safetensors(path: AnyPath) -> list[tuple[str, np.ndarray]]:
    """Reads all arrays of a file, or of all the files that an index names.

    Returns:
        Pairs of a name and an array. The variables of the encoder and of a classifier on its pooled output have the
        original's names and shapes, all others keep theirs. A file of several encoders gives several pairs of the same
        name.

    Raises:
        UserError: an array does not hold numbers of a type that NumPy has, or one of several files is damaged.
        Exception: the file is damaged, see `errors.reading`.
    """
    arrays = _read_shards(path) if is_index(path) else _read_file(path)
    names = {name: original_name(name) for name in arrays} | original_head_names(arrays)
    pairs = [(names[name], array) for name, array in arrays.items()]
    # A linear layer of PyTorch is [out, in], of TensorFlow [in, out].
    return [(name, array.T if name.endswith("/kernel") else array) for name, array in pairs]


def _read_shards(index: AnyPath) -> dict[str, np.ndarray]:
    places, arrays = read_index(index), {}
    for file in shard_files(index):
        with reading(file, "copy or download it again", "cannot be read, or does not belong to the others"):
            shard = _read_file(file)
            check_places(set(shard), file, places)
            arrays |= shard
    return arrays


def _read_file(path: AnyPath) -> dict[str, np.ndarray]:
    check_header(path)
    # The library maps the file into memory.
    with local_copy(path) as copy, safe_open(copy, framework="np") as file:
        names = list(file.keys())
        _check_types(path, {name: file.get_slice(name).get_dtype() for name in names})
        return {name: file.get_tensor(name) for name in names}


def check_header(path: AnyPath) -> Mapping[str, object]:
    """Returns the header of a file; raises an exception if it takes minutes to read, or says a thing twice.

    The library accepts both.
    """
    with path.open("rb") as file:
        start = file.read(8)
        if start == _GIT_LFS_START:
            raise ValueError("it is a pointer of Git LFS; `git lfs pull` gets the file itself")
        size = int.from_bytes(start, "little")
        if size > _MAX_HEADER_BYTES:
            raise ValueError(f"its header is larger than {_MAX_HEADER_BYTES} bytes")
        header = parse_json(file.read(size))
    if "" in header:
        raise ValueError("its header has an empty name")
    return header


def classifier_outputs(path: AnyPath) -> int | None:
    """Returns the number of outputs of a classifier of texts or words, without its weights; None if there is none.

    Args:
        path: a `.safetensors` file, or the index of several.

    Raises:
        UserError: a file is damaged.
    """
    headers = _headers(path)
    names = {new: old for old, new in original_head_names(headers).items()}
    if "output_bias" not in names:
        return None
    with reading(path, *BROKEN):
        [outputs] = headers[names["output_bias"]]["shape"]
        if type(outputs) is not int or not 0 < outputs <= _MAX_OUTPUTS:
            raise ValueError(f"its classifier has {shown(outputs)} outputs")
    return outputs


def has_span_head(path: AnyPath) -> bool:
    """Returns True if a model answers questions: it is a `BertForQuestionAnswering`.

    Args:
        path: a `.safetensors` file, or the index of several.

    Raises:
        UserError: a file is damaged.
    """
    return SPAN_BIAS in head_names(path)


def head_names(path: AnyPath) -> set[str]:
    """Returns the original's names of the variables of all heads, without reading them.

    Args:
        path: a `.safetensors` file, or the index of several.

    Raises:
        UserError: a file is damaged.
    """
    return set(original_head_names(_headers(path)).values())


def _headers(path: AnyPath) -> dict[str, object]:
    """Returns the headers of all files of a model as one; raises `UserError` if a file is damaged."""
    headers = {}
    for file in shard_files(path) if is_index(path) else [path]:
        with reading(file, *BROKEN):
            headers |= check_header(file)
    return headers


def _check_types(path: AnyPath, types: dict[str, str]) -> None:
    """Raises `UserError` if there is an array of a type that NumPy does not have."""
    others = [f"{name} ({dtype})" for name, dtype in types.items() if dtype not in _TYPES]
    if others:
        raise UserError(
            f"{printable(path)}: has arrays of types that are not read: {first_few(others)}; save them as float32"
        )


def write_safetensors(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Writes the weights of a model with its head, or of a `BertModel` if there is no head among them.

    Args:
        path: the file.
        arrays: float32, under the original's names and in its shapes.

    Raises:
        UserError: it cannot be written, for instance because the disk is full.
    """
    # In a BertModel the encoder is not an attribute of another model.
    scope = "bert." if has_head(arrays) else ""
    tensors = {huggingface_name(name, scope): _as_in_pytorch(name, array) for name, array in arrays.items()}
    with user_error_for((OSError, SafetensorError), path, "cannot be written", "make room or name another folder"):
        # transformers refuses a file that does not say whose form its arrays have.
        save_file(tensors, path, {"format": "pt"})
        give_usual_permissions(path)


def _as_in_pytorch(name: str, array: np.ndarray) -> np.ndarray:
    """Transposes the matrix of a linear layer; the head's is [outputs, hidden] in the original already."""
    return np.ascontiguousarray(array.T if name.endswith("/kernel") else array, np.float32)
