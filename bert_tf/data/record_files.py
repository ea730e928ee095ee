"""The records of TFRecord files, found by number: they are read one by one when they are needed.

    files = open_record_files("data/pretraining/*.tfrecord", "input_file")
    files.read([0, 17, 4])  # the bytes of three records

Files of a bucket are copied to a temporary folder first: TensorFlow downloads 64 MB to read one record of a file there.
"""

import array
import bisect
import contextlib
import dataclasses
import functools
import hashlib
import shutil
import struct
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
from absl import logging

from bert_tf.crc32c import masked_crc32c
from bert_tf.data.file_patterns import matching_files
from bert_tf.errors import UserError, counted, first_few, printable, user_error_for
from bert_tf.files import open_bytes
from bert_tf.remote import AnyPath, is_remote

# A record is its size in 8 bytes, a checksum of these, the content, and a checksum of the content.
_HEADER, _CHECKSUM = struct.Struct("<QI"), struct.Struct("<I")
_GZIP = b"\x1f\x8b"
# No record is nearly as large.
_LARGEST_SIZE = 1 << 40
_COPIED_AT_A_TIME = 1 << 20
_REMEDY = "write or copy the file again"


class Record(NamedTuple):
    """A record, by its name.

    Attributes:
        guid: the name of its file and its number there, counted from 1.
    """

    guid: str


# Where the content of a record starts, its size and its checksum.
_PLACE = np.dtype([("start", np.int64), ("size", np.int64), ("checksum", np.uint32)])


@dataclasses.dataclass(frozen=True)
class RecordFiles(Sequence[Record]):
    """Records, numbered through all their files. Only their places are in memory, 20 bytes for each.

    Attributes:
        paths: the files, as the user named them.
        local_paths: the same files, or copies of those of a bucket.
        splits: int64 [files + 1]; the records of file i have the numbers from `splits[i]` to `splits[i + 1]`.
        starts: int64 [records], where the content of each starts in its file.
        sizes: int64 [records], in bytes.
        checksums: uint32 [records], of the contents, as the files have them.
        problems: of records that could not be read, see `problems_reported`.
        copies: the folder of the copies, which is removed with this object and those of `first`; None without copies.
    """

    paths: tuple[AnyPath, ...]
    local_paths: tuple[Path, ...]
    splits: np.ndarray
    starts: np.ndarray
    sizes: np.ndarray
    checksums: np.ndarray
    problems: list[UserError] = dataclasses.field(default_factory=list, repr=False)
    copies: tempfile.TemporaryDirectory | None = None

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, number: int) -> Record:
        path, place = self.place(range(len(self))[number])
        return Record(f"{printable(path.name)}:{place}")

    def place(self, number: int) -> tuple[AnyPath, int]:
        """Returns the file of a record, and its number there, counted from 1."""
        file = self._file_of(number)
        return self.paths[file], int(number - self.splits[file]) + 1

    def _file_of(self, number: int) -> int:
        return int(np.searchsorted(self.splits, number, side="right")) - 1

    def first(self, count: int) -> "RecordFiles":
        """Returns the first records only."""
        if count >= len(self):
            return self
        return dataclasses.replace(
            self,
            splits=np.minimum(self.splits, count),
            starts=self.starts[:count],
            sizes=self.sizes[:count],
            checksums=self.checksums[:count],
        )

    @functools.cached_property
    def digest(self) -> str:
        """A short name for these records: 16 hexadecimal digits of their checksums, in order."""
        content = np.stack([self.checksums, self.sizes], axis=1)
        return hashlib.sha256(content.astype("<i8").tobytes()).hexdigest()[:16]

    def read(self, numbers: Iterable[int]) -> list[bytes]:
        """Reads the contents of records, and compares their checksums: a file may change while a run reads it.

        Raises:
            UserError: a record cannot be read, or is damaged. It is added to `problems`, too.
        """
        try:
            return [self._read(int(number)) for number in numbers]
        except UserError as error:
            self.problems.append(error)
            raise

    def _read(self, number: int) -> bytes:
        path, place = self.place(number)
        where, local = f"{printable(path)}: record {place}", self.local_paths[self._file_of(number)]
        with user_error_for(OSError, where, "cannot be read", "put the file back"), open_bytes(local) as file:
            file.seek(int(self.starts[number]))
            content = file.read(int(self.sizes[number]))
        if masked_crc32c(content) != self.checksums[number]:
            raise self.error(number, f"is damaged: its checksum is wrong; {_REMEDY}")
        return content

    def error(self, number: int, problem: str) -> UserError:
        """Returns the error for a record with a problem."""
        path, place = self.place(number)
        return UserError(f"{printable(path)}: record {place}: {problem}")


@contextlib.contextmanager
def problems_reported(files: Iterable[RecordFiles]) -> Iterator[None]:
    """Raises the `UserError` of a record that could not be read inside the block.

    A graph raises another error in its place.
    """
    try:
        yield
    except Exception:
        problems = [problem for each in files for problem in each.problems]
        if problems:
            raise problems[0] from None
        raise


def open_record_files(patterns: str, flag: str) -> RecordFiles:
    """Finds all records of TFRecord files. Their contents are skipped; files of a bucket are copied.

    Args:
        patterns: names of files or patterns, with commas between them, see `matching_files`.
        flag: the flag that has them, for messages.

    Raises:
        UserError: a file is missing, cut off, compressed or no TFRecord file, there is no record, or there is no room
            for the copies.
    """
    paths = matching_files(patterns, flag)
    local_paths, copies = _local_files(paths)
    places = [_places_in(local, path) for local, path in zip(local_paths, paths, strict=True)]
    empty = [str(path) for path, found in zip(paths, places, strict=True) if not len(found)]
    if len(empty) == len(paths):
        raise UserError(f"{flag}: {first_few(empty)}: {'is' if len(empty) == 1 else 'are'} empty; name other files")
    if empty:
        logging.warning("%s: %s without a record: %s.", flag, counted(len(empty), "file"), first_few(empty))
    starts, sizes, checksums = (np.concatenate([found[name] for found in places]) for name in _PLACE.names)
    splits = np.cumsum([0, *map(len, places)])
    return RecordFiles(tuple(paths), tuple(local_paths), splits, starts, sizes, checksums, copies=copies)


def _local_files(paths: Sequence[AnyPath]) -> tuple[list[Path], tempfile.TemporaryDirectory | None]:
    """Returns the files, with copies in place of those of a bucket, and the folder of these."""
    remote = [path for path in dict.fromkeys(paths) if is_remote(path)]
    if not remote:
        return list(paths), None
    folder = tempfile.TemporaryDirectory(prefix="bert_tf-")
    _check_room(remote, Path(folder.name))
    logging.info("Copying %s to %s: %s.", counted(len(remote), "file"), folder.name, first_few(map(str, remote)))
    copies = {path: _copy(path, Path(folder.name, str(number))) for number, path in enumerate(remote)}
    return [copies.get(path, path) for path in paths], folder


def _check_room(files: Sequence[AnyPath], folder: Path) -> None:
    with user_error_for(OSError, files[0], "cannot be read", "check the address"):
        needed = sum(file.stat().st_size for file in files)
    free = shutil.disk_usage(folder).free
    if needed > free:
        problem = f"the copies need {needed / 1e9:.1f} GB, and {folder.parent} has {free / 1e9:.1f} GB"
        raise UserError(f"{printable(files[0])}: {problem}; set TMPDIR to a folder with more room")


def _copy(path: AnyPath, copy: Path) -> Path:
    with (
        user_error_for(OSError, path, f"cannot be copied to {copy.parent}", "check the address and the room there"),
        open_bytes(path) as source,
        copy.open("wb") as target,
    ):
        shutil.copyfileobj(source, target, _COPIED_AT_A_TIME)
    return copy


def _places_in(file: Path, path: AnyPath) -> np.ndarray:
    """Returns the `_PLACE` of each record of a file that the user knows as `path`."""
    with user_error_for(OSError, path, "cannot be read", "check its permissions"), open_bytes(file) as content:
        return np.fromiter(_walk(content, path), _PLACE)


def _walk(file: IO[bytes], path: AnyPath) -> Iterator[tuple[int, int, int]]:
    """Yields start, size and checksum of each record."""
    # Whole numbers of Python would take five times the memory.
    headers = array.array("q")
    position = 0
    while header := file.read(_HEADER.size):
        headers.append(position)
        size = _HEADER.unpack(header)[0] if len(header) == _HEADER.size else _LARGEST_SIZE
        position += _HEADER.size
        file.seek(position + min(size, _LARGEST_SIZE))
        footer = file.read(_CHECKSUM.size)
        is_first = position == _HEADER.size
        if len(footer) < _CHECKSUM.size or (is_first and not _is_header(header)):
            raise _error_at(file, path, headers)
        yield position, size, *_CHECKSUM.unpack(footer)
        position += size + _CHECKSUM.size


def _is_header(header: bytes) -> bool:
    if len(header) < _HEADER.size:
        return False
    size, checksum = _HEADER.unpack(header)
    return masked_crc32c(size.to_bytes(8, "little")) == checksum


def _error_at(file: IO[bytes], path: AnyPath, headers: Sequence[int]) -> UserError:
    """Returns the error for a file that ends within its last record, or that is another kind of file.

    If a record says a wrong size, all that comes after it is no record either.
    """

    def is_wrong(position: int) -> bool:
        file.seek(position)
        return not _is_header(file.read(_HEADER.size))

    number = bisect.bisect_left(headers, True, key=is_wrong)
    if number == 0:
        return _foreign_file_error(file, path)
    # Only the last header can be cut off itself.
    file.seek(headers[-1])
    is_cut_off = number == len(headers) or (number == len(headers) - 1 and len(file.read(_HEADER.size)) < _HEADER.size)
    problem = "is cut off" if is_cut_off else "is damaged: it says a wrong size"
    return UserError(f"{printable(path)}: record {min(number + 1, len(headers))}: {problem}; {_REMEDY}")


def _foreign_file_error(file: IO[bytes], path: AnyPath) -> UserError:
    file.seek(0)
    if file.read(len(_GZIP)) == _GZIP:
        return UserError(f"{printable(path)}: is compressed, so its records cannot be found by number; unpack it")
    return UserError(f"{printable(path)}: is no TFRecord file; write one with create_pretraining_data")
