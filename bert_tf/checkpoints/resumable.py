"""Folders in the cache for broken downloads, which one process at a time may resume."""

import contextlib
import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from bert_tf.checkpoints.cache import cache_dir

_LOCK = "lock"


@contextlib.contextmanager
def resumable_folder(url: str, marker: str, work: Path) -> Iterator[Path]:
    """Yields a folder that the next download of an address finds again, if this one breaks off.

    Other processes that download the same address at the same time get their own folder, `work`. After the block the
    folder is removed unless it has the `marker`. Leftovers are removed as those of other killed processes.

    Args:
        url: the address.
        marker: the name of a file that is in the folder as long as the download can be resumed.
        work: a temporary folder of this process.
    """
    folder = cache_dir() / f".partial-{hashlib.sha256(url.encode(errors='surrogatepass')).hexdigest()[:32]}"
    lock = _lock(folder)
    if lock is None:
        yield work
        return
    try:
        yield folder
    finally:
        if not (folder / marker).exists():
            shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _lock(folder: Path) -> int | None:
    """Makes the folder and locks it; returns None if another process has it or the file system has no locks."""
    path = folder / _LOCK
    try:
        folder.mkdir(exist_ok=True)
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # The process that had the lock before may have removed the folder, and a third one may have made it anew.
        if os.path.samestat(os.fstat(lock), path.stat()):
            os.utime(folder)  # It is in use, so it is no old leftover.
            return lock
    except OSError:
        pass
    os.close(lock)
    return None
