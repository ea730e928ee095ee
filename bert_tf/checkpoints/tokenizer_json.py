"""Reads Hugging Face's `tokenizer.json`: its word pieces, and whether it lowercases. Needs no TensorFlow.

transformers 5 writes this file in place of `vocab.txt`.
"""

import hashlib
from pathlib import Path

from bert_tf.checkpoints.cache import cached_folder
from bert_tf.errors import reading, shown
from bert_tf.files import read_json
from bert_tf.remote import AnyPath

NAME = "tokenizer.json"
# Its form of a vocabulary of half a million pieces has 15 MB.
_MAX_BYTES = 64 << 20


def vocabulary_from(path: AnyPath) -> Path:
    """Writes the word pieces of a `tokenizer.json` into a vocabulary file in the cache.

    Returns:
        The path of the `vocab.txt`.

    Raises:
        UserError: the file cannot be read, or it is not the tokenizer of a BERT.

    Example:
        vocab_file = vocabulary_from(Path("my-model/tokenizer.json"))
    """
    with reading(path, "copy the model's vocab.txt there", "has no vocabulary that can be used"):
        content = "".join(f"{piece}\n" for piece in _pieces(read_json(path, _MAX_BYTES))).encode()
    name = f"vocab-{hashlib.sha256(content).hexdigest()[:32]}"
    return cached_folder(name, lambda _, folder: (folder / "vocab.txt").write_bytes(content)) / "vocab.txt"


def lowercases(path: AnyPath) -> bool | None:
    """Returns True if the tokenizer lowercases text, None if the file does not say.

    Raises:
        UserError: the file cannot be read.
    """
    with reading(path, "repair or remove it"):
        tokenizer = read_json(path, _MAX_BYTES)
        return _normalizer_lowercases(tokenizer["normalizer"]) if "normalizer" in tokenizer else None


def added_tokens(path: AnyPath) -> list[str]:
    """Returns the tokens that were added to a tokenizer after its vocabulary was made.

    transformers finds them in a text before it looks for words; BERT's own tokenizer does not.

    Raises:
        UserError: the file cannot be read.
    """
    with reading(path, "repair or remove it"):
        tokenizer = read_json(path, _MAX_BYTES)
        pieces = tokenizer.get("model", {}).get("vocab", {})
        added = [token["content"] for token in tokenizer.get("added_tokens") or []]
        return [token for token in added if pieces and token not in pieces]


def _normalizer_lowercases(normalizer: dict | None) -> bool:
    if normalizer is None:
        return False
    if normalizer["type"] == "Sequence":
        return any(_normalizer_lowercases(each) for each in normalizer["normalizers"])
    if normalizer["type"] != "BertNormalizer":
        return normalizer["type"] == "Lowercase"
    if not isinstance(normalizer["lowercase"], bool):
        raise ValueError(f"lowercase is {shown(normalizer['lowercase'])}, not true or false")
    return normalizer["lowercase"]


def _pieces(tokenizer: dict) -> list[str]:
    """Returns the word pieces in the order of their ids; an empty one for one that no word can contain."""
    model = tokenizer["model"]
    kind = model.get("type", "WordPiece")
    if kind != "WordPiece":
        raise ValueError(f"its model is {shown(kind)}, not BERT's 'WordPiece'")
    if model.get("continuing_subword_prefix", "##") != "##":
        raise ValueError("its pieces do not continue with ##")
    ids = model["vocab"] | {token["content"]: token["id"] for token in tokenizer.get("added_tokens") or []}
    if not ids or sorted(ids.values()) != list(range(len(ids))):
        raise ValueError("the ids of its pieces are not 0, 1, 2 and so on")
    # A piece with a line end would move all after it to other ids.
    return [piece if piece.split() == [piece] else "" for piece in sorted(ids, key=ids.get)]
