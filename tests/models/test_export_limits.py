"""Exports that only know labels and numbers refuse models whose answers are parts of a text."""

import pytest
from support.fine_tuned import write_fine_tuned
from support.question_models import write_question_model
from support.tagging_models import write_tagging_model
from support.tiny import write_tiny_model

from bert_tf.checkpoints.locate import resolve
from bert_tf.errors import UserError
from bert_tf.models.export_limits import check_exportable, check_kind
from bert_tf.models.pretrained import read_model

ADVICE = r"and such models are not exported to LiteRT; use export.py \(a SavedModel\) or export_huggingface.py$"


@pytest.mark.parametrize(
    ("write", "golden_name", "subject"),
    [(write_question_model, "question_answering", "answers questions"), (write_tagging_model, "tagger", "tags words")],
)
def test_a_model_whose_answers_are_parts_of_a_text_is_refused(write, golden_name, subject, golden, tmp_path):
    for folder in (write(tmp_path / "run"), golden / "huggingface" / golden_name):
        with pytest.raises(UserError, match=f"{folder.name}: {subject}, {ADVICE}"):
            check_exportable(str(folder), resolve(folder), "LiteRT")
        with pytest.raises(UserError, match=f"{folder.name}: {subject}, {ADVICE}"):
            check_kind(str(folder), read_model(folder).kind, "LiteRT")


def test_other_models_pass(golden, tmp_path):
    folders = (write_fine_tuned(tmp_path / "run"), write_tiny_model(tmp_path / "tiny"))
    for folder in (*folders, *(golden / "huggingface" / name for name in ("classifier", "cased_masked_lm"))):
        check_exportable(str(folder), resolve(folder), "LiteRT")
    for kind in (None, "classification", "regression", "multi_label"):
        check_kind("model", kind, "LiteRT")
