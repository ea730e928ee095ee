"""Tags joined to entities in a graph, next to the rule in Python."""

import random

import numpy as np
import pytest
import tensorflow as tf

from bert_tf.data.tag_schemes import entities
from bert_tf.serving.tag_spans import TagTable, join_tags

BIO = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")
BIOES = ("S-LOC", "E-LOC", "B-LOC", "I-LOC", "O", "B-PER", "I-PER", "E-PER", "S-PER")


def found_in_graph(texts: list[list[str]], tags: tuple[str, ...], repair: str) -> list[tuple]:
    """Text, type, first and end word of each entity, and its score."""
    words = [tags.index(tag) for text in texts for tag in text]
    text_of_word = np.repeat(np.arange(len(texts)), [len(text) for text in texts])
    probabilities = np.linspace(0.5, 0.9, len(words), dtype=np.float32)
    table = TagTable.of(tags)
    found = join_tags(
        tf.constant(words, tf.int32), tf.constant(probabilities), tf.constant(text_of_word), table, repair == "discard"
    )
    starts = np.cumsum([0, *(len(text) for text in texts)])
    result = []
    for first, last, type_id, score in zip(*(column.numpy() for column in found), strict=True):
        text = text_of_word[first]
        result.append((text, table.types[type_id], first - starts[text], last + 1 - starts[text]))
        assert score == pytest.approx(np.prod(probabilities[first : last + 1]), rel=1e-5)
    return result


@pytest.mark.parametrize("repair", ["conll", "discard"])
@pytest.mark.parametrize("tags", [BIO, BIOES, ("O", "I-PER", "B-PER")])
def test_entities_of_random_tags_are_those_of_the_rule_in_python(tags, repair):
    chosen = random.Random(1)
    texts = [chosen.choices(tags, k=chosen.randint(0, 9)) for _ in range(300)]
    wanted = [
        (number, entity.type, entity.start, entity.end)
        for number, text in enumerate(texts)
        for entity in entities(text, repair)
    ]
    assert len(wanted) > 100
    assert found_in_graph(texts, tags, repair) == wanted


@pytest.mark.parametrize("texts", [[], [[]], [["O", "O"]]])
def test_texts_without_words_or_names_have_no_entities(texts):
    assert found_in_graph(texts, BIO, "conll") == []


def test_an_entity_does_not_go_on_into_the_next_text():
    assert found_in_graph([["B-PER"], ["I-PER"]], BIO, "conll") == [(0, "PER", 0, 1), (1, "PER", 0, 1)]
