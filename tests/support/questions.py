"""Small files in SQuAD's form, whose answers a tiny model can learn."""

import json
import random
from collections.abc import Mapping
from pathlib import Path

from support.tiny import WORDS


def write_questions(folder: Path, sizes: Mapping[str, int], version_2: bool = False, has_answers: bool = True) -> Path:
    """Writes `NAME.json` for each name and number of questions.

    A document has 10 to 70 random words; a question is two words that follow one another there, and its answer the word
    after them. In version 2.0 each third question is about words that are not there.
    """
    words = random.Random(0)
    folder.mkdir(exist_ok=True)
    for name, size in sizes.items():
        paragraphs = [_paragraph(words, f"{name}-{number}", version_2, has_answers) for number in range(0, size, 3)]
        for paragraph in paragraphs:
            paragraph["qas"] = paragraph["qas"][: max(0, min(3, size))]
            size -= 3
        content = {"version": "2.0" if version_2 else "1.1", "data": [{"title": name, "paragraphs": paragraphs}]}
        (folder / f"{name}.json").write_text(json.dumps(content))
    return folder


def _paragraph(words: random.Random, name: str, version_2: bool, has_answers: bool) -> dict:
    document = words.sample(WORDS[:80], words.randint(10, 70))
    context = " ".join(document)
    questions = []
    for number in range(3):
        place = words.randrange(len(document) - 2)
        is_impossible = version_2 and number == 2
        question = {"id": f"{name}-{number}", "question": " ".join(document[place : place + 2]) + "?"}
        if is_impossible:
            question["question"] = " ".join(words.sample(WORDS[80:], 2)) + "?"
        if has_answers:
            start = sum(len(word) + 1 for word in document[: place + 2])
            question["answers"] = [] if is_impossible else [{"text": document[place + 2], "answer_start": start}]
            question |= {"is_impossible": is_impossible} if version_2 else {}
        questions.append(question)
    return {"context": context, "qas": questions}
