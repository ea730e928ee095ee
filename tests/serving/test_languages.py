"""Answers and named parts are parts of their texts in every language, of a run and of its SavedModel."""

import itertools
import json
from pathlib import Path

import pytest
from support.languages import texts_of_all_languages
from support.question_models import write_question_model
from support.tagging_models import write_tagging_model
from support.vocabularies import multilingual_pieces

import bert_tf
from bert_tf.exports.saved_model import export
from bert_tf.models.fine_tuned import read_fine_tuned

pytestmark = pytest.mark.slow

TEXTS = texts_of_all_languages()
# Joined, a text has several windows, whose answers are cut out of the whole one.
CONTEXTS = [*TEXTS, *("\u3000 ".join(TEXTS[start : start + 5]) for start in range(0, len(TEXTS), 5))]
QUESTIONS = [context[:5] for context in CONTEXTS]


def write_casing(run: Path, lower: bool) -> Path:
    """Says in the folder of a run which casing its training had."""
    facts = json.loads((run / "run.json").read_text())
    facts["training"]["do_lower_case"] = lower
    (run / "run.json").write_text(json.dumps(facts))
    return run


@pytest.fixture(scope="module", params=["uncased run", "uncased export", "cased run"])
def folders(request, tmp_path_factory) -> tuple[Path, Path]:
    """A model that tags words and one that answers questions, with a multilingual vocabulary."""
    top, lower = tmp_path_factory.mktemp("models"), request.param.startswith("uncased")
    pieces = multilingual_pieces(lower)
    runs = (
        write_tagging_model(top / "tagging", pieces=pieces),
        write_question_model(top / "questions", pieces=pieces, version_2_with_negative=True),
    )
    for run in runs:
        write_casing(run, lower)
    if request.param.endswith("export"):
        return tuple(export(read_fine_tuned(run), top / f"exported {run.name}") for run in runs)
    return runs


def test_named_parts_are_parts_of_their_texts(folders):
    model, number = bert_tf.load(folders[0]), 0
    for text, spans in zip(CONTEXTS, model.tag_all(CONTEXTS), strict=True):
        places = list(itertools.chain.from_iterable((span.start, span.end) for span in spans))
        assert places == sorted(places)
        for span in spans:
            assert span.text and span.text == text[span.start : span.end] == span.text.strip()
            number += 1
    assert number > 100


def test_answers_are_parts_of_their_contexts(folders):
    model = bert_tf.load(folders[1])
    answers = model.answers(list(zip(QUESTIONS, CONTEXTS, strict=True)), null_score_diff_threshold=1e9)
    for context, answer in zip(CONTEXTS, answers, strict=True):
        assert answer.text and answer.text == context[answer.start : answer.end] == answer.text.strip()
