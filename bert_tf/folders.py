"""Folders that are written whole or not at all, for exports.

with new_folder("my-export", overwrite=False) as folder:
    (folder / "vocab.txt").write_text("[PAD]")
"""

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from bert_tf.errors import UserError, first_few, printable, user_error_for
from bert_tf.files import read_json, sync_file, sync_folder, write_json
from bert_tf.paths import local_path

# Lists the files of an export. Only a folder with no others is ever replaced.
MANIFEST = "bert_tf_export.json"


@contextlib.contextmanager
def new_folder(path: str | os.PathLike, overwrite: bool) -> Iterator[Path]:
    """Yields a temporary folder next to `path` and renames it to `path` when the block ends without an error.

    A reader sees no folder, the old one or the whole new one. If the block raises, Ctrl-C and SIGTERM too, the
    temporary folder is removed and `path` stays as it was. An empty folder at `path` counts as none. `path` may be a
    symbolic link; the link stays.

    Args:
        path: the folder to write; those above it are made.
        overwrite: True to replace a folder that was written this way. A folder with any other file is never replaced.

    Raises:
        UserError: `path` is an address or a file, is there and may not be replaced, or cannot be written.

    Example:
        >>> with new_folder("export", overwrite=False) as folder:
        ...     _ = (folder / "vocab.txt").write_text("[PAD]")
        >>> with new_folder("export", overwrite=False) as folder:
        ...     pass
        Traceback (most recent call last):
        ...
        bert_tf.errors.UserError: export: is there already; name another folder, or replace it with --overwrite
    """
    path = Path(local_path(path, "folder"))
    # The folder behind a link is replaced, not the link.
    target = Path(os.path.realpath(path))
    with user_error_for(OSError, path, "cannot be written", "make room or name another folder"):
        _check_free(target, path, overwrite)
        target.parent.mkdir(parents=True, exist_ok=True)
        made = _sibling(target)
        made.mkdir()
        try:
            yield made
            _finish(made)
            _check_free(target, path, overwrite)
            _move(made, target)
        except BaseException:
            shutil.rmtree(made, ignore_errors=True)
            raise
        sync_folder(target.parent)


def _sibling(path: Path) -> Path:
    """Returns a hidden name in the same folder that nothing has yet."""
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}")


def _check_free(target: Path, path: Path, overwrite: bool) -> None:
    """Raises `UserError` if there is a folder that may not be replaced; `path` is the user's name for it."""
    if not target.exists():
        return
    if not target.is_dir():
        raise UserError(f"{printable(path)}: is a file; name another folder")
    if not any(target.iterdir()):
        return
    if not overwrite:
        raise UserError(f"{printable(path)}: is there already; name another folder, or replace it with --overwrite")
    others = sorted(_files_in(target) - _exported_files(target))
    if others:
        raise UserError(
            f"{printable(path)}: has files that no export wrote ({first_few(others)}), so it is not replaced; "
            "name another folder"
        )


def _files_in(folder: Path) -> set[str]:
    """Returns the paths of all files below a folder, relative to it. Links count as files."""
    found = (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    return {path.relative_to(folder).as_posix() for path in found}


def _exported_files(folder: Path) -> set[str]:
    """Returns the files that an export wrote into a folder; none if it is not an export."""
    try:
        return {*read_json(folder / MANIFEST)["files"], MANIFEST}
    except (OSError, ValueError, KeyError, TypeError):
        return set()


def _finish(folder: Path) -> None:
    """Lists the files of a complete export and waits until they are on the disk."""
    files = sorted(_files_in(folder))
    write_json(folder / MANIFEST, {"files": files})
    for name in files:
        sync_file(folder / name)


def _move(made: Path, target: Path) -> None:
    """Renames a folder; one that is there is removed after that, or put back if it fails."""
    if not target.exists():
        made.rename(target)
        return
    old = _sibling(target)
    target.rename(old)
    try:
        made.rename(target)
    except BaseException:
        old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)
