"""Vocabularies of the kinds that BERT's models have, made without any corpus."""

# ruff: noqa: RUF001 (letters that look like others are what is tested)

import random
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from support.languages import texts_of_all_languages
from support.piece_places import words_of
from support.random_texts import random_text

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def write_vocabulary(file: Path, pieces: Iterable[str]) -> Path:
    """Writes `vocab.txt`: BERT's own tokens, then the pieces."""
    file.write_text("".join(f"{piece}\n" for piece in (*SPECIAL, *pieces)), encoding="utf-8", newline="\n")
    return file


def spelling_pieces() -> list[str]:
    """Each character of Unicode as a piece, so that no difference hides behind an [UNK]."""
    every = (chr(code_point) for code_point in range(0x110000))
    letters = [c for c in every if unicodedata.category(c) not in ("Cc", "Cf", "Cn", "Co", "Cs") and not c.isspace()]
    return [piece for letter in letters for piece in (letter, f"##{letter}") if letter != "\ufffd"]


def chinese_pieces() -> list[str]:
    """As in BERT's Chinese vocabulary: Chinese characters, each also as the rest of a word, and a few Latin pieces."""
    chinese = [chr(code_point) for code_point in range(0x4E00, 0x9FA6)]
    latin = [*"abcdefghijklmnopqrstuvwxyz0123456789", "the", "##ing", "##er", "20", "##18", "##00"]
    marks = list("!\"#$%&'()*+,-./:;<=>?@[]^_`{|}~，。！？、；：“”（）《》·—…")
    return [*chinese, *marks, *latin, *(f"##{letter}" for letter in (*chinese, *latin[:36]))]


def multilingual_pieces(lower: bool, num_merged: int = 4000) -> list[str]:
    """As in BERT's multilingual vocabularies: letters of many scripts, most of them, and parts of words."""
    rng = random.Random(7)
    texts = [*texts_of_all_languages(), *(random_text(rng) for _ in range(1500))]
    words = ["".join(letter.char for letter in word) for text in texts for word in words_of(text, lower)]
    letters = sorted(letter for letter in set("".join(words)) if rng.random() < 0.97)
    parts = [word[start : start + rng.randint(2, 5)] for word in words for start in range(len(word) - 1)]
    merged = sorted(rng.sample(sorted(set(parts)), num_merged))
    return [piece for part in (*letters, *merged) for piece in (part, f"##{part}")]
