"""Reads tasks of GLUE through tensorflow-datasets, and writes their files: all of a task or none.

`export_mrpc.py` and `export_glue.py` are the programs.
"""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from bert_tf.errors import UserError
from bert_tf.files import atomic_write
from bert_tf.paths import local_path

PROBE_SECONDS = 10


class Corpus(NamedTuple):
    """A task as tensorflow-datasets has it.

    Attributes:
        splits: the rows of each split, in the order of the corpus.
        columns: the column in GLUE's files for each text, such as `sentence1` for `premise`.
        label_column: the column in GLUE's files for the label.
        label_names: the names of the labels; empty for numbers.
    """

    splits: dict[str, list[dict]]
    columns: dict[str, str]
    label_column: str
    label_names: list[str]


def load_corpus(name: str, tfds_dir: str | None) -> Corpus:
    """Reads a task through tensorflow-datasets, which downloads it the first time.

    Args:
        name: of the task there, such as `sst2`.
        tfds_dir: where tensorflow-datasets keeps its data; None for its own default.

    Raises:
        UserError: the task cannot be downloaded or read.
    """
    # Both are slow to import, and --help must not wait for them. The download itself uses requests.
    import requests
    import tensorflow_datasets as tfds

    tfds.disable_progress_bar()
    dataset = f"glue/{name}"
    other_ways = f"pass a --tfds_dir that has it, or use GLUE's own {name.upper()} files as --data_dir"
    try:
        builder = tfds.builder(dataset, data_dir=tfds_dir)
        if not builder.is_prepared():
            # Without a network the download retries for three minutes; one request to each address fails at once.
            for url in _addresses(builder):
                requests.head(url, timeout=PROBE_SECONDS)
        splits = {name: list(tfds.as_numpy(split)) for name, split in tfds.load(dataset, data_dir=tfds_dir).items()}
    except (requests.ConnectionError, requests.Timeout) as error:
        problem = f"no connection to {urlsplit(error.request.url).hostname}, from which {dataset} is downloaded"
        raise UserError(f"{problem}; connect, or {other_ways}") from error
    except Exception as error:  # tensorflow-datasets passes on everything that the network and the disk raise
        cause = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        raise UserError(f"tensorflow-datasets cannot load {dataset} ({cause}); {other_ways}") from error
    config, label = builder.builder_config, builder.info.features["label"]
    ordered = {name: sorted(rows, key=lambda row: row["idx"]) for name, rows in splits.items()}
    return Corpus(ordered, dict(config.text_features), config.label_column, list(getattr(label, "names", None) or []))


def _addresses(builder: object) -> list[str]:
    address = builder.builder_config.data_url
    # MRPC is not hosted by GLUE, and its files have no address in its configuration.
    return [address] if address else [url for url in builder.url_infos if "mrpc" in url or "msr_paraphrase" in url]


def write_files(contents: Mapping[str, bytes], output_dir: Path, overwrite: bool) -> None:
    """Writes all files under temporary names, and renames them when all are complete.

    Args:
        contents: of each file, by its name. The last one comes last: if it is there, the others are too.
        output_dir: the folder for the files; created if it is missing.
        overwrite: True to replace files with other content.

    Raises:
        UserError: a file exists with other content and `overwrite` is False; then nothing is written. Or the folder
            cannot be written to.
    """
    try:
        _write_files(contents, output_dir, overwrite)
    except OSError as error:
        raise UserError(f"{output_dir}: not written ({error.strerror}); choose another --output_dir") from None


def _write_files(contents: Mapping[str, bytes], output_dir: Path, overwrite: bool) -> None:
    for name, content in contents.items():
        path = output_dir / name
        if not overwrite and path.exists() and path.read_bytes() != content:
            raise UserError(f"{path}: exists with other content; pass --overwrite or another --output_dir")
    output_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".export.", dir=output_dir) as staging:
        for name, content in contents.items():
            with atomic_write(Path(staging, name), "wb") as file:
                file.write(content)
        for name in contents:
            Path(staging, name).replace(output_dir / name)


def local_folder(path: str, flag: str) -> str:
    """Returns the checked path of a flag; raises `UserError` if a file has this name."""
    path = local_path(path, flag)
    if Path(path).is_file():
        raise UserError(f"{flag}: {path}: is a file; give a folder")
    return path


def local_or_none(path: str | None, flag: str) -> str | None:
    """Returns the checked path of a flag; None if the flag was not given."""
    return None if path is None else local_folder(path, flag)
