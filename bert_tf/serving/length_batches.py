"""Chooses the texts that are computed together. Needs no TensorFlow.

list(batches_by_length([7, 900, 12], batch_size=2))  # [[0, 2], [1]]
"""

from collections.abc import Iterator, Sequence

# Longer texts are computed by fewer at a time, so that a list of long ones needs no more memory than one of them.
_CHARACTERS_AT_A_TIME = 1 << 18


def batches_by_length(lengths: Sequence[int], batch_size: int) -> Iterator[list[int]]:
    """Yields the numbers of texts that are computed together: those of similar length, so that little is padded.

    Args:
        lengths: of the texts, in characters.
        batch_size: how many at a time, or fewer if they are long.

    Example:
        >>> list(batches_by_length([7, 900, 12], batch_size=2))
        [[0, 2], [1]]
    """
    batch, size = [], 0
    for number in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and (len(batch) == batch_size or size + lengths[number] > _CHARACTERS_AT_A_TIME):
            yield batch
            batch, size = [], 0
        batch.append(number)
        size += lengths[number]
    if batch:
        yield batch
