#!/usr/bin/env python
r"""Exports MRPC from tensorflow-datasets (`glue/mrpc`) to the TSV files that run_classifier.py reads.

    python scripts/export_mrpc.py
    python scripts/export_mrpc.py --output_dir=/data/MRPC --tfds_dir=/data/tfds

Writes train.tsv (3,668 pairs), dev.tsv (408) and test.tsv (1,725, label -1) below data/MRPC: sentence1,
sentence2 and label, with the bytes of pandas' `to_csv(index=False, header=False, sep="\t")` under Unix. The
rows have the order of the corpus (`idx`); tensorflow-datasets itself stores them in the order of a hash.
"""

import csv
import io
import logging
import os
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

from absl import app, flags

from bert_tf.errors import UserError
from bert_tf.files import atomic_write

DATASET = "glue/mrpc"
# train.tsv comes last: where it lies, the others do too.
SPLITS = {"test.tsv": "test", "dev.tsv": "validation", "train.tsv": "train"}
PROBE_SECONDS = 10
OTHER_WAYS = "give --tfds_dir a folder that has it, or take GLUE's own MRPC files as --data_dir"


def export(output_dir: Path, tfds_dir: str | None = None, overwrite: bool = False) -> None:
    """Writes the three files, all of them or none.

    Args:
        output_dir: the folder for the files; made where it is missing.
        tfds_dir: where tensorflow-datasets keeps its data; None for its own default.
        overwrite: whether files of another content may be replaced.

    Raises:
        UserError: the dataset cannot be had, or `output_dir` cannot be written or has other files.
    """
    splits = load_splits(tfds_dir)
    contents = {name: tsv_bytes(splits[split]) for name, split in SPLITS.items()}
    try:
        write_files(contents, output_dir, overwrite)
    except OSError as error:
        raise UserError(f"{output_dir}: not written ({error.strerror}); choose another --output_dir") from None


def tsv_bytes(rows: Iterable[tuple]) -> bytes:
    r"""The rows as pandas' `to_csv(index=False, header=False, sep="\t")` writes them, in UTF-8.

    Example:
        >>> tsv_bytes([('He said " no " twice', "Tabs\tcount", 1)])
        b'"He said "" no "" twice"\t"Tabs\tcount"\t1\n'
    """
    text = io.StringIO(newline="")
    csv.writer(text, delimiter="\t", lineterminator="\n").writerows(rows)
    return text.getvalue().encode("utf-8")


def write_files(contents: dict[str, bytes], output_dir: Path, overwrite: bool) -> None:
    """Writes all files under temporary names and renames them once all are complete.

    Raises:
        UserError: a file exists with another content and `overwrite` is false. Nothing is written then.
    """
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


def load_splits(tfds_dir: str | None) -> dict[str, list[tuple[str, str, int]]]:
    """Reads MRPC through tensorflow-datasets, which downloads it where it has not before.

    Returns:
        For each of the splits "train", "validation" and "test" its (sentence1, sentence2, label) by `idx`.

    Raises:
        UserError: the dataset cannot be downloaded or read.
    """
    # Both are slow to import, and --help must not wait for them; requests is what the download itself uses.
    import requests
    import tensorflow_datasets as tfds

    tfds.disable_progress_bar()
    try:
        builder = tfds.builder(DATASET, data_dir=tfds_dir)
        if not builder.is_prepared():
            # Without a network the download retries for three minutes; one request each tells at once.
            for url in builder.url_infos:
                if "mrpc" in url or "msr_paraphrase" in url:
                    requests.head(url, timeout=PROBE_SECONDS)
        splits = tfds.load(DATASET, data_dir=tfds_dir)
        return {name: _rows(tfds.as_numpy(split)) for name, split in splits.items()}
    except (requests.ConnectionError, requests.Timeout) as error:
        what = f"no connection to {urlsplit(error.request.url).hostname}, from which {DATASET} is downloaded"
        raise UserError(f"{what}; connect, or {OTHER_WAYS}") from error
    except Exception as error:  # tensorflow-datasets lets through whatever the network and the disk raise
        cause = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        raise UserError(f"tensorflow-datasets cannot load {DATASET} ({cause}); {OTHER_WAYS}") from error


def _rows(examples: Iterable[dict]) -> list[tuple[str, str, int]]:
    return [
        (example["sentence1"].decode("utf-8"), example["sentence2"].decode("utf-8"), int(example["label"]))
        for example in sorted(examples, key=lambda example: example["idx"])
    ]


def define_flags() -> None:
    """Defines the flags; a function, so that this file can be imported beside another script's flags."""
    root = Path(__file__).resolve().parent.parent
    flags.DEFINE_string("output_dir", str(root / "data" / "MRPC"), "The folder for the three files.")
    flags.DEFINE_string("tfds_dir", None, "Where tensorflow-datasets keeps its data; by default ~/tensorflow_datasets.")
    flags.DEFINE_bool("overwrite", False, "Whether to replace files that have other content.")


def main(argv: list[str]) -> None:
    """Runs the export with the flags' values."""
    if len(argv) > 1:
        raise app.UsageError(f"unexpected argument {argv[1]!r}; flags begin with --")
    values = flags.FLAGS
    try:
        export(Path(values.output_dir), values.tfds_dir, values.overwrite)
    except UserError as error:
        print(error, file=sys.stderr)
        sys.exit(1)
    print(f"{', '.join(SPLITS)} are in {values.output_dir}")


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    logging.disable(logging.WARNING)
    define_flags()
    app.run(main)
