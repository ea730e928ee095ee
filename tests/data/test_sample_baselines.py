"""The README of the sample corpus says how well answers without a model do."""

import json

import pytest
from support.paths import ROOT
from support.squad_baselines import (
    Question,
    best_constant_span,
    constant_span,
    first_name,
    first_subject,
    name_in_most_similar_sentence,
    questions_of,
    score,
)

FOLDER = ROOT / "data" / "sample" / "SQuAD"


def read(split: str) -> list[Question]:
    return list(questions_of(json.loads((FOLDER / f"{split}-v1.1.json").read_text(encoding="utf-8"))))


@pytest.fixture(scope="module")
def dev() -> list[Question]:
    return read("dev")


def row(questions: list[Question], answers: list[str]) -> str:
    """The end of a row of the README's table."""
    return "| {:.3f} | {:.3f} |".format(*score(questions, answers))


def described(start: str) -> str:
    """The end of the row of the README's table that begins so."""
    lines = (FOLDER / "README.md").read_text(encoding="utf-8").splitlines()
    return next(line for line in lines if line.startswith(f"| {start}"))


@pytest.mark.parametrize(
    ("start", "answer"),
    [
        ("the first name of the paragraph", first_name),
        ("the first noun phrase of the paragraph", first_subject),
        ("the most similar sentence", name_in_most_similar_sentence),
    ],
)
def test_the_readme_has_the_scores_of_rules(dev, start, answer):
    assert described(start).endswith(row(dev, [answer(question) for question in dev]))


@pytest.mark.slow
def test_the_readme_has_the_score_of_the_best_constant_span(dev):
    span = best_constant_span(read("train"))
    line = described("the best constant span")
    assert f"words {span[0] + 1} to {sum(span)}" in line and line.endswith(row(dev, constant_span(dev, *span)))
