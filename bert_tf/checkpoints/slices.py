r"""Puts arrays together that a checkpoint stores in slices, as the partitioners of TensorFlow 1 do.

The entry of such an array lists the places of its slices. Each slice has an entry of its own, whose key is a zero byte,
the array's name, "\0\1" and the slice's place. Places are encoded so that keys have the order of their places.
"""

import math
from collections.abc import Iterable, Sequence

import numpy as np
from tensorflow.core.framework.tensor_slice_pb2 import TensorSliceProto


def is_key_of_slice(key: bytes) -> bool:
    r"""Returns True if an entry with this key is a slice.

    Example:
        >>> is_key_of_slice(key_start("output_bias") + b"\x01\x01\x80\x82"), is_key_of_slice(b"output_bias")
        (True, False)
    """
    return key.startswith(b"\0")


def key_start(name: str) -> bytes:
    r"""Returns the first bytes of the keys of an array's slices.

    Example:
        >>> key_start("output_bias")
        b'\x00output_bias\x00\x01'
    """
    return b"\0" + name.encode() + b"\0\1"


def assemble(
    shape: Sequence[int] | None, places: Iterable[TensorSliceProto], slices: Sequence[np.ndarray], name: str
) -> np.ndarray:
    """Puts an array together.

    Args:
        shape: of the whole array; None if no array can have it.
        places: of the slices, in any order.
        slices: the slices, in the order of their places.
        name: of the array, for the message.

    Raises:
        ValueError: the slices are not the whole array, each part once.
    """
    # Counted before memory is taken: a small file could fill it otherwise.
    if shape is None or not slices or sum(part.size for part in slices) != math.prod(shape):
        raise ValueError(f"the slices of {name} are not the whole array")
    whole = np.empty(shape, slices[0].dtype)
    is_filled = np.zeros(shape, bool)
    ordered = sorted([(extent.start, extent.length) for extent in place.extent] for place in places)
    for place, part in zip(ordered, slices, strict=True):
        # An extent without a length is the whole axis.
        index = tuple(slice(start, start + length if length else None) for start, length in place)
        if part.dtype != whole.dtype or any(start < 0 for start, _ in place) or whole[index].shape != part.shape:
            raise ValueError(f"a slice of {name} has another shape or type than the array")
        whole[index], is_filled[index] = part, True
    if not is_filled.all():
        raise ValueError(f"the slices of {name} overlap")
    return whole
