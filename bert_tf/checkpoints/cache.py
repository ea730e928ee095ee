"""The folder that keeps downloaded and unpacked checkpoints.

It is `~/.cache/bert_tf`, or the folder that the environment variable BERT_TF_CACHE names. A checkpoint is made in a
temporary folder inside the cache, which gets its final name by one rename. So a folder with the name of a checkpoint
is always complete, and processes that make the same checkpoint do not disturb each other.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bert_tf.errors import user_error_for

_STALE_SECONDS = 24 * 3600


def cache_dir() -> Path:
    """Returns the cache folder: `BERT_TF_CACHE`, or else `~/.cache/bert_tf`."""
    return Path(os.environ.get("BERT_TF_CACHE") or "~/.cache/bert_tf").expanduser()


def cached_folder(name: str, make: Callable[[Path, Path], None]) -> Path:
    """Returns a folder of the cache. Makes it first if it is not there.

    Args:
        name: the name of the folder in the cache, or its path there, such as `zip-HASH/NAME`.
        make: is called with two temporary folders, one for its own work and one for the folder's content.

    Raises:
        UserError: the cache cannot be written. It then has no folder of this name.

    Example:
        folder = cached_folder("numbers", lambda work, content: (content / "one.txt").write_text("1"))
    """
    cache = cache_dir()
    folder = cache / name
    if not folder.is_dir():
        remedy = "make room, or name another folder with BERT_TF_CACHE"
        with user_error_for(OSError, cache, "cannot keep a checkpoint there", remedy):
            cache.mkdir(parents=True, exist_ok=True)
            _remove_stale(cache)
            with tempfile.TemporaryDirectory(prefix=".partial-", dir=cache) as work:
                content = Path(work, "content")
                content.mkdir()
                make(Path(work), content)
                _rename_unless_there(content, folder)
    return folder


def _rename_unless_there(content: Path, folder: Path) -> None:
    folder.parent.mkdir(exist_ok=True)
    try:
        content.rename(folder)
    except OSError:
        # Another process was faster; its folder is as complete as this one.
        if not folder.is_dir():
            raise


def _remove_stale(cache: Path) -> None:
    """Removes the temporary folders of killed processes, once they are too old to be in use."""
    for partial in cache.glob(".partial-*"):
        try:
            stale = time.time() - partial.stat().st_mtime > _STALE_SECONDS
        except FileNotFoundError:
            continue
        if stale:
            shutil.rmtree(partial, ignore_errors=True)
