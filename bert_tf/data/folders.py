"""Finds the data of a task that the user did not name: an exported corpus, or the project's own sample."""

from pathlib import Path

from bert_tf.data.processors import glue_class

_PACKAGE = Path(__file__).resolve().parents[1]
_CLONE = _PACKAGE.parent
# The folders of tasks that are not in GLUE and not in capital letters.
_NAMES = {"squad": "SQuAD", "pretraining": "pretraining"}


def exported_dir(task_name: str) -> Path:
    """Returns the folder that `scripts/export_glue.py` and its like write: data/TASK in the clone.

    An installed package has no clone; then it is data/TASK in the current folder. A task of GLUE has the folder's name
    that GLUE gives it.

    Example:
        >>> exported_dir("sst2").name, exported_dir("MNLI-MM").name, exported_dir("reviews").name
        ('SST-2', 'MNLI', 'REVIEWS')
    """
    top = _CLONE if (_CLONE / "pyproject.toml").is_file() else Path()
    return top / "data" / _folder_name(task_name)


def sample_dir(task_name: str) -> Path | None:
    """Returns the folder of the task's sample corpus; None if the project has none.

    The clone keeps it in data/sample; an installed package brings it along.

    Example:
        >>> sample_dir("MRPC").name, sample_dir("SQuAD").name, sample_dir("pretraining").name
        ('MRPC', 'SQuAD', 'pretraining')
    """
    folders = (top / "sample" / _folder_name(task_name) for top in (_CLONE / "data", _PACKAGE))
    return next((folder for folder in folders if folder.is_dir()), None)


def _folder_name(task_name: str) -> str:
    if task_name.lower() in _NAMES:
        return _NAMES[task_name.lower()]
    found = glue_class(task_name)
    return found.folder if found else task_name.upper()
