"""Reads what the labels of a fine-tuned model are, from the files that training leaves beside its weights.

kind = read_kind(Path("output/reviews"), "copy the file there again")
labels = read_labels(Path("output/reviews"), kind, "copy the file there again")
"""

from bert_tf import run_files
from bert_tf.data.tag_schemes import OUTSIDE, is_tag
from bert_tf.data.targets import KINDS, PRETRAINING, QUESTION_ANSWERING, TOKEN_CLASSIFICATION, Number, OneLabel
from bert_tf.errors import UserError, reading, shown
from bert_tf.files import read_json, read_text
from bert_tf.remote import AnyPath


def read_kind(folder: AnyPath, remedy: str) -> str:
    """Reads the kind of a model from task.json; without that file the model is a classifier.

    Args:
        folder: of the model.
        remedy: what the user can do about a broken file.

    Raises:
        UserError: the file is broken, or names no known kind.

    Example:
        >>> from pathlib import Path
        >>> read_kind(Path("output/reviews"), "copy the file there again")
        'classification'
    """
    path = folder / run_files.TASK
    if not path.exists():
        return OneLabel.kind
    with reading(path, remedy):
        kind = read_json(path).get("kind")
    if not isinstance(kind, str) or kind not in (*KINDS, QUESTION_ANSWERING, TOKEN_CLASSIFICATION, PRETRAINING):
        raise UserError(f"{path}: the kind {shown(kind)} is unknown; {remedy}")
    return kind


def read_labels(folder: AnyPath, kind: str, remedy: str) -> list[str]:
    r"""Reads the names of the labels from labels.txt, in the order of the head's outputs.

    There are none for numbers, for answers to questions and for masks. Tags of words are in task.json.

    Args:
        folder: of the model.
        kind: the result of `read_kind`.
        remedy: what the user can do about a broken file.

    Raises:
        UserError: the file is missing, broken or empty, or has a label twice; no label is invented.

    Example:
        >>> from pathlib import Path
        >>> _ = Path("labels.txt").write_text("bad\ngood\n", encoding="utf-8")
        >>> read_labels(Path(), "classification", "copy the file there again")
        ['bad', 'good']
    """
    if kind in (Number.kind, QUESTION_ANSWERING, PRETRAINING):
        return []
    if kind == TOKEN_CLASSIFICATION:
        return list(read_tags(folder, remedy))
    path = folder / run_files.LABELS
    with reading(path, remedy):
        labels = read_text(path).splitlines()
    if not labels:
        raise UserError(f"{path}: has no labels; {remedy}")
    for line, label in enumerate(labels, start=1):
        if label in labels[: line - 1]:
            raise UserError(f"{path}:{line}: has the label {shown(label)} twice; {remedy}")
    return labels


def read_tags(folder: AnyPath, remedy: str) -> tuple[str, ...]:
    r"""Reads the tags of a model that tags words from task.json, in the order of the head's outputs.

    Args:
        folder: of the model.
        remedy: what the user can do about a broken file.

    Raises:
        UserError: the file is missing or broken, or has no tags, `O` among them.

    Example:
        >>> from pathlib import Path
        >>> _ = Path("task.json").write_text('{"kind": "token_classification", "tags": ["O", "B-PER", "I-PER"]}')
        >>> read_tags(Path(), "copy the file there again")
        ('O', 'B-PER', 'I-PER')
    """
    path = folder / run_files.TASK
    with reading(path, remedy):
        tags = read_json(path)["tags"]
        is_usable = isinstance(tags, list) and OUTSIDE in tags and all(map(is_tag, tags))
        if not is_usable or len(set(tags)) < len(tags):
            raise ValueError(f'"tags" is {shown(tags)}')
    return tuple(tags)
