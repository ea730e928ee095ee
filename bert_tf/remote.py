"""Paths of files that TensorFlow opens, such as gs://bucket/folder, with the methods of pathlib's.

    folder = as_path("gs://bucket/output")
    (folder / "run.json").read_bytes()

Local paths stay pathlib's own. TensorFlow, which takes seconds, is loaded when a remote path is used first.
"""

import contextlib
import errno
import fnmatch
import io
import os
import posixpath
import re
import secrets
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import ModuleType

from bert_tf.errors import reason_of

# TensorFlow finds the file system of an address by its scheme.
_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)
# TensorFlow has these without further libraries.
_BUILT_IN_SCHEMES = ("gs", "ram")
# Each request takes about as long for a megabyte as for a byte.
_BUFFER_BYTES = 1 << 20


@dataclass(frozen=True)
class RemoteStatus:
    """The facts of a remote file that `os.stat_result` has for a local one, under the same names.

    Attributes:
        st_mode: says only if it is a file or a folder.
        st_size: in bytes.
        st_mtime_ns: when it was changed; 0 if the file system does not know.
    """

    st_mode: int
    st_size: int
    st_mtime_ns: int
    st_ino: int = 0
    st_ctime_ns: int = 0


class RemotePath(os.PathLike):
    """An address of a file or folder; its methods do what those of `pathlib.Path` do, and raise `OSError` as they do.

    Object stores have no folders: one is there if an object is in it, or if it was made.

    Args:
        address: such as `gs://bucket/folder/file`. `.` and `..` in it are resolved.

    Example:
        >>> path = RemotePath("gs://bucket/output/model.ckpt-343.index")
        >>> path.name, path.suffix, str(path.parent / "checkpoint")
        ('model.ckpt-343.index', '.index', 'gs://bucket/output/checkpoint')
    """

    def __init__(self, address: str):
        scheme, rest = _ADDRESS.fullmatch(address).groups()
        self._scheme = scheme
        self._inner = PurePosixPath(posixpath.normpath(rest))

    def __str__(self) -> str:
        return f"{self._scheme}://{'' if self._inner == PurePosixPath() else self._inner}"

    def __repr__(self) -> str:
        return f"RemotePath({str(self)!r})"

    def __fspath__(self) -> str:
        return str(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RemotePath) and str(self) == str(other)

    def __lt__(self, other: "RemotePath") -> bool:
        return str(self) < str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    # The parts of the address.

    def _with(self, inner: PurePosixPath) -> "RemotePath":
        return RemotePath(f"{self._scheme}://{inner}")

    def __truediv__(self, name: str | os.PathLike) -> "RemotePath":
        return self._with(self._inner / name)

    @property
    def parts(self) -> tuple[str, ...]:
        """The scheme, and the names of the folders and the file."""
        return (f"{self._scheme}://", *self._inner.parts)

    @property
    def parent(self) -> "RemotePath":
        """The folder that it is in."""
        return self._with(self._inner.parent)

    @property
    def name(self) -> str:
        """The last part."""
        return self._inner.name

    @property
    def stem(self) -> str:
        """The name without its suffix."""
        return self._inner.stem

    @property
    def suffix(self) -> str:
        """The end of the name, from the last dot."""
        return self._inner.suffix

    def with_name(self, name: str) -> "RemotePath":
        """Returns the path of another file in the same folder."""
        return self._with(self._inner.with_name(name))

    def with_suffix(self, suffix: str) -> "RemotePath":
        """Returns the path with another suffix."""
        return self._with(self._inner.with_suffix(suffix))

    def resolve(self) -> "RemotePath":
        """Returns the path itself: it is absolute, and there are no links."""
        return self

    absolute = resolve

    # Looking.

    def stat(self) -> RemoteStatus:
        """Asks for the facts of the file or folder."""
        with _file_system(self) as gfile:
            found = gfile.stat(str(self))
            # ram://, TensorFlow's for tests, takes model.ckpt for a folder if there is a model.ckpt.index.
            if self._scheme == "ram" and found.is_directory and self.name not in gfile.listdir(str(self.parent)):
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(self))
        return RemoteStatus(stat.S_IFDIR if found.is_directory else stat.S_IFREG, found.length, found.mtime_nsec)

    lstat = stat

    def exists(self) -> bool:
        """Returns True if there is a file or folder."""
        return self._mode() != 0

    def is_file(self) -> bool:
        """Returns True if there is a file."""
        return stat.S_ISREG(self._mode())

    def is_dir(self) -> bool:
        """Returns True if there is a folder."""
        return stat.S_ISDIR(self._mode())

    def is_symlink(self) -> bool:
        """Returns False: there are no links."""
        return False

    def _mode(self) -> int:
        """Returns what it is; 0 if it is missing. Unlike TensorFlow, it takes no other error for a missing file."""
        try:
            return self.stat().st_mode
        except (FileNotFoundError, NotADirectoryError):
            return 0

    def iterdir(self) -> Iterator["RemotePath"]:
        """Yields what is in the folder."""
        # TensorFlow's listing takes a folder that cannot be reached for a missing one; this tells the two apart.
        self.stat()
        try:
            with _file_system(self) as gfile:
                names = gfile.listdir(str(self))
        except FileNotFoundError as error:
            raise OSError(errno.EIO, "cannot be listed", str(self)) from error
        # Folders of a bucket end with a slash.
        return (self / name for name in (name.rstrip("/") for name in names) if name)

    def glob(self, pattern: str) -> Iterator["RemotePath"]:
        """Yields what is in the folder and has such a name; subfolders are not searched."""
        return (path for path in self.iterdir() if fnmatch.fnmatchcase(path.name, pattern))

    # Reading.

    def open(self, mode: str) -> io.BufferedReader:
        """Opens the file for reading; the mode is `"rb"`."""
        if mode != "rb":
            raise ValueError(f"mode is {mode!r}; a remote file is opened with 'rb'")
        return io.BufferedReader(_Reader(self), _BUFFER_BYTES)

    def read_bytes(self) -> bytes:
        """Reads the whole file."""
        with self.open("rb") as file:
            return file.read()

    # Writing.

    def write_bytes(self, content: bytes) -> None:
        """Writes a file under another name and renames it: whole or not at all, if the file system renames so."""
        made = self.with_name(f".{self.name}.{secrets.token_hex(4)}")
        try:
            made._write(content, "wb")
            made.replace(self)
        except BaseException:
            with contextlib.suppress(OSError):
                made.unlink()
            raise

    def append_bytes(self, content: bytes) -> None:
        """Adds to the end of a file. An object store writes the whole file again."""
        self._write(content, "ab")

    def _write(self, content: bytes, mode: str) -> None:
        with _file_system(self) as gfile, gfile.GFile(str(self), mode) as file:
            file.write(content)

    def mkdir(self, parents: bool = True, exist_ok: bool = True) -> None:
        """Makes the folder and those above it; it may exist."""
        with _file_system(self) as gfile:
            gfile.makedirs(str(self))
        if not self.is_dir():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(self))

    def replace(self, target: "RemotePath | str") -> None:
        """Renames a file, over another one too."""
        with _file_system(self) as gfile:
            gfile.rename(str(self), str(target), overwrite=True)

    def unlink(self, missing_ok: bool = False) -> None:
        """Removes a file."""
        try:
            with _file_system(self) as gfile:
                gfile.remove(str(self))
        except FileNotFoundError:
            if not missing_ok:
                raise

    def rmtree(self) -> None:
        """Removes a folder and all that is in it."""
        with _file_system(self) as gfile:
            gfile.rmtree(str(self))


AnyPath = Path | RemotePath


def is_remote(path: str | os.PathLike) -> bool:
    """Returns True for an address, such as gs://bucket/folder.

    Example:
        >>> is_remote("gs://bucket/folder"), is_remote("./gs:/folder"), is_remote("uncased_L-12_H-768_A-12")
        (True, False, False)
    """
    return _ADDRESS.fullmatch(os.fspath(path)) is not None


def as_path(path: str | os.PathLike) -> AnyPath:
    """Returns the path object of a local path or an address. pathlib would drop a slash of gs://.

    Example:
        >>> str(as_path("gs://bucket/output") / "run.json"), str(as_path("output") / "run.json")
        ('gs://bucket/output/run.json', 'output/run.json')
    """
    return RemotePath(os.fspath(path)) if is_remote(path) else Path(path)


def schemes() -> list[str]:
    """Lists the beginnings of addresses that can be opened, such as gs.

    TensorFlow is asked if it is loaded: a library such as tensorflow-io may have added some. It is not loaded for this.

    Example:
        >>> "gs" in schemes()
        True
    """
    if "tensorflow" not in sys.modules:
        return list(_BUILT_IN_SCHEMES)
    return sorted(set(_tensorflow().io.gfile.get_registered_schemes()) - {"", "file"})


@contextlib.contextmanager
def local_copy(path: AnyPath) -> Iterator[Path]:
    """Yields a local file with the same content and name: the file itself, or for the block a copy of a remote one.

    Raises:
        OSError: the file cannot be read, or the temporary folder has no room for it.
    """
    if not is_remote(path):
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="bert_tf-") as folder:
        copy = Path(folder, path.name)
        with path.open("rb") as source, copy.open("wb") as target:
            shutil.copyfileobj(source, target, _BUFFER_BYTES)
        yield copy


class _Reader(io.RawIOBase):
    """TensorFlow's reader of a file as Python's own; `io.BufferedReader` makes the rest of it."""

    def __init__(self, path: RemotePath):
        self._path = path
        with _file_system(path) as gfile:
            self._file = gfile.GFile(str(path), "rb")

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:
        with _file_system(self._path):
            content = self._file.read(len(buffer))
        buffer[: len(content)] = content
        return len(content)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        with _file_system(self._path):
            self._file.seek(offset, whence)
        return self.tell()

    def tell(self) -> int:
        with _file_system(self._path):
            return self._file.tell()

    def close(self) -> None:
        self._file.close()
        super().close()


def _tensorflow() -> ModuleType:
    import tensorflow

    return tensorflow


@contextlib.contextmanager
def _file_system(path: RemotePath) -> Iterator[ModuleType]:
    """Yields TensorFlow's file system; its errors inside the block become Python's own for files."""
    tf = _tensorflow()
    try:
        yield tf.io.gfile
    except tf.errors.NotFoundError as error:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path)) from error
    except (tf.errors.PermissionDeniedError, tf.errors.UnauthenticatedError) as error:
        raise PermissionError(errno.EACCES, _reason(error), str(path)) from error
    except tf.errors.OpError as error:
        raise OSError(errno.EIO, _reason(error), str(path)) from error


def _reason(error: Exception) -> str:
    """Returns the reason without the name of the file, which TensorFlow adds."""
    return reason_of(Exception(str(error).partition("\n\t when ")[0]))
