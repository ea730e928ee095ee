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
from collections.abc import Iterable
from pathlib import Path

from absl import flags

from bert_tf.data.folders import exported_dir
from bert_tf.flags import run_program
from tfds_corpora import load_corpus, local_folder, local_or_none, write_files

# train.tsv comes last: if it is there, the others are too.
SPLITS = {"test.tsv": "test", "dev.tsv": "validation", "train.tsv": "train"}


def export(output_dir: Path, tfds_dir: str | None = None, overwrite: bool = False) -> None:
    """Writes the three files, all of them or none.

    Args:
        output_dir: the folder for the files; created if it is missing.
        tfds_dir: where tensorflow-datasets keeps its data; None for its own default.
        overwrite: True to replace files with other content.

    Raises:
        UserError: the dataset cannot be loaded, or `output_dir` cannot be written to or has other files.
    """
    splits = load_corpus("mrpc", tfds_dir).splits
    write_files({name: tsv_bytes(map(_fields, splits[split])) for name, split in SPLITS.items()}, output_dir, overwrite)


def _fields(row: dict) -> tuple[str, str, int]:
    return row["sentence1"].decode("utf-8"), row["sentence2"].decode("utf-8"), int(row["label"])


def tsv_bytes(rows: Iterable[tuple]) -> bytes:
    r"""Formats rows as pandas' `to_csv(index=False, header=False, sep="\t")` does, in UTF-8.

    Example:
        >>> tsv_bytes([('He said " no " twice', "Tabs\tcount", 1)])
        b'"He said "" no "" twice"\t"Tabs\tcount"\t1\n'
    """
    text = io.StringIO(newline="")
    csv.writer(text, delimiter="\t", lineterminator="\n").writerows(rows)
    return text.getvalue().encode("utf-8")


def define_flags() -> None:
    """Defines the flags; a function, so that this file can be imported next to another script's flags."""
    flags.DEFINE_string("output_dir", str(exported_dir("MRPC")), "The folder for the three files.")
    flags.DEFINE_string("tfds_dir", None, "Where tensorflow-datasets keeps its data; by default ~/tensorflow_datasets.")
    flags.DEFINE_bool("overwrite", False, "Whether to replace files with other content.")


def main() -> None:
    """Exports to the folder that the flags name."""
    values = flags.FLAGS
    output_dir = local_folder(values.output_dir, "output_dir")
    export(Path(output_dir), local_or_none(values.tfds_dir, "tfds_dir"), values.overwrite)
    print(f"{', '.join(SPLITS)} are in {output_dir}")


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    define_flags()
    run_program(main)
