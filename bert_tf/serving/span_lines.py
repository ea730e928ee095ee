r"""Writes the named parts of texts: to read, as JSON lines, or as words with tags. Needs no TensorFlow.

to_read("Ann Lee came .", [TaggedSpan("Ann Lee", "PER", 0, 7, 0.98)])  # "[PER Ann Lee] came .\n"
"""

import dataclasses
import json
from collections.abc import Sequence

from bert_tf.data.tag_schemes import OUTSIDE
from bert_tf.errors import printable
from bert_tf.serving.tagged_span import TaggedSpan

Text = str | Sequence[str]


def to_read(text: Text, spans: Sequence[TaggedSpan]) -> str:
    r"""Returns a text as one line, with its parts in brackets after their types.

    Args:
        text: the text, or its words.
        spans: its parts.

    Example:
        >>> to_read(["Ann", "Lee", "came", "."], [TaggedSpan("Ann Lee", "PER", 0, 2, 0.98)])
        '[PER Ann Lee] came .\n'
    """
    whole, pieces, place = isinstance(text, str), [], 0
    for span in spans:
        pieces += [_joined(text[place : span.start]), f"[{span.type} {span.text}]"]
        place = span.end
    pieces = [piece for piece in (*pieces, _joined(text[place:])) if piece]
    return f"{printable(('' if whole else ' ').join(pieces))}\n"


def json_line(text: Text, spans: Sequence[TaggedSpan]) -> str:
    r"""Returns a text and its parts as a line of JSON.

    Example:
        >>> json_line("Ann came .", [TaggedSpan("Ann", "PER", 0, 3, 0.98)])
        '{"text": "Ann came .", "spans": [{"text": "Ann", "type": "PER", "start": 0, "end": 3, "score": 0.98}]}\n'
    """
    content = {"text" if isinstance(text, str) else "words": text, "spans": list(map(dataclasses.asdict, spans))}
    return f"{json.dumps(content, ensure_ascii=False)}\n"


def conll_lines(words: Sequence[str], spans: Sequence[TaggedSpan]) -> str:
    r"""Returns a line for each word, with its tag in BIO behind a tab, and an empty line.

    Example:
        >>> conll_lines(["Ann", "came"], [TaggedSpan("Ann", "PER", 0, 1, 0.98)])
        'Ann\tB-PER\ncame\tO\n\n'
    """
    tags = [OUTSIDE] * len(words)
    for span in spans:
        tags[span.start : span.end] = [f"B-{span.type}", *[f"I-{span.type}"] * (span.end - span.start - 1)]
    return "".join([*(f"{word}\t{tag}\n" for word, tag in zip(words, tags, strict=True)), "\n"])


def _joined(text: Text) -> str:
    return text if isinstance(text, str) else " ".join(text)
