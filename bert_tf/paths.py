"""Checks the paths that users give: `~` is expanded, and what cannot be a local path is refused.

path = local_path("~/output", "output_dir")
"""

import os
import re
import sys

from bert_tf.errors import UserError, shown

# Linux's limits, in bytes.
_LONGEST_PATH = 4095
_LONGEST_NAME = 255
# A local folder may be called "a:b"; an address has a slash behind the colon, or one slash if pathlib had it.
_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]*):/+", re.IGNORECASE)


def local_path(path: str | os.PathLike, name: str) -> str:
    r"""Returns a path as a text, with `~` and `~user` replaced by the home folder. The file may be missing.

    Args:
        path: a path, or the name of a model.
        name: the flag or argument that has it, for the message.

    Raises:
        UserError: this is not the path of a local file: it is an address such as gs://bucket/folder, is empty, or has
            characters or a length that file names cannot have.

    Example:
        >>> local_path("output/mrpc", "output_dir")
        'output/mrpc'
        >>> local_path("gs://bucket/mrpc", "output_dir")
        Traceback (most recent call last):
        ...
        bert_tf.errors.UserError: output_dir: 'gs://bucket/mrpc': gs: addresses cannot be used; give a local path
    """
    text = os.fspath(path) if isinstance(path, os.PathLike) else path
    problem = _problem(text)
    if problem:
        raise UserError(f"{name}: {problem}")
    return _expand(text, name)


def _problem(text: object) -> str | None:
    if not isinstance(text, str):
        return f"is {shown(text)}; it must be a path, as a text"
    if not text.strip():
        return "is empty; give a path"
    if "\0" in text:
        return f"{shown(text)}: has a NUL character, which no path can have; remove it"
    return _address_problem(text) or _name_problem(text)


def _address_problem(text: str) -> str | None:
    address = _ADDRESS.match(text.strip())
    if not address:
        return None
    if address[1].lower() == "file":
        return f"{shown(text)}: is an address; give the path without file://"
    return f"{shown(text)}: {address[1].lower()}: addresses cannot be used; give a local path"


def _name_problem(text: str) -> str | None:
    encoding = sys.getfilesystemencoding()
    if encoding != "utf-8" and not text.isascii():
        # TensorFlow would use another name than Python.
        return f"{shown(text)}: Python takes file names for {encoding}; set PYTHONUTF8=1 before it starts"
    if any("\ud800" <= char <= "\udfff" for char in text):
        return f"{shown(text)}: is not UTF-8; rename the file or folder"
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
