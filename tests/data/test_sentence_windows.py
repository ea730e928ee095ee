"""Tagged sentences become rows in which each word that has a piece counts exactly once, with its tag."""

import time

import numpy as np
import pytest
import tensorflow as tf

from bert_tf.data.batches import batch_dataset
from bert_tf.data.sentence_windows import SentenceFeatures, convert_sentences_to_features
from bert_tf.data.tagged_sentences import TaggedSentence
from bert_tf.data.tokenization import FullTokenizer
from bert_tf.errors import UserError

TAGS = ("O", "B-PER", "I-PER")
PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "##a", "b", "##b", "."]
NO_PIECE = "\u200b"


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory) -> FullTokenizer:
    """A word of n letters has n pieces."""
    path = tmp_path_factory.mktemp("vocabulary") / "vocab.txt"
    path.write_text("".join(f"{piece}\n" for piece in PIECES))
    return FullTokenizer(path)


def sentence(text: str, tags: str | None = None, document: int = 0, guid: str = "0") -> TaggedSentence:
    """Words with spaces between, and a digit for the tag of each."""
    words = tuple(text.split(" "))
    found = None if tags is None else tuple(TAGS[int(number)] for number in tags)
    return TaggedSentence(guid, words, found, document, 1)


def convert(sentences, tokenizer, length=12, doc_context=2, with_document=False) -> SentenceFeatures:
    return convert_sentences_to_features(sentences, TAGS, tokenizer, length, doc_context, with_document)


def texts(features: SentenceFeatures, tokenizer: FullTokenizer) -> list[str]:
    return [" ".join(tokenizer.convert_ids_to_tokens(row)) for row in features.input_ids.to_list()]


def random_sentences(random: np.random.Generator, longest_word: int, most_words: int) -> list[TaggedSentence]:
    sentences = []
    for number in range(random.integers(1, 8)):
        words = [
            NO_PIECE if random.random() < 0.1 else "".join(random.choice(list("ab."), random.integers(1, longest_word)))
            for _ in range(random.integers(1, most_words))
        ]
        tags = "".join(random.choice(list("012"), len(words)))
        sentences.append(sentence(" ".join(words), tags, document=number // 3))
    return sentences


@pytest.mark.parametrize("with_document", [False, True])
def test_each_word_with_a_piece_counts_once_with_its_tag_whatever_the_lengths(tokenizer, with_document):
    random = np.random.default_rng(0)
    for trial in range(60):
        sentences = [*random_sentences(random, *((4, 30), (40, 6))[trial % 2]), sentence("a", "1", document=9)]
        length = int(random.integers(3, 40))
        found = convert(sentences, tokenizer, length, int(random.integers(0, 20)), with_document)
        assert found.lengths.max() <= length
        assert not found.type_ids.values.numpy().any()
        counted = assert_rows_are_right(found, sentences, tokenizer)
        pieces = [[bool(part) for part in tokenizer.tokenize(list(each.words))] for each in sentences]
        assert counted == [(i, j) for i, words in enumerate(pieces) for j, has_piece in enumerate(words) if has_piece]


def assert_rows_are_right(found: SentenceFeatures, sentences, tokenizer) -> list[tuple[int, int]]:
    """Returns the sentence and the number of each word that counts, in the order of the rows."""
    counted = []
    rows = zip(found.input_ids.to_list(), found.targets["tag_ids"].to_list(), strict=True)
    for row, (ids, tag_ids) in enumerate(rows):
        pieces, example = tokenizer.convert_ids_to_tokens(ids), found.example_index[row]
        positions, words = found.words_of(row)
        assert pieces[0] == "[CLS]" and pieces[-1] == "[SEP]"
        assert np.flatnonzero(tag_ids).tolist() == positions.tolist() != []
        for position, word in zip(positions.tolist(), words.tolist(), strict=True):
            first = tokenizer.tokenize(sentences[example].words[word])[0]
            assert pieces[position] == first
            assert TAGS[tag_ids[position] - 1] == sentences[example].tags[word]
            counted.append((example, word))
    return counted


def test_a_word_has_its_tag_at_its_first_piece(tokenizer):
    features = convert([sentence("aab b a", "120")], tokenizer)
    assert texts(features, tokenizer) == ["[CLS] a ##a ##b b a [SEP]"]
    assert features.targets["tag_ids"].to_list() == [[0, 2, 0, 0, 3, 1, 0]]
    assert [numbers.tolist() for numbers in features.words_of(0)] == [[1, 4, 5], [0, 1, 2]]


def test_a_long_sentence_is_read_in_windows_and_the_log_says_so(tokenizer, caplog):
    caplog.set_level("INFO", logger="absl")
    features = convert([sentence("a"), sentence("a b a b a b a b a b")], tokenizer, length=8)
    assert features.example_index.tolist() == [0, 1, 1, 1]
    assert [features.words_of(row)[1].tolist() for row in range(4)] == [[0], [0, 1, 2, 3], [4, 5], [6, 7, 8, 9]]
    (line,) = caplog.messages
    size, windows = "1 of 2 sentences has more than 6 word pieces", "in windows with 2 pieces of context on each side"
    assert line == f"{size}; read {windows}."


def test_the_document_fills_the_row_and_only_the_own_sentence_counts(tokenizer):
    sentences = [sentence("a a", "11"), sentence("b b", "22"), sentence("aa a", "00"), sentence("b", "1", document=1)]
    features = convert(sentences, tokenizer, length=8, with_document=True)
    assert texts(features, tokenizer) == [
        "[CLS] a a b b a ##a [SEP]",
        "[CLS] a a b b a ##a [SEP]",
        "[CLS] a b b a ##a a [SEP]",
        "[CLS] b [SEP]",
    ]
    assert features.targets["tag_ids"].to_list() == [
        [0, 2, 2, 0, 0, 0, 0, 0],
        [0, 0, 0, 3, 3, 0, 0, 0],
        [0, 0, 0, 0, 1, 0, 1, 0],
        [0, 2, 0],
    ]


def test_of_a_word_longer_than_a_row_the_first_piece_counts(tokenizer):
    features = convert([sentence("b " + "a" * 50 + " b", "012")], tokenizer, length=12)
    assert [features.words_of(row)[1].tolist() for row in range(len(features))] == [[0, 1], [2]]


def test_a_word_without_a_piece_has_no_place_and_gives_one_warning(tokenizer, caplog):
    features = convert([sentence(f"a {NO_PIECE} b", "012"), sentence(NO_PIECE, "1"), sentence("b", "1")], tokenizer)
    assert features.example_index.tolist() == [0, 1 + 1]
    assert features.words_of(0)[1].tolist() == [0, 2]
    (line,) = caplog.messages
    assert line == r"2 of 5 words have no word piece, and the tag O: '\u200b'."


def test_sentences_without_a_single_piece_are_refused(tokenizer):
    with pytest.raises(UserError, match="no word has a word piece"):
        convert([sentence(NO_PIECE), sentence("\x07")], tokenizer)


def test_a_test_set_has_no_target(tokenizer):
    assert convert([sentence("a b")], tokenizer).targets == {}


def test_a_tag_that_the_model_does_not_have_is_no_target(tokenizer):
    other = TaggedSentence("0", ("a", "b"), ("B-LOC", "O"), 0, 1)
    assert convert([other], tokenizer).targets["tag_ids"].to_list() == [[0, 0, 1, 0]]


@pytest.mark.parametrize(("length", "doc_context"), [(2, 0), (12, -1)])
def test_settings_that_cannot_be_are_refused(tokenizer, length, doc_context):
    with pytest.raises(UserError):
        convert([sentence("a")], tokenizer, length, doc_context)


def test_rows_of_padding_are_zeros_in_batches_of_a_data_set(tokenizer):
    features = convert([sentence("a b", "12"), sentence("b", "0")], tokenizer)
    first, second = batch_dataset(features, np.array([[1, -1], [0, 1]])).as_numpy_iterator()
    assert first["input_word_ids"][:, :4].tolist() == [[2, 6, 3, 0], [0, 0, 0, 0]]
    assert first["tag_ids"][:, :4].tolist() == [[0, 1, 0, 0], [0, 0, 0, 0]]
    assert second["tag_ids"][:, :4].tolist() == [[0, 2, 3, 0], [0, 1, 0, 0]]
    assert tf.as_dtype(first["tag_ids"].dtype) == tf.int32


@pytest.mark.slow
@pytest.mark.parametrize("with_document", [False, True])
def test_a_million_words_take_seconds(tokenizer, with_document):
    words = tuple("ab" * (number % 7 + 1) for number in range(25))
    short = [TaggedSentence(str(number), words, ("O",) * 25, number // 20, 1) for number in range(20_000)]
    long = TaggedSentence("long", words * 20_000, ("O",) * 500_000, 10**6, 1)
    began = time.perf_counter()
    features = convert([*short, long], tokenizer, 128, 32, with_document)
    assert time.perf_counter() - began < 30
    assert len(features.places.word) == 1_000_000
