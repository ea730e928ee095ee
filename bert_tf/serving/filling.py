"""A piece for a mask. Needs no TensorFlow.

Filling("city", score=0.11, text="Paris is the city of France .")
"""

import dataclasses

MASK = "[MASK]"


@dataclasses.dataclass(frozen=True)
class Filling:
    """A word piece that a model chose for a mask.

    Attributes:
        token: the piece, as the vocabulary has it; one that begins with `##` continues a word.
        score: its probability, between 0 and 1.
        text: the text with the piece in place of the mask; its other masks stay.
    """

    token: str
    score: float
    text: str


def filled(text: str, number: int, token: str) -> str:
    """Returns a text with a piece in place of one of its masks.

    Args:
        text: with masks.
        number: of the mask, from 0.
        token: the piece.

    Example:
        >>> filled("The [MASK] sat [MASK] .", 0, "cat"), filled("The cat [MASK] sat .", 0, "##s")
        ('The cat sat [MASK] .', 'The cats sat .')
    """
    parts = text.split(MASK)
    before, after = MASK.join(parts[: number + 1]), MASK.join(parts[number + 1 :])
    continued = token.removeprefix("##")
    is_continued = continued and continued != token
    return f"{before.rstrip()}{continued}{after}" if is_continued else f"{before}{token}{after}"
