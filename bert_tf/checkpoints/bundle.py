"""Reads TensorFlow's checkpoint files without TensorFlow's reader.

    with Bundle(Path("uncased_L-12_H-768_A-12/bert_model.ckpt")) as bundle:
        bundle.read("bert/pooler/dense/bias")

TensorFlow calls the files of a checkpoint a tensor bundle: PREFIX.index is a table of entries, and
PREFIX.data-00000-of-00001 holds the bytes of the arrays. TensorFlow's reader ends the process for some damaged
entries, and takes brackets and asterisks in the path for a pattern. This one takes every path, and raises an exception
for everything that TensorFlow would not write.
"""

import io
import math
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.framework import types_pb2
from tensorflow.core.protobuf.tensor_bundle_pb2 import BundleEntryProto, BundleHeaderProto

from bert_tf.checkpoints.slices import assemble, is_key_of_slice, key_start
from bert_tf.checkpoints.table import read_table, read_varint
from bert_tf.crc32c import masked_crc32c
from bert_tf.errors import UserError, printable
from bert_tf.files import read_bytes
from bert_tf.remote import AnyPath, as_path

# The index of BERT-large with the state of its optimizer has 100 kB.
_MAX_INDEX_BYTES = 8 << 20
# NumPy's limit.
_MAX_AXES = 64
_HEADER_KEY = b""
_VERSION = 1
_TYPES = {
    types_pb2.DT_FLOAT: np.float32,
    types_pb2.DT_DOUBLE: np.float64,
    types_pb2.DT_HALF: np.float16,
    types_pb2.DT_BFLOAT16: tf.bfloat16.as_numpy_dtype,
    types_pb2.DT_INT8: np.int8,
    types_pb2.DT_INT16: np.int16,
    types_pb2.DT_INT32: np.int32,
    types_pb2.DT_INT64: np.int64,
    types_pb2.DT_UINT8: np.uint8,
    types_pb2.DT_UINT16: np.uint16,
    types_pb2.DT_UINT32: np.uint32,
    types_pb2.DT_UINT64: np.uint64,
    types_pb2.DT_BOOL: np.bool_,
}


class Bundle:
    """The arrays of a checkpoint by name. Closes its files at the end of a `with` block.

    Args:
        prefix: the path without `.index` and `.data-00000-of-00001`.

    Raises:
        Exception: the index is damaged, see `errors.reading`; or the data file is missing or cut off.
    """

    def __init__(self, prefix: AnyPath):
        self._prefix = prefix
        # Each is opened once: TensorFlow reads at least 64 MB of a bucket's file after each opening.
        self._files: dict[int, io.BufferedReader] = {}
        table = read_table(read_bytes(f"{prefix}.index", _MAX_INDEX_BYTES))
        self._shards = _count_shards(table.pop(_HEADER_KEY, None))
        entries = {key: _parsed(key, value) for key, value in table.items()}
        self._entries = {key.decode(): entry for key, entry in entries.items() if not is_key_of_slice(key)}
        self._slices = {key: entry for key, entry in entries.items() if is_key_of_slice(key)}
        places = defaultdict(list)
        for entry in entries.values():
            places[entry.shard_id].append((entry.offset, entry.offset + entry.size))
        for shard, places_there in places.items():
            _check_places(self._data_file(shard), sorted(places_there))

    def __enter__(self) -> "Bundle":
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files.values():
            file.close()

    @property
    def names(self) -> list[str]:
        """The names of all arrays and strings, sorted."""
        return list(self._entries)

    def __contains__(self, name: str) -> bool:
        return name in self._entries

    def read(self, name: str) -> np.ndarray:
        """Reads an array.

        Raises:
            UserError: it does not hold numbers of a type that NumPy has.
            Exception: there is no such array, or it is damaged; see `errors.reading`.
        """
        entry = self._entry(name)
        if not entry.slices:
            return self._read_entry(entry, name)
        keys = [key for key in self._slices if key.startswith(key_start(name))]
        slices = [self._read_entry(self._slices[key], name) for key in keys]
        return assemble(_shape(entry), entry.slices, slices, name)

    def read_string(self, name: str) -> bytes:
        """Reads a single string.

        Raises:
            Exception: there is no such string, or it is damaged; see `errors.reading`.
        """
        entry = self._entry(name)
        if entry.dtype != types_pb2.DT_STRING or entry.shape.dim:
            raise ValueError(f"{name} is not a single string")
        content = self._content(entry).tobytes()
        # First the length in 7 bits a byte, then a checksum of the length in 4 bytes, then the string.
        length, position = read_varint(content, 0)
        if position + 4 + length != len(content):
            raise ValueError(f"{name} has another length than it says")
        _check(length.to_bytes(4, "little") + content[position:], entry, name)
        return content[position + 4 :]

    def _entry(self, name: str) -> BundleEntryProto:
        if name not in self:
            raise ValueError(f"the array {name!r} is missing")
        return self._entries[name]

    def _read_entry(self, entry: BundleEntryProto, name: str) -> np.ndarray:
        if entry.dtype not in _TYPES:
            raise UserError(
                f"{printable(self._prefix)}: has an array of a type that is not read: {printable(name)} "
                f"({_type_name(entry.dtype)}); save it as float32"
            )
        dtype = np.dtype(_TYPES[entry.dtype])
        shape = _shape(entry)
        if shape is None or math.prod(shape) * dtype.itemsize != entry.size:
            raise ValueError(f"{name} has a shape that does not fit its bytes")
        content = self._content(entry)
        _check(content, entry, name)
        return content.view(dtype).reshape(shape)

    def _content(self, entry: BundleEntryProto) -> np.ndarray:
        file = self._opened(entry.shard_id)
        file.seek(entry.offset)
        content = np.empty(entry.size, np.uint8)
        if file.readinto(content) != entry.size:
            raise ValueError("the data file was cut off meanwhile")
        return content

    def _opened(self, shard: int) -> io.BufferedReader:
        if shard not in self._files:
            self._files[shard] = self._data_file(shard).open("rb")
        return self._files[shard]

    def _data_file(self, shard: int) -> AnyPath:
        return as_path(f"{self._prefix}.data-{shard:05d}-of-{self._shards:05d}")


def _count_shards(header: bytes | None) -> int:
    """Returns the number of data files, from the header of the index."""
    if header is None:
        raise ValueError("the index has no header")
    header = BundleHeaderProto.FromString(header)
    if header.endianness != BundleHeaderProto.LITTLE:
        raise ValueError("it was written on a big-endian machine")
    if header.version.min_consumer > _VERSION:
        raise ValueError(f"it needs version {header.version.min_consumer} of the format")
    return header.num_shards


def _check_places(path: AnyPath, places: Sequence[tuple[int, int]]) -> None:
    """Raises an exception unless the starts and ends, sorted, are places in the data file, one after the other."""
    if not path.is_file():
        raise FileNotFoundError(0, f"{path.name} is missing")
    if any(not 0 <= start <= end for start, end in places) or places[-1][1] > path.stat().st_size:
        raise ValueError(f"the index names bytes that are not in {path.name}")
    # Without this, a small file could fill the memory.
    if any(end > start for (_, end), (start, _) in pairwise(places)):
        raise ValueError("arrays overlap")


def _parsed(key: bytes, value: bytes) -> BundleEntryProto:
    try:
        return BundleEntryProto.FromString(value)
    except DecodeError as error:
        raise ValueError(f"the entry of {key.decode()} is no entry") from error


def _shape(entry: BundleEntryProto) -> list[int] | None:
    """Returns the shape of an array; None if no array can have it."""
    shape = [dim.size for dim in entry.shape.dim[: _MAX_AXES + 1]]
    is_possible = len(shape) <= _MAX_AXES and min(shape, default=0) >= 0 and not entry.shape.unknown_rank
    return shape if is_possible else None


def _check(content: bytes | np.ndarray, entry: BundleEntryProto, name: str) -> None:
    if masked_crc32c(content) != entry.crc32c:
        raise ValueError(f"the checksum of {name} is wrong")


def _type_name(dtype: int) -> str:
    """Returns the name of one of TensorFlow's types, of an unknown one its number.

    Example:
        >>> _type_name(7), _type_name(999)
        ('string', '999')
    """
    names = types_pb2.DataType.DESCRIPTOR.values_by_number
    return names[dtype].name.removeprefix("DT_").lower() if dtype in names else str(dtype)
