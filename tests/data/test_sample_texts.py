"""The texts of the sample corpus are documents with one sentence a line."""

import json

import pytest
from support.paths import ROOT

from bert_tf.data.pretraining_documents import TextFiles

SAMPLE = ROOT / "data" / "sample"
FOLDER = SAMPLE / "pretraining"


@pytest.fixture(params=["train", "dev"])
def split(request) -> str:
    return request.param


def documents_of(split: str) -> list[list[str]]:
    return list(TextFiles([FOLDER / f"{split}.txt"]).documents())


def test_a_document_has_the_words_of_an_article_of_the_sample_questions(split):
    squad = json.loads((SAMPLE / "SQuAD" / f"{split}-v1.1.json").read_text(encoding="utf-8"))
    articles = [" ".join(part["context"] for part in article["paragraphs"]).split() for article in squad["data"]]
    assert [" ".join(document).split() for document in documents_of(split)] == articles


def test_a_line_is_a_whole_sentence(split):
    lines = [line for document in documents_of(split) for line in document]
    assert all(line.endswith((".", "!", "?", '."', '?"', '!"')) for line in lines)
    assert all(line.lstrip('"')[0].isupper() or line[0].isdigit() for line in lines)
    assert not [line for line in lines if line.endswith((" Dr.", " Mr.", " Mrs.", " St."))]
    assert max(len(line.split()) for line in lines) < 40


def test_the_sizes_are_those_of_the_readme(split):
    documents = documents_of(split)
    lines = [line for document in documents for line in document]
    words = sum(len(line.split()) for line in lines)
    assert f"| {split} | {len(documents)} | {len(lines)} | {words:,} |" in (FOLDER / "README.md").read_text()


def test_no_sentence_is_in_both_splits():
    train, dev = ({line for document in documents_of(split) for line in document} for split in ("train", "dev"))
    assert not train & dev
