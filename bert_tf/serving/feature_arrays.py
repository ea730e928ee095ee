"""Reads the `.npz` file of `extract_features`, of any size, without loading it. Needs no TensorFlow.

    features = open_features("features.npz")
    features["layer_-1"][7]                                   # of a file with pooled vectors: that of the eighth text
    start, end = features["offsets"][7:9]
    features["layer_-1"][start:end]                           # without pooling: those of its pieces

The arrays are stored as they are, so `np.load` reads the same file, each array when it is used first.

| array | with pooling | without |
| --- | --- | --- |
| `layer_N` for each layer N | float32 [texts, hidden] | float32 [pieces, hidden], all texts one after the other |
| `offsets` | | int64 [texts + 1], where each text begins, and where the last one ends |
| `input_ids` | | int32 [pieces], the ids of the word pieces |
| `input_type_ids` | | int32 [pieces]; 1 in the second text of a pair |
"""

import os
import zipfile
from typing import IO

import numpy as np

from bert_tf.errors import reading

# Before the name of a member, and the place in it of the lengths of name and extra field (PKWARE's APPNOTE, 4.3.7).
_HEADER_BYTES, _LENGTHS = 30, slice(26, 30)


def open_features(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """Opens the arrays of a file; a part of one is read when it is used.

    Raises:
        UserError: the file cannot be read, or `extract_features` has not written it.
    """
    guard = reading(path, "give the file that extract_features --format=npz wrote")
    with guard, open(path, "rb") as file, zipfile.ZipFile(file) as archive:  # noqa: PTH123
        return {member.filename.removesuffix(".npy"): _mapped(path, file, member) for member in archive.infolist()}


def _mapped(path: str | os.PathLike, file: IO[bytes], member: zipfile.ZipInfo) -> np.ndarray:
    if member.compress_type != zipfile.ZIP_STORED:
        raise ValueError(f"{member.filename} is compressed")
    file.seek(member.header_offset)
    lengths = np.frombuffer(file.read(_HEADER_BYTES)[_LENGTHS], "<u2")
    file.seek(int(lengths.sum()), os.SEEK_CUR)
    np.lib.format.read_magic(file)
    shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    # Nothing can be mapped where there is nothing.
    return np.memmap(path, dtype, "r", file.tell(), shape) if 0 not in shape else np.empty(shape, dtype)
