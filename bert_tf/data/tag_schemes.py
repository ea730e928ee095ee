"""Tags of words, and the entities that they mark, in the schemes BIO, IOB1 and BIOES. Needs no TensorFlow.

A tag is `O` (outside of all entities), or a prefix and a type, such as `B-PER`. All schemes are read by one rule, that
of CoNLL's program conlleval, extended to BIOES as in seqeval: an entity begins

- at each `B-` and `S-`,
- at an `I-` or `E-` that cannot continue one: at the beginning of a sentence, or after `O`, `E-`, `S-` or another type.

So IOB1, where most entities begin with `I-`, needs no rule of its own.

    >>> entities(["B-PER", "I-PER", "O", "I-LOC"])
    [Entity(type='PER', start=0, end=2), Entity(type='LOC', start=3, end=4)]
"""

import itertools
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

OUTSIDE = "O"
BIO, IOB1, BIOES = "BIO", "IOB1", "BIOES"
# The rules for a word whose tag continues an entity that is not there: the word begins one, or it is outside.
CONLL, DISCARD = REPAIRS = ("conll", "discard")

# A type may have hyphens, as in B-creative-work.
_TAG = re.compile(r"O|[BIES]-(\S|\S.*\S)")


class Entity(NamedTuple):
    """Consecutive words that name something.

    Attributes:
        type: its kind, such as `"PER"`.
        start: its first word.
        end: the word after its last one.
    """

    type: str
    start: int
    end: int


def is_tag(tag: object) -> bool:
    """Returns True if this is a tag of one of the schemes.

    Example:
        >>> is_tag("B-creative-work"), is_tag("NNP"), is_tag("B"), is_tag(3)
        (True, False, False, False)
    """
    return isinstance(tag, str) and _TAG.fullmatch(tag) is not None and tag.isprintable()


def find_scheme(sentences: Iterable[Sequence[str]]) -> str:
    """Finds the scheme of a file.

    BIOES alone has `E-` and `S-`. In BIO, all entities begin with `B-`. In IOB1, only those do that directly follow
    another one of the same type (Tjong Kim Sang and De Meulder 2003, section 2). If a file has both, the majority
    decides.

    Args:
        sentences: the tags of each sentence.

    Example:
        >>> find_scheme([["B-PER", "I-PER"]]), find_scheme([["I-PER", "B-PER"]]), find_scheme([["S-PER"]])
        ('BIO', 'IOB1', 'BIOES')
    """
    of_bio = of_iob1 = 0
    for tags in sentences:
        if any(tag[0] in "ES" for tag in tags):
            return BIOES
        for before, tag in _pairs(tags):
            of_bio += tag[0] == "B" and before == OUTSIDE
            of_iob1 += tag[0] == "I" and _begins(before, tag)
    return IOB1 if of_iob1 > of_bio else BIO


def entities(tags: Sequence[str], repair: str = CONLL) -> list[Entity]:
    """Returns the entities of a sentence, in order.

    Args:
        tags: of its words, in any scheme.
        repair: `"conll"`: an `I-` that cannot continue an entity begins one. `"discard"`: it is read as `O`, and so is
            each `I-` that continues it; in IOB1, that would discard nearly all.

    Example:
        >>> entities(["I-PER", "I-PER", "B-LOC"], repair="discard")
        [Entity(type='LOC', start=2, end=3)]
    """
    found = []
    is_inside = False
    for index, (before, tag) in enumerate(_pairs(tags)):
        if tag == OUTSIDE:
            is_inside = False
        elif _begins(before, tag):
            is_inside = repair == CONLL or tag[0] in "BS"
            if is_inside:
                found.append(Entity(tag[2:], index, index + 1))
        elif is_inside:
            found[-1] = found[-1]._replace(end=index + 1)
    return found


def to_bio(tags: Sequence[str], *, repair: str = CONLL) -> tuple[str, ...]:
    """Returns the tags of a sentence in BIO, repaired; see `entities`.

    Example:
        >>> to_bio(["I-PER", "E-PER", "O", "S-LOC"]), to_bio(["I-PER", "B-LOC"], repair="discard")
        (('B-PER', 'I-PER', 'O', 'B-LOC'), ('O', 'B-LOC'))
    """
    bio = [OUTSIDE] * len(tags)
    for entity in entities(tags, repair):
        bio[entity.start] = f"B-{entity.type}"
        for word in range(entity.start + 1, entity.end):
            bio[word] = f"I-{entity.type}"
    return tuple(bio)


def misplaced(tags: Sequence[str]) -> list[int]:
    """Returns the words whose `I-` or `E-` continues an entity that is not there. In IOB1, that is no mistake.

    Example:
        >>> misplaced(["I-PER", "I-PER", "B-LOC", "I-PER"])
        [0, 3]
    """
    return [index for index, (before, tag) in enumerate(_pairs(tags)) if tag[0] in "IE" and _begins(before, tag)]


def _pairs(tags: Sequence[str]) -> Iterable[tuple[str, str]]:
    """Yields each tag with the one before it."""
    return itertools.pairwise([OUTSIDE, *tags])


def _begins(before: str, tag: str) -> bool:
    if tag[0] in "BS":
        return True
    return tag != OUTSIDE and (before[0] in "OES" or before[2:] != tag[2:])
