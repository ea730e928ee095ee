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

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from absl import logging

from bert_tf.data.examples import InputExample
from bert_tf.data.own_code import own_code
from bert_tf.data.quoting import lenient_rows
from bert_tf.data.targets import OneLabel, Targets, make_targets
from bert_tf.data.text_files import read_text
from bert_tf.data.tsv import TsvFile, load_in_one_of
from bert_tf.errors import UserError, printable


class DataProcessor:
    """Reads a task's files into examples (the original's run_classifier.DataProcessor).

    The module's docstring shows how a subclass describes a task.

    Attributes:
        kind: what the labels are: `"classification"`, `"regression"` or `"multi_label"`, see `bert_tf.data.targets`.
        labels: the task's labels, in the order of the classifier's outputs; none for a regression.
        metrics: the scores that an evaluation reports, such as `"f1"`; runs are ranked by the first. Empty for those
            that are usual for the kind. The loss, and the accuracy of a classification, are always reported.
        label_aliases: the label for each other spelling that the files use.
        train: the file of the training set.
        dev: the file of the development set.
        test: the file of the test set; None if the task has no test set.
    """

    kind: str = OneLabel.kind
    labels: Sequence[str] = ()
    metrics: Sequence[str] = ()
    label_aliases: ClassVar[Mapping[str, str]] = {}
    train: TsvFile | None = None
    dev: TsvFile | None = None
    test: TsvFile | None = None

    def get_train_examples(self, data_dir: str | Path) -> list[InputExample]:
        """Reads the training set in file order; raises the errors of `read_examples`."""
        return self.read_examples(data_dir, self._declared(self.train, "training set", "do_train"), "train")

    def get_dev_examples(self, data_dir: str | Path) -> list[InputExample]:
        """Reads the development set in file order; raises the errors of `read_examples`."""
        return self.read_examples(data_dir, self._declared(self.dev, "development set", "do_eval"), "dev")

    def get_test_examples(self, data_dir: str | Path) -> list[InputExample]:
        """Reads the test set in file order, with the first label for all; raises the errors of `read_examples`."""
        return self.read_examples(data_dir, self._declared(self.test, "test set", "do_predict"), "test")

    def _declared(self, file: TsvFile | None, name: str, flag: str) -> TsvFile:
        if file is None:
            raise UserError(f"{type(self).__name__}: the task has no {name}; run without --{flag}")
        if not isinstance(file, TsvFile):
            raise UserError(f"{type(self).__name__}: the {name} is {file!r}; describe the file with TsvFile(...)")
        if file.label is None and flag != "do_predict":
            raise UserError(f"{type(self).__name__}: the {name} has no label column; write TsvFile(..., label=COLUMN)")
        return file

    def get_labels(self) -> list[str]:
        """Returns the task's labels, in the order of the classifier's outputs.

        Example:
            >>> MrpcProcessor().get_labels()
            ['0', '1']
        """
        return list(self.labels)

    def targets(self) -> Targets:
        """Returns what the labels of this task are.

        Raises:
            ValueError: `kind` is unknown.

        Example:
            >>> MrpcProcessor().targets().parse("1 ")
            '1'
        """
        return make_targets(self.kind, self.get_labels(), self.label_aliases)

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
        targets = self.targets()
        form, table = load_in_one_of(self.forms(file), data_dir, targets)
        log = logging.warning if table.is_odd else logging.info
        log("%s: %s.", printable(Path(data_dir, file.name)), table.description)
        return [_example(f"{set_type}-{number}", row.fields, form, targets) for number, row in table.rows]

    def forms(self, file: TsvFile) -> Sequence[TsvFile]:
        """Returns the forms that a file of the task may have; here only the one that is declared."""
        return (file,)

    @classmethod
    def _read_tsv(cls, input_file: str | Path, quotechar: str | None = None) -> list[list[str]]:
        r"""Reads the fields of each row (the original's function of this name), for processors of the original.

        Args:
            input_file: the file.
            quotechar: the character that quotes fields; None if there is none.

        Raises:
            UserError: the file cannot be read.

        Example:
            >>> _ = Path("pairs.tsv").write_text("a\tb\n'c\t'\td\n", encoding="utf-8")
            >>> DataProcessor._read_tsv("pairs.tsv", quotechar="'")
            [['a', 'b'], ['c\t', 'd']]
        """
        return lenient_rows(Path(input_file), read_text(Path(input_file)), quotechar)


def _example(guid: str, fields: list[str], file: TsvFile, targets: Targets) -> InputExample:
    """Makes an example of a row that has been checked; one of a test set gets the label that stands for none."""
    text_b = None if file.text_b is None else fields[file.text_b]
    label = targets.filler if file.label is None else targets.parse(fields[file.label])
    return InputExample(guid, fields[file.text_a], text_b, label)


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

    Each file may have one of these forms, and all give the same examples with the same guids.

    - GLUE's own form: a header and five columns (label, two ids, two sentences).
    - The form that pandas exports (`scripts/export_mrpc.py`): no header, three columns (two sentences, label). A test
      set may lack the third one; if it has it, it is ignored.
    """

    labels = ("0", "1")
    metrics = ("accuracy", "f1")
    train = TsvFile("train.tsv", text_a=3, text_b=4, label=0, columns=5)
    dev = TsvFile("dev.tsv", text_a=3, text_b=4, label=0, columns=5)
    test = TsvFile("test.tsv", text_a=3, text_b=4, columns=5)

    def forms(self, file: TsvFile) -> Sequence[TsvFile]:
        """Returns GLUE's form and those of an export."""
        is_test = file.label is None
        export = TsvFile(file.name, 0, 1, None if is_test else 2, header=False, columns=3, first_number=1)
        return (file, export, dataclasses.replace(export, columns=2)) if is_test else (file, export)


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


def is_known_task(task_name: str | None) -> bool:
    """Returns True if `PROCESSORS` has the task; capitals do not matter.

    Example:
        >>> is_known_task("mrpc"), is_known_task("reviews")
        (True, False)
    """
    return str(task_name).lower() in (str(name).lower() for name in PROCESSORS)


def find_processor_class(task_name: str) -> type[DataProcessor]:
    """Returns the entry of `PROCESSORS` for a task; capitals do not matter, but an exact name comes first.

    Raises:
        UserError: the task is unknown; the message lists the known ones.
    """
    by_lower_case = {str(name).lower(): processor for name, processor in PROCESSORS.items()} | PROCESSORS
    found = by_lower_case.get(str(task_name)) or by_lower_case.get(str(task_name).lower())
    if found is None:
        known = ", ".join(sorted(map(str, PROCESSORS)))
        raise UserError(f"task_name: {task_name!r} is unknown; known: {known}")
    if not isinstance(found, type):
        raise UserError(f"PROCESSORS[{task_name!r}]: is not a class; enter the class itself, without parentheses")
    return found


def find_processor(task_name: str) -> DataProcessor:
    """Creates the processor of a task.

    Raises:
        UserError: see `find_processor_class`; or the class cannot be created without arguments.

    Example:
        >>> find_processor("MRPC").get_labels()
        ['0', '1']
    """
    processor_class = find_processor_class(task_name)
    with own_code(processor_class, "__init__"):
        return processor_class()
