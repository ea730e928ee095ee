import json
import os

import pytest
from support.question_runs import make_squad

from bert_tf.errors import UserError
from bert_tf.report import questions
from bert_tf.report.questions import find_questions


def write(path, content):
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


def test_only_the_wanted_questions_are_found(tmp_path):
    path = write(tmp_path / "dev.json", make_squad())
    found = find_questions(path, {"Salt0p0q1", "no such id"})
    assert list(found) == ["Salt0p0q1"]
    question = found["Salt0p0q1"]
    assert (question.text, question.title) == ("How long did caravans need in winter?", "Salt_road")
    ((text, start),) = question.answers
    assert question.context[start:].startswith(text) and text == "eleven days"


def test_a_question_may_have_no_answers(tmp_path):
    qas = {"id": "q", "question": "Who?"}
    path = write(tmp_path / "dev.json", {"data": [{"paragraphs": [{"context": "Bo sings.", "qas": [qas]}]}]})
    question = find_questions(path, {"q"})["q"]
    assert question.title == "" and question.answers == ()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"data": ' * 100_000, '{"data": [3]}', "\x00"])
def test_a_broken_file_is_named_in_one_line(tmp_path, content):
    path = write(tmp_path / "dev.json", content)
    with pytest.raises(UserError) as error:
        find_questions(path, {"q"})
    message = str(error.value)
    assert message.startswith(f"{path}:") and "\n" not in message and len(message) < 500


def test_a_huge_file_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(questions, "MAX_FILE_BYTES", 100)
    with pytest.raises(UserError, match="bytes, more than 100; the questions are shown without their texts"):
        find_questions(write(tmp_path / "dev.json", make_squad()), {"q"})


def test_a_folder_and_a_pipe_are_not_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", "no\0name"):
        with pytest.raises(UserError):
            find_questions(str(path), {"q"})
