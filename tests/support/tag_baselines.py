"""Tags that need no model: what the scores of a corpus of names must be compared with. Needs no TensorFlow."""

import itertools
from collections import Counter, defaultdict
from collections.abc import Sequence

from bert_tf.data.tag_schemes import OUTSIDE, entities
from bert_tf.data.tagged_sentences import TaggedSentence
from bert_tf.tasks.tag_metrics import tag_scores

Tags = tuple[str, ...]
Words = tuple[str, ...]


def score(sentences: Sequence[TaggedSentence], tags: Sequence[Tags]) -> tuple[float, float, float]:
    """Returns precision, recall and F1."""
    scores = tag_scores([sentence.tags for sentence in sentences], tags)
    return scores["eval_precision"], scores["eval_recall"], scores["eval_f1"]


def names_of(sentence: TaggedSentence) -> list[tuple[Words, str]]:
    """Returns the words and the type of each entity of a sentence.

    Example:
        >>> tags = ("B-PER", "I-PER", "O")
        >>> names_of(TaggedSentence("0", ("Ida", "Holm", "sings"), tags, 0, 1))
        [(('Ida', 'Holm'), 'PER')]
    """
    return [(sentence.words[entity.start : entity.end], entity.type) for entity in entities(sentence.tags)]


def tag_of_each_word(train: Sequence[TaggedSentence], sentences: Sequence[TaggedSentence]) -> list[Tags]:
    """Gives each word the tag that it has most often in train, and O to an unknown word.

    Of two tags that are equally frequent the one that comes first in train is taken.
    """
    counts: dict[str, Counter] = defaultdict(Counter)
    for sentence in train:
        for word, tag in zip(sentence.words, sentence.tags, strict=True):
            counts[word][tag] += 1
    known = {word: counter.most_common(1)[0][0] for word, counter in counts.items()}
    return [tuple(known.get(word, OUTSIDE) for word in sentence.words) for sentence in sentences]


def names_of_train(train: Sequence[TaggedSentence], sentences: Sequence[TaggedSentence]) -> list[Tags]:
    """Finds the names of train, from left to right and the longest first, each with its most frequent type."""
    counts: dict[Words, Counter] = defaultdict(Counter)
    for sentence in train:
        for words, kind in names_of(sentence):
            counts[words][kind] += 1
    known = {words: counter.most_common(1)[0][0] for words, counter in counts.items()}
    return [_with_names(sentence.words, known) for sentence in sentences]


def capital_letters(train: Sequence[TaggedSentence], sentences: Sequence[TaggedSentence]) -> list[Tags]:
    """Takes each run of words with a capital letter, except the first word of a sentence, for a name.

    All have the most frequent type of train.
    """
    [(kind, _)] = Counter(kind for sentence in train for _, kind in names_of(sentence)).most_common(1)
    return [_with_capitals(sentence.words, kind) for sentence in sentences]


def _with_names(words: Words, known: dict[Words, str]) -> Tags:
    tags: list[str] = []
    longest = max(map(len, known))
    while len(tags) < len(words):
        rest = words[len(tags) : len(tags) + longest]
        size = next((size for size in range(len(rest), 0, -1) if rest[:size] in known), 0)
        tags += _entity(known[rest[:size]], size) if size else [OUTSIDE]
    return tuple(tags)


def _with_capitals(words: Words, kind: str) -> Tags:
    is_name = [False, *(word[0].isupper() for word in words[1:])]
    runs = ((found, len(list(run))) for found, run in itertools.groupby(is_name))
    return tuple(tag for found, size in runs for tag in (_entity(kind, size) if found else [OUTSIDE] * size))


def _entity(kind: str, size: int) -> list[str]:
    return [f"B-{kind}", *[f"I-{kind}"] * (size - 1)]
