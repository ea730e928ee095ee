"""Finds damaged files in the cache.

Each folder of the cache has a record, `.sha256.json`, with the SHA-256 of its files. A file that is used for the first
time in a process is hashed again, which takes 0.3 s for BERT-base and shows disk errors, cut files and edits. It is no
protection from somebody who can write to the cache: they can change the record too, unless the digest is published in
the catalogue, and they can change a file after it was hashed.
"""

import functools
import hashlib
import stat
from collections.abc import Mapping
from pathlib import Path

from bert_tf.files import read_json, write_json

RECORD = ".sha256.json"
_CHUNK_BYTES = 1 << 20


def sha256(path: Path) -> str:
    """Returns the SHA-256 of a file as 64 hexadecimal digits.

    Raises:
        OSError: the file cannot be read or is not a regular file: a named pipe would wait for ever.

    Example:
        >>> _ = Path("numbers.txt").write_bytes(b"1 2 3")
        >>> sha256(Path("numbers.txt"))[:16]
        '7c8f5059290305ce'
    """
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise OSError("is not a regular file")
    return _sha256_once(path, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def write_record(folder: Path) -> None:
    """Records the SHA-256 of each file of a folder in it."""
    write_json(folder / RECORD, {path.name: sha256(path) for path in folder.iterdir() if path.is_file()})


def damaged_files(folder: Path, expected: Mapping[str, str]) -> list[str]:
    """Lists the files of a folder that are missing or are not as they were recorded.

    Args:
        folder: a folder, with or without a record.
        expected: the files that must be there with their published digests; an empty digest if none is published.

    Raises:
        OSError: a file cannot be read.

    Example:
        >>> Path("model").mkdir()
        >>> _ = Path("model", "vocab.txt").write_text("[PAD]")
        >>> write_record(Path("model"))
        >>> _ = Path("model", "vocab.txt").write_text("[pad]")
        >>> damaged_files(Path("model"), {"vocab.txt": "", "config.json": ""})
        ['config.json', 'vocab.txt']
    """
    published = {name: digest for name, digest in expected.items() if digest}
    digests = dict(expected) | _recorded(folder) | published
    return sorted(name for name, digest in digests.items() if not _is_intact(folder / name, digest))


@functools.lru_cache(maxsize=256)
def _sha256_once(path: Path, *unchanged: int) -> str:
    """Hashes a file once in a process, as long as its inode, size and times are `unchanged`."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _recorded(folder: Path) -> dict[str, str]:
    """Returns the digests by file name. A record that cannot be read counts as a damaged file itself."""
    try:
        return read_json(folder / RECORD)
    except FileNotFoundError:
        return {}
    except ValueError:
        return {RECORD: "unreadable"}


def _is_intact(path: Path, digest: str) -> bool:
    return path.is_file() and digest in ("", sha256(path))
