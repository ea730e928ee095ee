"""The places of word pieces in their texts, on every kind of text, against a second implementation in plain Python.

The suite tries some ten thousand random texts. A million, in some minutes:

    RANDOM_TEXTS=1000000 python -m pytest tests/data/test_offsets.py -k random
"""

# ruff: noqa: RUF001 (letters that look like others are what is tested)

import functools
import itertools
import json
import os
import random
import unicodedata
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from support.languages import texts_of_all_languages
from support.piece_places import UNKNOWN, Piece, is_dropped, is_space, pieces_with_places, words_of
from support.random_texts import random_code_points, random_long_word, random_text
from support.vocabularies import chinese_pieces, multilingual_pieces, spelling_pieces, write_vocabulary

from bert_tf.data.document_pieces import tokenize_documents
from bert_tf.data.squad_examples import Document, SquadExample
from bert_tf.data.tokenization import FullTokenizer

NUM_TEXTS = int(os.environ.get("RANDOM_TEXTS", "16000"))
VOCABULARIES = ("English", "Chinese", "multilingual", "spelling")
both_casings = pytest.mark.parametrize("lower", [True, False], ids=["uncased", "cased"])


@pytest.fixture(scope="module")
def tokenizers(vocab_file, tmp_path_factory):
    """A tokenizer for each of the vocabularies and each casing."""
    folder = tmp_path_factory.mktemp("vocabularies")
    pieces = {("Chinese", None): chinese_pieces(), ("spelling", None): spelling_pieces()}
    pieces |= {("multilingual", lower): multilingual_pieces(lower) for lower in (True, False)}
    files = {key: write_vocabulary(folder / f"{key}.txt", made) for key, made in pieces.items()}
    files["English", None] = vocab_file
    return {
        (name, lower): FullTokenizer(files.get((name, lower)) or files[name, None], lower)
        for name in VOCABULARIES
        for lower in (True, False)
    }


def places(tokenizer: FullTokenizer, texts: list) -> list[list[Piece]]:
    """The pieces of each text with their places, from one call of the graph."""
    found = tokenizer.token_ids_with_offsets(tf.constant(texts))
    columns = [tokenizer.convert_ids_to_tokens(found.ids.values.numpy().tolist())]
    columns += [ragged.values.numpy().tolist() for ragged in found[1:]]
    pieces = list(map(Piece._make, zip(*columns, strict=True)))
    return [pieces[start:end] for start, end in itertools.pairwise(found.ids.row_splits.numpy().tolist())]


@functools.lru_cache(1 << 16)
def plain(text: str, lower: bool) -> list[str]:
    """The words of a text without the only rule that looks at neighbors: a sigma is as good as a final one."""
    return ["".join(letter.char for letter in word).replace("ς", "σ") for word in words_of(text, lower)]


def assert_is_in_order(pieces: list[Piece], text: str):
    assert all(0 <= piece.start < piece.end <= len(text) for piece in pieces)
    for before, piece in itertools.pairwise(pieces):
        assert before.start <= piece.start and before.end <= piece.end


def assert_contains_its_letters(piece: Piece, text: str, lower: bool):
    words = plain(text[piece.start : piece.end], lower)
    assert len(words) == 1
    assert piece.token == UNKNOWN or piece.token.removeprefix("##").replace("ς", "σ") in words[0]


def assert_overlaps_only_in_characters_of_several_letters(before: Piece, piece: Piece, text: str):
    shared = text[piece.start : before.end]
    assert piece.token.startswith("##")
    assert len(unicodedata.normalize("NFD", shared.lower())) > 1, "one letter in two pieces"


def assert_leaves_out_only_what_has_no_piece(pieces: list[Piece], text: str, lower: bool):
    ends = [0, *(piece.end for piece in pieces)]
    starts = [*(piece.start for piece in pieces), len(text)]
    for char in "".join(text[end:start] for end, start in zip(ends, starts, strict=True)):
        assert is_dropped(char) or is_space(char) or (lower and unicodedata.category(char) == "Mn")


def assert_unknown_words_are_whole(pieces: list[Piece], text: str, lower: bool):
    words = plain(text, lower)
    starts = [place for place, piece in enumerate(pieces) if not piece.token.startswith("##")]
    assert len(starts) == len(words)
    for word, start in zip(words, starts, strict=True):
        if pieces[start].token == UNKNOWN:
            assert plain(text[pieces[start].start : pieces[start].end], lower) == [word]


def assert_is_right(pieces: list[Piece], text: str, lower: bool):
    """Asserts what must be true of the places, whatever the right ones are."""
    assert_is_in_order(pieces, text)
    for piece in pieces:
        assert_contains_its_letters(piece, text, lower)
    for before, piece in itertools.pairwise(pieces):
        if before.end > piece.start:
            assert lower
            assert_overlaps_only_in_characters_of_several_letters(before, piece, text)
    assert_leaves_out_only_what_has_no_piece(pieces, text, lower)
    assert_unknown_words_are_whole(pieces, text, lower)


def chinese_texts(squad_dir: Path) -> list[str]:
    """The contexts, questions and answers of XQuAD in Chinese."""
    found = {}
    for name in ("zh-train-v1.1.json", "zh-dev-v1.1.json"):
        for article in json.loads((squad_dir / name).read_text(encoding="utf-8"))["data"]:
            for paragraph in article["paragraphs"]:
                questions = paragraph["qas"]
                answers = (answer["text"] for question in questions for answer in question["answers"])
                found |= dict.fromkeys([paragraph["context"], *(each["question"] for each in questions), *answers])
    return list(found)


def random_texts(rng: random.Random, count: int) -> list[str]:
    make = (*[random_text] * 60, *[random_code_points] * 36, *[random_long_word] * 4)
    return [rng.choice(make)(rng) for _ in range(count)]


@pytest.mark.slow
def test_random_texts_have_their_pieces_at_the_right_places(tokenizers):
    rng, seeds = random.Random(NUM_TEXTS), itertools.count()
    for start in range(0, NUM_TEXTS, 2000):
        texts = random_texts(rng, min(2000, NUM_TEXTS - start))
        name = VOCABULARIES[next(seeds) % len(VOCABULARIES)]
        for lower in (True, False):
            tokenizer = tokenizers[name, lower]
            for text, pieces in zip(texts, places(tokenizer, texts), strict=True):
                assert pieces == pieces_with_places(text, tokenizer.vocab, lower), (name, ascii(text))
                assert_is_right(pieces, text, lower)


@pytest.mark.slow
@both_casings
def test_code_points_of_all_blocks_have_their_place(tokenizers, lower):
    tokenizer = tokenizers["spelling", lower]
    chars = [chr(c) for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF and (c < 0x3400 or c % 23 == 0)]
    for start in range(0, len(chars), 1 << 15):
        texts = [f"a {c}b{c}" for c in chars[start : start + (1 << 15)]]
        for text, pieces in zip(texts, places(tokenizer, texts), strict=True):
            assert pieces == pieces_with_places(text, tokenizer.vocab, lower), ascii(text)


@pytest.mark.slow
@both_casings
@pytest.mark.parametrize("name", VOCABULARIES)
def test_texts_of_all_languages_have_their_pieces_at_the_right_places(tokenizers, name, lower):
    tokenizer, texts = tokenizers[name, lower], texts_of_all_languages()
    for text, pieces in zip(texts, places(tokenizer, texts), strict=True):
        assert pieces == pieces_with_places(text, tokenizer.vocab, lower), ascii(text)
        assert_is_right(pieces, text, lower)


@pytest.mark.slow
@both_casings
@pytest.mark.parametrize("name", VOCABULARIES)
def test_chinese_contexts_and_questions_have_their_pieces_at_the_right_places(tokenizers, squad_dir, name, lower):
    tokenizer, texts = tokenizers[name, lower], chinese_texts(squad_dir)
    assert len(texts) > 1000
    for text, pieces in zip(texts, places(tokenizer, texts), strict=True):
        assert pieces == pieces_with_places(text, tokenizer.vocab, lower), ascii(text)


@both_casings
def test_places_in_the_words_of_a_document_are_those_in_its_text(tokenizers, lower):
    tokenizer, texts = tokenizers["multilingual", lower], texts_of_all_languages()
    examples = [SquadExample("", "", Document.of(text)) for text in texts]
    documents = tokenize_documents(examples, tokenizer, with_places=True)
    for number, pieces in enumerate(places(tokenizer, texts)):
        of_document = documents.pieces_of(number)
        word_starts = examples[number].document.token_starts[documents.words[of_document]]
        found = documents.pieces.places[of_document] + word_starts[:, np.newaxis]
        assert found.tolist() == [[piece.start, piece.end] for piece in pieces]


@both_casings
def test_the_pieces_are_those_without_places(tokenizers, lower):
    texts = random_texts(random.Random(5), 200)
    for name in VOCABULARIES:
        tokenizer = tokenizers[name, lower]
        found = [[piece.token for piece in pieces] for pieces in places(tokenizer, texts)]
        assert found == tokenizer.tokenize(texts)


@both_casings
def test_what_is_written_in_a_text_is_found_there(tokenizers, lower):
    texts = ["A naïve  café!", "İstanbul ΔΟ 漢字", "", "👩\u200d👩\u200d👧 🙂🏽 x", "\ufeffthe", "กำ \u0301x हिन्दी 각"]
    for text, pieces in zip(texts, places(tokenizers["spelling", lower], texts), strict=True):
        assert_is_right(pieces, text, lower)


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("cafe\u0301s", ["c", "a", "f", "e\u0301", "s"]),
        ("the\ufe0f", ["t", "h", "e\ufe0f"]),
        ("e\u200d\u0301x", ["e\u200d\u0301", "x"]),
        ("e\u200dx\u0301\0\u0301\0", ["e", "x\u0301\0\u0301"]),
        (" \u0301x", ["x"]),
        ("\u0130\u0130", ["\u0130", "\u0130"]),
        ("한a", ["한", "한", "한", "a"]),
        ("!\u0301.", ["!\u0301", "."]),
        ("a\u302e\U00016ff0b", ["a", "\u302e\U00016ff0", "\u302e\U00016ff0", "b"]),
        ("a\U00016ff0\u302eb", ["a", "\U00016ff0", "\u302e", "b"]),
        ("a\u302e\u0301\U00016ff0b", ["a", "\u302e\u0301\U00016ff0", "\u302e\u0301\U00016ff0", "b"]),
    ],
)
def test_a_piece_of_an_uncased_model_has_the_characters_it_comes_from_and_their_accents(tokenizers, text, spans):
    (found,) = places(tokenizers["spelling", True], [text])
    assert [text[piece.start : piece.end] for piece in found] == spans


def test_unknown_words_are_whole_and_bytes_that_are_not_utf_8_do_not_count(tokenizers):
    text = "cafe\u0301 " + "w" * 300 + " \u13b3\u13b3 end"
    first, second = places(tokenizers["English", True], [text, b"\xff b\xc3"])
    assert [piece[1:] for piece in first] == [(0, 5), (6, 306), (307, 309), (310, 313)]
    assert second == [("b", 1, 2)]
