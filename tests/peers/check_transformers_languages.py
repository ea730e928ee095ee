"""Compares the word pieces of many languages with those of transformers' tokenizer in plain Python.

    python -m venv /tmp/peer && /tmp/peer/bin/pip install torch transformers
    PYTHONPATH=tests python tests/peers/check_transformers_languages.py --peer=/tmp/peer/bin/python [FOLDER]

The optional folder holds XQuAD's files. transformers differs from the original in two rules: it composes a text first
(NFC), so that a decomposed one can have other pieces, and it drops private and unassigned characters. Texts that these
rules change are counted apart.
"""

import json
import random
import subprocess
import sys
import tempfile
import unicodedata
from pathlib import Path


def main() -> None:
    peer, folders = sys.argv[1].removeprefix("--peer="), sys.argv[2:]
    from support.languages import texts_of_all_languages
    from support.random_texts import random_code_points, random_text

    rng = random.Random(0)
    texts = {
        "all languages": texts_of_all_languages(),
        "random": [make(rng) for make in (random_text, random_code_points) for _ in range(10_000)],
    }
    texts |= {
        f"XQuAD, {path.name}": contexts(path) for folder in folders for path in sorted(Path(folder).glob("*.json"))
    }
    with tempfile.TemporaryDirectory() as folder:
        for lower in (True, False):
            for name, some in texts.items():
                compare(peer, Path(folder), f"{name}, {'uncased' if lower else 'cased'}", some, lower)


def contexts(path: Path) -> list[str]:
    articles = json.loads(path.read_text(encoding="utf-8"))["data"]
    return [paragraph["context"] for article in articles for paragraph in article["paragraphs"]]


def compare(peer: str, folder: Path, title: str, texts: list[str], lower: bool) -> None:
    from support.vocabularies import multilingual_pieces, write_vocabulary

    from bert_tf.data.tokenization import FullTokenizer

    vocab = write_vocabulary(folder / "vocab.txt", multilingual_pieces(lower))
    job = folder / "job.json"
    job.write_text(json.dumps({"vocab": str(vocab), "lower": lower, "texts": texts}))
    subprocess.run([peer, __file__, "--answer", str(job)], check=True)
    ours, theirs = FullTokenizer(vocab, lower).tokenize(texts), json.loads(job.read_text())
    others = [text for text, own, other in zip(texts, ours, theirs, strict=True) if own != other]
    surprising = [text for text in others if not is_changed(text)]
    changed = sum(map(is_changed, texts))
    print(
        f"{title}: {len(surprising)} of {len(texts) - changed} texts have other pieces, "
        f"and {len(others) - len(surprising)} of {changed} that the rules of transformers change"
    )
    for text in surprising[:3]:
        print("   ", ascii(text))


def is_changed(text: str) -> bool:
    categories = [unicodedata.category(char) for char in text]
    kept = "".join(char for char, each in zip(text, categories, strict=True) if each not in ("Cc", "Cf"))
    return not unicodedata.is_normalized("NFC", kept) or bool({"Cn", "Co"}.intersection(categories))


def answer(path: Path) -> None:
    """Computes the peer's side, in its environment."""
    from transformers.models.bert.tokenization_bert_legacy import BertTokenizerLegacy

    job = json.loads(path.read_text())
    tokenizer = BertTokenizerLegacy(job["vocab"], do_lower_case=job["lower"])
    # The original has a limit of 200 characters in a word; transformers of 100.
    tokenizer.wordpiece_tokenizer.max_input_chars_per_word = 200
    path.write_text(json.dumps([tokenizer.tokenize(text) for text in job["texts"]]))


if __name__ == "__main__":
    if sys.argv[1] == "--answer":
        answer(Path(sys.argv[2]))
    else:
        main()
