"""The texts that `predict` gets: from its command line, a file or standard input."""

import functools
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from absl import logging

from bert_tf.data.columns import WantedColumns, choose_columns, describe_texts
from bert_tf.data.own_files import open_source
from bert_tf.data.text_files import text_blocks
from bert_tf.data.text_rows import Remedies, RowCheck, TextRow, chunks_of, line_rows, plain_row, table_rows
from bert_tf.data.texts import TextOnDisk, lines_of
from bert_tf.errors import UserError, counted, printable, reading
from bert_tf.remote import AnyPath, as_path
from bert_tf.serving.answer_forms import TableStyle, added_names, form_of

_STDIN = "standard input"
# What a pipe holds: a program that writes slowly gets each line answered, and one that is fast many together.
_PIPE_BYTES = 1 << 16
# So many batches are sorted by length together.
_BATCHES_OF_CHUNK = 32


_OF_WORDS = Remedies("give two texts", "give one text")
_OF_LINES = Remedies("put a tab between two texts", "remove the tab")
_OF_TABLE = Remedies(
    "name the columns with --text_column and --text_pair_column", "name the column of the text with --text_column"
)


class TextInput(NamedTuple):
    """Texts to predict.

    Attributes:
        chunks: yields the rows in lists.
        remedies: what to do if the model does not take them.
        count: how many rows there are; None if that is not known.
        style: of the table that they come from; None if they come from none.
        form: of that file; None if they come from none.
    """

    chunks: Callable[[], Iterator[Iterable[TextRow]]]
    remedies: Remedies
    count: int | None = None
    style: TableStyle | None = None
    form: str | None = None


def command_line(texts: Sequence[str], pairs: bool | None) -> TextInput:
    """Returns the text, or the pair, of the command line.

    Args:
        texts: one, or two.
        pairs: True if the model takes pairs; None if that is not known.

    Raises:
        UserError: the model takes no such text.
    """
    rows = list(RowCheck(pairs, [], _OF_WORDS).check([plain_row("command line", texts)]))
    if len(texts) == 1 and as_path(texts[0]).is_file():
        logging.warning("%s: is predicted as a text; --input_file=%s predicts the file.", *[printable(texts[0])] * 2)
    return TextInput(lambda: iter([rows]), _OF_WORDS, count=1)


def standard_input() -> TextInput:
    """Returns the lines of standard input. A chunk is what has arrived when it is asked for."""
    return TextInput(_stdin_chunks, _OF_LINES)


def _stdin_chunks() -> Iterator[Iterable[TextRow]]:
    line = 1
    with reading(_STDIN, "give texts, one a line"):
        for block in text_blocks(_STDIN, functools.partial(os.read, 0, _PIPE_BYTES)):
            yield line_rows(_STDIN, lines_of(block), line)
            line += block.count("\n")


def file_input(
    file: str, wanted: WantedColumns, form: str, labels: Sequence[str], pairs: bool | None, batch_size: int
) -> TextInput:
    """Opens a file and checks all its rows.

    Args:
        file: its path.
        wanted: the columns that the user named.
        form: that will be written.
        labels: of the model, if they are known.
        pairs: True if the model takes pairs; None if that is not known.
        batch_size: how many texts are computed at a time.

    Raises:
        UserError: the file or a row cannot be read, or has no room for the predictions.
    """
    path = as_path(file)
    opened = _lines(path) if path.suffix.lower() == ".txt" and wanted.text is None else _table(path, wanted)
    if opened.form == "jsonl" and form in ("csv", "tsv"):
        raise UserError(f"format: {printable(path)} has JSON lines, which are no table; write .jsonl, or text")
    check = RowCheck(pairs, added_names(form, labels), opened.remedies)
    count = sum(1 for _ in check.check(opened.rows()))
    if not count:
        raise UserError(f"{printable(path)}: there are no texts in it; check that this is the right file")
    logging.info("%s: %s.", printable(path), "; ".join([counted(count, "row"), *opened.remarks]))
    chunks = functools.partial(_chunks, opened.rows, batch_size)
    return TextInput(chunks, opened.remedies, count, opened.style, opened.form)


def _chunks(rows: Callable[[], Iterator[TextRow]], batch_size: int) -> Iterator[list[TextRow]]:
    return chunks_of(rows(), _BATCHES_OF_CHUNK * batch_size)


class _Opened(NamedTuple):
    rows: Callable[[], Iterator[TextRow]]
    remarks: Sequence[str]
    remedies: Remedies
    style: TableStyle | None
    form: str | None


def _lines(path: AnyPath) -> _Opened:
    text = TextOnDisk(path)
    remarks = ["each line is a text or a pair"]
    return _Opened(lambda: line_rows(printable(path), text.lines()), remarks, _OF_LINES, None, None)


def _table(path: AnyPath, wanted: WantedColumns) -> _Opened:
    source = open_source(path, wanted, TextOnDisk)
    columns = choose_columns(source, wanted, needs_label=False)
    style = None if source.delimiter is None else TableStyle(source.delimiter, source.is_quoted)
    remarks = [describe_texts(source, columns), *source.remarks]
    return _Opened(lambda: table_rows(source, columns), remarks, _OF_TABLE, style, form_of(str(path)))
