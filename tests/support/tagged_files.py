"""Small files of sentences with tags, which a tiny model can learn."""

import random
from collections.abc import Mapping
from pathlib import Path

from support.tiny import WORDS

# The words that are part of an entity, by type; all others are O.
NAMES = {"LOC": WORDS[75:80], "ORG": WORDS[80:85], "PER": WORDS[85:90]}
_SENTENCES_OF_DOCUMENT = 5


def draw_sentence(draw: random.Random, longest: int = 30) -> list[tuple[str, str]]:
    """Draws words and their tags: random words, with entities of one to three words."""
    words = []
    for _ in range(draw.randint(1, longest // 3)):
        name = draw.choice([None, *NAMES])
        if name is None:
            words += [(word, "O") for word in draw.choices(WORDS[:75], k=2)]
        else:
            parts = draw.choices(NAMES[name], k=draw.randint(1, 3))
            words += [(part, f"{'I' if place else 'B'}-{name}") for place, part in enumerate(parts)]
            words.append((draw.choice(WORDS[:75]), "O"))
    return words


def write_tagged_files(folder: Path, sizes: Mapping[str, int], has_tags: bool = True) -> Path:
    """Writes `NAME.conll` for each name and number of sentences; a document has five."""
    draw = random.Random(0)
    folder.mkdir(exist_ok=True)
    for name, size in sizes.items():
        lines = []
        for number in range(size):
            lines += [] if number % _SENTENCES_OF_DOCUMENT else ["-DOCSTART- O" if has_tags else "-DOCSTART-", ""]
            lines += [f"{word} {tag}" if has_tags else word for word, tag in draw_sentence(draw)]
            lines.append("")
        (folder / f"{name}.conll").write_text("\n".join(lines))
    return folder


def read_columns(path: Path) -> list[list[list[str]]]:
    """Reads the sentences of a file of columns, without the code under test."""
    parts = path.read_text().split("\n\n")
    sentences = [[line.split() for line in part.splitlines() if line.strip()] for part in parts]
    return [rows for rows in sentences if rows and rows[0][0] != "-DOCSTART-"]
