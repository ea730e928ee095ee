"""The schemes of tags and the entities that they mark, next to seqeval."""

import random

import pytest
from seqeval.metrics.sequence_labeling import get_entities
from seqeval.scheme import IOB2, Entities

from bert_tf.data.tag_schemes import Entity, entities, find_scheme, is_tag, misplaced, to_bio

TYPES = ("PER", "LOC", "creative-work")


def random_sentences(prefixes: str, count: int) -> list[list[str]]:
    """Tags in any order, most of which no annotator would write."""
    chance = random.Random(7)
    tags = ["O", *(f"{prefix}-{kind}" for prefix in prefixes for kind in TYPES)]
    return [chance.choices(tags, k=chance.randrange(10)) for _ in range(count)]


def random_entities(count: int) -> list[tuple[int, list[Entity]]]:
    """The number of words of a sentence, and entities in it."""
    chance = random.Random(8)
    sentences = []
    for _ in range(count):
        found, word = [], chance.randrange(3)
        while len(found) < 4:
            found.append(Entity(chance.choice(TYPES), word, word + chance.randrange(1, 4)))
            word = found[-1].end + chance.randrange(3)
        sentences.append((word, found))
    return sentences


def in_bio(num_words: int, found: list[Entity]) -> list[str]:
    tags = ["O"] * num_words
    for kind, start, end in found:
        tags[start:end] = [f"B-{kind}", *[f"I-{kind}"] * (end - start - 1)]
    return tags


def in_iob1(num_words: int, found: list[Entity]) -> list[str]:
    tags = ["O"] * num_words
    for kind, start, end in found:
        begins = start > 0 and tags[start - 1][2:] == kind
        tags[start:end] = [f"{'B' if begins else 'I'}-{kind}", *[f"I-{kind}"] * (end - start - 1)]
    return tags


def in_bioes(num_words: int, found: list[Entity]) -> list[str]:
    tags = ["O"] * num_words
    for kind, start, end in found:
        inside = [f"I-{kind}"] * (end - start - 2)
        tags[start:end] = [f"S-{kind}"] if end - start == 1 else [f"B-{kind}", *inside, f"E-{kind}"]
    return tags


# Entities


@pytest.mark.parametrize("prefixes", ["BI", "BIES"])
def test_entities_are_those_of_seqeval_and_conlleval(prefixes):
    for tags in random_sentences(prefixes, 5000):
        assert entities(tags) == [Entity(kind, first, last + 1) for kind, first, last in get_entities(tags)], tags


def test_discarding_leaves_the_entities_that_seqeval_counts_when_it_is_strict():
    for tags in random_sentences("BI", 1000):
        strict = Entities([tags], IOB2).entities[0]
        assert entities(tags, "discard") == [Entity(each.tag, each.start, each.end) for each in strict], tags


def test_a_word_that_continues_a_discarded_one_is_discarded_too():
    assert entities(["B-PER", "I-LOC", "I-LOC", "I-PER", "B-LOC", "I-LOC"], "discard") == [
        Entity("PER", 0, 1),
        Entity("LOC", 4, 6),
    ]


def test_a_sentence_without_words_has_no_entities():
    assert entities([]) == []


@pytest.mark.parametrize("write", [in_bio, in_bioes])
def test_of_tags_as_they_should_be_nothing_is_discarded(write):
    for num_words, found in random_entities(500):
        assert entities(write(num_words, found), "discard") == found


# BIO


@pytest.mark.parametrize("repair", ["conll", "discard"])
def test_repaired_tags_have_the_same_entities_under_either_rule(repair):
    for tags in random_sentences("BIES", 3000):
        bio = to_bio(tags, repair=repair)
        assert len(bio) == len(tags)
        assert entities(bio) == entities(bio, "discard") == entities(tags, repair), tags
        assert to_bio(bio) == bio
        assert not misplaced(bio)


@pytest.mark.parametrize("write", [in_bio, in_iob1, in_bioes])
def test_each_scheme_becomes_bio(write):
    for num_words, found in random_entities(1000):
        assert entities(write(num_words, found)) == found
        assert to_bio(write(num_words, found)) == tuple(in_bio(num_words, found))


# Schemes


@pytest.mark.parametrize(("write", "scheme"), [(in_bio, "BIO"), (in_iob1, "IOB1"), (in_bioes, "BIOES")])
def test_the_scheme_of_a_file_is_found(write, scheme):
    assert find_scheme([write(*sentence) for sentence in random_entities(20)]) == scheme


def test_a_few_mistakes_do_not_change_the_scheme():
    bio = [in_bio(*sentence) for sentence in random_entities(20)]
    iob1 = [in_iob1(*sentence) for sentence in random_entities(20)]
    assert find_scheme([*bio, ["I-PER"]]) == "BIO"
    assert find_scheme([*iob1, ["B-PER"]]) == "IOB1"


def test_neighbors_of_the_same_type_do_not_hide_iob1():
    assert find_scheme([["I-LOC", "B-LOC", "B-LOC"], ["O"]]) == "IOB1"


def test_a_file_without_entities_is_bio():
    assert find_scheme([["O", "O"], []]) == "BIO"


def test_tags_that_continue_no_entity_are_found():
    assert misplaced(["I-PER", "I-PER", "O", "E-LOC", "B-LOC", "I-PER", "S-PER", "I-PER"]) == [0, 3, 5, 7]


@pytest.mark.parametrize("tag", ["O", "B-PER", "I-creative-work", "E-x", "S-人名", "B-B-x", "B-two words"])
def test_tags_may_have_any_type(tag):
    assert is_tag(tag)


@pytest.mark.parametrize(
    "tag",
    ["", "B", "B-", "b-PER", "o", "0", "U-PER", "PER", "B_PER", "B- x", "B-x ", "O ", "B-\x1b[31m", "B-a\nb", 3, None],
)
def test_all_else_is_no_tag(tag):
    assert not is_tag(tag)
