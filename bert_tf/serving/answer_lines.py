r"""Writes answers to questions: to read, as JSON lines, or in the form of SQuAD's predictions. Needs no TensorFlow.

with make_question_writer("json", sys.stdout) as write:
    write([AskedQuestion("q1", "Who came?", "Ann came.")], [Answer("Ann", 0, 3, 0.93)])  # {"q1": "Ann"}
"""

import contextlib
import dataclasses
import json
from collections.abc import Callable, Iterator, Sequence
from typing import IO, NamedTuple

from bert_tf.errors import printable
from bert_tf.serving.answer import Answer
from bert_tf.serving.answer_forms import form_of

QUESTION_FORMS = ("text", "json", "jsonl")
_FORM_OF_SUFFIX = {".txt": "text", ".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl"}


class AskedQuestion(NamedTuple):
    """A question with its text.

    Attributes:
        qas_id: its id; None for a question of the command line.
        question: the question.
        context: the text that has the answer.
    """

    qas_id: str | None
    question: str
    context: str


Write = Callable[[Sequence[AskedQuestion], Sequence[Answer]], None]


def question_form(output_file: str | None, form: str | None) -> str:
    """Returns the form to write: the one that was asked for, or that of the name of the file.

    Raises:
        UserError: the name stands for none.

    Example:
        >>> question_form("answers.json", None), question_form(None, None), question_form("answers.json", "jsonl")
        ('json', 'text', 'jsonl')
    """
    return form or (form_of(output_file, _FORM_OF_SUFFIX) if output_file else "text")


@contextlib.contextmanager
def make_question_writer(form: str, stream: IO[str]) -> Iterator[Write]:
    """Yields a function that writes some answers.

    Args:
        form: one of `QUESTION_FORMS`: `json` is `predictions.json`, the form of SQuAD's own scripts.
        stream: a text stream.
    """
    if form != "json":
        line = _json_line if form == "jsonl" else _sentence
        yield lambda asked, answers: stream.writelines(map(line, asked, answers))
        return
    separators = _separators()
    yield lambda asked, answers: stream.writelines(map(_entry, asked, answers, separators))
    stream.write("\n}\n" if next(separators).startswith(",") else "{}\n")


def _separators() -> Iterator[str]:
    yield "{\n"
    while True:
        yield ",\n"


def _entry(asked: AskedQuestion, answer: Answer, separator: str) -> str:
    # As `json.dumps(predictions, indent=4)`.
    return f"{separator}    {json.dumps(asked.qas_id or '')}: {json.dumps(answer.text)}"


def _json_line(asked: AskedQuestion, answer: Answer) -> str:
    content = {"question": asked.question} if asked.qas_id is None else {"id": asked.qas_id}
    return f"{json.dumps(content | dataclasses.asdict(answer), ensure_ascii=False)}\n"


def _sentence(asked: AskedQuestion, answer: Answer) -> str:
    """Returns an answer as one line to read."""
    name = "" if asked.qas_id is None else f"{asked.qas_id}: "
    return f"{printable(name + (answer.text or 'no answer'))} ({answer.score:.4f})\n"
