"""Word pieces and casing from Hugging Face's `tokenizer.json`."""

import json
from pathlib import Path

import pytest

from bert_tf.checkpoints.tokenizer_json import lowercases, vocabulary_from
from bert_tf.data.vocabulary import load_vocab
from bert_tf.errors import UserError

PIECES = {"[PAD]": 0, "[UNK]": 1, "The": 3, "##s": 2}


def write(folder: Path, **fields) -> Path:
    path = folder / "tokenizer.json"
    path.write_text(json.dumps(fields))
    return path


def wordpiece(**fields) -> dict:
    return {"type": "WordPiece", "continuing_subword_prefix": "##", "vocab": PIECES} | fields


def test_the_pieces_become_a_vocabulary_in_the_order_of_their_ids(tmp_path, cache):
    vocab_file = vocabulary_from(write(tmp_path, model=wordpiece()))
    assert vocab_file.is_relative_to(cache)
    assert load_vocab(vocab_file) == PIECES


def test_pieces_that_users_added_are_in_the_vocabulary(tmp_path, cache):
    added = [{"id": 4, "content": "[NEW]"}, {"id": 1, "content": "[UNK]"}]
    vocab_file = vocabulary_from(write(tmp_path, model=wordpiece(), added_tokens=added))
    assert load_vocab(vocab_file) == PIECES | {"[NEW]": 4}


def test_a_piece_that_no_line_can_hold_keeps_its_place(tmp_path, cache):
    pieces = ["[UNK]", "a", "\n", "a ", "c\nd", "b"]
    vocab = {piece: number for number, piece in enumerate(pieces)}
    vocab_file = vocabulary_from(write(tmp_path, model=wordpiece(vocab=vocab)))
    assert load_vocab(vocab_file) == {"[UNK]": 0, "a": 1, "": 4, "b": 5}


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"model": wordpiece(type="BPE")}, "its model is 'BPE', not BERT's 'WordPiece'"),
        ({"model": wordpiece(continuing_subword_prefix="@@")}, "do not continue with ##"),
        ({"model": wordpiece(vocab={"a": 0, "b": 2**31})}, "the ids of its pieces are not 0, 1, 2"),
        ({"model": wordpiece(vocab={"a": 0, "b": 0})}, "the ids of its pieces are not 0, 1, 2"),
        ({"model": wordpiece(vocab={"a": "0"})}, "the ids of its pieces are not 0, 1, 2"),
        ({"model": wordpiece(vocab={})}, "the ids of its pieces are not 0, 1, 2"),
        ({"model": wordpiece(vocab={"a": 0, "b": None})}, "TypeError"),
        ({"model": wordpiece(vocab=["a"])}, "TypeError"),
        ({"model": wordpiece(vocab={"\ud800": 0})}, "surrogates not allowed"),
        ({"model": wordpiece(), "added_tokens": [7]}, "TypeError"),
        ({"model": None}, "AttributeError"),
        ({}, "KeyError: 'model'"),
    ],
)
def test_a_tokenizer_without_a_vocabulary_for_bert_is_refused_in_one_line(tmp_path, cache, fields, reason):
    path = write(tmp_path, **fields)
    with pytest.raises(UserError) as error:
        vocabulary_from(path)
    assert str(error.value).startswith(f"{path}: has no vocabulary that can be used (")
    assert reason in str(error.value)
    assert str(error.value).isprintable()


BERT = {"type": "BertNormalizer", "lowercase": True}


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({}, None),
        ({"normalizer": None}, False),
        ({"normalizer": BERT}, True),
        ({"normalizer": BERT | {"lowercase": False}}, False),
        ({"normalizer": {"type": "Lowercase"}}, True),
        ({"normalizer": {"type": "NFKC"}}, False),
        ({"normalizer": {"type": "Sequence", "normalizers": [{"type": "NFD"}, {"type": "Lowercase"}]}}, True),
        ({"normalizer": {"type": "Sequence", "normalizers": [{"type": "NFD"}, {"type": "StripAccents"}]}}, False),
    ],
)
def test_the_normalizer_says_whether_text_is_lowercased(tmp_path, fields, found):
    assert lowercases(write(tmp_path, **fields)) is found


@pytest.mark.parametrize(
    "content",
    [
        *("", "[]", "{", "[" * 100_000, '{"normalizer": 7}', '{"normalizer": {}}'),
        '{"normalizer": {"type": "BertNormalizer", "lowercase": "no"}}',
        '{"normalizer": %s}' % ('{"type":"Sequence","normalizers":[' * 300 + "7" + "]}" * 300),
    ],
)
def test_a_damaged_file_is_refused_in_one_line(tmp_path, content):
    path = tmp_path / "tokenizer.json"
    path.write_text(content)
    with pytest.raises(UserError) as error:
        lowercases(path)
    assert str(error.value).startswith(f"{path}: cannot be read (")
    assert str(error.value).isprintable()
