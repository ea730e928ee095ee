"""Checks the paths that users give: `~` is expanded, and what cannot be a path is refused.

path = checked_path("~/output", "output_dir")
"""

import os
import re
import sys

from bert_tf.errors import UserError, shown
from bert_tf.remote import is_remote, schemes

# Linux's limits, in bytes.
_LONGEST_PATH = 4095
_LONGEST_NAME = 255
_HUB = "hf://"
# A local folder may be called "a:b"; an address has two slashes behind the colon, or one if pathlib had it.
_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]*):/+", re.IGNORECASE)


def is_hub_name(path: str | os.PathLike) -> bool:
    """Returns True for the name of a model on the Hugging Face hub.

    Example:
        >>> is_hub_name("hf://google-bert/bert-base-uncased"), is_hub_name("google-bert/bert-base-uncased")
        (True, False)
    """
    return isinstance(path, str) and path.startswith(_HUB)


def checked_model(path: str | os.PathLike, name: str) -> str:
    """Returns the path of a model as `checked_path` does, and the name of one on the hub unchanged.

    Args:
        path: a path, an address, or the name of a model.
        name: the flag or argument that has it, for the message.

    Raises:
        UserError: this is neither a path nor the name of a model.

    Example:
        >>> checked_model("hf://google-bert/bert-base-uncased", "bert_model")
        'hf://google-bert/bert-base-uncased'
    """
    return path if is_hub_name(path) else checked_path(path, name)


def checked_path(path: str | os.PathLike, name: str) -> str:
    r"""Returns a path as a text, with `~` and `~user` replaced by the home folder. The file may be missing.

    Addresses that TensorFlow can open, such as gs://bucket/folder, are paths too. Nothing here loads TensorFlow.

    Args:
        path: a path, an address, or the name of a model.
        name: the flag or argument that has it, for the message.

    Raises:
        UserError: this is no path: it is an address that nothing can open, is empty, or has characters or a length
            that file names cannot have.

    Example:
        >>> checked_path("output/mrpc", "output_dir"), checked_path("gs://bucket/mrpc", "output_dir")
        ('output/mrpc', 'gs://bucket/mrpc')
        >>> checked_path("foo://b", "data_dir")
        Traceback (most recent call last):
        ...
        bert_tf.errors.UserError: data_dir: 'foo://b': foo: addresses cannot be opened (only gs, ram); give a local path
    """
    text = os.fspath(path) if isinstance(path, os.PathLike) else path
    problem = _text_problem(text) or (_address_problem(text) if _is_address(text) else _name_problem(text))
    if problem:
        raise UserError(f"{name}: {problem}")
    return text if is_remote(text) else _expand(text, name)


def local_path(path: str | os.PathLike, name: str) -> str:
    """Returns a path as `checked_path` does, and refuses every address.

    Args:
        path: a path.
        name: the flag or variable that has it, for the message.

    Raises:
        UserError: this is not the path of a local file.

    Example:
        >>> local_path("gs://b/x", "BERT_TF_CACHE")
        Traceback (most recent call last):
        ...
        bert_tf.errors.UserError: BERT_TF_CACHE: 'gs://b/x': gs: addresses cannot be used here; give a local path
    """
    if isinstance(path, (str, os.PathLike)) and _is_address(os.fspath(path)):
        scheme = _ADDRESS.match(os.fspath(path).strip())[1].lower()
        raise UserError(f"{name}: {shown(os.fspath(path))}: {scheme}: addresses cannot be used here; give a local path")
    return checked_path(path, name)


def _text_problem(text: object) -> str | None:
    if not isinstance(text, str):
        return f"is {shown(text)}; it must be a path, as a text"
    if not text.strip():
        return "is empty; give a path"
    if "\0" in text:
        return f"{shown(text)}: has a NUL character, which no path can have; remove it"
    if any("\ud800" <= char <= "\udfff" for char in text):
        return f"{shown(text)}: is not UTF-8; rename the file or folder"
    return None


def _is_address(text: str) -> bool:
    return _ADDRESS.match(text.strip()) is not None


def _address_problem(text: str) -> str | None:
    scheme = _ADDRESS.match(text.strip())[1]
    if scheme.lower() == "file":
        return f"{shown(text)}: is an address; give the path without file://"
    known = schemes()
    if scheme not in known:
        return f"{shown(text)}: {scheme}: addresses cannot be opened (only {', '.join(known)}); give a local path"
    if text != text.strip():
        return f"{shown(text)}: begins or ends with white space; remove it"
    if not is_remote(text):
        return f"{shown(text)}: has one slash after {scheme}:, as pathlib leaves it; give it as a text with two"
    if not text.partition("://")[2].strip("/"):
        return f"{shown(text)}: names no bucket; give it as {scheme}://BUCKET/FOLDER"
    return None


def _name_problem(text: str) -> str | None:
    encoding = sys.getfilesystemencoding()
    if encoding != "utf-8" and not text.isascii():
        # TensorFlow would use another name than Python.
        return f"{shown(text)}: Python takes file names for {encoding}; set PYTHONUTF8=1 before it starts"
    names = [len(name.encode()) for name in text.split("/")]
    if sum(names) + len(names) > _LONGEST_PATH or max(names) > _LONGEST_NAME:
        return f"{shown(text)}: is too long for a path; give a shorter one"
    # A typing mistake in most cases, unless there is such a file.
    if text != text.strip() and not os.path.lexists(text):
        return f"{shown(text)}: begins or ends with white space; remove it"
    return None


def _expand(text: str, name: str) -> str:
    # Not pathlib's function, which takes "./~" for "~".
    expanded = os.path.expanduser(text)  # noqa: PTH111
    if expanded.startswith("~"):
        user = text.partition("/")[0]
        raise UserError(f"{name}: {shown(text)}: {user} is not known here; write ./~ for a file of that name")
    return expanded
