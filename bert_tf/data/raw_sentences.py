"""A sentence as its file has it, before its tags are checked. Needs no TensorFlow.

The readers are in `conll_file.py` and `tagged_json.py`.
"""

from collections.abc import Sequence
from typing import NamedTuple


class RawSentence(NamedTuple):
    """A sentence as its file has it.

    Attributes:
        words: at least one.
        tags: as many, not checked; None if the file has none.
        document: the number of its document, from 0.
        lines: of each word, from 1.
    """

    words: Sequence[str]
    tags: Sequence[object] | None
    document: int
    lines: Sequence[int]
