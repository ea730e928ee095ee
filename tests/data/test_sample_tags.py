"""The tags of the sample corpus are valid, its splits are separate, and its README describes them."""

from collections import Counter

import pytest
from support.paths import ROOT
from support.tag_baselines import capital_letters, names_of, names_of_train, score, tag_of_each_word

from bert_tf.data.tag_schemes import find_scheme, is_tag, to_bio
from bert_tf.data.tagged_sentences import TaggedSentence, entity_types, read_tagged_sentences
from bert_tf.data.tokenization import FullTokenizer

FOLDER = ROOT / "data" / "sample" / "NER"
SPLITS = ("train", "dev", "test")
TYPES = ("LOC", "MISC", "ORG", "PER")


@pytest.fixture(scope="module")
def corpus() -> dict[str, list[TaggedSentence]]:
    return {split: read_tagged_sentences(FOLDER / f"{split}.conll", needs_tags=True).sentences for split in SPLITS}


@pytest.fixture(scope="module")
def readme() -> str:
    return (FOLDER / "README.md").read_text(encoding="utf-8")


def read_rows(split: str) -> list[list[str]]:
    """Reads the columns of the file, without the code under test."""
    return [line.split("\t") for line in (FOLDER / f"{split}.conll").read_text(encoding="utf-8").split("\n")]


def names(sentences: list[TaggedSentence]) -> list[tuple[tuple[str, ...], str]]:
    return [name for sentence in sentences for name in names_of(sentence)]


@pytest.mark.parametrize("split", SPLITS)
def test_a_line_has_a_word_and_a_tag_or_nothing(split):
    rows = read_rows(split)
    assert all(row == [""] or (len(row) == 2 and row[0].split() == [row[0]] and is_tag(row[1])) for row in rows)
    assert rows[-2:] == [[""], [""]] and rows[-3:] != [[""]] * 3


@pytest.mark.parametrize("split", SPLITS)
def test_tags_are_bio_that_needs_no_repair(corpus, split):
    rows = [row for row in read_rows(split) if len(row) == 2 and row[0] != "-DOCSTART-"]
    assert [tag for sentence in corpus[split] for tag in sentence.tags] == [tag for _, tag in rows]
    assert all(to_bio(sentence.tags, repair="discard") == sentence.tags for sentence in corpus[split])
    assert find_scheme(sentence.tags for sentence in corpus[split]) == "BIO"
    assert entity_types(corpus[split]) == TYPES


def test_no_sentence_is_in_the_corpus_twice(corpus):
    counts = Counter(sentence.words for split in SPLITS for sentence in corpus[split])
    assert max(counts.values()) == 1


def test_most_names_of_dev_and_test_are_not_in_train(corpus, readme):
    known = {words for words, _ in names(corpus["train"])}
    shares = []
    for split in ("dev", "test"):
        found = names(corpus[split])
        shares.append(sum(words in known for words, _ in found) / len(found))
    assert max(shares) < 0.1
    assert "{:.3f} of those of dev and {:.3f} of those of test".format(*shares) in readme


def test_some_names_have_two_types_and_some_words_are_a_name_only_at_times(corpus):
    everything = [sentence for split in SPLITS for sentence in corpus[split]]
    types = Counter(words for words, _ in set(names(everything)))
    assert sum(count > 1 for count in types.values()) >= 10
    pairs = [pair for sentence in everything for pair in zip(sentence.words, sentence.tags, strict=True)]
    outside = {word.lower() for word, tag in pairs if tag == "O" and word.isalpha()}
    assert len(outside & {word.lower() for word, tag in pairs if tag != "O"}) >= 100


def test_names_are_also_in_lower_case_and_not_only_in_ascii(corpus):
    for split in ("train", "dev"):
        assert any(words[0].islower() for words, _ in names(corpus[split]))
    assert any(not "".join(words).isascii() for words, _ in names(corpus["dev"]))


def test_the_sizes_are_those_of_the_readme(corpus, readme):
    for split in SPLITS:
        sentences = corpus[split]
        counts = Counter(kind for _, kind in names(sentences))
        num_words = sum(len(sentence.words) for sentence in sentences)
        sizes = (sentences[-1].document + 1, len(sentences), num_words, *(counts[kind] for kind in TYPES))
        assert f"| {split} | {' | '.join(f'{size:,}' for size in sizes)} |" in readme


def test_only_one_sentence_is_longer_than_128_pieces(corpus, vocab_file):
    tokenizer = FullTokenizer(vocab_file)
    for split, longer in {"train": 1, "dev": 0, "test": 0}.items():
        pieces = tokenizer.tokenize([" ".join(sentence.words) for sentence in corpus[split]])
        assert sum(len(sentence) > 126 for sentence in pieces) == longer


@pytest.mark.parametrize(
    ("start", "rule"),
    [
        ("each word has", tag_of_each_word),
        ("the names of train", names_of_train),
        ("capital letters", capital_letters),
    ],
)
def test_the_readme_has_the_scores_of_rules(corpus, readme, start, rule):
    row = "| {:.3f} | {:.3f} | {:.3f} |".format(*score(corpus["dev"], rule(corpus["train"], corpus["dev"])))
    assert next(line for line in readme.splitlines() if line.startswith(f"| {start}")).endswith(row)
