#!/usr/bin/env python
r"""Exports tasks of GLUE from tensorflow-datasets to the TSV files that run_classifier.py reads.

    python scripts/export_glue.py SST-2
    python scripts/export_glue.py CoLA RTE --output_dir=/data/glue --tfds_dir=/data/tfds
    python scripts/export_glue.py all

Writes data/SST-2 and its like in GLUE's own form: the same files, columns and rows as downloaded from GLUE, where the
columns that tensorflow-datasets has dropped are empty. Rows have the order of the corpus (`idx`), which is also their
index; in QQP's training and development sets GLUE has other ids. MRPC is written as `export_mrpc.py` writes it. The
files of a task are written completely or not at all.
"""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from absl import flags

import export_mrpc
from bert_tf.data.folders import exported_dir
from bert_tf.data.processors import PROCESSORS, glue_class
from bert_tf.errors import UserError
from bert_tf.flags import run_program
from tfds_corpora import Corpus, load_corpus, local_folder, local_or_none, write_files


class GlueFile(NamedTuple):
    """One of GLUE's files.

    Attributes:
        split: in tensorflow-datasets.
        columns: the names in GLUE's header, with spaces between them.
        has_header: False if the published file begins with data.
    """

    split: str
    columns: str
    has_header: bool = True


_PARSES = "promptID pairID genre sentence1_binary_parse sentence2_binary_parse sentence1_parse sentence2_parse"
_MNLI = f"index {_PARSES} sentence1 sentence2"
_MNLI_DEV = f"{_MNLI} label1 label2 label3 label4 label5 gold_label"
_STSB = "index genre filename year old_index source1 source2 sentence1 sentence2"
_QQP = "id qid1 qid2 question1 question2 is_duplicate"


def _three_files(test: str, rest: str, has_header: bool = True) -> dict[str, GlueFile]:
    # train.tsv comes last: if it is there, the others are too.
    return {
        "test.tsv": GlueFile("test", test),
        "dev.tsv": GlueFile("validation", rest, has_header),
        "train.tsv": GlueFile("train", rest, has_header),
    }


# The files of each task, by its folder.
FILES = {
    "CoLA": _three_files("index sentence", "source is_acceptable notes sentence", has_header=False),
    "SST-2": _three_files("index sentence", "sentence label"),
    "STS-B": _three_files(_STSB, f"{_STSB} score"),
    "QQP": _three_files("id question1 question2", _QQP),
    "MNLI": {
        "test_mismatched.tsv": GlueFile("test_mismatched", _MNLI),
        "test_matched.tsv": GlueFile("test_matched", _MNLI),
        "dev_mismatched.tsv": GlueFile("validation_mismatched", _MNLI_DEV),
        "dev_matched.tsv": GlueFile("validation_matched", _MNLI_DEV),
        "train.tsv": GlueFile("train", f"{_MNLI} label1 gold_label"),
    },
    "QNLI": _three_files("index question sentence", "index question sentence label"),
    "RTE": _three_files("index sentence1 sentence2", "index sentence1 sentence2 label"),
    "WNLI": _three_files("index sentence1 sentence2", "index sentence1 sentence2 label"),
    "diagnostic": {"diagnostic.tsv": GlueFile("test", "index sentence1 sentence2")},
}
# The tasks by their names in tensorflow-datasets.
_NAMES = {"SST-2": "sst2", "STS-B": "stsb", "diagnostic": "ax"}


def export(folder: str, output_dir: Path, tfds_dir: str | None = None, overwrite: bool = False) -> None:
    """Writes the files of a task, all of them or none.

    Args:
        folder: the name of the task's folder in GLUE.
        output_dir: the folder for the files; created if it is missing.
        tfds_dir: where tensorflow-datasets keeps its data; None for its own default.
        overwrite: True to replace files with other content.

    Raises:
        UserError: the task cannot be loaded, or `output_dir` cannot be written to or has other files.
    """
    if folder == "MRPC":
        export_mrpc.export(output_dir, tfds_dir, overwrite)
        return
    corpus = load_corpus(_NAMES.get(folder, folder.lower()), tfds_dir)
    labels = _labels_of(folder)
    contents = {
        name: "".join(f"{line}\n" for line in glue_lines(corpus, file, labels)).encode("utf-8")
        for name, file in FILES[folder].items()
    }
    write_files(contents, output_dir, overwrite)


def _labels_of(folder: str) -> Sequence[str]:
    return next(found.labels for found in map(glue_class, PROCESSORS) if found and found.folder == folder)


def glue_lines(corpus: Corpus, file: GlueFile, labels: Sequence[str]) -> Iterator[str]:
    r"""Yields the lines of one of GLUE's files.

    Args:
        corpus: the task.
        file: which of its files.
        labels: as the file has them.

    Example:
        >>> rows = [{"sentence": b'A "warm" film .', "label": 1, "idx": 0}]
        >>> corpus = Corpus({"train": rows}, {"sentence": "sentence"}, "label", ["negative", "positive"])
        >>> list(glue_lines(corpus, GlueFile("train", "index sentence label"), ["0", "1"]))
        ['index\tsentence\tlabel', '0\tA "warm" film .\t1']
    """
    columns = file.columns.split()
    if file.has_header:
        yield "\t".join(columns)
    for row in corpus.splits[file.split]:
        cells = {"index": str(row["idx"]), "id": str(row["idx"]), corpus.label_column: _label(row, corpus, labels)}
        cells |= {column: row[text].decode("utf-8") for text, column in corpus.columns.items()}
        yield "\t".join(cells.get(column, "") for column in columns)


def _label(row: dict, corpus: Corpus, labels: Sequence[str]) -> str:
    """Returns the label as GLUE's file has it: a score, a name or its number."""
    if not corpus.label_names:
        return str(row["label"])
    name = corpus.label_names[row["label"]]
    return name if name in labels else str(row["label"])


def define_flags() -> None:
    """Defines the flags; a function, so that this file can be imported next to another script's flags."""
    top = str(exported_dir("MRPC").parent)
    flags.DEFINE_string("output_dir", top, "The folder for the tasks' folders.")
    flags.DEFINE_string("tfds_dir", None, "Where tensorflow-datasets keeps its data; by default ~/tensorflow_datasets.")
    flags.DEFINE_bool("overwrite", False, "Whether to replace files with other content.")


def folders_of(arguments: Sequence[str]) -> list[str]:
    """Returns the folders of the tasks in `arguments`, each once.

    Raises:
        UserError: there are none, or one is not a task of GLUE.

    Example:
        >>> folders_of(["sst2", "MNLI", "MNLI-MM"])
        ['SST-2', 'MNLI']
    """
    known = [name for name in PROCESSORS if glue_class(name)]
    if not arguments:
        raise UserError(f"no task given; give some of {', '.join(known)}, or all")
    if "all" in arguments and len(arguments) > 1:
        raise UserError("all: has every task; give no other name with it")
    wanted = known if list(arguments) == ["all"] else arguments
    unknown = [name for name in wanted if not glue_class(name)]
    if unknown:
        raise UserError(f"{unknown[0]!r} is no task of GLUE; known: {', '.join(known)}, or all")
    return list(dict.fromkeys(glue_class(name).folder for name in wanted))


def main(arguments: list[str]) -> None:
    """Exports the tasks in `arguments`, one after the other."""
    values = flags.FLAGS
    output_dir, tfds_dir = local_folder(values.output_dir, "output_dir"), local_or_none(values.tfds_dir, "tfds_dir")
    for folder in folders_of(arguments):
        export(folder, Path(output_dir, folder), tfds_dir, values.overwrite)
        names = FILES.get(folder, export_mrpc.SPLITS)
        print(f"{', '.join(names)} {'are' if len(names) > 1 else 'is'} in {Path(output_dir, folder)}")


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    define_flags()
    run_program(main, takes_arguments=True)
