"""Finds exported models, and reads the facts in them. Needs no TensorFlow.

newest_export(Path("output/MRPC/all-MiniLM-L6-v2/export"))  # .../2
"""

from collections.abc import Callable, Mapping
from typing import Any

from bert_tf import run_files
from bert_tf.data.targets import KINDS, QUESTION_ANSWERING, TOKEN_CLASSIFICATION, Number
from bert_tf.errors import UserError, printable, reading, shown
from bert_tf.files import read_json
from bert_tf.models.facts import FORMAT, Facts
from bert_tf.models.question_settings import QuestionSettings
from bert_tf.models.tagging_settings import TaggingSettings
from bert_tf.remote import AnyPath

# TensorFlow's names in a SavedModel.
SAVED_MODEL, ASSETS = "saved_model.pb", "assets"
# The two signatures: one takes texts, the other the ids of word pieces.
TEXTS, PIECES = "serving_default", "pieces"
# The second signature of a model that answers questions: it takes a threshold for each of them, too.
WITH_THRESHOLD = "with_threshold"
# The second signature of a model that tags words: it takes texts that are split into words.
WORDS = "words"
# The inputs of both signatures for questions, and that of the second.
QUESTION, THRESHOLD = ("question", "context"), "null_score_diff_threshold"
# Outputs of exported models.
PROBABILITIES, VALUE = "probabilities", "value"
_REMEDY = "export the model again"


# Checks the value of each fact in a file.
_POSSIBLE: Mapping[str, Callable[[Any], bool]] = {
    "kind": lambda value: isinstance(value, str) and value in (*KINDS, QUESTION_ANSWERING, TOKEN_CLASSIFICATION),
    "labels": lambda value: isinstance(value, list) and all(isinstance(label, str) for label in value),
    "pairs": lambda value: value is None or isinstance(value, bool),
    "do_lower_case": lambda value: isinstance(value, bool),
    "max_seq_length": lambda value: type(value) is int and value > 0,
    "compute_dtype": lambda value: value in ("float32", "bfloat16", "float16"),
    "scores": lambda value: isinstance(value, dict) and all(isinstance(score, float) for score in value.values()),
    "vocab_sha256": lambda value: isinstance(value, str),
    "digest": lambda value: isinstance(value, str),
}


# The settings of some kinds of models, by the name of the fact.
_SETTINGS = {
    "questions": (QUESTION_ANSWERING, QuestionSettings),
    "tagging": (TOKEN_CLASSIFICATION, TaggingSettings),
}


def output_name(kind: str) -> str:
    """Returns the name of the answers among the outputs of an exported model.

    Example:
        >>> output_name("regression")
        'value'
    """
    return VALUE if kind == Number.kind else PROBABILITIES


def _numbered(folder: AnyPath) -> list[AnyPath]:
    """Returns what has a number as its name in a folder, the largest last."""
    if not folder.is_dir():
        return []
    found = [path for path in folder.iterdir() if path.name.isascii() and path.name.isdigit()]
    return sorted(found, key=lambda path: int(path.name))


def newest_export(folder: AnyPath) -> AnyPath | None:
    """Returns the SavedModel with the largest number in a folder of numbered folders; None if there is none."""
    found = [path for path in _numbered(folder) if (path / SAVED_MODEL).is_file()]
    return found[-1] if found else None


def next_number(folder: AnyPath) -> int:
    """Returns the number of the next export into a folder; it is larger than all that are there."""
    return max((int(path.name) + 1 for path in _numbered(folder)), default=1)


def find_export(folder: AnyPath) -> AnyPath | None:
    """Returns the SavedModel that a folder is, or the newest one in its numbered folders; None if there is none."""
    return folder if (folder / SAVED_MODEL).is_file() else newest_export(folder)


def read_facts(folder: AnyPath) -> Facts:
    """Reads what an export says of itself.

    Args:
        folder: of the export.json.

    Raises:
        UserError: it was not written by an export of ours, or by another version.
    """
    path = folder / run_files.EXPORT
    if not path.is_file():
        raise UserError(f"{printable(path)}: is missing, so this is no export of bert-tf; {_REMEDY}")
    with reading(path, _REMEDY):
        content = read_json(path)
    if content.pop("format", None) != FORMAT:
        raise UserError(f"{printable(path)}: was written by another version; {_REMEDY}")
    with reading(path, _REMEDY):
        _check(content)
        questions = content.get("questions")
        settings = None if questions is None else QuestionSettings(**questions)
        tagging = content.get("tagging")
        tagging = None if tagging is None else TaggingSettings(**tagging)
        return Facts(**{**content, "labels": tuple(content["labels"]), "questions": settings, "tagging": tagging})


def _check(content: Mapping[str, object]) -> None:
    """Raises an exception if a fact is missing or has no possible value."""
    for name, is_possible in _POSSIBLE.items():
        if not is_possible(content[name]):
            raise ValueError(f"{name}: is {shown(content[name])}")
    if bool(content["labels"]) != (content["kind"] not in (Number.kind, QUESTION_ANSWERING)):
        raise ValueError(f"labels: is {shown(content['labels'])} with the kind {content['kind']}")
    for fact, (kind, settings) in _SETTINGS.items():
        found = content.get(fact)
        if (found is not None) != (content["kind"] == kind):
            raise ValueError(f"{fact}: is {shown(found)} with the kind {content['kind']}")
        for name, value in (found or {}).items():
            if not settings.is_possible(name, value):
                raise ValueError(f"{name}: is {shown(value)}")
