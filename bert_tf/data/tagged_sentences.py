"""Sentences whose words have tags, from CoNLL files or JSON lines. Needs no TensorFlow.

data = read_tagged_sentences("train.conll", needs_tags=True)
data.sentences[0].words, data.sentences[0].tags
"""

import dataclasses
import hashlib
import itertools
import os
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from absl import logging

from bert_tf.data.conll_file import read_conll
from bert_tf.data.json_lines import SUFFIXES
from bert_tf.data.raw_sentences import RawSentence
from bert_tf.data.tag_schemes import BIO, IOB1, OUTSIDE, entities, find_scheme, is_tag, misplaced, to_bio
from bert_tf.data.tagged_json import read_tagged_json
from bert_tf.data.texts import Text, read_whole
from bert_tf.errors import UserError, counted, first_few, printable, shown
from bert_tf.remote import AnyPath, as_path

_JSON_START = re.compile(r'\[?\s*\{\s*"')
_TAG_FORM = "write O outside of entities, and B- or I- and a type inside, such as B-PER"


@dataclasses.dataclass(frozen=True, slots=True)
class TaggedSentence:
    """A sentence, and a tag for each of its words.

    Attributes:
        guid: its number in the file, from 0.
        words: as the file has them.
        tags: in BIO, whatever the file has; None if it has none, as a test set.
        document: the number of its document in the file, from 0. A file that names no documents is one.
        line: its first line in the file, from 1.
    """

    guid: str
    words: tuple[str, ...]
    tags: tuple[str, ...] | None
    document: int
    line: int


class TaggedData(NamedTuple):
    """The sentences of a file.

    Attributes:
        sentences: in the order of the file.
        scheme: of the file's tags: `"BIO"`, `"IOB1"` or `"BIOES"`; None if it has no tags.
    """

    sentences: list[TaggedSentence]
    scheme: str | None


def read_tagged_sentences(path: str | os.PathLike, needs_tags: bool) -> TaggedData:
    """Reads a CoNLL file, or JSON lines; the suffix and the first line say which. Logs what was found in one line.

    Args:
        path: of the file.
        needs_tags: False for a test set, whose tags may be missing or unknown; then none are read.

    Raises:
        UserError: the file cannot be read or has another form, it has no sentences, or a tag is missing or unknown.
    """
    path = as_path(path)
    name = printable(path)
    found = _with_known_tags(name, _read(path), needs_tags)
    scheme = None if found[0].tags is None else find_scheme(sentence.tags for sentence in found)
    sentences = [_tagged(number, sentence) for number, sentence in enumerate(found)]
    logging.info("%s: %s.", name, _description(sentences, scheme))
    if scheme not in (None, IOB1):
        _warn_of_misplaced(name, found)
    return TaggedData(sentences, scheme)


def sentences_digest(sentences: Sequence[TaggedSentence]) -> str:
    """Returns 16 hexadecimal digits that identify a data set: the SHA-256 of its words, tags and documents, in order.

    Equal entities have equal tags here, whatever the scheme of the file.

    Example:
        >>> sentences_digest([TaggedSentence("0", ("Alice", "sleeps"), ("B-PER", "O"), 0, 1)])
        '301ea5e9d528e806'
    """
    content = hashlib.sha256()
    for sentence in sentences:
        content.update(repr((sentence.words, sentence.tags, sentence.document)).encode())
    return content.hexdigest()[:16]


def entity_types(sentences: Iterable[TaggedSentence]) -> tuple[str, ...]:
    """Returns the types of all entities, sorted.

    Example:
        >>> entity_types([TaggedSentence("0", ("Alice", "in", "Rome"), ("B-PER", "O", "B-LOC"), 0, 1)])
        ('LOC', 'PER')
    """
    tags = set(itertools.chain.from_iterable(sentence.tags or () for sentence in sentences))
    return tuple(sorted({tag[2:] for tag in tags - {OUTSIDE}}))


def tag_names(types: Iterable[str]) -> tuple[str, ...]:
    """Returns the tags that words can have, in BIO, in the order of a head's outputs.

    Example:
        >>> tag_names(["LOC", "PER"])
        ('O', 'B-LOC', 'I-LOC', 'B-PER', 'I-PER')
    """
    return (OUTSIDE, *(f"{prefix}-{each}" for each in types for prefix in "BI"))


def _read(path: AnyPath) -> list[RawSentence]:
    name = printable(path)
    text = read_whole(path)
    found = list(read_tagged_json(path, text)) if _is_json(path, text) else read_conll(name, text)
    if not found:
        raise UserError(f"{name}:1: there is no sentence in the file; check that it was written completely")
    return found


def _is_json(path: AnyPath, text: Text) -> bool:
    return path.suffix.lower() in SUFFIXES or _JSON_START.match(text.start) is not None


def _with_known_tags(name: str, found: list[RawSentence], needs_tags: bool) -> list[RawSentence]:
    """Returns the sentences; without tags if one is missing or unknown.

    Raises:
        UserError: one is missing or unknown, and they are needed.
    """
    problem = _first_problem(name, found)
    if not problem:
        return found
    if needs_tags:
        raise UserError(f"{problem}; {_TAG_FORM}")
    if any(sentence.tags is not None for sentence in found):
        logging.warning("%s; the file is read without tags.", problem)
    return [sentence._replace(tags=None) for sentence in found]


def _first_problem(name: str, found: Sequence[RawSentence]) -> str:
    """Returns where the first tag is missing or unknown; "" if all tags can be read."""
    for sentence in found:
        if sentence.tags is None:
            return f"{name}:{sentence.lines[0]}: there is no tag"
        for line, tag in zip(sentence.lines, sentence.tags, strict=True):
            if not is_tag(tag):
                return f"{name}:{line}: unknown tag {shown(tag)}"
    return ""


def _tagged(number: int, sentence: RawSentence) -> TaggedSentence:
    tags = None if sentence.tags is None else to_bio(sentence.tags)
    return TaggedSentence(str(number), tuple(sentence.words), tags, sentence.document, sentence.lines[0])


def _description(sentences: Sequence[TaggedSentence], scheme: str | None) -> str:
    num_words = sum(len(sentence.words) for sentence in sentences)
    size = f"{counted(len(sentences), 'sentence')} of {counted(num_words, 'word')}"
    if sentences[-1].document:
        size += f" in {counted(sentences[-1].document + 1, 'document')}"
    if scheme is None:
        return f"{size}, without tags"
    num_entities = sum(len(entities(sentence.tags)) for sentence in sentences)
    types = entity_types(sentences)
    marked = f"{num_entities:,} {'entity' if num_entities == 1 else 'entities'}"
    named = f"{marked} of {counted(len(types), 'type')} ({first_few(types)})" if types else marked
    return f"{size}, {named}; tags are {scheme}{'' if scheme == BIO else ', read as BIO'}"


def _warn_of_misplaced(name: str, found: Sequence[RawSentence]) -> None:
    lines = [sentence.lines[word] for sentence in found for word in misplaced(sentence.tags)]
    if lines:
        tags = "a tag continues" if len(lines) == 1 else f"this tag and {len(lines) - 1:,} more continue"
        logging.warning("%s:%d: %s no entity; read as B-, as conlleval does.", name, lines[0], tags)
