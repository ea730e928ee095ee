r"""A task's files become `InputExample`s: the processors of the original's run_classifier.py.

A task of your own is one class. It names its labels, and for each of its files the columns (counted from 0)
that hold the texts and the label; an entry in `PROCESSORS` gives it a name for `--task_name`:

    >>> import pathlib, tempfile
    >>> class ReviewProcessor(DataProcessor):
    ...     # Reviews under a header line: an id, "bad" or "good", the text.
    ...     labels = ("bad", "good")
    ...     train = TsvFile("train.tsv", text_a=2, label=1)
    ...     dev = TsvFile("dev.tsv", text_a=2, label=1)
    ...     test = TsvFile("test.tsv", text_a=1)
    >>> with tempfile.TemporaryDirectory() as data_dir:
    ...     path = pathlib.Path(data_dir, "dev.tsv")
    ...     _ = path.write_text("id\tlabel\ttext\n7\tgood\tWarm and funny .\n", encoding="utf-8")
    ...     ReviewProcessor().get_dev_examples(data_dir)
    [InputExample(guid='dev-1', text_a='Warm and funny .', text_b=None, label='good')]

Files that are no TSV need a class that overrides `get_train_examples` and its sisters, as in the original.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from bert_tf.data.examples import InputExample
from bert_tf.data.tsv import Row, TsvFile, check_columns, has_glue_header, numbered, read_quoted_tsv, read_raw_tsv
from bert_tf.errors import UserError


class DataProcessor:
    """Turns a task's files into examples (the original's run_classifier.DataProcessor).

    The module's docstring shows how a subclass describes a task.

    Attributes:
        labels: the task's labels; their order is the order of the classifier's outputs.
        metrics: what an evaluation reports, besides the loss: `"accuracy"`, `"f1"`.
        label_aliases: other spellings of labels in the files.
        train: the file of the training set.
        dev: the file of the development set.
        test: the file of the test set; None where the task has none.
    """

    labels: Sequence[str]
    metrics: Sequence[str] = ("accuracy",)
    label_aliases: ClassVar[Mapping[str, str]] = {}
    train: TsvFile
    dev: TsvFile
    test: TsvFile | None = None

    def get_train_examples(self, data_dir: str | Path) -> list[InputExample]:
        """The training set in file order; see `read_examples` for what is raised."""
        return self.read_examples(data_dir, self.train, "train")

    def get_dev_examples(self, data_dir: str | Path) -> list[InputExample]:
        """The development set in file order; see `read_examples` for what is raised."""
        return self.read_examples(data_dir, self.dev, "dev")

    def get_test_examples(self, data_dir: str | Path) -> list[InputExample]:
        """The test set in file order, each with the first label; see `read_examples` for what is raised."""
        if self.test is None:
            raise UserError(f"{type(self).__name__} has no test set; run without --do_predict")
        return self.read_examples(data_dir, self.test, "test")

    def get_labels(self) -> list[str]:
        """The task's labels, in the order of the classifier's outputs.

        Example:
            >>> MrpcProcessor().get_labels()
            ['0', '1']
        """
        return list(self.labels)

    def read_examples(self, data_dir: str | Path, file: TsvFile, set_type: str) -> list[InputExample]:
        """Reads one file. The guids are `set_type` and the number of the row, as the original counts it.

        Args:
            data_dir: the folder with the task's files.
            file: the file in it.
            set_type: the first part of the guids, `"train"`, `"dev"` or `"test"`.

        Raises:
            UserError: a file that is missing, empty, not UTF-8 or not a file; a row with too few or too many
                columns or an unknown label. The message names the file and the line.
        """
        path = Path(data_dir, file.name)
        rows = read_quoted_tsv(path) if file.quoted else read_raw_tsv(path)
        examples = []
        for number, row in numbered(rows, file):
            check_columns(path, row, file)
            if file.only is None or row.fields[file.only[0]] == file.only[1]:
                guid = number if file.guid is None else row.fields[file.guid]
                examples.append(self._create_example(path, row, f"{set_type}-{guid}", file))
        if not examples:
            rest = f"with {file.only[1]!r} in column {file.only[0] + 1}" if file.only else "below the header"
            raise UserError(f"{path}:1: there are no rows {rest}; check that this is the right file")
        return examples

    def _create_example(self, path: Path, row: Row, guid: str, file: TsvFile) -> InputExample:
        text_a = row.fields[file.text_a]
        text_b = None if file.text_b is None else row.fields[file.text_b]
        label = self.labels[0] if file.label is None else self._label(path, row, file.label)
        return InputExample(guid, text_a, text_b, label)

    def _label(self, path: Path, row: Row, column: int) -> str:
        label = self.label_aliases.get(row.fields[column], row.fields[column])
        if label not in self.labels:
            known = ", ".join(self.labels)
            where = f"{path}:{row.line}: column {column % len(row.fields) + 1}"
            raise UserError(f"{where}: unknown label {label[:40]!r}; use one of the known ones: {known}")
        return label


class ColaProcessor(DataProcessor):
    """CoLA, GLUE's version: is a sentence acceptable English? Only the test set has a header."""

    labels = ("0", "1")
    train = TsvFile("train.tsv", text_a=3, label=1, header=False, columns=4)
    dev = TsvFile("dev.tsv", text_a=3, label=1, header=False, columns=4)
    test = TsvFile("test.tsv", text_a=1, columns=2)


class MnliProcessor(DataProcessor):
    """MultiNLI, GLUE's version: does one text entail the other? Dev and test sets are the matched ones."""

    labels = ("contradiction", "entailment", "neutral")
    train = TsvFile("train.tsv", guid=0, text_a=8, text_b=9, label=-1)
    dev = TsvFile("dev_matched.tsv", guid=0, text_a=8, text_b=9, label=-1)
    test = TsvFile("test_matched.tsv", guid=0, text_a=8, text_b=9)

    def get_dev_examples(self, data_dir: str | Path) -> list[InputExample]:
        """The matched development set; its guids begin with `dev_matched`."""
        return self.read_examples(data_dir, self.dev, "dev_matched")


class MrpcProcessor(DataProcessor):
    """MRPC: do two sentences mean the same?

    Each file may come in either of two forms, which are told apart by their first line. Both give the same
    examples with the same guids.

    - GLUE's own: a header, five columns (label, two ids, two sentences), raw quotes.
    - pandas' export (`scripts/export_mrpc.py`): no header, three columns (two sentences, label), quoted.
      A label in its test set is ignored.
    """

    labels = ("0", "1")
    metrics = ("accuracy", "f1")
    train = TsvFile("train.tsv", text_a=3, text_b=4, label=0, columns=5)
    dev = TsvFile("dev.tsv", text_a=3, text_b=4, label=0, columns=5)
    test = TsvFile("test.tsv", text_a=3, text_b=4, columns=5)

    def read_examples(self, data_dir: str | Path, file: TsvFile, set_type: str) -> list[InputExample]:
        """Reads one file in either form; see the base class."""
        if not has_glue_header(Path(data_dir, file.name)):
            label = None if file.label is None else 2
            file = TsvFile(file.name, text_a=0, text_b=1, label=label, header=False, columns=3, quoted=True)
        return super().read_examples(data_dir, file, set_type)


class XnliProcessor(DataProcessor):
    """XNLI: MultiNLI's question in another language, `language` ("zh" as in the original). No test set."""

    labels = ("contradiction", "entailment", "neutral")
    label_aliases: ClassVar[Mapping[str, str]] = {"contradictory": "contradiction"}
    language = "zh"

    @property
    def train(self) -> TsvFile:
        """The machine-translated training set of MultiNLI."""
        return TsvFile(f"multinli/multinli.train.{self.language}.tsv", text_a=0, text_b=1, label=2)

    @property
    def dev(self) -> TsvFile:
        """The development set: one file for all languages."""
        return TsvFile("xnli.dev.tsv", text_a=6, text_b=7, label=1, only=(0, self.language))


PROCESSORS: dict[str, type[DataProcessor]] = {
    "cola": ColaProcessor,
    "mnli": MnliProcessor,
    "mrpc": MrpcProcessor,
    "xnli": XnliProcessor,
}
