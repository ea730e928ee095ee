"""Turns types of entities and wrong tags into sentences for the page. Plain text: the caller escapes it."""

from collections.abc import Mapping, Sequence

from bert_tf.data.tag_schemes import Entity
from bert_tf.errors import counted
from bert_tf.report.formatting import listed, percent, shortened
from bert_tf.report.study import Configuration
from bert_tf.report.wrong_taggings import (
    LIMITS,
    MISSING,
    NEEDLESS,
    SEVERAL,
    TYPE,
    TagPart,
    WrongTagging,
    WrongTaggings,
)


def types_caption(best: Configuration, shown: int, total: int) -> str:
    """Returns the caption of the table of types of entities."""
    lowest = f" The {shown} of {total:,} with the lowest F1." * (shown < total)
    seeds = ", mean ± standard deviation over seeds" * (len(best.runs) > 1)
    return f"Scores of each type of entity{seeds}.{lowest} Click a heading to sort by it."


def taggings_note(best: Configuration, groups: Sequence[WrongTaggings], mistakes: Mapping[str, int]) -> list[str]:
    """Returns the explanation of the wrongly tagged sentences."""
    if not groups:
        return ["There are no mistakes on the dev set."]
    several = (
        f" Tags and probability are those of {len(best.runs)} seeds together: a seed with other tags counts as "
        "probability 0."
    ) * (len(best.runs) > 1)
    return [
        f"Sentences with a wrong tag, sorted by the probability of all their tags together.{several}",
        _counts_of_mistakes(best, mistakes),
        "Blue with a solid line: gold entities. Orange with a broken line: predicted ones. Yellow with a double line: "
        "words that are in both. Gray with a type alone: right predictions.",
    ]


def _counts_of_mistakes(best: Configuration, mistakes: Mapping[str, int]) -> str:
    """Returns how many entities were found and what became of the others."""
    number = sum(map(len, best.predictions[0].gold_entities))
    found = number - mistakes[TYPE] - mistakes[LIMITS] - mistakes[MISSING]
    entities = "1 entity" if number == 1 else f"{number:,} entities"
    return (
        f"Of {entities}, {found:,} were found, {mistakes[TYPE]:,} got another type, {mistakes[LIMITS]:,} other limits, "
        f"and {mistakes[MISSING]:,} were missed; {mistakes[NEEDLESS]:,} more were predicted where there is none."
    )


def taggings_of_kind(best: Configuration, taggings: WrongTaggings) -> str:
    """Returns the heading of the wrongly tagged sentences of one kind."""
    kinds = {
        TYPE: "Another type",
        LIMITS: "Other limits",
        MISSING: "Missed",
        NEEDLESS: "Predicted, although there is no entity",
        SEVERAL: "Several kinds of mistakes",
    }
    shown = f"; the {len(taggings.worst)} surest" * (len(taggings.worst) < taggings.number)
    sentences = counted(len(best.predictions[0].guids), "sentence")
    return f"{kinds[taggings.kind]}: {taggings.number:,} of {sentences}{shown}"


def tagging_name(tagging: WrongTagging) -> str:
    """Returns the name of a sentence and how sure its tags are."""
    return (
        f"Sentence {shortened(tagging.guid)}: all tags together with {percent(tagging.probability)} %, "
        f"F1 {percent(tagging.f1)} %"
    )


def tagging_facts(tagging: WrongTagging) -> list[tuple[str, str]]:
    """Returns the wrong predictions and the entities that should be there, each with its name."""
    kinds = (("Predicted", tagging.wrong), ("Gold", tagging.missed))
    return [
        (name, listed([_entity(tagging, each) for each in entities]) if entities else "no entity")
        for name, entities in kinds
    ]


def _entity(tagging: WrongTagging, entity: Entity) -> str:
    return f"“{shortened(' '.join(tagging.words[entity.start : entity.end]))}” ({shortened(entity.type)})"


def tag_label(part: TagPart) -> str:
    """Returns the label of marked words; empty if they are not marked.

    Example:
        >>> tag_label(TagPart("Mont Blanc", "LOC", "ORG", False)), tag_label(TagPart("Bo", "PER", "PER", True))
        ('gold LOC, predicted ORG', 'PER')
    """
    gold, predicted = (each and shortened(each) for each in (part.gold, part.predicted))
    if part.is_right:
        return gold
    if gold and gold == predicted:
        return f"gold and predicted {gold}"
    return ", ".join(f"{name} {each}" for name, each in (("gold", gold), ("predicted", predicted)) if each)
