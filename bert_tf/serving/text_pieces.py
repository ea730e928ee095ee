"""The word pieces of texts, and batches of them. Needs no TensorFlow.

pieces.batch(np.array([3, 0]))["input_word_ids"]  # int32 [2, length of the longer one]
"""

import dataclasses
from collections.abc import Sequence

import numpy as np


@dataclasses.dataclass(frozen=True)
class TextPieces:
    """The word pieces of some texts or pairs, with `[CLS]` and `[SEP]`, one text after the other.

    Attributes:
        ids: int32 [pieces].
        type_ids: int32 [pieces]; 1 in the second text.
        offsets: int64 [texts + 1], where each text begins, and where the last one ends.
    """

    ids: np.ndarray
    type_ids: np.ndarray
    offsets: np.ndarray

    @classmethod
    def joined(cls, parts: Sequence["TextPieces"]) -> "TextPieces":
        """Joins the pieces of lists of texts, at least one."""
        ids, type_ids = (np.concatenate([getattr(part, name) for part in parts]) for name in ("ids", "type_ids"))
        lengths = np.concatenate([np.zeros(1, np.int64), *(part.lengths for part in parts)])
        return cls(ids, type_ids, np.cumsum(lengths))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> np.ndarray:
        """The number of pieces of each text, int64 [texts]."""
        return np.diff(self.offsets)

    def slice(self, start: int, end: int) -> "TextPieces":
        """Returns the pieces of neighboring texts."""
        first, last = self.offsets[[start, end]]
        return TextPieces(self.ids[first:last], self.type_ids[first:last], self.offsets[start : end + 1] - first)

    def places(self, rows: np.ndarray) -> np.ndarray:
        """Returns the places of the pieces of some texts, text after text, int64 [pieces]."""
        lengths = self.lengths[rows]
        starts = np.cumsum(lengths) - lengths
        return np.repeat(self.offsets[rows] - starts, lengths) + np.arange(lengths.sum())

    def batch(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Returns the encoder's inputs for some of the texts, padded to the longest of them; see `BertEncoder.call`."""
        lengths = self.lengths[rows]
        position = np.arange(lengths.max())
        is_piece = position < lengths[:, np.newaxis]
        place = np.where(is_piece, self.offsets[rows][:, np.newaxis] + position, 0)
        mask = is_piece.astype(np.int32)
        return {
            "input_word_ids": self.ids[place] * mask,
            "input_mask": mask,
            "input_type_ids": self.type_ids[place] * mask,
            "token_rows": np.flatnonzero(is_piece).astype(np.int32),
        }
