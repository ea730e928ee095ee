"""A file in SQuAD's form, read article by article, has the paragraphs that reading it whole gives."""

import json

import pytest
from support.paths import GOLDEN

from bert_tf.data import squad_stream
from bert_tf.data.squad_file import read_paragraphs
from bert_tf.data.squad_stream import stream_paragraphs
from bert_tf.errors import UserError

INPUTS = GOLDEN / "squad_programs/inputs"


@pytest.mark.parametrize("name", ["squad11_dev.json", "squad20_train.json"])
def test_all_paragraphs_are_found(name):
    found, expected = list(stream_paragraphs(INPUTS / name)), list(read_paragraphs(INPUTS / name))
    assert found and list(map(repr, found)) == list(map(repr, expected))


def question(number: int) -> dict:
    return {"id": f"q{number}", "question": "Who?"}


def content(articles: int) -> dict:
    paragraphs = [{"context": "Ünï 漢字 🙂" * 20, "qas": [question(number)]} for number in range(3)]
    article = {"paragraphs": paragraphs, "title": "Ä"}
    return {"version": {"data": [1, "]"]}, "data": [article] * articles, "more": -1.5e3}


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize("indent", [None, 3])
def test_the_size_of_what_is_read_at_a_time_does_not_matter(tmp_path, monkeypatch, size, indent):
    monkeypatch.setattr(squad_stream, "_BLOCK_BYTES", size)
    text = json.dumps(content(5), indent=indent, ensure_ascii=False)
    (tmp_path / "a.json").write_bytes(b"\xef\xbb\xbf \r\n" + text.encode() + b"\n")
    found = list(stream_paragraphs(tmp_path / "a.json"))
    assert len(found) == 15 and {paragraph.context for paragraph in found} == {"Ünï 漢字 🙂" * 20}
    assert found[-1].title == "Ä" and found[-1].questions[0].qas_id == "q2"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", r"a.json:1: is not JSON \(Expecting value\)"),
        (b"[]", "a.json: the file is not an object, but must be one"),
        (b'"data"', "a.json: the file is not an object, but must be one"),
        (b'{"data": [{"paragraphs": []} {"paragraphs": []}]}', r"a.json:1: is not JSON \(, is missing\)"),
        (b'{"data": [{"paragraphs": []},]}', r"a.json:1: is not JSON \(Expecting value\)"),
        (b'{"data": [] "version": 1}', r"a.json:1: is not JSON \(, is missing\)"),
        (b'{"data": [],}', r"a.json:1: is not JSON \(a name in quotation marks is missing\)"),
        (b'{1: [], "data": []}', r"a.json:1: is not JSON \(a name in quotation marks is missing\)"),
        (b'{"data": []}\n{"data": []}', r"a.json:2: is not JSON \(something follows its end\)"),
        (b'{"data": [], "data": []}', 'a.json: the file has "data" twice'),
        (b"{}", 'a.json: the file has no "data"'),
        (b'{"data": {}}', r"a.json:1: is not JSON \(\[ is missing\)"),
        (b'{"data": [\n3]}', r"a.json: data\[0\] is 3 \(int\), but must be an object"),
        (b'{"data": [\n{"paragraphs": [{"context": "a"', r"a.json:2: is not JSON"),
        (b'{"data": [{"paragraphs": [{"context": 3}]}]}', 'paragraphs\\[0\\] has 3 \\(int\\) as "context"'),
        (b'{"data": ["\xff"]}', "a.json: byte 0xff is not UTF-8; save the file as UTF-8"),
        (b'{"data": [' + b"[" * 100_000, "a.json"),
        (b'{"data": [{"paragraphs": []}]', r"is not JSON"),
    ],
)
def test_a_broken_file_is_one_line(tmp_path, text, message):
    (tmp_path / "a.json").write_bytes(text)
    with pytest.raises(UserError, match=message) as error:
        list(stream_paragraphs(tmp_path / "a.json"))
    assert "\n" not in str(error.value)


def test_a_file_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(UserError, match=r"none\.json: cannot be read \(No such file or directory\); check the path"):
        list(stream_paragraphs(tmp_path / "none.json"))
