"""Finds what kind of model a folder holds before TensorFlow is loaded.

find_kind(config, "output/NER/all-MiniLM-L6-v2")  # "token_classification"
"""

import contextlib

from bert_tf.checkpoints.locate import CheckpointFiles, resolve
from bert_tf.data.targets import PRETRAINING, QUESTION_ANSWERING, TOKEN_CLASSIFICATION
from bert_tf.errors import UserError
from bert_tf.models.folder_forms import is_folder_of_run
from bert_tf.models.model_files import find_files
from bert_tf.models.pretraining_models import fills_masks
from bert_tf.models.question_models import answers_questions
from bert_tf.models.tagging_models import tags_words
from bert_tf.paths import is_hub_name
from bert_tf.programs.model_files_config import ModelFilesConfig
from bert_tf.remote import as_path
from bert_tf.serving.export_facts import ASSETS, find_export, read_facts


def find_kind(config: ModelFilesConfig, folder: str) -> str | None:
    """Returns the kind of a model that answers questions, tags words or fills masks; None for all others.

    What is wrong with a model is said when it is loaded.
    """
    with contextlib.suppress(UserError):
        if is_hub_name(folder):
            return _kind_of_files(resolve(folder))
        path = as_path(folder)
        exported = None if is_folder_of_run(path) else find_export(path)
        if exported is not None:
            return read_facts(exported / ASSETS).kind
        return _kind_of_files(find_files(path, config.bert_config_file, config.vocab_file))
    return None


def _kind_of_files(files: CheckpointFiles) -> str | None:
    if answers_questions(files):
        return QUESTION_ANSWERING
    if fills_masks(files):
        return PRETRAINING
    return TOKEN_CLASSIFICATION if tags_words(files) else None
