#!/usr/bin/env python
r"""Exports MRPC from tensorflow-datasets (`glue/mrpc`) to the TSV files that run_classifier.py reads.

    python scripts/export_mrpc.py
    python scripts/export_mrpc.py --output_dir=/data/MRPC --tfds_dir=/data/tfds

Writes train.tsv (3,668 pairs), dev.tsv (408) and test.tsv (1,725, label -1) to data/MRPC. The columns are sentence1,
sentence2 and label, byte for byte as pandas' `to_csv(index=False, header=False, sep="\t")` writes them on Unix. The
rows have the order of the corpus (`idx`); tensorflow-datasets itself stores them in the order of a hash.
"""

import csv
import io
import logging
import tempfile
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

from absl import flags

from bert_tf.data.folders import exported_dir
from bert_tf.errors import UserError
from bert_tf.files import atomic_write
from bert_tf.flags import run_program
from bert_tf.paths import local_path

DATASET = "glue/mrpc"
# train.tsv comes last: if it is there, the others are too.
SPLITS = {"test.tsv": "test", "dev.tsv": "validation", "train.tsv": "train"}
PROBE_SECONDS = 10
OTHER_WAYS = "pass a --tfds_dir that has it, or use GLUE's own MRPC files as --data_dir"


def export(output_dir: Path, tfds_dir: str | None = None, overwrite: bool = False) -> None:
    """Writes the three files, all of them or none.

    Args:
        output_dir: the folder for the files; created if it is missing.
        tfds_dir: where tensorflow-datasets keeps its data; None for its own default.
        overwrite: True to replace files with other content.

    Raises:
        UserError: the dataset cannot be loaded, or `output_dir` cannot be written to or has other files.
    """
    splits = load_splits(tfds_dir)
    contents = {name: tsv_bytes(splits[split]) for name, split in SPLITS.items()}
    try:
        write_files(contents, output_dir, overwrite)
    except OSError as error:
        raise UserError(f"{output_dir}: not written ({error.strerror}); choose another --output_dir") from None


def tsv_bytes(rows: Iterable[tuple]) -> bytes:
    r"""Formats rows as pandas' `to_csv(index=False, header=False, sep="\t")` does, in UTF-8.

    Example:
        >>> tsv_bytes([('He said " no " twice', "Tabs\tcount", 1)])
        b'"He said "" no "" twice"\t"Tabs\tcount"\t1\n'
    """
    text = io.StringIO(newline="")
    csv.writer(text, delimiter="\t", lineterminator="\n").writerows(rows)
    return text.getvalue().encode("utf-8")


def write_files(contents: dict[str, bytes], output_dir: Path, overwrite: bool) -> None:
    """Writes all files under temporary names, and renames them when all are complete.

    Raises:
        UserError: a file exists with other content and `overwrite` is False; then nothing is written.
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
    """Reads MRPC through tensorflow-datasets, which downloads it the first time.

    Returns:
        The rows (sentence1, sentence2, label) of the splits "train", "validation" and "test", sorted by `idx`.

    Raises:
        UserError: the dataset cannot be downloaded or read.
    """
    # Both are slow to import, and --help must not wait for them. The download itself uses requests.
    import requests
    import tensorflow_datasets as tfds

    tfds.disable_progress_bar()
    try:
        builder = tfds.builder(DATASET, data_dir=tfds_dir)
        if not builder.is_prepared():
            # Without a network the download retries for three minutes; one request to each address fails at once.
            for url in builder.url_infos:
                if "mrpc" in url or "msr_paraphrase" in url:
                    requests.head(url, timeout=PROBE_SECONDS)
        splits = tfds.load(DATASET, data_dir=tfds_dir)
        return {name: _rows(tfds.as_numpy(split)) for name, split in splits.items()}
    except (requests.ConnectionError, requests.Timeout) as error:
        problem = f"no connection to {urlsplit(error.request.url).hostname}, from which {DATASET} is downloaded"
        raise UserError(f"{problem}; connect, or {OTHER_WAYS}") from error
    except Exception as error:  # tensorflow-datasets passes on everything that the network and the disk raise
        cause = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        raise UserError(f"tensorflow-datasets cannot load {DATASET} ({cause}); {OTHER_WAYS}") from error


def _rows(examples: Iterable[dict]) -> list[tuple[str, str, int]]:
    return [
        (example["sentence1"].decode("utf-8"), example["sentence2"].decode("utf-8"), int(example["label"]))
        for example in sorted(examples, key=lambda example: example["idx"])
    ]


def define_flags() -> None:
    """Defines the flags; a function, so that this file can be imported next to another script's flags."""
    flags.DEFINE_string("output_dir", str(exported_dir("MRPC")), "The folder for the three files.")
    flags.DEFINE_string("tfds_dir", None, "Where tensorflow-datasets keeps its data; by default ~/tensorflow_datasets.")
    flags.DEFINE_bool("overwrite", False, "Whether to replace files with other content.")


def main() -> None:
    """Exports to the folder that the flags name."""
    values = flags.FLAGS
    output_dir = local_path(values.output_dir, "output_dir")
    tfds_dir = None if values.tfds_dir is None else local_path(values.tfds_dir, "tfds_dir")
    export(Path(output_dir), tfds_dir, values.overwrite)
    print(f"{', '.join(SPLITS)} are in {output_dir}")


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    define_flags()
    run_program(main)
