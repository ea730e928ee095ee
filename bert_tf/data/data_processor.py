"""Reads a task's files into examples: the base class of all tasks.

`bert_tf.data.processors` has the tasks, and shows how to write one.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from absl import logging

from bert_tf.data.examples import InputExample
from bert_tf.data.quoting import lenient_rows
from bert_tf.data.targets import OneLabel, Targets, make_targets
from bert_tf.data.text_files import read_text
from bert_tf.data.tsv import TsvFile, load_in_one_of
from bert_tf.errors import UserError, printable
from bert_tf.remote import as_path


class DataProcessor:
    """Reads a task's files into examples (the original's run_classifier.DataProcessor).

    The docstring of `bert_tf.data.processors` shows how a subclass describes a task.

    Attributes:
        kind: what the labels are: `"classification"`, `"regression"` or `"multi_label"`, see `bert_tf.data.targets`.
        labels: the task's labels, in the order of the classifier's outputs; none for a regression.
        metrics: the scores that an evaluation reports, such as `"f1"`; runs are ranked by the first. Empty for those
            that are usual for the kind. The loss, and the accuracy of a classification, are always reported.
        reports_classes: True to report the scores of each class too.
        label_aliases: the label for each other spelling that the files use.
        group_name: what the groups of examples are, such as `"language"`, if they have groups.
        train: the file of the training set.
        dev: the file of the development set.
        test: the file of the test set; None if the task has no test set.
    """

    kind: str = OneLabel.kind
    labels: Sequence[str] = ()
    metrics: Sequence[str] = ()
    reports_classes: bool = False
    label_aliases: ClassVar[Mapping[str, str]] = {}
    group_name: str = "group"
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
            >>> class ReviewProcessor(DataProcessor):
            ...     labels = ("bad", "good")
            >>> ReviewProcessor().get_labels()
            ['bad', 'good']
        """
        return list(self.labels)

    def targets(self) -> Targets:
        """Returns what the labels of this task are.

        Raises:
            ValueError: `kind` is unknown.

        Example:
            >>> class ReviewProcessor(DataProcessor):
            ...     labels = ("bad", "good")
            >>> ReviewProcessor().targets().parse("good ")
            'good'
        """
        return make_targets(self.kind, self.get_labels(), self.label_aliases)

    def read_examples(self, data_dir: str | Path, file: TsvFile, set_type: str) -> list[InputExample]:
        """Reads one file. A guid is `set_type` and the number of the row, as the original counts it.

        In a file with a column of groups, the group comes between the two.

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
        log("%s: %s.", printable(as_path(data_dir) / file.name), table.description)
        return [_example(set_type, number, row.fields, form, targets) for number, row in table.rows]

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
        return lenient_rows(as_path(input_file), read_text(as_path(input_file)), quotechar)


def _example(set_type: str, number: str, fields: list[str], file: TsvFile, targets: Targets) -> InputExample:
    """Makes an example of a row that has been checked; one of a test set gets the label that stands for none."""
    text_b = None if file.text_b is None else fields[file.text_b]
    label = targets.filler if file.label is None else targets.parse(fields[file.label])
    group = None if file.group is None else fields[file.group]
    guid = "-".join([set_type, *([] if group is None else [group]), number])
    return InputExample(guid, fields[file.text_a], text_b, label, group)
