"""Refuses models whose answers are parts of a text, for exports that only have labels and numbers. No TensorFlow.

check_exportable("output/NER/all-MiniLM-L6-v2", resolve("output/NER/all-MiniLM-L6-v2"), "LiteRT")  # raises UserError
"""

from bert_tf.checkpoints.locate import CheckpointFiles
from bert_tf.data.targets import QUESTION_ANSWERING, TOKEN_CLASSIFICATION
from bert_tf.errors import UserError, printable
from bert_tf.models.question_models import answers_questions
from bert_tf.models.tagging_models import tags_words

_REFUSED = {QUESTION_ANSWERING: "answers questions", TOKEN_CLASSIFICATION: "tags words"}


def check_exportable(model: str, files: CheckpointFiles, target: str) -> None:
    """Checks the files of a model, before its weights are read.

    Args:
        model: its folder or name, for the message.
        files: of the model.
        target: of the export.

    Raises:
        UserError: the model answers questions or tags words, or a file is broken.
    """
    if answers_questions(files):
        check_kind(model, QUESTION_ANSWERING, target)
    if tags_words(files):
        check_kind(model, TOKEN_CLASSIFICATION, target)


def check_kind(model: str, kind: str | None, target: str) -> None:
    """Raises `UserError` if models of this kind are not exported to the target."""
    if kind in _REFUSED:
        raise UserError(
            f"{printable(model)}: {_REFUSED[kind]}, and such models are not exported to {target}; use export.py (a "
            "SavedModel) or export_huggingface.py"
        )
