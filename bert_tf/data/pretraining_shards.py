"""Cuts texts into shards, from which the examples of pre-training are made one by one. Needs no TensorFlow.

for shard in shards_of(TextFiles([Path("wiki.txt")]), shard_bytes=10_000_000):
    shard.number, shard.documents
"""

import hashlib
import random
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from bert_tf.data.pretraining_documents import TextFiles, bytes_of
from bert_tf.data.pretraining_instances import InstanceSettings
from bert_tf.remote import AnyPath


class Recipe(NamedTuple):
    """All that decides which examples are made of texts.

    Attributes:
        vocab_file: the vocabulary.
        do_lower_case: whether to lowercase the texts.
        language: that of the texts, to split their lines into sentences; None if a line is a sentence.
        random_seed: of all random draws.
        settings: how documents become instances.
    """

    vocab_file: AnyPath
    do_lower_case: bool
    language: str | None
    random_seed: int
    settings: InstanceSettings

    def rng_of_shard(self, number: int) -> random.Random:
        """Returns the source of a shard's random draws, which depends on the shard's number and on no other shard."""
        return random.Random(f"{self.random_seed}/{number}")  # noqa: S311


class Shard(NamedTuple):
    """Some documents whose examples are made together.

    Attributes:
        number: from 0.
        documents: the lines of each one.
        sha256: the hexadecimal digest of the lines.
        bytes_read: how much of the files was read until their end.
    """

    number: int
    documents: Sequence[Sequence[str]]
    sha256: str
    bytes_read: int


def shards_of(texts: TextFiles, shard_bytes: int) -> Iterator[Shard]:
    r"""Yields the documents of texts in shards of at least this size; the last one may be smaller.

    Args:
        texts: a document of more bytes than a shard is cut.
        shard_bytes: the size of the documents of a shard, as UTF-8.

    Raises:
        UserError: a file cannot be read, or is no UTF-8 text.

    Example:
        >>> from pathlib import Path
        >>> _ = Path("a.txt").write_text("It rains .\n\nIt pours .\n\nSnow falls .")
        >>> [shard.documents for shard in shards_of(TextFiles([Path("a.txt")]), shard_bytes=20)]
        [[['It rains .'], ['It pours .']], [['Snow falls .']]]
    """
    number, documents, size = 0, [], 0
    for document in texts.documents(longest=shard_bytes):
        documents.append(document)
        size += sum(map(bytes_of, document))
        if size >= shard_bytes:
            yield _shard(number, documents, texts)
            number, documents, size = number + 1, [], 0
    if documents:
        yield _shard(number, documents, texts)


def single_shard(texts: TextFiles) -> Shard:
    """Returns all documents of texts as one shard.

    Raises:
        UserError: a file cannot be read, or is no UTF-8 text.
    """
    return _shard(0, list(texts.documents()), texts)


def _shard(number: int, documents: Sequence[Sequence[str]], texts: TextFiles) -> Shard:
    return Shard(number, documents, _digest(documents), texts.bytes_read)


def _digest(documents: Iterable[Sequence[str]]) -> str:
    digest = hashlib.sha256()
    for document in documents:
        digest.update("\n".join([*document, "\n"]).encode())
    return digest.hexdigest()


class Made(NamedTuple):
    """Counts what was made of a shard, and what was dropped.

    Attributes:
        examples: that were written.
        documents: with at least one word piece.
        sentences: likewise.
        pieces: of these.
        unknown: the number of pieces that are `[UNK]`.
        dropped_lines: without a word piece.
        dropped_documents: likewise.
    """

    examples: int
    documents: int
    sentences: int
    pieces: int
    unknown: int
    dropped_lines: int
    dropped_documents: int
