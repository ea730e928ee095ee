import json
import os

import pytest
from support.question_runs import make_squad

from bert_tf.errors import UserError
from bert_tf.report import squad_file
from bert_tf.report.squad_file import read_questions


def one(**changes):
    qas = {"id": "q", "question": "Who?", "answers": [{"text": "Bo", "answer_start": 0}], **changes}
    return {"data": [{"title": "T", "paragraphs": [{"context": "Bo sings.", "qas": [qas]}]}]}


def write(path, content):
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


def test_only_the_wanted_questions_are_read(tmp_path):
    path = write(tmp_path / "dev.json", make_squad())
    found = read_questions(path, {"Salt0p0q1", "no such id"})
    assert list(found) == ["Salt0p0q1"]
    assert found["Salt0p0q1"].text == "How long did caravans need in winter?"
    assert found["Salt0p0q1"].title == "Salt_road"
    ((text, start),) = found["Salt0p0q1"].answers
    assert found["Salt0p0q1"].context[start:].startswith(text) and text == "eleven days"


def test_a_title_and_answers_may_be_missing(tmp_path):
    content = one()
    del content["data"][0]["title"], content["data"][0]["paragraphs"][0]["qas"][0]["answers"]
    question = read_questions(write(tmp_path / "dev.json", content), {"q"})["q"]
    assert question.title == "" and question.answers == ()


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "null",
        "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"),
        '{"data": ' * 100_000,
        '{"data": [' + "[" * 100_000,
        {},
        {"data": None},
        {"data": 3},
        {"data": [3]},
        {"data": [{"paragraphs": [{"qas": [{}]}]}]},
        one(question=3),
        one(question=None),
        one(answers=[3]),
        one(answers=3),
        one(answers=None),
        one(answers=[{"text": "Bo"}]),
        one(answers=[{"text": "Bo", "answer_start": "0"}]),
        one(answers=[{"text": "Bo", "answer_start": 0.5}]),
        one(answers=[{"text": ["Bo"], "answer_start": 0}]),
        one(id=["q"]),
        {"data": [{"title": {}, "paragraphs": one()["data"][0]["paragraphs"]}]},
    ],
)
def test_a_broken_file_is_named_in_one_line(tmp_path, content):
    path = write(tmp_path / "dev.json", content)
    with pytest.raises(UserError) as error:
        read_questions(path, {"q"})
    message = str(error.value)
    assert message.startswith(f"{path}: ") and "\n" not in message and len(message) < 400
    assert message.endswith("the questions are shown without their texts")


def test_a_huge_file_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(squad_file, "MAX_FILE_BYTES", 100)
    with pytest.raises(UserError, match="is larger than 100 bytes"):
        read_questions(write(tmp_path / "dev.json", make_squad()), {"q"})


def test_a_folder_and_a_pipe_are_not_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", "no\0name"):
        with pytest.raises(UserError):
            read_questions(str(path), {"q"})
