"""The tasks of GLUE, from GLUE's own files as downloaded (Wang et al. 2019, https://gluebenchmark.com).

The columns are those of the published files, and the guids those of Hugging Face's processors: GLUE's own index where a
file has one, else the number of the row. Double quotes are characters in all of them.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from bert_tf.data.data_processor import DataProcessor
from bert_tf.data.examples import InputExample
from bert_tf.data.targets import Number
from bert_tf.data.tsv import TsvFile
from bert_tf.errors import UserError, shown
from bert_tf.remote import as_path


class GlueProcessor(DataProcessor):
    """A task of GLUE.

    Attributes:
        folder: the name of its folder below GLUE_DIR.
        submission: the file that the leaderboard takes.
        num_test_examples: the size of GLUE's test set.
    """

    metrics = ("accuracy",)
    folder: str
    submission: str
    num_test_examples: int

    def forms(self, file: TsvFile) -> Sequence[TsvFile]:
        """Returns GLUE's form and, for most pairs, that of an export: no header, two texts and the label."""
        if file.text_b is None or file.columns is None:
            return (file,)
        label = None if file.label is None else 2
        first_number = 1 if file.guid is None else 0
        columns = 2 if label is None else 3
        return (file, TsvFile(file.name, 0, 1, label, header=False, columns=columns, first_number=first_number))

    def read_examples(self, data_dir: str | Path, file: TsvFile, set_type: str) -> list[InputExample]:
        """Reads one file; see `DataProcessor.read_examples`.

        Raises:
            UserError: also if the file has other columns than GLUE's, so that no index is where it should be.
        """
        examples = super().read_examples(data_dir, file, set_type)
        wrong = next((each for each in examples if not each.guid.rpartition("-")[2].isdecimal()), None)
        if wrong:
            found = shown(wrong.guid.removeprefix(f"{set_type}-")[:40])
            columns = f"{file.columns or file.min_columns} columns, the first of them an index"
            raise UserError(f"{as_path(data_dir) / file.name}: {found} is no index of a row; GLUE's file has {columns}")
        return examples

    def check_test_set(self, examples: Sequence[InputExample]) -> None:
        """Raises `UserError` unless these are the rows of GLUE's test set in its order, which the leaderboard needs."""
        if len(examples) != self.num_test_examples:
            counts = f"{len(examples):,} rows, but GLUE's has {self.num_test_examples:,}"
            remedy = f"pass --data_dir=$GLUE_DIR/{self.folder}, or leave the flag out"
            raise UserError(f"glue_submission: the test set has {counts}; {remedy}")
        numbers = [int(each.guid.rpartition("-")[2]) for each in examples]
        wrong = next((i for i, number in enumerate(numbers) if number != numbers[0] + i), None)
        if wrong is not None:
            problem = f"{examples[wrong].guid} follows {examples[wrong - 1].guid}"
            raise UserError(f"glue_submission: in the test set {problem}; keep its rows in GLUE's order")


class ColaProcessor(GlueProcessor):
    """CoLA: is a sentence acceptable English? Only the test set has a header."""

    folder, submission, num_test_examples = "CoLA", "CoLA.tsv", 1_063
    labels = ("0", "1")
    metrics = ("matthews",)
    train = TsvFile("train.tsv", text_a=3, label=1, header=False, columns=4)
    dev = TsvFile("dev.tsv", text_a=3, label=1, header=False, columns=4)
    test = TsvFile("test.tsv", text_a=1, columns=2)


class Sst2Processor(GlueProcessor):
    """SST-2: is a sentence of a movie review positive?"""

    folder, submission, num_test_examples = "SST-2", "SST-2.tsv", 1_821
    labels = ("0", "1")
    train = TsvFile("train.tsv", text_a=0, label=1, columns=2)
    dev = TsvFile("dev.tsv", text_a=0, label=1, columns=2)
    test = TsvFile("test.tsv", guid=0, text_a=1, columns=2)


class MrpcProcessor(GlueProcessor):
    """MRPC: do two sentences mean the same?

    Each file may have one of these forms, and all give the same examples with the same guids.

    - GLUE's own form: a header and five columns (label, two ids, two sentences).
    - The form that pandas exports (`scripts/export_mrpc.py`): no header, three columns (two sentences, label). A test
      set may lack the third one; if it has it, it is ignored.
    """

    folder, submission, num_test_examples = "MRPC", "MRPC.tsv", 1_725
    labels = ("0", "1")
    metrics = ("accuracy", "f1")
    train = TsvFile("train.tsv", text_a=3, text_b=4, label=0, columns=5)
    dev = TsvFile("dev.tsv", text_a=3, text_b=4, label=0, columns=5)
    test = TsvFile("test.tsv", text_a=3, text_b=4, columns=5)

    def forms(self, file: TsvFile) -> Sequence[TsvFile]:
        """Returns GLUE's form and those of an export."""
        declared, export = super().forms(file)
        return (declared, export) if file.label is not None else (declared, _with_ignored_label(export), export)


def _with_ignored_label(export: TsvFile) -> TsvFile:
    return dataclasses.replace(export, columns=3)


class StsbProcessor(GlueProcessor):
    """STS-B: how similar are two sentences, from 0 to 5? A regression."""

    folder, submission, num_test_examples = "STS-B", "STS-B.tsv", 1_379
    kind = Number.kind
    metrics = ("pearson", "spearman")
    train = TsvFile("train.tsv", guid=0, text_a=7, text_b=8, label=9, columns=10)
    dev = TsvFile("dev.tsv", guid=0, text_a=7, text_b=8, label=9, columns=10)
    test = TsvFile("test.tsv", guid=0, text_a=7, text_b=8, columns=9)


class QqpProcessor(GlueProcessor):
    """QQP: do two questions ask the same?

    Some questions of the published training set have a line end, so that their rows are in pieces. The pieces are left
    out, as GLUE's baselines do.
    """

    folder, submission, num_test_examples = "QQP", "QQP.tsv", 390_965
    labels = ("0", "1")
    metrics = ("accuracy", "f1")
    train = TsvFile("train.tsv", guid=0, text_a=3, text_b=4, label=5, quoted=False, skips_short_rows=True)
    dev = TsvFile("dev.tsv", guid=0, text_a=3, text_b=4, label=5, quoted=False, skips_short_rows=True)
    test = TsvFile("test.tsv", guid=0, text_a=1, text_b=2, quoted=False)


class MnliProcessor(GlueProcessor):
    """MultiNLI: does one text entail the other? Uses the matched development and test sets, as the original does."""

    folder, submission, num_test_examples = "MNLI", "MNLI-m.tsv", 9_796
    labels = ("contradiction", "entailment", "neutral")
    train = TsvFile("train.tsv", guid=0, text_a=8, text_b=9, label=-1)
    dev = TsvFile("dev_matched.tsv", guid=0, text_a=8, text_b=9, label=-1)
    test = TsvFile("test_matched.tsv", guid=0, text_a=8, text_b=9)

    def get_dev_examples(self, data_dir: str | Path) -> list[InputExample]:
        """Reads the development set; its guids begin with the name of the file, such as `dev_matched`."""
        return self.read_examples(data_dir, self.dev, Path(self.dev.name).stem)


class MnliMismatchedProcessor(MnliProcessor):
    """MultiNLI with the mismatched sets, whose texts are of other genres than the training set's."""

    submission, num_test_examples = "MNLI-mm.tsv", 9_847
    dev = dataclasses.replace(MnliProcessor.dev, name="dev_mismatched.tsv")
    test = dataclasses.replace(MnliProcessor.test, name="test_mismatched.tsv")


class AxProcessor(GlueProcessor):
    """GLUE's diagnostic set, which a model for MultiNLI predicts. There is nothing to train on."""

    folder, submission, num_test_examples = "diagnostic", "AX.tsv", 1_104
    labels = MnliProcessor.labels
    test = TsvFile("diagnostic.tsv", guid=0, text_a=1, text_b=2, columns=3)


class _EntailmentProcessor(GlueProcessor):
    """An index, two texts and a label."""

    labels = ("entailment", "not_entailment")
    train = TsvFile("train.tsv", guid=0, text_a=1, text_b=2, label=3, columns=4)
    dev = TsvFile("dev.tsv", guid=0, text_a=1, text_b=2, label=3, columns=4)
    test = TsvFile("test.tsv", guid=0, text_a=1, text_b=2, columns=3)


class QnliProcessor(_EntailmentProcessor):
    """QNLI: does a sentence of Wikipedia answer a question?"""

    folder, submission, num_test_examples = "QNLI", "QNLI.tsv", 5_463


class RteProcessor(_EntailmentProcessor):
    """RTE: does one text entail the other?"""

    folder, submission, num_test_examples = "RTE", "RTE.tsv", 3_000


class WnliProcessor(_EntailmentProcessor):
    """WNLI: does a sentence still follow if a pronoun in it is replaced?"""

    folder, submission, num_test_examples = "WNLI", "WNLI.tsv", 146
    labels = ("0", "1")
