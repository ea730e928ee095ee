"""Long documents become windows of word pieces, as in the original's `run_squad.py`.

features = convert_examples_to_features(examples, tokenizer, 384, 128, 64, is_training=False)
features.window(0).pieces
"""

import dataclasses
import functools
from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from absl import logging

from bert_tf.data.document_pieces import Documents, Pieces, answer_pieces, tokenize, tokenize_documents
from bert_tf.data.spans import (
    SPECIAL_PIECES,
    Rows,
    Spans,
    Window,
    answer_positions,
    is_max_context,
    make_spans,
    rows_of,
)
from bert_tf.data.squad_examples import SquadExample
from bert_tf.data.tokenization import FullTokenizer
from bert_tf.errors import UserError, counted, first_few


@dataclasses.dataclass(frozen=True)
class WindowFeatures:
    """Rows `[CLS] question [SEP] window of the document [SEP]`, with the methods of `Features`.

    Questions and documents are stored once, however many rows they are in.

    Attributes:
        documents: the pieces of the documents.
        spans: how the document of each example is cut.
        rows: the windows. The original's `unique_id` of a row is 1000000000 + its number.
        table: int32 [pieces of questions + pieces of documents + 2], all ids; `[CLS]` and `[SEP]` are the last two.
        parts: int32 [rows, 4]: where the question starts in `table`, its length, where the window starts, its length.
        targets: `ends` for training, int32 [rows, 2]: the positions of the first and the last piece of the answer; both
            0 if it is not in the window.
        max_seq_length: the number of positions of a row.
        pad_to_max_length: True if `lengths` counts padding, so that it is computed, as in the original.
        tokenizer: cut the texts into pieces.
        num_truncated: 0, because documents lose nothing.
    """

    documents: Documents
    spans: Spans
    rows: Rows
    table: tf.Tensor
    parts: tf.Tensor
    targets: dict[str, tf.Tensor]
    max_seq_length: int
    pad_to_max_length: bool
    tokenizer: FullTokenizer
    num_truncated: int = 0

    def __len__(self) -> int:
        return len(self.rows.start)

    @property
    def example_index(self) -> np.ndarray:
        """The example of each row, int32 [rows]."""
        return self.rows.example_index

    @functools.cached_property
    def lengths(self) -> np.ndarray:
        """The number of positions of each row to compute, int64 [rows]."""
        if self.pad_to_max_length:
            return np.full(len(self), self.max_seq_length, np.int64)
        return self.parts.numpy()[:, 1::2].sum(axis=1, dtype=np.int64) + SPECIAL_PIECES

    def padded_batch(self, rows: tf.Tensor, length: tf.Tensor | int) -> dict[str, tf.Tensor]:
        """Makes one batch, inside a graph or outside; see `Features.padded_batch`."""
        is_real = tf.cast(rows >= 0, tf.int32)[:, None]
        rows = tf.maximum(rows, 0)
        query, num_query, window, num_pieces = tf.split(tf.gather(self.parts, rows), 4, axis=1)
        position = tf.range(length)[None]
        in_query, in_window = position - 1, position - 2 - num_query
        cls, sep = tf.size(self.table) - 2, tf.size(self.table) - 1
        place = tf.where(position == 0, cls, sep)
        place = tf.where((in_query >= 0) & (in_query < num_query), query + in_query, place)
        place = tf.where((in_window >= 0) & (in_window < num_pieces), window + in_window, place)
        mask = tf.cast(position < num_query + num_pieces + SPECIAL_PIECES, tf.int32) * is_real
        return {
            "input_word_ids": tf.gather(self.table, place) * mask,
            "input_mask": mask,
            "input_type_ids": tf.cast(in_window >= 0, tf.int32) * mask,
            **{name: tf.gather(target, rows) * is_real for name, target in self.targets.items()},
        }

    def window(self, row: int) -> Window:
        """Returns the part of the document that is in a row."""
        example, span, start, length = (int(numbers[row]) for numbers in self.rows)
        spans = (int(numbers[example]) for numbers in self.spans)
        first_piece = int(self.documents.pieces_of(example).start) + start
        part = slice(first_piece, first_piece + length)
        places = self.documents.pieces.places
        return Window(
            example,
            span,
            self.max_seq_length - int(self.spans.room[example]) - 1,
            self.documents.pieces.ids[part],
            self.documents.words[part],
            is_max_context(*spans, span),
            None if places is None else places[part],
        )


def convert_examples_to_features(
    examples: Sequence[SquadExample],
    tokenizer: FullTokenizer,
    max_seq_length: int,
    doc_stride: int,
    max_query_length: int,
    is_training: bool,
    pad_to_max_length: bool = True,
    with_places: bool = False,
) -> WindowFeatures:
    """Tokenizes questions and documents: the original's function of this name.

    Args:
        examples: at least one.
        tokenizer: cuts texts into pieces.
        max_seq_length: the number of positions of a row.
        doc_stride: the distance of two windows, in pieces.
        max_query_length: a longer question loses its end.
        is_training: True to make the target `ends`.
        pad_to_max_length: True to compute padding too, as the original does.
        with_places: True if windows say where in the text each piece is.

    Example:
        >>> from bert_tf.data.squad_examples import Document
        >>> example = SquadExample("1", "Who came?", Document.of("Ann came at noon, and Ben came later."))
        >>> tokenizer = FullTokenizer("uncased_L-12_H-768_A-12/vocab.txt")
        >>> features = convert_examples_to_features([example], tokenizer, 12, 4, 8, is_training=False)
        >>> [tokenizer.convert_ids_to_tokens(features.window(row).pieces) for row in range(len(features))]
        [['ann', 'came', 'at', 'noon', ',', 'and'], [',', 'and', 'ben', 'came', 'later', '.']]

    Raises:
        UserError: no piece of a document would fit into a row, or no document has a piece.
    """
    _check_settings(max_seq_length, doc_stride, max_query_length)
    documents = tokenize_documents(examples, tokenizer, with_places)
    questions = tokenize([example.question_text for example in examples], tokenizer)
    _say_cut(questions.lengths, max_query_length)
    num_query = np.minimum(questions.lengths, max_query_length)
    spans = make_spans(documents.lengths, max_seq_length - SPECIAL_PIECES - num_query, doc_stride)
    _check_windows(examples, spans)
    rows = rows_of(spans)
    targets = {}
    if is_training:
        answers = answer_pieces(examples, documents, tokenizer)
        targets["ends"] = tf.constant(answer_positions(answers, rows, 2 + num_query[rows.example_index]))
    special = tokenizer.convert_tokens_to_ids(["[CLS]", "[SEP]"])
    table = tf.constant(np.concatenate([questions.ids, documents.pieces.ids, special]), tf.int32)
    parts = _parts(questions, num_query, documents, rows)
    return WindowFeatures(documents, spans, rows, table, parts, targets, max_seq_length, pad_to_max_length, tokenizer)


def _parts(questions: Pieces, num_query: np.ndarray, documents: Documents, rows: Rows) -> tf.Tensor:
    """Returns where the question and the window of each row are in the table; see `WindowFeatures`."""
    example = rows.example_index
    window = len(questions.ids) + documents.starts[example] + rows.start
    parts = (questions.splits[example], num_query[example], window, rows.length)
    return tf.constant(np.stack(parts, axis=1), tf.int32)


def _check_settings(max_seq_length: int, doc_stride: int, max_query_length: int) -> None:
    if max_seq_length <= max_query_length + SPECIAL_PIECES:
        problem = f"max_seq_length is {max_seq_length}, which leaves no room for the document"
        needed = f"max_query_length + {SPECIAL_PIECES} = {max_query_length + SPECIAL_PIECES}"
        raise UserError(f"{problem}; make it larger than {needed}")
    if doc_stride < 1 or max_query_length < 0:
        problem = f"doc_stride is {doc_stride} and max_query_length {max_query_length}"
        raise UserError(f"{problem}; make the first at least 1, and the second at least 0")


def _say_cut(lengths: np.ndarray, max_query_length: int) -> None:
    cut = int(np.count_nonzero(lengths > max_query_length))
    if cut:
        count = f"{cut:,} of {counted(len(lengths), 'question')}"
        limit = f"--max_query_length is {max_query_length}"
        logging.info("%s lost the end, because more word pieces than fit were found; %s.", count, limit)


def _check_windows(examples: Sequence[SquadExample], spans: Spans) -> None:
    """Raises `UserError` if no document has pieces, and logs how many questions have a document without pieces."""
    without = [examples[number].qas_id for number in np.flatnonzero(spans.count == 0)]
    if len(without) == len(examples):
        raise UserError("no context has a word piece: all are empty or have only control characters; check the file")
    if without:
        count = f"{len(without):,} of {counted(len(examples), 'question')}"
        logging.warning("%s: the context has no word piece, and no answer: %s.", count, first_few(without))
