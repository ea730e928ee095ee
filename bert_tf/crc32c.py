"""CRC-32C, the checksum in TensorFlow's files, at the speed of memory with NumPy alone.

A CRC is the remainder of the message, read as a polynomial over GF(2), divided by P = 0x11EDC6F41. P also divides

    x^5685 + x^1362 + x^426 + 1

so a bit may be removed from the message if the bits 4323, 5259 and 5685 places later are flipped: the remainder stays
the same. Over GF(2), (a + b)^2 = a^2 + b^2, so the same is true of groups of 2, 4, 8, ... bits. NumPy can therefore
move thousands of 64-bit words at a time.
"""

import numpy as np

# P without its highest term, bits reversed: the lowest bit of a byte has the highest power.
_REVERSED_POLYNOMIAL = 0x82F63B78
_POWERS = (5685, 1362, 426, 0)
# These four bytes set a register of zeros to all ones, with which every CRC-32C begins.
_ALL_ONES = b"\x54\x64\x1f\x64"
# Few enough for a cache of the processor.
_WORDS_AT_A_TIME = 1 << 15


def crc32c(data: bytes | memoryview | np.ndarray) -> int:
    """Returns the CRC-32C of bytes, or of a contiguous array's bytes.

    Example:
        >>> hex(crc32c(b"123456789"))
        '0xe3069283'
    """
    content = np.frombuffer(data, np.uint8)
    # Zeros in front change no remainder, and make whole words.
    head = (_ALL_ONES + content[: len(content) % 8].tobytes()).rjust(16, b"\0")
    body = content[len(content) % 8 :].view(np.uint64)
    rest = np.frombuffer(head, np.uint64)
    for start in range(0, len(body), _WORDS_AT_A_TIME):
        rest = _folded(np.concatenate([rest, body[start : start + _WORDS_AT_A_TIME]]))
    bits = np.unpackbits(_folded(rest.view(np.uint8)), bitorder="little").view(bool)
    return int(np.bitwise_xor.reduce(_REMAINDERS[-len(bits) :][bits])) ^ 0xFFFFFFFF


def masked_crc32c(data: bytes | memoryview | np.ndarray) -> int:
    """Returns the checksum as TensorFlow stores it: rotated, and with a constant added."""
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _folded(items: np.ndarray) -> np.ndarray:
    """Adds the front of a message to its back in place, and returns the back: at most 5685 items."""
    length, *others = _POWERS
    start = 0
    while (count := min(length - others[0], len(items) - start - length)) > 0:
        for power in others:
            target = start + length - power
            items[target : target + count] ^= items[start : start + count]
        start += count
    return items[start:]


def _remainders(count: int) -> np.ndarray:
    """Returns the remainders of messages of a single set bit, the longest message first."""
    remainders, register = [], 1
    for _ in range(count):
        register = register >> 1 ^ (_REVERSED_POLYNOMIAL if register & 1 else 0)
        remainders.append(register)
    return np.array(remainders[::-1], np.uint32)


_REMAINDERS = _remainders(8 * _POWERS[0])
