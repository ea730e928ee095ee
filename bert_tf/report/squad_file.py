"""Finds a few questions in a SQuAD file, with the texts that answer them.

The file may be missing, changed or broken since the run. `bert_tf.data.squad_examples` prepares whole files for models.
"""

import dataclasses
from collections.abc import Collection, Iterator
from pathlib import Path

from bert_tf import files
from bert_tf.errors import reading, shown

# SQuAD 2.0's training set has 42 MB.
MAX_FILE_BYTES = 128 << 20
_REMEDY = "the questions are shown without their texts"


@dataclasses.dataclass(frozen=True)
class Question:
    """A question of a SQuAD file.

    Attributes:
        text: the question.
        title: of the article; may be empty.
        context: the paragraph with the answer.
        answers: each gold answer, and the character of the context at which it should begin.
    """

    text: str
    title: str
    context: str
    answers: tuple[tuple[str, int], ...]


def read_questions(path: str, wanted: Collection[str]) -> dict[str, Question]:
    """Reads the questions with these ids; those that the file does not have are left out.

    Raises:
        UserError: the file cannot be read or is not a SQuAD file.
    """
    with reading(path, _REMEDY):
        content = files.read_json(Path(path), MAX_FILE_BYTES)
    with reading(path, _REMEDY, "is not a SQuAD file"):
        return {
            qas["id"]: _question(article, paragraph, qas)
            for article, paragraph, qas in _all_questions(content)
            if qas["id"] in wanted
        }


def _all_questions(content: dict) -> Iterator[tuple[dict, dict, dict]]:
    for article in content["data"]:
        for paragraph in article["paragraphs"]:
            for qas in paragraph["qas"]:
                yield article, paragraph, qas


def _question(article: dict, paragraph: dict, qas: dict) -> Question:
    answers = tuple((each["text"], each["answer_start"]) for each in qas.get("answers", ()))
    question = Question(qas["question"], article.get("title", ""), paragraph["context"], answers)
    texts = (question.text, question.title, question.context, *(text for text, _ in answers))
    if not all(isinstance(text, str) for text in texts) or not all(type(start) is int for _, start in answers):
        raise ValueError(f"the question {shown(qas['id'])} has something other than texts and numbers")
    return question
