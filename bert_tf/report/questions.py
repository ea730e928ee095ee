"""Finds a few questions in a SQuAD file, with the texts that answer them."""

import dataclasses
from collections.abc import Collection

from bert_tf.data.squad_file import Answer, read_paragraphs
from bert_tf.errors import UserError, reading
from bert_tf.remote import as_path

# SQuAD 2.0's training set has 42 MB, which take 300 MB of memory.
MAX_FILE_BYTES = 128 << 20
_REMEDY = "the questions are shown without their texts"


@dataclasses.dataclass(frozen=True)
class FoundQuestion:
    """A question of a SQuAD file.

    Attributes:
        text: the question.
        title: of the article; may be empty.
        context: the text with the answer.
        answers: the gold answers, and where they should begin.
    """

    text: str
    title: str
    context: str
    answers: tuple[Answer, ...]


def find_questions(path: str, wanted: Collection[str]) -> dict[str, FoundQuestion]:
    """Finds the questions with these ids in a file, which may have changed since the run.

    Returns:
        The questions by their ids, without those that the file does not have.

    Raises:
        UserError: the file cannot be read, is too large, or is not a SQuAD file.
    """
    with reading(path, _REMEDY):
        _check_size(path)
        return {
            question.qas_id: FoundQuestion(question.text, paragraph.title, paragraph.context, question.answers or ())
            for paragraph in read_paragraphs(path)
            for question in paragraph.questions
            if question.qas_id in wanted
        }


def _check_size(path: str) -> None:
    size = as_path(path).stat().st_size
    if size > MAX_FILE_BYTES:
        raise UserError(f"{path}: has {size:,} bytes, more than {MAX_FILE_BYTES:,}; {_REMEDY}")
