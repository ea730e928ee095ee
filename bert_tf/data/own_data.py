r"""Own data as a task: columns, labels and the development set are found in the data itself.

>>> from pathlib import Path
>>> _ = Path("reviews.csv").write_text("review,stars\nGood .,5\nBad .,1\nFine .,5\nPoor .,1\n", encoding="utf-8")
>>> processor = OwnDataProcessor(files_of(OwnFiles(train=Path("reviews.csv"))), OwnDataOptions(dev_split=0.5))
>>> processor.get_labels()
['1', '5']
"""

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from absl import logging

from bert_tf.data.columns import Columns, WantedColumns, choose_columns, describe_texts, find_column
from bert_tf.data.data_processor import DataProcessor
from bert_tf.data.examples import InputExample
from bert_tf.data.found_labels import LabelOptions, describe, find_targets, use_targets
from bert_tf.data.own_examples import ReadRows, read_rows
from bert_tf.data.own_files import Opener, OwnFiles, open_source
from bert_tf.data.repeated import contradictions, count_shared
from bert_tf.data.sources import Source
from bert_tf.data.splitting import hold_out
from bert_tf.data.targets import OneLabel, SomeLabels, Targets
from bert_tf.errors import UserError, counted, shown
from bert_tf.remote import as_path


class OwnDataOptions(NamedTuple):
    """The user's settings of the data.

    Attributes:
        wanted: the columns, by name or number.
        labels: the kind of the labels.
        dev_split: the share of the training set that is held out if there is no development set.
        split_seed: chooses what is held out.
        known: what the labels of the model are, if it was trained earlier; None to find them in the training set.
    """

    wanted: WantedColumns = WantedColumns()
    labels: LabelOptions = LabelOptions()
    dev_split: float = 0.1
    split_seed: int = 0
    known: Targets | None = None


class _Training(NamedTuple):
    """The labels and the examples of a training set."""

    targets: Targets
    examples: list[InputExample]
    held_out: list[InputExample]


def files_of(files: OwnFiles) -> dict[str, Opener]:
    """Returns what opens the file of each split that has one."""
    return {
        split: functools.partial(open_source, as_path(path))
        for split, path in files._asdict().items()
        if path is not None
    }


class OwnDataProcessor(DataProcessor):
    """A task whose data says what it is.

    Args:
        openers: opens the source of each split that there is, `"train"`, `"dev"` and `"test"`.
        options: what the user said.
    """

    reports_classes = True

    def __init__(self, openers: Mapping[str, Opener], options: OwnDataOptions):
        self._openers = openers
        self._options = options

    @property
    def kind(self) -> str:
        """The kind of the labels, see `DataProcessor`."""
        return self.targets().kind

    @property
    def metrics(self) -> Sequence[str]:
        """The scores, see `DataProcessor`. Own classes are seldom of one size, which macro-F1 minds."""
        targets = self.targets()
        if not isinstance(targets, OneLabel):
            return ()
        return ("accuracy", "macro_f1", "auc") if len(targets.labels) == 2 else ("accuracy", "macro_f1")

    @property
    def labels(self) -> Sequence[str]:
        """The labels in the order of the outputs."""
        return self.targets().labels

    def targets(self) -> Targets:
        """Returns what the labels are: those of the model, or else those found in the training set.

        Raises:
            UserError: the training set cannot be read, or has no labels to learn.
        """
        if self._options.known:
            return self._options.known
        return self._training.targets

    def get_train_examples(self, data_dir: str | Path | None = None) -> list[InputExample]:
        """Reads the training set, without what is held out."""
        return self._training.examples

    def get_dev_examples(self, data_dir: str | Path | None = None) -> list[InputExample]:
        """Reads the development set, or returns what is held out of the training set."""
        if "dev" in self._openers:
            return self._read("dev")
        if "train" not in self._openers:
            raise UserError("dev_file: is missing; pass --dev_file=FILE with labeled examples to evaluate on")
        held_out = self._training.held_out
        if not held_out:
            raise UserError(
                f"dev_split: {self._options.dev_split:g} of the training set gives no example to evaluate on; pass "
                "--dev_file=FILE, or a larger --dev_split"
            )
        return held_out

    def get_test_examples(self, data_dir: str | Path | None = None) -> list[InputExample]:
        """Reads the test set; a column of labels is not needed there, and not looked at."""
        if "test" not in self._openers:
            raise UserError("test_file: is missing; pass --test_file=FILE with the texts to predict")
        return self._read("test", needs_label=False)

    @functools.cached_property
    def _rows(self) -> ReadRows:
        if "train" not in self._openers:
            raise UserError(
                "train_file: is missing; pass --train_file=FILE with labeled examples, or a folder with train.csv"
            )
        source = self._openers["train"](self._options.wanted)
        columns = choose_columns(source, self._options.wanted, needs_label=True)
        has_many = self._options.labels.multi_label or isinstance(self._options.known, SomeLabels)
        return read_rows(source, columns, "train", allows_no_label=has_many)

    @functools.cached_property
    def _training(self) -> _Training:
        read = self._rows
        targets = self._options.known or find_targets(read, self._options.labels)
        examples = use_targets(read, targets)
        contradicted = contradictions(examples) if isinstance(targets, OneLabel) else []
        held_out: list[InputExample] = []
        remark = ""
        if "dev" not in self._openers and self._options.dev_split:
            examples, held_out = hold_out(examples, self._options.dev_split, self._options.split_seed)
            remark = f"; {len(held_out):,} of them held out as the dev set"
        logging.info("%s%s.", _description(read, targets), remark)
        if contradicted:
            _warn_of_contradictions(read.source, contradicted)
        return _Training(targets, examples, held_out)

    def _read(self, split: str, needs_label: bool = True) -> list[InputExample]:
        source = self._openers[split](self._options.wanted)
        columns = choose_columns(source, self._wanted_in(source), needs_label)
        read = read_rows(source, columns, split, isinstance(self.targets(), SomeLabels))
        examples = use_targets(read, self.targets())
        logging.info("%s.", _description(read, self.targets() if needs_label else None))
        if split == "dev" and "train" in self._openers:
            _warn_of_shared_texts(read, self._rows)
        return examples

    def _wanted_in(self, source: Source) -> WantedColumns:
        """Returns the columns to look for: those that the user named, or else the training set's if they are there."""
        if "train" not in self._openers:
            return self._options.wanted
        trained = _names(self._rows.source, self._rows.columns)
        known = (
            name if name is not None and find_column(source.columns, name) is not None else None for name in trained
        )
        return WantedColumns(*(said or name for said, name in zip(self._options.wanted, known, strict=True)))


def _warn_of_contradictions(source: Source, found: Sequence[InputExample]) -> None:
    texts = "1 text has" if len(found) == 1 else f"{len(found):,} texts have"
    logging.warning("%s: %s more than one label, such as %s.", source.name, texts, shown(found[0].text_a))


def _warn_of_shared_texts(dev: ReadRows, train: ReadRows) -> None:
    count = count_shared(dev.examples, train.examples)
    if count:
        texts = f"{count:,} of {len(dev.examples):,} texts {'is' if count == 1 else 'are'} in {train.source.name} too"
        remark = "the scores of these say little about new texts"
        logging.warning("%s: %s; %s.", dev.source.name, texts, remark)


def _names(source: Source, columns: Columns) -> list[str | None]:
    return [None if number is None else source.columns[number] for number in columns]


def _description(read: ReadRows, targets: Targets | None) -> str:
    """Says what was read and what was taken for what, in one line."""
    names = _names(read.source, read.columns)
    parts = [counted(len(read.examples), "example"), describe_texts(read.source, read.columns)]
    if targets and names[2] is not None:
        parts[-1] += f", label is {shown(names[2])} ({describe(targets)})"
    if read.num_empty:
        parts.append(f"{counted(read.num_empty, 'pair')} with one text empty")
    return f"{read.source.name}: " + "; ".join([*parts, *read.source.remarks])
