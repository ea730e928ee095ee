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

import csv
import dataclasses
import hashlib
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, NamedTuple

from bert_tf.errors import UserError


@dataclasses.dataclass
class InputExample:
    """One text, or pair of texts, and its label (the original's run_classifier.InputExample).

    Attributes:
        guid: names the example, for messages; e.g. `"train-1"`.
        text_a: the first text, not tokenized.
        text_b: the second text, for tasks on pairs.
        label: one of the processor's `get_labels()`; on a test set the first of them, which means nothing.

    Example:
        >>> InputExample("dev-1", "It rains .", "Rain falls .", "1").text_b
        'Rain falls .'
    """

    guid: str
    text_a: str
    text_b: str | None = None
    label: str | None = None


@dataclasses.dataclass(frozen=True)
class TsvFile:
    """Where a TSV file lies and what its columns hold. Columns count from 0; -1 is a row's last.

    Attributes:
        name: the path below data_dir.
        text_a: the column of the first text.
        text_b: the column of the second text, for tasks on pairs.
        label: the column of the label; None on a test set, whose examples then carry the first label.
        guid: the column that numbers the examples; None to number them by their rows.
        header: whether the first row names the columns.
        columns: how many columns each row must have; None for any number that reaches the ones named here.
        quoted: whether fields may be wrapped in double quotes, as `csv` and pandas write them. The files of
            GLUE are raw: there a double quote is a character like any other.
        only: (column, value): other rows are skipped.

    Example:
        >>> TsvFile("train.tsv", text_a=3, text_b=4, label=0).min_columns
        5
    """

    name: str
    text_a: int
    text_b: int | None = None
    label: int | None = None
    guid: int | None = None
    header: bool = True
    columns: int | None = None
    quoted: bool = False
    only: tuple[int, str] | None = None

    @property
    def min_columns(self) -> int:
        """The fewest columns a row can have: up to the last one named, and one more for a label at -1."""
        named = [self.text_a, self.text_b, self.label, self.guid, self.only and self.only[0]]
        return max(column for column in named if column is not None) + 1 + (self.label == -1)


def examples_digest(examples: Sequence[InputExample]) -> str:
    """A short name for a data set: 16 hexadecimal digits of the SHA-256 of its texts and labels, in their order.

    Guids do not count: nothing that is learned or measured depends on them.

    Example:
        >>> examples_digest([InputExample("dev-1", "It rains .", "Rain falls .", "1")])
        '55027cbf161328d5'
    """
    content = hashlib.sha256()
    for example in examples:
        content.update(repr((example.text_a, example.text_b, example.label)).encode())
    return content.hexdigest()[:16]


class Row(NamedTuple):
    """One row of a TSV file: the number of the line on which it begins, counted from 1, and its fields."""

    line: int
    fields: list[str]


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
        for number, row in _numbered(rows, file):
            _check_columns(path, row, file)
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
        if not _has_glue_header(Path(data_dir, file.name)):
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


def read_raw_tsv(path: Path) -> list[Row]:
    r"""Reads a TSV file in which a double quote is a character like any other.

    This is the original's `_read_tsv`. Lines end with "\n" or "\r\n" and nothing else, whatever Unicode
    counts as a line end; where a "\r" stands elsewhere the original fails, and so does this.

    Raises:
        UserError: the file cannot be read (see `DataProcessor.read_examples`) or has a lone "\r".
    """
    lines = _read_text(path).removesuffix("\n").split("\n")
    rows = [Row(number, line.removesuffix("\r").split("\t")) for number, line in enumerate(lines, start=1)]
    for row in rows:
        if any("\r" in field for field in row.fields):
            raise _lone_carriage_return(path, row.line)
    return rows


def read_quoted_tsv(path: Path) -> list[Row]:
    r"""Reads a TSV file with quoting as `csv` and pandas write it.

    A field that begins with a double quote ends with the next one that is not doubled; between them, tabs and
    line ends are text. Line numbers count the file's lines, so that an editor finds them.

    Raises:
        UserError: the file cannot be read (see `DataProcessor.read_examples`), has a quoted field that is not
            closed, or a lone "\r" outside quotes.
    """
    text = _read_text(path)
    rows = []
    # The csv module refuses fields above a limit that holds for the whole process.
    limit = csv.field_size_limit(len(text) + 1)
    try:
        reader = csv.reader(io.StringIO(text), delimiter="\t", strict=True)
        line = 1
        for fields in reader:
            rows.append(Row(line, fields))
            line = reader.line_num + 1
    except csv.Error:
        raise _quoting_error(path, text, line) from None
    finally:
        csv.field_size_limit(limit)
    return rows


def _quoting_error(path: Path, text: str, line: int) -> UserError:
    """Says what is wrong with the row that begins on `line` of `text`, which the csv module refused."""
    row = text.split("\n", line - 1)[-1]
    # The sound fields of that row, each with the tab after it; then comes the one that is not.
    sound = re.match(r'(?:(?:"[^"]*(?:""[^"]*)*"|(?!")[^\t\r\n]*)\t)*', row)[0]
    if not row.startswith('"', len(sound)):
        return _lone_carriage_return(path, line)
    line += sound.count("\n")
    how = "end it with one double quote, and write each double quote inside it twice"
    return UserError(f"{path}:{line}: a quoted field begins here and is not closed; {how}")


def _lone_carriage_return(path: Path, line: int) -> UserError:
    return UserError(rf"{path}:{line}: there is a carriage return (\r) inside the line; remove it")


def _numbered(rows: list[Row], file: TsvFile) -> Iterator[tuple[int, Row]]:
    """The rows below the header with the numbers of their guids.

    The original counts from the file's first line, header or not. An export, which it could not read, is
    counted from 1, so that an example has the same guid as in GLUE's file.
    """
    if file.header:
        return enumerate(rows[1:], start=1)
    return enumerate(rows, start=1 if file.quoted else 0)


def _check_columns(path: Path, row: Row, file: TsvFile) -> None:
    count = len(row.fields)
    if count < file.min_columns or file.columns not in (None, count):
        needed = file.columns or f"at least {file.min_columns}"
        what = f"the row has {count} column{'s' * (count != 1)} where {needed} are needed"
        raise UserError(f"{path}:{row.line}: {what}; put exactly one tab between two columns")


def _has_glue_header(path: Path) -> bool:
    """Whether the file begins with the names of five columns, as GLUE's MRPC files do.

    A first line of the export has three columns; a tab inside one of them puts quotes around it.
    """
    columns = _read_text(path).partition("\n")[0].split("\t")
    if len(columns) == 5 and columns[1].isdigit() and columns[2].isdigit():
        raise UserError(f"{path}:1: this is a row of GLUE's form without the header line; put that line back")
    return len(columns) >= 5 and not any('"' in column for column in columns)


def _read_text(path: Path) -> str:
    """The text of a file, which must be UTF-8 with or without a byte-order mark, and not empty."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file; check data_dir and the task's name") from None
    except OSError as error:
        raise UserError(f"{path}: the file cannot be read ({error.strerror}); check data_dir") from None
    try:
        text = content.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        what = f"byte 0x{content[error.start]:02x} is not UTF-8"
        raise UserError(f"{path}:{line}: {what}; save the file as UTF-8") from None
    if "\0" in text:
        line = text.partition("\0")[0].count("\n") + 1
        raise UserError(f"{path}:{line}: there is a NUL character in the line; remove it")
    if not text:
        raise UserError(f"{path}:1: the file is empty; check that it was written to the end")
    return text
