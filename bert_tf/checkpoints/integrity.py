"""Finds damaged files in the cache.

Each folder of the cache has a record, `.sha256.json`, with the SHA-256, inode, size and times of its files. A file is
hashed when a process uses it for the first time, unless it is unchanged by inode, size and times, and was hashed in
the last 24 hours: that would take 0.3 to 1.4 s for BERT-base. This finds cut and edited files at once, and disk errors
within a day. It is no protection from somebody who can write to the cache: they can change the record too.
"""

import contextlib
import functools
import hashlib
import stat
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from bert_tf.files import read_json, write_json
from bert_tf.remote import AnyPath, is_remote

RECORD = ".sha256.json"
_CHUNK_BYTES = 1 << 20
_RECENT_SECONDS = 24 * 3600


def sha256(path: AnyPath) -> str:
    """Returns the SHA-256 of a file as 64 hexadecimal digits.

    Raises:
        OSError: the file cannot be read or is not a regular file: a named pipe would wait for ever.

    Example:
        >>> _ = Path("numbers.txt").write_bytes(b"1 2 3")
        >>> sha256(Path("numbers.txt"))[:16]
        '7c8f5059290305ce'
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError("is not a regular file")
    # Nothing shows for sure that a remote file is unchanged.
    return _sha256(path) if is_remote(path) else _sha256_once(path, *_unchanged(path))


def write_record(folder: Path, names: Iterable[str]) -> None:
    """Records the SHA-256 of files of a folder in it, and what shows that they are unchanged."""
    files = [folder / name for name in names]
    record = {path.name: {"sha256": sha256(path), "unchanged": _unchanged(path)} for path in files}
    write_json(folder / RECORD, record)


def damaged_files(folder: Path, expected: Mapping[str, str]) -> list[str]:
    """Lists the files of a folder that are missing or are not as they were recorded. Hashes what must be hashed.

    Args:
        folder: a folder, with or without a record. If no file is damaged, it has a record afterwards, unless it
            cannot be written.
        expected: the files that must be there with their published digests; an empty digest if none is published.

    Raises:
        OSError: a file cannot be read.

    Example:
        >>> Path("model").mkdir()
        >>> _ = Path("model", "vocab.txt").write_text("[PAD]")
        >>> write_record(Path("model"), ["vocab.txt"])
        >>> _ = Path("model", "vocab.txt").write_text("[PAD] [UNK]")
        >>> damaged_files(Path("model"), {"vocab.txt": "", "config.json": ""})
        ['config.json', 'vocab.txt']
    """
    record = _recorded(folder)
    digests = dict(expected) | {name: digest for name, (digest, _) in record.items()}
    digests |= {name: digest for name, digest in expected.items() if digest}
    known = record if _is_recent(folder / RECORD) else {}
    unknown = [name for name in digests if not _is_known(folder / name, digests[name], known.get(name))]
    damaged = [name for name in unknown if not _is_intact(folder / name, digests[name])]
    if unknown and not damaged:
        with contextlib.suppress(OSError):  # Another user's cache.
            write_record(folder, digests)
    return sorted(damaged)


@functools.lru_cache(maxsize=256)
def _sha256_once(path: Path, *unchanged: int) -> str:
    """Hashes a file once in a process, as long as its inode, size and times are `unchanged`."""
    return _sha256(path)


def _sha256(path: AnyPath) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _recorded(folder: Path) -> dict[str, tuple[str, object]]:
    """Returns digest and inode, size and times by file name. A broken record counts as none: it can be made again."""
    try:
        record = read_json(folder / RECORD)
        return {name: (str(file["sha256"]), file["unchanged"]) for name, file in record.items()}
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return {}


def _is_recent(record: Path) -> bool:
    return record.is_file() and abs(time.time() - record.stat().st_mtime) < _RECENT_SECONDS


def _is_known(path: Path, digest: str, recorded: tuple[str, object] | None) -> bool:
    """Returns True if a file was hashed in the last 24 hours and has not changed since."""
    return path.is_file() and recorded == (digest, _unchanged(path))


def _is_intact(path: Path, digest: str) -> bool:
    return path.is_file() and digest in ("", sha256(path))


def _unchanged(path: Path) -> list[int]:
    """Returns numbers that differ when a file was written. The time of change cannot be set as others can."""
    status = path.stat()
    return [status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns]
