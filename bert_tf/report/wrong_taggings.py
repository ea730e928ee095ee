"""The wrongly tagged sentences of which a model is surest, with both taggings marked on their words."""

import collections
import dataclasses
import itertools
import operator
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from bert_tf.data.tag_schemes import Entity
from bert_tf.report.formatting import shortened
from bert_tf.report.predictions import TagPredictions

# The kinds of mistakes of entities, and that of sentences with mistakes of several kinds.
TYPE, LIMITS, MISSING, NEEDLESS, SEVERAL = "type", "limits", "missing", "needless", "several"
_MAX_WORDS = 200  # of a sentence that are shown
_WORDS_BEFORE = 50  # the first mistake, of a longer sentence


class TagPart(NamedTuple):
    """Some words in a row that are in the same entities.

    Attributes:
        text: the words.
        gold: the type of their entity; None if they are in none.
        predicted: the type of their predicted entity; None if they are in none.
        is_right: True if the two entities are the same.
    """

    text: str
    gold: str | None
    predicted: str | None
    is_right: bool


@dataclasses.dataclass(frozen=True)
class WrongTagging:
    """A sentence with wrong tags.

    Attributes:
        guid: of the sentence.
        words: of the sentence.
        gold: its entities.
        predicted: those that were found.
        probability: of all its tags together, the mean over seeds.
        f1: of its entities.
    """

    guid: str
    words: tuple[str, ...]
    gold: frozenset[Entity]
    predicted: frozenset[Entity]
    probability: float
    f1: float

    @property
    def missed(self) -> list[Entity]:
        """The entities that were not found, or not as they are, in order."""
        return sorted(self.gold - self.predicted, key=operator.attrgetter("start"))

    @property
    def wrong(self) -> list[Entity]:
        """The predicted entities that are no gold ones, in order."""
        return sorted(self.predicted - self.gold, key=operator.attrgetter("start"))

    @property
    def mistakes(self) -> list[str]:
        """The kind of each mistake: `TYPE`, `LIMITS` or `MISSING` of an entity, `NEEDLESS` of a predicted one.

        An entity has other limits if some of its words are in a wrong predicted entity, whatever the type of that is.
        """
        gold, predicted = (_by_word(entities, len(self.words)) for entities in (self.missed, self.wrong))
        kinds = [
            _kind(entity, [each for each in predicted[entity.start : entity.end] if each]) for entity in self.missed
        ]
        needless = [entity for entity in self.wrong if not any(gold[entity.start : entity.end])]
        return kinds + [NEEDLESS] * len(needless)

    @property
    def kind(self) -> str:
        """The kind of all its mistakes, or `SEVERAL`."""
        first, *others = set(self.mistakes)
        return SEVERAL if others else first

    @property
    def parts(self) -> list[TagPart]:
        """The words in parts with the same marks; of a long sentence those around its first mistake."""
        pairs = list(zip(*(_by_word(each, len(self.words)) for each in (self.gold, self.predicted)), strict=True))
        first = next(number for number, (gold, predicted) in enumerate(pairs) if gold != predicted)
        start = max(first - _WORDS_BEFORE, 0) if len(pairs) > _MAX_WORDS else 0
        shown = range(start, min(start + _MAX_WORDS, len(pairs)))
        parts = [self._part(list(group), *pair) for pair, group in itertools.groupby(shown, key=pairs.__getitem__)]
        cut = TagPart("…", None, None, is_right=False)
        return [*[cut] * (shown.start > 0), *parts, *[cut] * (shown.stop < len(pairs))]

    def _part(self, numbers: Sequence[int], gold: Entity | None, predicted: Entity | None) -> TagPart:
        text = " ".join(shortened(self.words[number]) for number in numbers)
        return TagPart(text, gold and gold.type, predicted and predicted.type, gold is not None and gold == predicted)


def _by_word(entities: Sequence[Entity] | frozenset[Entity], number: int) -> list[Entity | None]:
    """Returns the entity of each word."""
    found = [None] * number
    for entity in entities:
        found[entity.start : entity.end] = [entity] * (entity.end - entity.start)
    return found


def _kind(entity: Entity, predicted: Sequence[Entity]) -> str:
    """Returns the kind of mistake of an entity whose words are in these wrong ones."""
    if not predicted:
        return MISSING
    return TYPE if entity[1:] in [each[1:] for each in predicted] else LIMITS


@dataclasses.dataclass(frozen=True)
class WrongTaggings:
    """The wrongly tagged sentences of one kind.

    Attributes:
        kind: as in `WrongTagging`.
        number: of all of them.
        worst: some of them, the surest first.
    """

    kind: str
    number: int
    worst: Sequence[WrongTagging]


def worst_taggings(
    predictions: Sequence[TagPredictions], count: int = 10
) -> tuple[list[WrongTaggings], collections.Counter[str]]:
    """Finds the wrongly tagged sentences with the highest probability, for each kind of mistake.

    Args:
        predictions: one for each seed. The tags of several seeds are those with the highest mean probability; that of a
            seed with other tags counts as 0.
        count: the largest number for each kind.

    Returns:
        The kinds of sentences that there are, and the number of entities with each kind of mistake.
    """
    taggings = sorted(_wrong_taggings(predictions), key=lambda tagging: -tagging.probability)
    groups = [[each for each in taggings if each.kind == kind] for kind in (TYPE, LIMITS, MISSING, NEEDLESS, SEVERAL)]
    mistakes = collections.Counter(kind for tagging in taggings for kind in tagging.mistakes)
    return [WrongTaggings(group[0].kind, len(group), group[:count]) for group in groups if group], mistakes


def _wrong_taggings(predictions: Sequence[TagPredictions]) -> list[WrongTagging]:
    first = predictions[0]
    wrong = np.flatnonzero(~np.all([each.correct for each in predictions], axis=0)).tolist()
    found = [(row, *_mean_tags(predictions, row)) for row in wrong]
    return [
        WrongTagging(
            first.guids[row],
            first.words[row],
            first.gold_entities[row],
            each.predicted_entities[row],
            probability,
            float(each.f1[row]),
        )
        for row, each, probability in found
        if not each.correct[row]
    ]


def _mean_tags(predictions: Sequence[TagPredictions], row: int) -> tuple[TagPredictions, float]:
    """Returns the first seed that gives the tags with the highest mean probability, and that probability."""
    sums = collections.defaultdict(float)
    for each in predictions:
        sums[each.predicted[row]] += float(each.confidence[row])
    tags = max(sums, key=sums.get)
    seed = next(each for each in predictions if each.predicted[row] == tags)
    return seed, sums[tags] / len(predictions)
