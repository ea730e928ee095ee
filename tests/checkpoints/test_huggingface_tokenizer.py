"""Hugging Face's tokenizer.json cuts texts as ours does. Its rules are followed here in plain Python.

`tests/peers/check_transformers.py` runs transformers itself.
"""

import json
import random
import re
import unicodedata

import pytest
from support.paths import GOLDEN

from bert_tf.checkpoints.huggingface_tokenizer import tokenizer_config, tokenizer_json
from bert_tf.data.tokenization import FullTokenizer

pytestmark = pytest.mark.slow
# Letters whose case is special, accents and marks, white space, dropped characters, Chinese and punctuation.
HARD = (
    "aAzZ\u00e9\u00c9\u03a3\u03c2\u03c3\u0130\u0131\u00df'.:- \t\n\u00a0\u0300\u0301\u0316\U0001d165\u302e\u00ad"
    "\u4e2d\u3400\ufa0e\uff01[]CLS#\u2028\x00\ufffd\U00011938"
)
both_casings = pytest.mark.parametrize("lower", [True, False], ids=["uncased", "cased"])


class Rules:
    """Follows a tokenizer.json as the tokenizers library does, one rule after the other."""

    def __init__(self, content: dict):
        self.normalizers = [self.normalizer(rule) for rule in content["normalizer"]["normalizers"]]
        white_space, split = content["pre_tokenizer"]["pretokenizers"]
        assert white_space == {"type": "WhitespaceSplit"} and split["behavior"] == "Isolated"
        self.single = re.compile(f"({split['pattern']['Regex']})")
        self.model = content["model"]

    def normalizer(self, rule: dict):
        if rule["type"] == "Lowercase":
            # Rust's to_lowercase of each character: no final sigma.
            return lambda text: "".join(map(str.lower, text))
        if rule["type"] == "NFD":
            return lambda text: unicodedata.normalize("NFD", text)
        assert rule["type"] == "Replace"
        # Python has no lookbehind of any length; a group in its place matches the same sigmas.
        pattern = rule["pattern"]["Regex"]
        kept = r"\1" if pattern.startswith("(?<=") else ""
        compiled = re.compile(pattern.replace("(?<=", "(", 1))
        return lambda text: compiled.sub(kept + rule["content"], text)

    def tokenize(self, text: str) -> list[str]:
        for normalize in self.normalizers:
            text = normalize(text)
        words = (part for word in text.split() for part in self.single.split(word) if part)
        return [piece for word in words for piece in self.pieces(word)]

    def pieces(self, word: str) -> list[str]:
        unknown, prefix = self.model["unk_token"], self.model["continuing_subword_prefix"]
        if len(word) > self.model["max_input_chars_per_word"]:
            return [unknown]
        found = []
        while word:
            start = prefix if found else ""
            fitting = (end for end in range(len(word), 0, -1) if start + word[:end] in self.model["vocab"])
            end = next(fitting, None)
            if end is None:
                return [unknown]
            found.append(start + word[:end])
            word = word[end:]
        return found


@pytest.fixture(scope="module")
def tokenizers(vocab_file) -> dict[bool, FullTokenizer]:
    return {lower: FullTokenizer(vocab_file, lower) for lower in (True, False)}


@pytest.fixture(scope="module")
def rules(tokenizers) -> dict[bool, Rules]:
    # As a file keeps it.
    return {
        lower: Rules(json.loads(json.dumps(tokenizer_json(tokenizers[lower].vocab, lower)))) for lower in (True, False)
    }


@both_casings
def test_every_golden_text_is_cut_as_by_the_original(rules, lower):
    lines = [json.loads(line) for line in (GOLDEN / "tokenization.jsonl").read_text(encoding="utf-8").splitlines()]
    for line in lines:
        if line["do_lower_case"] == lower:
            assert rules[lower].tokenize(line["text"]) == line["tokens"], ascii(line["text"])


@both_casings
def test_every_character_is_cut_as_by_ours(rules, tokenizers, lower):
    texts = [f"a{chr(c)}b {chr(c)}" for c in range(0x110000) if not 0xD800 <= c < 0xE000]
    assigned = [text for text in texts if unicodedata.category(text[1]) not in ("Cn", "Co")]
    for text, pieces in zip(assigned, tokenizers[lower].tokenize(assigned), strict=True):
        assert rules[lower].tokenize(text) == pieces, ascii(text)


@both_casings
def test_texts_of_hard_characters_are_cut_as_by_ours(rules, tokenizers, lower):
    draw = random.Random(0)
    texts = ["".join(draw.choices(HARD, k=draw.randint(1, 12))) for _ in range(20_000)]
    for text, pieces in zip(texts, tokenizers[lower].tokenize(texts), strict=True):
        assert rules[lower].tokenize(text) == pieces, ascii(text)


@pytest.mark.parametrize("length", [100, 101, 200, 201])
def test_long_words_are_unknown_from_where_they_are_for_the_original(rules, tokenizers, length):
    assert rules[True].tokenize("a" * length) == tokenizers[True].tokenize("a" * length)


def test_special_pieces_are_those_of_the_vocabulary():
    vocab = {"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "a": 3}
    content, config = tokenizer_json(vocab, True), tokenizer_config(vocab, True, 48)
    assert [(token["content"], token["id"]) for token in content["added_tokens"]] == [
        ("[UNK]", 0),
        ("[CLS]", 1),
        ("[SEP]", 2),
    ]
    assert {name: value for name, value in config.items() if name.endswith("_token")} == {
        "unk_token": "[UNK]",
        "cls_token": "[CLS]",
        "sep_token": "[SEP]",
    }
    assert config["model_max_length"] == 48 and config["split_special_tokens"] is True
    assert content["post_processor"]["special_tokens"]["[SEP]"]["ids"] == [2]
