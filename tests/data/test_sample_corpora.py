"""The questions of the sample corpus are valid SQuAD, in both versions."""

import json
import re
from collections import Counter

import pytest
from support.paths import ROOT

from bert_tf.data.tokenization import FullTokenizer

FOLDER = ROOT / "data" / "sample" / "SQuAD"
SPLITS, VERSIONS = ("train", "dev"), ("1.1", "2.0")


def read(split: str, version: str) -> dict:
    return json.loads((FOLDER / f"{split}-v{version}.json").read_text(encoding="utf-8"))


def paragraphs_of(squad: dict) -> list[dict]:
    return [paragraph for article in squad["data"] for paragraph in article["paragraphs"]]


def entries_of(squad: dict) -> list[dict]:
    return [entry for paragraph in paragraphs_of(squad) for entry in paragraph["qas"]]


def titles_and_contexts(squad: dict) -> set[str]:
    return {article["title"] for article in squad["data"]} | {part["context"] for part in paragraphs_of(squad)}


@pytest.fixture(params=SPLITS)
def split(request) -> str:
    return request.param


@pytest.fixture(params=VERSIONS)
def version(request) -> str:
    return request.param


def test_every_answer_is_at_its_offset_and_is_made_of_whole_words(split, version):
    for paragraph in paragraphs_of(read(split, version)):
        for answer in (answer for entry in paragraph["qas"] for answer in entry["answers"]):
            text = re.escape(answer["text"])
            assert re.compile(rf"(?<!\w){text}(?!\w)").match(paragraph["context"], answer["answer_start"])


def test_ids_are_unique_within_both_splits(version):
    counts = Counter(entry["id"] for split in SPLITS for entry in entries_of(read(split, version)))
    assert max(counts.values()) == 1


def test_no_question_is_asked_twice_about_a_paragraph(split):
    for paragraph in paragraphs_of(read(split, "2.0")):
        assert len({entry["question"] for entry in paragraph["qas"]}) == len(paragraph["qas"])


def test_training_questions_have_one_answer_and_dev_questions_up_to_three():
    assert {len(entry["answers"]) for entry in entries_of(read("train", "1.1"))} == {1}
    assert {len(entry["answers"]) for entry in entries_of(read("dev", "1.1"))} == {1, 2, 3}


def test_version_2_0_is_version_1_1_with_questions_that_have_no_answer(split):
    old, new = read(split, "1.1"), read(split, "2.0")
    assert (old["version"], new["version"]) == ("1.1", "v2.0")
    assert all(entry["is_impossible"] == (not entry["answers"]) for entry in entries_of(new))
    assert not any("is_impossible" in entry for entry in entries_of(old))
    for paragraph in paragraphs_of(new):
        answerable = [entry for entry in paragraph["qas"] if not entry["is_impossible"]]
        paragraph["qas"] = [{key: entry[key] for key in ("id", "question", "answers")} for entry in answerable]
    assert new["data"] == old["data"]


def test_train_and_dev_share_no_article_and_no_paragraph(version):
    assert not titles_and_contexts(read("train", version)) & titles_and_contexts(read("dev", version))


def test_the_sizes_are_those_of_the_readme():
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    for split in SPLITS:
        squad = read(split, "2.0")
        impossible = sum(entry["is_impossible"] for entry in entries_of(squad))
        sizes = (len(squad["data"]), len(paragraphs_of(squad)), len(entries_of(squad)) - impossible, impossible)
        assert f"| {split} | {' | '.join(map(str, sizes))} |" in readme


def test_offsets_need_characters_and_not_bytes(split):
    assert any(not paragraph["context"].isascii() for paragraph in paragraphs_of(read(split, "1.1")))


def test_question_and_paragraph_fit_into_384_pieces(split, vocab_file):
    tokenizer = FullTokenizer(vocab_file)
    pairs = [(paragraph, entry) for paragraph in paragraphs_of(read(split, "2.0")) for entry in paragraph["qas"]]
    questions = tokenizer.tokenize([entry["question"] for _, entry in pairs])
    contexts = tokenizer.tokenize([paragraph["context"] for paragraph, _ in pairs])
    assert max(map(len, questions)) <= 64
    assert max(len(question) + len(context) + 3 for question, context in zip(questions, contexts, strict=True)) <= 384
