"""Words of strings, as the original's `BasicTokenizer` finds them."""

import json

import pytest

from bert_tf.data.basic_tokenizer import basic_tokens


def test_the_words_are_those_of_the_original_s_word_pieces_on_every_golden_line(golden):
    lines = map(json.loads, (golden / "tokenization.jsonl").read_text(encoding="utf-8").splitlines())
    known = [line for line in lines if "[UNK]" not in line["tokens"]]  # An unknown word does not show its letters.
    assert len(known) == 1116
    for line in known:
        words = " ".join(line["tokens"]).replace(" ##", "").split()
        assert basic_tokens(line["text"], line["do_lower_case"]) == words, ascii(line["text"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        (" \t\n ", []),
        ("a\x00b\x1fc\u200bd", ["abcd"]),  # The original drops controls; Python splits at U+001F.
        ("a\u00a0b\u2028c\u3000d", ["a", "b", "c", "d"]),
        ("$5.50^x", ["$", "5", ".", "50", "^", "x"]),
        ("\u4e2d\u6587x\ud55c\uad6d", ["\u4e2d", "\u6587", "x\ud55c\uad6d"]),
        ("\u00c9t\u00e9 \u0130x", ["\u00c9t\u00e9", "\u0130x"]),
    ],
)
def test_cased_words(text, words):
    assert basic_tokens(text, do_lower_case=False) == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("\u00c9t\u00e9 \u0130x", ["ete", "ix"]),
        ("\u039f\u03a3 \u039f\u03a3\u0391", ["\u03bf\u03c2", "\u03bf\u03c3\u03b1"]),  # A final sigma, and another.
        ("O\u0301'Neil", ["o", "'", "neil"]),
    ],
)
def test_uncased_words_have_no_accents(text, words):
    assert basic_tokens(text, do_lower_case=True) == words
