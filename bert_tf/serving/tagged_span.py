"""A named part of a text. Needs no TensorFlow.

TaggedSpan("Ann Lee", "PER", start=0, end=7, score=0.98)
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class TaggedSpan:
    """A part of a text that a model found and named.

    Attributes:
        text: the part, letter by letter; of a list of words, these with a space between two.
        type: its kind, such as `"PER"`.
        start: the place of its first character, `text_of_the_call[start:end] == text`; of a list of words, its first
            word.
        end: the place behind its last character, or its last word.
        score: the product of the probabilities of its words' tags, between 0 and 1.

    Example:
        >>> span = TaggedSpan("Ann Lee", "PER", start=0, end=7, score=0.98)
        >>> "Ann Lee came ."[span.start : span.end]
        'Ann Lee'
    """

    text: str
    type: str
    start: int
    end: int
    score: float
