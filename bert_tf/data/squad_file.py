r"""Reads files in SQuAD's form, version 1.1 or 2.0, and checks all that is in them. Needs no TensorFlow.

for paragraph in read_paragraphs("dev-v1.1.json"):
    for question in paragraph.questions:
        print(question.text, question.answers)
"""

import dataclasses
import json
import os
from collections.abc import Iterator
from typing import NamedTuple

from bert_tf.data.examples import is_unicode
from bert_tf.data.text_files import read_text
from bert_tf.errors import UserError, printable, reading, shown, with_type
from bert_tf.remote import as_path

_QUESTION = '{"id": ..., "question": ..., "answers": [{"text": ..., "answer_start": ...}]}'
_FORM = f'SQuAD\'s form is {{"data": [{{"paragraphs": [{{"context": ..., "qas": [{_QUESTION}]}}]}}]}}'
_TYPES = {str: "a text", list: "a list", dict: "an object", bool: "true or false", int: "a whole number"}


@dataclasses.dataclass(frozen=True, slots=True)
class Place:
    """A part of a file, for messages.

    Attributes:
        file: the name of the file.
        path: the keys and indices that lead to the part.
        names: kind and name of the part and of those around it, as far as they have one.

    Example:
        >>> print(Place("dev.json").at("data", 3).named("article", "Yuan_dynasty"))
        dev.json: data[3], article 'Yuan_dynasty'
    """

    file: str
    path: str = ""
    names: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        names = "".join(f", {kind} {shown(name)}" for kind, name in self.names if name)
        return f"{self.file}: {self.path or 'the file'}{names}"

    def at(self, key: str, index: int) -> "Place":
        """Returns the place of an element of a list below this one."""
        return Place(self.file, f"{self.path}{'.' if self.path else ''}{key}[{index}]", self.names)

    def named(self, kind: str, name: str) -> "Place":
        """Returns this place with a further name, which a reader can search for."""
        return Place(self.file, self.path, (*self.names, (kind, name)))

    def error(self, problem: str, remedy: str = _FORM) -> UserError:
        """Returns the error to raise if something is wrong here."""
        return UserError(f"{self} {problem}; {remedy}")


class Answer(NamedTuple):
    """An answer as the file has it.

    Attributes:
        text: of the answer.
        start: its `answer_start`, unchecked, because only a training needs it; None if it is missing.
    """

    text: str
    start: object


class Question(NamedTuple):
    """A question as the file has it.

    Attributes:
        place: of the question in the file.
        qas_id: its id.
        text: of the question.
        answers: None if the file does not say.
        is_impossible: None if the file does not say.
    """

    place: Place
    qas_id: str
    text: str
    answers: tuple[Answer, ...] | None
    is_impossible: bool | None


class Paragraph(NamedTuple):
    """A text and the questions on it.

    Attributes:
        title: of its article; "" if it has none.
        context: the text.
        questions: on it.
    """

    title: str
    context: str
    questions: list[Question]


def read_paragraphs(path: str | os.PathLike) -> Iterator[Paragraph]:
    """Yields the paragraphs of a file.

    Raises:
        UserError: the file cannot be read, is not JSON, or has another form.
    """
    root = Place(printable(os.fspath(path)))
    content = _parse(path)
    if not isinstance(content, dict):
        raise root.error(f"is {_kind(content)}, but must be an object")
    for article_place, article in _objects(root, content, "data"):
        yield from paragraphs_of(article_place, article)


def paragraphs_of(article_place: Place, article: object) -> Iterator[Paragraph]:
    """Yields the paragraphs of an article.

    Args:
        article_place: its place in the file.
        article: the element of the list "data".

    Raises:
        UserError: it has another form.
    """
    if not isinstance(article, dict):
        raise article_place.error(f"is {_kind(article)}, but must be an object")
    title = _title(article_place, article)
    for place, paragraph in _objects(article_place.named("article", title), article, "paragraphs"):
        context = _value(place, paragraph, "context", str)
        questions = [_question(*found) for found in _objects(place, paragraph, "qas")]
        yield Paragraph(title, context, questions)


def integer(place: Place, name: str, value: object) -> int:
    """Returns a whole number of the file.

    Raises:
        UserError: it is something else.
    """
    return _checked(place, name, value, int)


def _parse(path: str | os.PathLike) -> object:
    name = printable(os.fspath(path))
    remedy = "check that the file was written completely"
    text = read_text(as_path(path), "check the path")
    with reading(name, remedy, "is not JSON"):
        try:
            return json.loads(text)
        except json.JSONDecodeError as error:
            problem = f"is not JSON ({error.msg}, column {error.colno})"
            raise UserError(f"{name}:{error.lineno}: {problem}; {remedy}") from None


def _objects(place: Place, parent: dict, key: str) -> Iterator[tuple[Place, dict]]:
    """Yields the objects of the list that is the value of a key, each with its place."""
    for index, content in enumerate(_value(place, parent, key, list)):
        at = place.at(key, index)
        if not isinstance(content, dict):
            raise at.error(f"is {_kind(content)}, but must be an object")
        yield at, content


def _title(place: Place, article: dict) -> str:
    """Returns the title, which the original does not read and files without articles do not have."""
    return "" if article.get("title") is None else _value(place, article, "title", str)


def _question(place: Place, content: dict) -> Question:
    qas_id = _value(place, content, "id", str)
    place = place.named("question", qas_id)
    text = _value(place, content, "question", str)
    is_impossible = _value(place, content, "is_impossible", bool) if "is_impossible" in content else None
    return Question(place, qas_id, text, _answers(place, content), is_impossible)


def _answers(place: Place, question: dict) -> tuple[Answer, ...] | None:
    if question.get("answers") is None:
        return None
    found = _objects(place, question, "answers")
    return tuple(Answer(_value(at, answer, "text", str), answer.get("answer_start")) for at, answer in found)


def _value(place: Place, parent: dict, key: str, kind: type) -> object:
    """Returns the value of a key, which must be of this type."""
    if key not in parent:
        raise place.error(f'has no "{key}"')
    return _checked(place, key, parent[key], kind)


def _checked(place: Place, name: str, value: object, kind: type) -> object:
    # True is an int for Python.
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise place.error(f'has {_kind(value)} as "{name}", which must be {_TYPES[kind]}')
    if kind is str and not is_unicode(value):
        problem = f'has half of a surrogate pair, which is no character, in "{name}"'
        raise place.error(problem, "write the text as UTF-8 again")
    return value


def _kind(value: object) -> str:
    return _TYPES[type(value)] if isinstance(value, (list, dict)) else with_type(value)
