"""Reads sentences from JSON lines. Needs no TensorFlow.

    {"words": ["Alice", "sleeps"], "tags": ["B-PER", "O"], "document": "a"}

The keys may also be "tokens" and "ner_tags". Each change of "document" begins a document; it may be missing.
"""

from collections.abc import Iterator, Sequence

from bert_tf.data.examples import is_unicode
from bert_tf.data.json_lines import JsonLinesFile
from bert_tf.data.raw_sentences import RawSentence
from bert_tf.data.texts import Text
from bert_tf.errors import UserError, counted, shown, with_type
from bert_tf.remote import AnyPath

_WORDS = ("words", "tokens")
_TAGS = ("tags", "ner_tags")
_EXAMPLE = '{"words": ["Alice", "sleeps"], "tags": ["B-PER", "O"]}'
_FORM = f"write one sentence a line, such as {_EXAMPLE}"
# They end a word or a line of the files that predictions are written to.
_NOT_IN_WORDS = frozenset("\t\r\n\0")


def read_tagged_json(path: AnyPath, text: Text) -> Iterator[RawSentence]:
    """Yields the sentences of a file.

    Args:
        path: of the file.
        text: of the file.

    Raises:
        UserError: a line is no JSON object, or has no or unusual words, or another number of tags.
    """
    source = JsonLinesFile(path, lambda _: text, _EXAMPLE)
    document = 0
    before = None
    for number, row in enumerate(source.whole_rows()):
        content = dict(zip(row.names, row.cells, strict=True))
        document += number > 0 and content.get("document") != before
        before = content.get("document")
        where = source.where(row.place)
        words = _words(where, content)
        yield RawSentence(words, _tags(where, content, len(words)), document, [row.place] * len(words))


def _words(where: str, content: dict) -> Sequence[str]:
    key = _key(content, _WORDS)
    if key is None:
        raise UserError(f'{where}: has no "words" or "tokens"; {_FORM}')
    words = _list(where, key, content[key])
    if not words:
        raise UserError(f'{where}: there is no word in "{key}"; remove the line')
    for index, word in enumerate(words):
        problem = _word_problem(word)
        if problem:
            raise UserError(f'{where}: "{key}"[{index}] {problem}; {_FORM}')
    return words


def _word_problem(word: object) -> str:
    if not isinstance(word, str):
        return f"is {with_type(word)}, but must be a text"
    if not word.strip(" "):
        return "is empty"
    if not _NOT_IN_WORDS.isdisjoint(word):
        return f"has a tab, a line end or a NUL character in it: {shown(word)}"
    return "" if is_unicode(word) else "has half of a surrogate pair, which is no character"


def _tags(where: str, content: dict, wanted: int) -> Sequence[object] | None:
    key = _key(content, _TAGS)
    if key is None:
        return None
    tags = _list(where, key, content[key])
    if len(tags) != wanted:
        raise UserError(f"{where}: has {counted(wanted, 'word')}, but {counted(len(tags), 'tag')}; {_FORM}")
    return tags


def _key(content: dict, names: Sequence[str]) -> str | None:
    """Returns the first of these keys that the object has a value for."""
    return next((name for name in names if content.get(name) is not None), None)


def _list(where: str, key: str, value: object) -> list:
    if not isinstance(value, list):
        raise UserError(f'{where}: has {with_type(value)} as "{key}", which must be a list; {_FORM}')
    return value
