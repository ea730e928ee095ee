"""Reads sorted tables, LevelDB's format of keys and values, in which TensorFlow keeps the index of a checkpoint.

A table is a sequence of blocks and ends with a footer. The last block lists the others. TensorFlow's own reader ends
the process at some tables that nobody wrote by mistake; this one raises `ValueError` or `IndexError` for every table
that TensorFlow would not write.
"""

from collections.abc import Iterator

from bert_tf.crc32c import masked_crc32c

_FOOTER_BYTES = 48
_MAGIC = 0xDB4775248B80FB57
# After each block: the type of compression, and a checksum.
_TRAILER_BYTES = 5
# A few bytes can stand for a long key that differs little from the one before, so both are limited.
_MAX_KEY_BYTES = 4096
_MAX_ENTRIES = 100_000


def read_table(content: bytes) -> dict[bytes, bytes]:
    """Returns the values of a table by their keys, in the order of the keys.

    Args:
        content: the whole file.

    Raises:
        ValueError: the table is broken or compressed.
        IndexError: a number in it is cut off.
    """
    footer = content[-_FOOTER_BYTES:]
    if len(footer) < _FOOTER_BYTES or int.from_bytes(footer[-8:], "little") != _MAGIC:
        raise ValueError("the index is no table of TensorFlow")
    _, position = _handle(footer, 0)
    index, _ = _handle(footer, position)
    entries, last_key, end = {}, None, 0
    for _, value in _entries(_block(content, index)):
        place, _ = _handle(value, 0)
        if place.start < end:
            raise ValueError("blocks of the index overlap")
        end = place.stop
        for key, value in _entries(_block(content, place)):
            if last_key is not None and key <= last_key:
                raise ValueError("keys of the index are not in order")
            if len(entries) == _MAX_ENTRIES:
                raise ValueError(f"the index has more than {_MAX_ENTRIES} entries")
            entries[key], last_key = value, key
    return entries


def _block(content: bytes, place: slice) -> bytes:
    """Returns the content of a block, whose checksum must be right."""
    end = place.stop + _TRAILER_BYTES
    if end > len(content) - _FOOTER_BYTES:
        raise ValueError("a block of the index is outside the file")
    if int.from_bytes(content[place.stop + 1 : end], "little") != masked_crc32c(content[place.start : place.stop + 1]):
        raise ValueError("a checksum of the index is wrong")
    if content[place.stop] != 0:
        raise ValueError("the index is compressed")
    return content[place]


def _entries(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yields keys and values of a block. Each key stores only what differs from the one before."""
    restarts = int.from_bytes(block[-4:], "little")
    end = len(block) - 4 * (restarts + 1)
    if end < 0:
        raise ValueError("a block of the index is cut off")
    key, position = b"", 0
    while position < end:
        shared, position = read_varint(block, position)
        added, position = read_varint(block, position)
        size, position = read_varint(block, position)
        value_start, value_end = position + added, position + added + size
        if shared > len(key) or shared + added > _MAX_KEY_BYTES or value_end > end:
            raise ValueError("an entry of the index is outside its block")
        key = key[:shared] + block[position:value_start]
        yield key, block[value_start:value_end]
        position = value_end


def _handle(data: bytes, position: int) -> tuple[slice, int]:
    """Returns the place of a block, and the position after it."""
    offset, position = read_varint(data, position)
    size, position = read_varint(data, position)
    return slice(offset, offset + size), position


def read_varint(data: bytes, position: int) -> tuple[int, int]:
    r"""Reads a number that is stored in 7 bits a byte, the lowest bits first.

    Returns:
        The number, and the position after it.

    Raises:
        ValueError: the number is too large.
        IndexError: the data ends inside the number.

    Example:
        >>> read_varint(b"\xac\x02", 0)
        (300, 2)
    """
    value = 0
    for shift in range(0, 70, 7):
        byte = data[position]
        position += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, position
    raise ValueError("a number in the index is too large")
