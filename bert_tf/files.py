"""Files that are written whole or not at all, locks, ends of logs, and JSON objects.

Files may be remote, see `bert_tf.remote`. Nothing here knows what the files are about; `run_files` has the names of a
run's.
"""

import contextlib
import errno
import fcntl
import io
import json
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

from bert_tf.errors import UserError, reason_of, user_error_for
from bert_tf.remote import AnyPath, RemotePath, as_path, is_remote
from bert_tf.remote_lock import remote_lock

# No JSON or text file of a model or a run is nearly as large; a vocabulary of a million pieces has 10 MB.
MAX_TEXT_BYTES = 64 << 20
# Enough for the traceback of a failed run, and little to read of a log of gigabytes.
_TAIL_BYTES = 16384


@contextlib.contextmanager
def atomic_write(path: str | os.PathLike, mode: str = "w") -> Iterator[IO]:
    r"""Opens a temporary file next to `path` and renames it to `path` when the block ends without an error.

    A reader sees the old content or the whole new one, even after a crash or a power cut. If the block
    raises, `path` stays as it was and the temporary file is removed. A symbolic link at `path` is replaced, and the
    file that it points to stays as it was.

    A remote file is kept in memory until the block ends; the renaming is then as good as that of its file system.

    Args:
        path: the file to write; its folder must exist.
        mode: `"w"` for UTF-8 text with `\n` line ends, `"wb"` for bytes.

    Example:
        >>> with atomic_write("numbers.tsv") as file:
        ...     _ = file.write("1\t2\n")
    """
    path = as_path(path)
    if is_remote(path):
        with _remote_write(path, mode) as file:
            yield file
        return
    text = {} if "b" in mode else {"encoding": "utf-8", "newline": "\n"}
    made = tempfile.NamedTemporaryFile(mode, dir=path.parent, prefix=f".{path.name}.", delete=False, **text)  # noqa: SIM115
    try:
        with made as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        # NamedTemporaryFile makes files that only their owner can read.
        give_usual_permissions(Path(made.name))
        Path(made.name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(made.name).unlink()
        raise
    sync_folder(path.parent)


@contextlib.contextmanager
def _remote_write(path: RemotePath, mode: str) -> Iterator[IO]:
    content = io.BytesIO()
    file = content if "b" in mode else io.TextIOWrapper(content, encoding="utf-8", newline="\n")
    yield file
    file.flush()
    path.write_bytes(content.getvalue())


def is_leftover(name: str, of: str) -> bool:
    """Returns True if `name` is that of a temporary file which a killed `atomic_write` of the file `of` left.

    Example:
        >>> is_leftover(".results.json.k3_x9q2z", of="results.json")
        True
    """
    return re.fullmatch(rf"\.{re.escape(of)}\.[a-z0-9_]{{8}}", name) is not None


def sync_folder(path: str | os.PathLike) -> None:
    """Waits until renames in a folder are on the disk, so that they survive a power cut.

    A remote file system reports that it has done something when it is stored.

    Raises:
        OSError: the disk reports an error.
    """
    if is_remote(path):
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network file systems cannot do this for folders.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def sync_file(path: str | os.PathLike) -> None:
    """Waits until the content of a file is on the disk; see `sync_folder`.

    Raises:
        OSError: the disk reports an error.
    """
    if is_remote(path):
        return
    with Path(path).open("rb") as file:
        os.fsync(file.fileno())


def remove_tree(path: str | os.PathLike) -> None:
    """Removes a folder and all that is in it.

    Raises:
        OSError: it is not there or cannot be removed.
    """
    path = as_path(path)
    if is_remote(path):
        path.rmtree()
    else:
        shutil.rmtree(path)


def is_there(path: AnyPath) -> bool:
    """Returns True if there is something of this name, a dangling link too.

    Raises:
        OSError: it cannot be known.

    Example:
        >>> is_there(Path("no-such-file"))
        False
    """
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


@contextlib.contextmanager
def open_at_end(path: str | os.PathLike) -> Iterator[IO[bytes]]:
    r"""Opens a log at its end, unbuffered; it is created if it is missing.

    Raises:
        OSError: the file cannot be opened, or it is a symbolic link or no regular file.

    Example:
        >>> with open_at_end("run.log") as log:
        ...     _ = log.write(b"step 1\n")
    """
    with open(_open_regular(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT), "ab", buffering=0) as file:
        yield file


def append_whole(path: str | os.PathLike, content: bytes) -> None:
    """Adds bytes to the end of a file; if that fails, for instance on a full disk, none of them.

    A bucket writes the whole file again.

    Raises:
        OSError: the file cannot be written, or it is a symbolic link or no regular file.
    """
    if is_remote(path):
        as_path(path).append_bytes(content)
        return
    with open_at_end(path) as file:
        size = file.seek(0, os.SEEK_END)
        try:
            written = 0
            while written < len(content):
                written += file.write(content[written:])
        except OSError:
            with contextlib.suppress(OSError):
                file.truncate(size)
            raise


def _open_regular(path: str | os.PathLike, flags: int) -> int:
    """Opens a regular file and returns its descriptor. Nothing is written through a symbolic link.

    O_NONBLOCK: opening a named pipe waits for the other end otherwise.
    """
    try:
        descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError(errno.ELOOP, "is a symbolic link", os.fspath(path)) from error
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "is not a regular file", os.fspath(path))
    return descriptor


def give_usual_permissions(path: Path) -> None:
    """Gives a local file the permissions of any new file, where a library made it readable for its owner only."""
    path.chmod(0o666 & ~_umask())


def _umask() -> int:
    umask = os.umask(0)
    os.umask(umask)
    return umask


def make_folder(path: str | os.PathLike, flag: str) -> None:
    """Makes a folder, and those above it, and checks that files can be written there.

    Args:
        path: the folder; it may exist already.
        flag: the flag that named it, for the message.

    Raises:
        UserError: a file is in the way, or the folder cannot be written to.
    """
    path = as_path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
        # To a remote folder the lock is written next.
        if not is_remote(path):
            with tempfile.TemporaryFile(dir=path):
                pass
    except OSError as error:
        raise UserError(f"{flag}: {path}: cannot be written to: {reason_of(error)}") from error


@contextlib.contextmanager
def locked(path: str | os.PathLike, refusal: str) -> Iterator[None]:
    """Holds a lock while the block runs; the system frees it when the process ends, even if it is killed.

    The empty file stays after the block: removing it would let two processes lock two different files. A remote file
    cannot be locked; `remote_lock` says what is done instead.

    Args:
        path: the file that stands for the lock; it is created if it is missing. Nothing is ever written to a local one.
        refusal: the message if another process holds the lock.

    Raises:
        UserError: another process holds the lock, or the file cannot be locked.

    Example:
        >>> with locked(".lock", "output_dir: another run is writing there"):
        ...     with locked(".lock", "output_dir: another run is writing there"):
        ...         pass
        Traceback (most recent call last):
        ...
        bert_tf.errors.UserError: output_dir: another run is writing there
    """
    if is_remote(path):
        with remote_lock(as_path(path), refusal):
            yield
        return
    with user_error_for(OSError, path, "cannot be locked", "remove it if nobody is writing there"):
        descriptor = _open_regular(path, os.O_RDWR | os.O_CREAT)
    try:
        with user_error_for(OSError, path, "cannot be locked", "name a folder on another disk"):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise UserError(refusal) from error
        yield
    finally:
        os.close(descriptor)


def last_lines(path: str | os.PathLike, count: int, start: int = 0) -> list[str]:
    r"""Returns the last lines of a log that are not blank.

    Reads only the end of the file. Bytes that are not UTF-8 are replaced.

    Args:
        path: the file.
        count: the largest number of lines to return.
        start: the byte at which to begin; lines before it are left out.

    Raises:
        OSError: the file cannot be read.

    Example:
        >>> _ = Path("run.log").write_text("step 1\nstep 2\n\n")
        >>> last_lines("run.log", 1)
        ['step 2']
    """
    with Path(path).open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(start, size - _TAIL_BYTES))
        lines = file.read().decode("utf-8", errors="replace").splitlines()
    return [line for line in lines if line.strip()][-count:]


def read_bytes(path: str | os.PathLike, max_bytes: int) -> bytes:
    """Reads a regular file of limited size.

    Raises:
        OSError: the file cannot be read or is not a regular file: a named pipe would wait for ever.
        ValueError: the file is larger than `max_bytes`.
    """
    with open_bytes(path) as file:
        size = as_path(path).stat().st_size if is_remote(path) else os.fstat(file.fileno()).st_size
        _check_size(size, max_bytes)
        # A file may grow while it is read: its size decides first, and then the bytes do.
        content = file.read(max_bytes + 1)
    _check_size(len(content), max_bytes)
    return content


@contextlib.contextmanager
def open_bytes(path: str | os.PathLike) -> Iterator[IO[bytes]]:
    """Opens a regular file for reading.

    Raises:
        OSError: the file cannot be read or is not a regular file: a named pipe would wait for ever.
    """
    if is_remote(path):
        with _open_remote(as_path(path)) as file:
            yield file
        return
    # O_NONBLOCK: opening a named pipe waits for its writer otherwise.
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:  # noqa: PTH123
        mode = os.fstat(file.fileno()).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "is not a regular file", os.fspath(path))
        yield file


def _open_remote(path: RemotePath) -> IO[bytes]:
    if stat.S_ISDIR(path.stat().st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    return path.open("rb")


def _check_size(size: int, max_bytes: int) -> None:
    if size > max_bytes:
        raise ValueError(f"is larger than {max_bytes} bytes")


def read_text(path: str | os.PathLike, max_bytes: int = MAX_TEXT_BYTES) -> str:
    """Reads a UTF-8 text file, without its byte-order mark if it has one; see `read_bytes`.

    Raises:
        OSError: the file cannot be read or is not a regular file.
        ValueError: the file is larger than `max_bytes` or is not UTF-8.
    """
    return read_bytes(path, max_bytes).decode("utf-8").removeprefix("\ufeff")


def read_json(path: str | os.PathLike, max_bytes: int = MAX_TEXT_BYTES) -> dict:
    """Reads the JSON object of a file.

    Raises:
        OSError: the file cannot be read or is not a regular file.
        ValueError: the file is too large, is cut, is not JSON, or holds something other than an object.
    """
    try:
        content = json.loads(read_text(path, max_bytes))
    except (RecursionError, MemoryError) as error:
        raise ValueError("is nested too deeply") from error
    if not isinstance(content, dict):
        raise ValueError("is not a JSON object")
    return content


def read_json_or_empty(path: str | os.PathLike) -> dict:
    """Reads the JSON object of a file; returns an empty one if the file is missing or broken.

    Example:
        >>> read_json_or_empty("no-such-file.json")
        {}
    """
    try:
        return read_json(path)
    except (OSError, ValueError):
        return {}


def write_json(path: str | os.PathLike, content: Mapping) -> None:
    """Writes a JSON object with sorted keys, whole or not at all."""
    text = json_text(content)
    with atomic_write(path) as file:
        file.write(text)


def json_text(content: Mapping) -> str:
    r"""Returns a JSON object as the text of a file, with sorted keys.

    NaN and infinities, which JSON does not have, become null.

    Example:
        >>> json_text({"b": 1, "a": float("nan")})
        '{\n  "a": null,\n  "b": 1\n}\n'
    """
    content = json.loads(json.dumps(content), parse_constant=lambda name: None)
    return json.dumps(content, indent=2, sort_keys=True) + "\n"
