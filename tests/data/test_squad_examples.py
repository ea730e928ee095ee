"""Files in SQuAD's form: the original's examples, and everything that a file in the wild can have."""

import gzip
import json
from pathlib import Path

import pytest

from bert_tf.data.squad_examples import Document, SquadExample, read_squad_examples, squad_digest
from bert_tf.errors import UserError

CONTEXT = "The lamp burned oil."


def qa(**changes) -> dict:
    """A question with one answer; None takes a key away."""
    content = {"id": "q1", "question": "What burned?", "answers": [{"text": "lamp", "answer_start": 4}], **changes}
    return {key: value for key, value in content.items() if value is not None}


def squad(*questions: dict, context: str = CONTEXT, **article) -> dict:
    """A file of one paragraph."""
    return {"data": [{"title": "Lamps", "paragraphs": [{"context": context, "qas": list(questions)}], **article}]}


def written(folder: Path, content: object) -> Path:
    path = folder / "train.json"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


def read(folder: Path, content: object, is_training: bool = True, version_2: bool = False):
    return read_squad_examples(written(folder, content), is_training, version_2)


def message_for(folder: Path, content: object, is_training: bool = True, version_2: bool = False) -> str:
    with pytest.raises(UserError) as error:
        read(folder, content, is_training, version_2)
    message = str(error.value)
    assert "\n" not in message
    return message.removeprefix(f"{folder}/")


# The original's examples


@pytest.mark.parametrize("split", ["train", "dev"])
@pytest.mark.parametrize("version", ["11", "20"])
def test_examples_are_the_originals(squad_golden, version, split):
    path = squad_golden / "inputs" / f"squad{version}_{split}.json"
    data = read_squad_examples(path, split == "train", version == "20")
    with gzip.open(squad_golden / "squad_features" / f"examples_{version}_{split}.jsonl.gz", "rt", "utf-8") as lines:
        wanted = [json.loads(line) for line in lines]
    assert [as_golden(example) for example in data.examples] == wanted


def as_golden(example: SquadExample) -> dict:
    names = ("qas_id", "question_text", "orig_answer_text", "start_position", "end_position", "is_impossible")
    return {"doc_tokens": list(example.doc_tokens), **{name: getattr(example, name) for name in names}}


def test_questions_that_the_original_skips_are_counted_and_named_in_one_line(squad_golden, caplog):
    data = read_squad_examples(squad_golden / "inputs" / "squad20_train.json", True, True)
    index = json.loads((squad_golden / "squad_features" / "index.json").read_text())["examples_20_train"]
    assert data.num_skipped == len(index["skipped_qas_ids"])
    assert len(data.examples) == index["examples"]
    (line,) = caplog.messages
    assert "6 of 158 questions left out" in line
    assert index["skipped_qas_ids"][0] in line


def test_where_the_original_computes_something_of_an_odd_file_the_same_is_read(squad_golden, tmp_path):
    for case in json.loads((squad_golden / "edge_cases" / "run_squad.json").read_text()):
        if case["kind"] not in ("train", "dev") or not case.get("result", {}).get("examples"):
            continue
        data = read(tmp_path, case["input"], case["kind"] == "train", case["version_2_with_negative"])
        (example,) = data.examples
        assert list(example.doc_tokens) == case["result"]["doc_tokens"], case["case"]
        assert [example.start_position, example.end_position] == case["result"]["start_end"], case["case"]


def test_where_the_original_stops_at_an_odd_file_there_is_one_line(squad_golden, tmp_path):
    cases = json.loads((squad_golden / "edge_cases" / "run_squad.json").read_text())
    cases = [case for case in cases if case["kind"] == "train" and not case.get("result", {}).get("examples")]
    assert len(cases) == 8
    for case in cases:
        assert message_for(tmp_path, case["input"], True, case["version_2_with_negative"])


# Documents


def test_doc_tokens_end_at_the_originals_white_space_only():
    text = " \tone\u00a0two\u202fthree\r\n\u3000four\u2028 "
    document = Document.of(text)
    assert document.doc_tokens == ("one\u00a0two", "three", "\u3000four\u2028")
    starts = document.token_starts.tolist()
    assert [text[start:].startswith(token) for start, token in zip(starts, document.doc_tokens, strict=True)]


def test_starts_count_characters_beyond_the_basic_plane_once():
    assert Document.of("\U0001f600 a").token_starts.tolist() == [0, 2]


def test_documents_share_the_memory_of_equal_words(tmp_path):
    first = squad(qa(id="1"), context="The " + CONTEXT)
    first["data"] += squad(qa(id="2"))["data"]
    one, two = read(tmp_path, first, is_training=False).examples
    assert one.doc_tokens[-1] is two.doc_tokens[-1]


# Gold answers


@pytest.mark.parametrize(
    ("changes", "answers"),
    [
        ({}, ("lamp",)),
        ({"answers": [{"text": "lamp"}, {"text": "The lamp", "answer_start": "no"}]}, ("lamp", "The lamp")),
        ({"answers": []}, ()),
        ({"answers": None}, None),
        ({"answers": None, "is_impossible": True}, ()),
        ({"answers": None, "is_impossible": False}, None),
    ],
)
def test_gold_answers_are_what_the_file_says(tmp_path, changes, answers):
    (example,) = read(tmp_path, squad(qa(**changes)), is_training=False).examples
    assert example.answers == answers
    assert example.start_position is None


# Answers that do not fit


@pytest.mark.parametrize("start", [11, 400, -21, 2**70])
def test_an_answer_that_is_not_at_its_offset_is_skipped_with_one_warning(tmp_path, caplog, start):
    odd = qa(id="odd", answers=[{"text": "lamp", "answer_start": start}])
    data = read(tmp_path, squad(qa(), odd))
    assert [example.qas_id for example in data.examples] == ["q1"]
    assert data.num_skipped == 1
    (line,) = caplog.messages
    assert line.endswith('1 of 2 questions left out, because the answer is not in the text at its "answer_start": odd.')


def test_a_file_without_a_single_answer_in_its_text_is_refused(tmp_path):
    content = squad(qa(answers=[{"text": "lamp", "answer_start": 16}]))
    assert "not in the text" in message_for(tmp_path, content)


def test_an_answer_in_a_text_of_white_space_does_not_fit(tmp_path):
    content = squad(qa(answers=[{"text": " ", "answer_start": 0}]), context="  ")
    content["data"] += squad(qa())["data"]
    assert read(tmp_path, content).num_skipped == 1


# Files with mistakes


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"data": [\n{"title": "x",}]}', "train.json:2: is not JSON (Expecting property name"),
        (b'{"data": [', "train.json:1: is not JSON (Expecting value, column 11)"),
        (b"", "train.json:1: the file is empty"),
        (b"\xff\xfe{\0", "train.json:1: the file is UTF-16"),
        (b'{"data": "\xe9"}', "train.json:1: byte 0xe9 is not UTF-8"),
        (b"[" * 100_000, "train.json: is not JSON (maximum recursion depth"),
        (b'{"data": 1' + b"0" * 5000 + b"}", "train.json: is not JSON (Exceeds the limit"),
        ([], "train.json: the file is a list, but must be an object"),
        ({}, 'train.json: the file has no "data"'),
        ({"data": {}}, 'train.json: the file has an object as "data", which must be a list'),
        ({"data": []}, "train.json: there are no questions in the file"),
        ({"data": ["x"]}, "train.json: data[0] is 'x' (str), but must be an object"),
        ({"data": [{"title": "T"}]}, "train.json: data[0], article 'T' has no \"paragraphs\""),
        (
            {"data": [{"title": 5, "paragraphs": []}]},
            'train.json: data[0] has 5 (int) as "title", which must be a text',
        ),
        (squad(paragraphs=[{"qas": []}]), "train.json: data[0].paragraphs[0], article 'Lamps' has no \"context\""),
        (squad(paragraphs=[{"context": "x"}]), "train.json: data[0].paragraphs[0], article 'Lamps' has no \"qas\""),
        (squad(qa(), context=None), 'has None (NoneType) as "context", which must be a text'),
        (squad(qa(id=None)), "train.json: data[0].paragraphs[0].qas[0], article 'Lamps' has no \"id\""),
        (squad(qa(id=7)), 'has 7 (int) as "id", which must be a text'),
        (squad(qa(question=None)), "article 'Lamps', question 'q1' has no \"question\""),
        (squad(qa(question=["x"])), 'has a list as "question", which must be a text'),
        (squad(qa(answers={"text": ["x"]})), 'has an object as "answers", which must be a list'),
        (squad(qa(answers=["lamp"])), "qas[0].answers[0], article 'Lamps', question 'q1' is 'lamp' (str)"),
        (squad(qa(answers=[{"answer_start": 4}])), "question 'q1' has no \"text\""),
        (squad(qa(answers=[{"text": "lamp"}])), 'has None (NoneType) as "answer_start", which must be a whole number'),
        (squad(qa(answers=[{"text": "lamp", "answer_start": float("nan")}])), 'has nan (float) as "answer_start"'),
        (squad(qa(answers=[{"text": "lamp", "answer_start": True}])), 'has True (bool) as "answer_start"'),
        (squad(qa(answers=[{"text": "lamp", "answer_start": "4"}])), "has '4' (str) as \"answer_start\""),
        (squad(qa(is_impossible="no")), "has 'no' (str) as \"is_impossible\", which must be true or false"),
        (squad(qa(question="\ud83d")), 'has half of a surrogate pair, which is no character, in "question"'),
        (squad(qa(), context="\udc00"), 'has half of a surrogate pair, which is no character, in "context"'),
    ],
)
def test_a_mistake_in_a_file_is_one_line_that_says_where(tmp_path, content, message):
    assert message in message_for(tmp_path, content)


def test_a_missing_file_is_one_line(tmp_path):
    with pytest.raises(UserError, match="there is no such file"):
        read_squad_examples(tmp_path / "none.json", True, False)


def test_a_byte_order_mark_and_line_ends_of_windows_change_nothing(tmp_path):
    content = json.dumps(squad(qa()), indent=1).replace("\n", "\r\n")
    plain = read(tmp_path, squad(qa()))
    assert squad_digest(read(tmp_path, b"\xef\xbb\xbf" + content.encode()).examples) == squad_digest(plain.examples)


def test_an_article_needs_no_title(tmp_path):
    content = {"data": [{"paragraphs": [{"context": CONTEXT, "qas": [qa()]}]}]}
    (example,) = read(tmp_path, content).examples
    assert example.document.title == ""


@pytest.mark.parametrize(
    ("changes", "version_2", "message"),
    [
        ({}, True, 'has no "is_impossible", which SQuAD 2.0 has; leave out --version_2_with_negative'),
        ({"answers": []}, False, "has 0 answers, but a training needs exactly 1; train with --version_2_with_negative"),
        ({"answers": [{"text": "lamp"}] * 3}, False, "has 3 answers, but a training needs exactly 1; keep one of them"),
        ({"answers": None}, False, 'has no "answers"'),
    ],
)
def test_a_question_that_cannot_be_trained_on_is_one_line(tmp_path, changes, version_2, message):
    assert message in message_for(tmp_path, squad(qa(**changes)), version_2=version_2)


# Warnings


def test_impossible_questions_without_their_flag_are_counted_in_one_line(tmp_path, caplog):
    content = squad(qa(), qa(id="q2", answers=[], is_impossible=True))
    read(tmp_path, content, is_training=False)
    (line,) = caplog.messages
    assert "1 of 2 questions is marked as having no answer" in line
    assert "--version_2_with_negative" in line


def test_a_file_of_version_1_with_the_flag_of_version_2_is_one_line(tmp_path, caplog):
    read(tmp_path, squad(qa()), is_training=False, version_2=True)
    (line,) = caplog.messages
    assert 'no question has "is_impossible"' in line


def test_ids_that_are_there_twice_are_counted_in_one_line(tmp_path, caplog):
    content = squad(qa(), qa(question="What else burned?"), qa(id="q2"))
    data = read(tmp_path, content, is_training=False)
    assert len(data.examples) == 3
    assert data.num_repeated == 1
    (line,) = caplog.messages
    assert line.endswith("predictions.json has the answer to the last question of an id: q1.")


def test_a_usual_file_gives_no_warning(squad_golden, caplog):
    read_squad_examples(squad_golden / "inputs" / "squad20_dev.json", False, True)
    assert not caplog.messages


# The digest


def test_the_digest_depends_on_texts_and_answers_but_not_on_ids_and_titles(tmp_path):
    def digest(*questions: dict, **article) -> str:
        return squad_digest(read(tmp_path, squad(*questions, **article)).examples)

    usual = digest(qa())
    assert digest(qa(id="other"), title="Oil") == usual
    changed = [
        digest(qa(question="What lit?")),
        digest(qa(), context=CONTEXT + " "),
        digest(qa(), qa()),
        digest(qa(answers=[{"text": "The lamp", "answer_start": 0}])),
    ]
    assert len({usual, *changed}) == 5


def test_the_digest_depends_on_the_texts_of_all_documents():
    def digest(*contexts: str) -> str:
        return squad_digest([SquadExample("q", "Who lit it?", Document.of(context)) for context in contexts])

    assert digest("oil", "lamp") != digest("oil", "gas")


# Real and large files


@pytest.mark.slow
def test_real_questions_are_all_read(squad_dir):
    for name in ("en-train-v1.1", "zh-train-v1.1"):
        data = read_squad_examples(squad_dir / f"{name}.json", True, False)
        assert len(data.examples) == 925
        for example in data.examples:
            span = example.doc_tokens[example.start_position : example.end_position + 1]
            assert " ".join(example.orig_answer_text.split()) in " ".join(span)
