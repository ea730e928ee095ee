r"""Reads the files of a task into `InputExample`s: the processors of the original's run_classifier.py.

A task of your own is one class. It names its labels and, for each of its files, the columns of the texts and of
the label, counted from 0. An entry in `PROCESSORS` makes it available as `--task_name`:

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

For files that are not TSV, override `get_train_examples`, `get_dev_examples` and `get_test_examples`, as in the
original.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from bert_tf.data.examples import InputExample
from bert_tf.data.tsv import Row, TsvFile, read_text
from bert_tf.errors import UserError


class DataProcessor:
    """Reads a task's files into examples (the original's run_classifier.DataProcessor).

    The module's docstring shows how a subclass describes a task.

    Attributes:
        labels: the task's labels, in the order of the classifier's outputs.
        metrics: the scores that an evaluation reports besides the loss: `"accuracy"`, `"f1"`.
        label_aliases: the label for each other spelling that the files use.
        train: the file of the training set.
        dev: the file of the development set.
        test: the file of the test set; None if the task has no test set.
    """

    labels: Sequence[str]
    metrics: Sequence[str] = ("accuracy",)
    label_aliases: ClassVar[Mapping[str, str]] = {}
    train: TsvFile
    dev: TsvFile
    test: TsvFile | None = None

    def get_train_examples(self, data_dir: str | Path) -> list[InputExample]:
        """Reads the training set in file order; raises the errors of `read_examples`."""
        return self.read_examples(data_dir, self.train, "train")

    def get_dev_examples(self, data_dir: str | Path) -> list[InputExample]:
        """Reads the development set in file order; raises the errors of `read_examples`."""
        return self.read_examples(data_dir, self.dev, "dev")

    def get_test_examples(self, data_dir: str | Path) -> list[InputExample]:
        """Reads the test set in file order, with the first label for all; raises the errors of `read_examples`."""
        if self.test is None:
            raise UserError(f"{type(self).__name__}: the task has no test set; run without --do_predict")
        return self.read_examples(data_dir, self.test, "test")

    def get_labels(self) -> list[str]:
        """Returns the task's labels, in the order of the classifier's outputs.

        Example:
            >>> MrpcProcessor().get_labels()
            ['0', '1']
        """
        return list(self.labels)

    def read_examples(self, data_dir: str | Path, file: TsvFile, set_type: str) -> list[InputExample]:
        """Reads one file. A guid is `set_type` and the number of the row, as the original counts it.

        Args:
            data_dir: the folder with the task's files.
            file: the file in it.
            set_type: the first part of the guids, `"train"`, `"dev"` or `"test"`.

        Raises:
            UserError: the file is missing, empty or not UTF-8, or a row has too few or too many columns or an
                unknown label. The message names the file and the line.
        """
        path = Path(data_dir, file.name)
        return [self._create_example(path, row, f"{set_type}-{number}", file) for number, row in file.read(data_dir)]

    def _create_example(self, path: Path, row: Row, guid: str, file: TsvFile) -> InputExample:
        text_a = row.fields[file.text_a]
        text_b = None if file.text_b is None else row.fields[file.text_b]
        label = self.labels[0] if file.label is None else self._label(path, row, file.label)
        return InputExample(guid, text_a, text_b, label)

    def _label(self, path: Path, row: Row, column: int) -> str:
        label = self.label_aliases.get(row.fields[column], row.fields[column])
        if label not in self.labels:
            where = f"{path}:{row.line}: column {column % len(row.fields) + 1}"
            raise UserError(f"{where}: unknown label {label[:40]!r}; use one of the task's: {', '.join(self.labels)}")
        return label


class ColaProcessor(DataProcessor):
    """CoLA as in GLUE: is a sentence acceptable English? Only the test set has a header."""

    labels = ("0", "1")
    train = TsvFile("train.tsv", text_a=3, label=1, header=False, columns=4)
    dev = TsvFile("dev.tsv", text_a=3, label=1, header=False, columns=4)
    test = TsvFile("test.tsv", text_a=1, columns=2)


class MnliProcessor(DataProcessor):
    """MultiNLI as in GLUE: does one text entail the other? Uses the matched development and test sets."""

    labels = ("contradiction", "entailment", "neutral")
    train = TsvFile("train.tsv", guid=0, text_a=8, text_b=9, label=-1)
    dev = TsvFile("dev_matched.tsv", guid=0, text_a=8, text_b=9, label=-1)
    test = TsvFile("test_matched.tsv", guid=0, text_a=8, text_b=9)

    def get_dev_examples(self, data_dir: str | Path) -> list[InputExample]:
        """Reads the matched development set; its guids begin with `dev_matched`."""
        return self.read_examples(data_dir, self.dev, "dev_matched")


class MrpcProcessor(DataProcessor):
    """MRPC: do two sentences mean the same?

    Each file may have either of two forms. The first line shows which one it is, and both give the same examples
    with the same guids.

    - GLUE's own form: a header, five columns (label, two ids, two sentences), raw quotes.
    - The form that pandas exports (`scripts/export_mrpc.py`): no header, three columns (two sentences, label),
      quoted. The labels of its test set are ignored.
    """

    labels = ("0", "1")
    metrics = ("accuracy", "f1")
    train = TsvFile("train.tsv", text_a=3, text_b=4, label=0, columns=5)
    dev = TsvFile("dev.tsv", text_a=3, text_b=4, label=0, columns=5)
    test = TsvFile("test.tsv", text_a=3, text_b=4, columns=5)

    def read_examples(self, data_dir: str | Path, file: TsvFile, set_type: str) -> list[InputExample]:
        """Reads one file in either form; see the base class."""
        if not _has_glue_header(Path(data_dir, file.name)):
            label = None if file.label is None else 2
            file = TsvFile(file.name, text_a=0, text_b=1, label=label, header=False, columns=3, quoted=True)
        return super().read_examples(data_dir, file, set_type)


def _has_glue_header(path: Path) -> bool:
    """Returns True if the first line names five columns or more, as in GLUE's MRPC files.

    The first line of an export has three columns. More tabs can only be inside quotes.
    """
    columns = read_text(path).partition("\n")[0].split("\t")
    if len(columns) == 5 and columns[1].isdigit() and columns[2].isdigit():
        raise UserError(f"{path}:1: the header line of GLUE's MRPC files is missing; put it back")
    return len(columns) >= 5 and not any('"' in column for column in columns)


class XnliProcessor(DataProcessor):
    """XNLI: MultiNLI's question in another language.

    There is no test set.

    Attributes:
        language: the code of the language in the files, "zh" as in the original.
    """

    labels = ("contradiction", "entailment", "neutral")
    label_aliases: ClassVar[Mapping[str, str]] = {"contradictory": "contradiction"}
    language = "zh"

    @property
    def train(self) -> TsvFile:
        """MultiNLI's training set, machine-translated."""
        return TsvFile(f"multinli/multinli.train.{self.language}.tsv", text_a=0, text_b=1, label=2)

    @property
    def dev(self) -> TsvFile:
        """The development set, which has all languages in one file."""
        return TsvFile("xnli.dev.tsv", text_a=6, text_b=7, label=1, only=(0, self.language))


PROCESSORS: dict[str, type[DataProcessor]] = {
    "cola": ColaProcessor,
    "mnli": MnliProcessor,
    "mrpc": MrpcProcessor,
    "xnli": XnliProcessor,
}


def find_processor_class(task_name: str) -> Callable[[], DataProcessor]:
    """Returns the entry of `PROCESSORS` for a task; capitals do not matter, but an exact name comes first.

    Raises:
        UserError: the task is unknown; the message lists the known ones.
    """
    by_lower_case = {name.lower(): processor for name, processor in PROCESSORS.items()} | PROCESSORS
    found = by_lower_case.get(str(task_name)) or by_lower_case.get(str(task_name).lower())
    if found is None:
        known = ", ".join(sorted(PROCESSORS))
        raise UserError(f"task_name: {task_name!r} is unknown; known: {known}")
    if not callable(found):
        raise UserError(f"PROCESSORS[{task_name!r}]: is not a class; enter the class itself, without parentheses")
    return found


def find_processor(task_name: str) -> DataProcessor:
    """Creates the processor of a task; see `find_processor_class`.

    Example:
        >>> find_processor("MRPC").get_labels()
        ['0', '1']
    """
    return find_processor_class(task_name)()
