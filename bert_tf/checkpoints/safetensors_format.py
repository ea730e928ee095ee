"""Reads Hugging Face's `model.safetensors`. Nothing in it is executed or unpickled."""

import json

import numpy as np
from safetensors import safe_open

from bert_tf.errors import UserError, first_few, printable
from bert_tf.remote import AnyPath, local_copy

# A header has about 100 bytes for each array.
_MAX_HEADER_BYTES = 8 << 20
# Git LFS leaves a text in place of a file that it did not fetch: version https://git-lfs ...
_GIT_LFS_START = b"version "
_TYPES = {"F64", "F32", "F16", "BF16", "I64", "I32", "I16", "I8", "U64", "U32", "U16", "U8", "BOOL"}


def read_safetensors(path: AnyPath) -> list[tuple[str, np.ndarray]]:
    """Reads all arrays of a file.

    Returns:
        Pairs of a name and an array. The variables of the encoder have the original's names and shapes, all others
        keep theirs. A file of several encoders gives several pairs of the same name.

    Raises:
        UserError: an array does not hold numbers of a type that NumPy has.
        Exception: the file is damaged, see `errors.reading`.
    """
    _check_header(path)
    # The library maps the file into memory.
    with local_copy(path) as copy, safe_open(copy, framework="np") as file:
        names = list(file.keys())
        _check_types(path, {name: file.get_slice(name).get_dtype() for name in names})
        pairs = [(_original_name(name), file.get_tensor(name)) for name in names]
    # A linear layer of PyTorch is [out, in], of TensorFlow [in, out].
    return [(name, array.T if name.endswith("/kernel") else array) for name, array in pairs]


def _check_header(path: AnyPath) -> None:
    """Raises an exception for what the library accepts: a header that takes minutes, or says a thing twice."""
    with path.open("rb") as file:
        start = file.read(8)
        if start == _GIT_LFS_START:
            raise ValueError("it is a pointer of Git LFS; `git lfs pull` gets the file itself")
        size = int.from_bytes(start, "little")
        if size > _MAX_HEADER_BYTES:
            raise ValueError(f"its header is larger than {_MAX_HEADER_BYTES} bytes")
        json.loads(file.read(size), object_pairs_hook=_refuse_duplicates)


def _refuse_duplicates(pairs: list[tuple[str, object]]) -> None:
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        raise ValueError("its header has a name twice")
    if "" in names:
        raise ValueError("its header has an empty name")


def _check_types(path: AnyPath, types: dict[str, str]) -> None:
    """Raises `UserError` if there is an array of a type that NumPy does not have."""
    others = [f"{name} ({dtype})" for name, dtype in types.items() if dtype not in _TYPES]
    if others:
        raise UserError(
            f"{printable(path)}: has arrays of types that are not read: {first_few(others)}; save them as float32"
        )


def _original_name(name: str) -> str:
    """Returns the original's name of a variable of Hugging Face's `BertModel`; other names stay the same.

    Example:
        >>> _original_name("bert.encoder.layer.0.output.LayerNorm.weight")
        'bert/encoder/layer_0/output/LayerNorm/gamma'
    """
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
