"""Reads a serialized tf.train.Example without TensorFlow.

values = example_values(record)
values["input_ids"]  # int64 [128]
"""

from collections.abc import Iterator

import numpy as np

# The numbers of fields in TensorFlow's example.proto and feature.proto, and protobuf's kinds of values.
_FEATURES, _FEATURE, _KEY, _VALUE = 1, 1, 1, 2
_FLOAT_LIST, _INT64_LIST = 2, 3
_VARINT, _EIGHT_BYTES, _BYTES, _FOUR_BYTES = 0, 1, 2, 5


def example_values(record: bytes) -> dict[str, np.ndarray]:
    """Returns the features of a record that are numbers, int64 or float32 [values], by name.

    Raises:
        ValueError: the bytes are not those of a tf.train.Example.

    Example:
        >>> example_values(bytes.fromhex("0a0f0a0d0a0369647312061a040a026566"))
        {'ids': array([101, 102])}
    """
    try:
        return dict(_named_values(record))
    except (IndexError, TypeError, UnicodeDecodeError) as error:
        raise ValueError("is no tf.train.Example") from error


def _named_values(record: bytes) -> Iterator[tuple[str, np.ndarray]]:
    for features in _all(record, _FEATURES):
        for entry in _all(features, _FEATURE):
            name = b"".join(_all(entry, _KEY)).decode()
            for feature in _all(entry, _VALUE):
                for kind, values in _fields(feature):
                    if kind == _INT64_LIST:
                        yield name, _integers(values)
                    elif kind == _FLOAT_LIST:
                        yield name, _floats(values)


def _integers(values: bytes) -> np.ndarray:
    found = []
    for part in _all(values, 1):
        found += [part] if isinstance(part, int) else _varints(part)
    return np.array(found, np.uint64).view(np.int64)


def _floats(values: bytes) -> np.ndarray:
    return np.frombuffer(b"".join(_all(values, 1)), "<f4").astype(np.float32)


def _all(message: bytes, number: int) -> list:
    return [value for found, value in _fields(message) if found == number]


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yields number and value of each field: an int, or the bytes of a text, a message or a list."""
    position = 0
    while position < len(message):
        tag, position = _varint(message, position)
        kind = tag & 7
        if kind == _VARINT:
            value, position = _varint(message, position)
        else:
            size, position = _varint(message, position) if kind == _BYTES else (_fixed_size(kind), position)
            value, position = message[position : position + size], position + size
            if position > len(message):
                raise IndexError("the message is cut off")
        yield tag >> 3, value


def _fixed_size(kind: int) -> int:
    return {_EIGHT_BYTES: 8, _FOUR_BYTES: 4}.get(kind) or _unknown(kind)


def _unknown(kind: int) -> int:
    raise IndexError(f"there is no kind {kind} of value")


def _varints(content: bytes) -> list[int]:
    found, position = [], 0
    while position < len(content):
        value, position = _varint(content, position)
        found.append(value)
    return found


def _varint(content: bytes, position: int) -> tuple[int, int]:
    """Reads a number of 7 bits a byte, the lowest first; returns it and the position behind it."""
    value = shift = 0
    while True:
        byte = content[position]
        value |= (byte & 127) << shift
        position, shift = position + 1, shift + 7
        if byte < 128:
            return value & (1 << 64) - 1, position
