"""The folder that keeps downloaded and unpacked checkpoints.

It is `~/.cache/bert_tf`, or the folder that the environment variable BERT_TF_CACHE names. A checkpoint is made in a
temporary folder inside the cache, which gets its final name by one rename. So a folder with the name of a checkpoint
is always complete, and processes that make the same checkpoint do not disturb each other.
"""

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from absl import logging

from bert_tf.checkpoints.integrity import damaged_files, write_record
from bert_tf.errors import UserError, first_few, printable, user_error_for
from bert_tf.paths import local_path

_REMEDY = "make room, or name another folder with BERT_TF_CACHE"
_STALE_SECONDS = 24 * 3600


def cache_dir() -> Path:
    """Returns the cache folder: `BERT_TF_CACHE`, or else `~/.cache/bert_tf`.

    Raises:
        UserError: there is no home folder, or the variable is no path of a local folder.
    """
    named = os.environ.get("BERT_TF_CACHE")
    if named:
        return Path(local_path(named, "BERT_TF_CACHE"))
    try:
        return Path.home() / ".cache" / "bert_tf"
    except RuntimeError as error:
        raise UserError(
            "no home folder is known in which to keep checkpoints; set HOME, or name a folder with BERT_TF_CACHE"
        ) from error


def cached_folder(name: str, make: Callable[[Path, Path], None], expected: Mapping[str, str] | None = None) -> Path:
    """Returns a folder of the cache. Makes it first if it is not there, and again if a file in it is damaged.

    Args:
        name: the name of the folder in the cache, or its path there, such as `zip-HASH/NAME`.
        make: is called with two temporary folders, one for its own work and one for the folder's content.
        expected: the files that must be there with their SHA-256 digests; an empty digest for any content.

    Raises:
        UserError: the cache cannot be read or written. It then has no new folder of this name.

    Example:
        folder = cached_folder("numbers", lambda work, content: (content / "one.txt").write_text("1"))
    """
    cache = cache_dir()
    folder = cache / name
    with user_error_for(OSError, cache, "cannot keep a checkpoint there", _REMEDY):
        expected = expected or {}
        if not _is_intact(folder, expected):
            cache.mkdir(parents=True, exist_ok=True)
            _remove_stale(cache)
            with tempfile.TemporaryDirectory(prefix=".partial-", dir=cache) as work:
                _make(Path(work), folder, make, expected)
    return folder


def _is_intact(folder: Path, expected: Mapping[str, str]) -> bool:
    if not folder.is_dir():
        return False
    damaged = damaged_files(folder, expected)
    if damaged:
        logging.warning(
            "%s: missing or damaged: %s; the checkpoint is downloaded or unpacked again",
            printable(folder),
            first_few(damaged),
        )
    return not damaged


def _make(work: Path, folder: Path, make: Callable[[Path, Path], None], expected: Mapping[str, str]) -> None:
    content = work / "content"
    content.mkdir()
    make(work, content)
    write_record(content, [path.name for path in content.iterdir()])
    folder.parent.mkdir(exist_ok=True)
    # A damaged folder stays until its successor is complete, which may be that of another process.
    if folder.is_dir() and damaged_files(folder, expected):
        folder.rename(work / "damaged")
    _rename_unless_there(content, folder)


def _rename_unless_there(content: Path, folder: Path) -> None:
    try:
        content.rename(folder)
    except OSError:
        # Another process was faster; its folder is as complete as this one.
        if not folder.is_dir():
            raise


def _remove_stale(cache: Path) -> None:
    """Removes the temporary folders of killed processes, once they are too old to be in use."""
    for partial in cache.glob(".partial-*"):
        with contextlib.suppress(FileNotFoundError):
            if time.time() - _last_change(partial) > _STALE_SECONDS:
                shutil.rmtree(partial, ignore_errors=True)


def _last_change(folder: Path) -> float:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return max(path.stat().st_mtime for path in [folder, *files])
