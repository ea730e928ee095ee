"""The text of an answer in the original's casing."""

import gzip
import json

import pytest
from absl import logging

from bert_tf.tasks.final_text import get_final_text


def test_gives_what_the_original_gave_in_every_golden_case(golden):
    content = (golden / "squad_programs/squad_predictions/get_final_text.jsonl.gz").read_bytes()
    cases = list(map(json.loads, gzip.decompress(content).splitlines()))
    assert len(cases) == 310
    for case in cases:
        final_text = case.pop("final_text")
        assert get_final_text(**case) == final_text, case


@pytest.mark.parametrize(
    ("pred_text", "orig_text", "problem"),
    [
        ("mark twain", "Steve Smith's", "Unable to find text: 'mark twain' in 'Steve Smith's'"),
        ("the door", "the door\u00ad", "Length not equal after normalization: 'the door\\xad' vs 'the door'"),
    ],
)
def test_an_answer_that_is_not_found_is_all_of_the_text_and_is_logged_if_asked_for(
    pred_text, orig_text, problem, monkeypatch
):
    said = []
    monkeypatch.setattr(logging, "info", lambda line, *values: said.append(line % values))
    assert get_final_text(pred_text, orig_text, do_lower_case=True) == orig_text
    assert not said
    assert get_final_text(pred_text, orig_text, do_lower_case=True, verbose_logging=True) == orig_text
    assert said == [problem]
