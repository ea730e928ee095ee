"""Long documents become windows of word pieces, as in the original's `run_squad.py`.

features = convert_examples_to_features(examples, tokenizer, 384, 128, 64, is_training=False)
features.window(0).pieces
"""

import dataclasses
import functools
from collections.abc import Iterable, Sequence
from typing import ClassVar, NamedTuple

import numpy as np
import tensorflow as tf
from absl import logging

from bert_tf.data.squad_examples import Document, SquadExample
from bert_tf.data.tokenization import FullTokenizer
from bert_tf.errors import UserError, counted, first_few

# A call of the tokenizer's graph needs some hundred bytes a character.
_CHARACTERS_PER_CALL = 1 << 20


class Window(NamedTuple):
    """The part of a document that is in one row.

    Attributes:
        example_index: the example that the row belongs to.
        doc_span_index: the number of this window among those of the example.
        first: the position in the row of the first piece of the document.
        pieces: int32 [n], the ids of the document's pieces.
        words: int32 [n], the index of the doc token of each piece (the original's `token_to_orig_map`).
        is_max_context: bool [n], True where no other window shows more of the text around the piece.
    """

    example_index: int
    doc_span_index: int
    first: int
    pieces: np.ndarray
    words: np.ndarray
    is_max_context: np.ndarray


class Pieces(NamedTuple):
    """The word pieces of several texts, one after the other.

    Attributes:
        ids: int32 [pieces].
        splits: int64 [texts + 1], the start of each text in `ids`.
    """

    ids: np.ndarray
    splits: np.ndarray

    @property
    def lengths(self) -> np.ndarray:
        """The number of pieces of each text, int64 [texts]."""
        return np.diff(self.splits)


class Documents(NamedTuple):
    """The word pieces of all documents, each tokenized once.

    Attributes:
        pieces: of the documents.
        words: int32 [pieces], the index of the doc token of each piece in its document.
        word_starts: int64 [doc tokens of all documents], the first piece of each doc token in its document.
        word_splits: int64 [documents + 1], the start of each document in `word_starts`.
    """

    pieces: Pieces
    words: np.ndarray
    word_starts: np.ndarray
    word_splits: np.ndarray


class Spans(NamedTuple):
    """The windows of each example (the original's `doc_spans`).

    Attributes:
        room: int64 [examples], how many pieces of its document fit into a row.
        step: int64 [examples], the distance of two windows.
        count: int64 [examples], the number of windows; 0 for a document without pieces.
    """

    room: np.ndarray
    step: np.ndarray
    count: np.ndarray


@dataclasses.dataclass(frozen=True)
class WindowFeatures:
    """Rows `[CLS] question [SEP] window of the document [SEP]`; see `Features`, whose methods it has.

    Only the pieces of questions and documents are stored, and for each row where its parts are.

    Attributes:
        documents: the pieces of the documents.
        document_index: int64 [examples], the document of each example.
        spans: the windows of each example.
        example_index: int32 [rows], the example of each row.
        doc_span_index: int32 [rows], the number of the window among those of its example.
        table: int32 [questions' pieces + documents' pieces + 2], all ids; `[CLS]` and `[SEP]` are the last two.
        parts: int32 [rows, 4]: the start of the question in `table`, its length, the start of the window in `table`,
            its length.
        targets: `ends` for training, int32 [rows, 2]: the positions of the first and the last piece of the answer; both
            0 if it is not in the window.
        max_seq_length: the number of positions of a row.
        pad_to_max_length: True if `lengths` counts padding too, so that it is computed, as in the original.
        tokenizer: cut the texts into pieces.
        num_truncated: 0, because documents lose nothing.
    """

    attention_groups: ClassVar[int] = 4

    documents: Documents
    document_index: np.ndarray
    spans: Spans
    example_index: np.ndarray
    doc_span_index: np.ndarray
    table: tf.Tensor
    parts: np.ndarray
    targets: dict[str, tf.Tensor]
    max_seq_length: int
    pad_to_max_length: bool
    tokenizer: FullTokenizer
    num_truncated: int = 0

    def __len__(self) -> int:
        return len(self.parts)

    @functools.cached_property
    def lengths(self) -> np.ndarray:
        """The number of positions of each row to compute, int64 [rows]."""
        real = self.parts[:, 1].astype(np.int64) + self.parts[:, 3] + 3
        return np.full_like(real, self.max_seq_length) if self.pad_to_max_length else real

    def padded_batch(self, rows: tf.Tensor, length: tf.Tensor | int) -> dict[str, tf.Tensor]:
        """Makes one batch, inside a graph or outside; see `Features.padded_batch`."""
        is_real = tf.cast(rows >= 0, tf.int32)
        rows = tf.maximum(rows, 0)
        query, num_query, window, num_window = tf.split(tf.gather(self._parts, rows), 4, axis=1)
        position = tf.range(length)[None]
        in_window = position - num_query - 2
        size = tf.size(self.table)
        place = tf.where((in_window >= 0) & (in_window < num_window), window + in_window, size - 1)
        place = tf.where((position > 0) & (position <= num_query), query + position - 1, place)
        place = tf.where(position == 0, size - 2, place)
        mask = tf.cast(position < num_query + num_window + 3, tf.int32) * is_real[:, None]
        return {
            "input_word_ids": tf.gather(self.table, place) * mask,
            "input_mask": mask,
            "input_type_ids": tf.cast(in_window >= 0, tf.int32) * mask,
            **{name: tf.gather(target, rows) * is_real[:, None] for name, target in self.targets.items()},
        }

    def window(self, row: int) -> Window:
        """Returns the part of the document that is in a row."""
        example, span = int(self.example_index[row]), int(self.doc_span_index[row])
        first_piece, end = self.documents.pieces.splits[self.document_index[example] :][:2]
        room, step, count = (int(numbers[example]) for numbers in self.spans)
        start = int(first_piece) + span * step
        part = slice(start, min(start + room, int(end)))
        return Window(
            example,
            span,
            int(self.parts[row, 1]) + 2,
            self.documents.pieces.ids[part],
            self.documents.words[part],
            is_max_context(int(end - first_piece), room, step, count, span),
        )

    @functools.cached_property
    def _parts(self) -> tf.Tensor:
        with tf.init_scope():
            return tf.constant(self.parts)


def convert_examples_to_features(
    examples: Sequence[SquadExample],
    tokenizer: FullTokenizer,
    max_seq_length: int,
    doc_stride: int,
    max_query_length: int,
    is_training: bool,
    pad_to_max_length: bool = True,
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

    Raises:
        UserError: no piece of a document would fit into a row, or no document has a piece.
    """
    _check_settings(max_seq_length, doc_stride, max_query_length)
    documents, document_index = _documents_of(examples)
    tokenized = tokenize_documents(documents, tokenizer)
    questions = tokenize([example.question_text for example in examples], tokenizer)
    num_query = np.minimum(questions.lengths, max_query_length)
    _say_cut(questions.lengths, max_query_length)
    num_pieces = tokenized.pieces.lengths[document_index]
    spans = make_spans(num_pieces, max_seq_length - 3 - num_query, doc_stride)
    _check_windows(examples, spans.count)
    example_index = np.repeat(np.arange(len(examples), dtype=np.int32), spans.count)
    doc_span_index = _counted_up(spans.count).astype(np.int32)
    start = doc_span_index * spans.step[example_index]
    length = np.minimum(spans.room[example_index], num_pieces[example_index] - start)
    in_table = len(questions.ids) + tokenized.pieces.splits[document_index][example_index] + start
    parts = [questions.splits[example_index], num_query[example_index], in_table, length]
    special = [tokenizer.vocab["[CLS]"], tokenizer.vocab["[SEP]"]]
    targets = {}
    if is_training:
        answers = answer_pieces(examples, tokenized, document_index, tokenizer)[example_index]
        targets["ends"] = tf.constant(_positions_in_rows(answers, start, length, num_query[example_index] + 2))
    return WindowFeatures(
        tokenized,
        document_index,
        spans,
        example_index,
        doc_span_index,
        tf.constant(np.concatenate([questions.ids, tokenized.pieces.ids, special]), tf.int32),
        np.stack(parts, axis=1).astype(np.int32),
        targets,
        max_seq_length,
        pad_to_max_length,
        tokenizer,
    )


def _check_settings(max_seq_length: int, doc_stride: int, max_query_length: int) -> None:
    if max_seq_length <= max_query_length + 3:
        problem = f"max_seq_length is {max_seq_length}, which leaves no room for the document"
        raise UserError(f"{problem}; make it larger than max_query_length + 3 = {max_query_length + 3}")
    if doc_stride < 1 or max_query_length < 0:
        raise UserError("doc_stride must be at least 1, and max_query_length at least 0")


def _documents_of(examples: Sequence[SquadExample]) -> tuple[list[Document], np.ndarray]:
    """Returns the different documents, and the document of each example, int64 [examples]."""
    number = {}
    index = np.array([number.setdefault(example.document, len(number)) for example in examples], np.int64)
    return list(number), index


def _say_cut(lengths: np.ndarray, max_query_length: int) -> None:
    cut = int(np.count_nonzero(lengths > max_query_length))
    if cut:
        remark = f"longer than {max_query_length} word pieces and lost their end; see --max_query_length"
        logging.info("%s of %s are %s.", f"{cut:,}", counted(len(lengths), "question"), remark)


def _check_windows(examples: Sequence[SquadExample], counts: np.ndarray) -> None:
    without = [examples[index].qas_id for index in np.flatnonzero(counts == 0)]
    if len(without) == len(examples):
        raise UserError("all contexts are empty, or have only characters that are no part of a text; give other texts")
    if without:
        problem = f"{len(without):,} of {counted(len(examples), 'question')}"
        logging.warning("the context of %s is empty, and gives no answer: %s.", problem, first_few(without))


def tokenize(texts: Sequence[str], tokenizer: FullTokenizer) -> Pieces:
    """Cuts texts into word pieces, in several calls if they are long."""
    lengths, ids = [np.zeros(1, np.int64)], [np.zeros(0, np.int32)]
    for chunk in _chunks(texts):
        found = tokenizer.token_ids(tf.constant(chunk))
        ids.append(found.values.numpy())
        lengths.append(found.row_lengths().numpy())
    return Pieces(np.concatenate(ids), np.cumsum(np.concatenate(lengths)))


def _chunks(texts: Sequence[str]) -> Iterable[Sequence[str]]:
    numbers = np.cumsum([len(text) + 1 for text in texts]) // _CHARACTERS_PER_CALL
    ends = [*np.flatnonzero(np.diff(numbers)) + 1, len(texts)]
    return [texts[start:end] for start, end in zip([0, *ends[:-1]], ends, strict=True) if start < end]


def tokenize_documents(documents: Sequence[Document], tokenizer: FullTokenizer) -> Documents:
    """Cuts documents into word pieces. Each different doc token of all of them is tokenized once."""
    number = {}
    words = [number.setdefault(word, len(number)) for document in documents for word in document.doc_tokens]
    words = np.array(words, np.int64)
    known = tokenize(list(number), tokenizer)
    counts = known.lengths[words]
    num_words = np.array([len(document.doc_tokens) for document in documents], np.int64)
    word_splits = _splits(num_words)
    piece_splits = _splits(counts)  # the first piece of each doc token
    ids = known.ids[np.repeat(known.splits[words], counts) + _counted_up(counts)]
    splits = piece_splits[word_splits]
    word_starts = piece_splits[:-1] - np.repeat(splits[:-1], num_words)
    in_document = _counted_up(num_words).astype(np.int32)
    return Documents(Pieces(ids, splits), np.repeat(in_document, counts), word_starts, word_splits)


def make_spans(num_pieces: np.ndarray, room: np.ndarray, doc_stride: int) -> Spans:
    """Returns the windows of each example, without the original's loop.

    Args:
        num_pieces: int64 [examples], of the document.
        room: int64 [examples], how many of them fit into a row.
        doc_stride: the distance of two windows; they leave nothing out.

    Example:
        >>> make_spans(np.array([0, 5, 12]), np.array([6, 6, 6]), doc_stride=4).count.tolist()
        [0, 1, 3]
    """
    step = np.minimum(doc_stride, room)
    more = -(np.minimum(room - num_pieces, 0) // step)
    return Spans(room, step, np.where(num_pieces > 0, 1 + more, 0))


def is_max_context(num_pieces: int, room: int, step: int, count: int, span: int) -> np.ndarray:
    """Returns which pieces of a window have the maximum context there: the original's `_check_is_max_context`.

    The score of a piece in a window is the smaller number of pieces on its left and its right in the window, plus 0.01
    times the length of the window. The first window with the best score counts. All windows but the last have the same
    length, so the best of them is the one whose middle is nearest, and only that one and the last are compared.

    Args:
        num_pieces: of the document.
        room: the length of each window but the last, which may be shorter.
        step: the distance of two windows.
        count: the number of windows.
        span: the window.

    Returns:
        bool [pieces of the window].

    Example:
        >>> is_max_context(num_pieces=15, room=10, step=5, count=2, span=0).tolist()
        [True, True, True, True, True, True, True, True, False, False]
    """
    start = span * step
    position = np.arange(start, min(start + room, num_pieces))
    last = count - 1
    if last == 0:
        return np.ones(len(position), bool)
    # The middle of window j is at j * step + (room - 1) / 2. If two are as near, the first counts.
    nearest = np.clip(-((room - 1 + step - 2 * position) // (2 * step)), 0, last - 1)
    score = _context_score(position, nearest * step, room)
    score_in_last = _context_score(position, last * step, num_pieces - last * step)
    return np.where(score_in_last > score, last, nearest) == span


def _context_score(position: np.ndarray, start: np.ndarray | int, length: int) -> np.ndarray:
    left, right = position - start, start + length - 1 - position
    fewest = np.minimum(left, right)
    # The original's float64, to the last bit.
    return np.where(fewest >= 0, fewest + 0.01 * length, -np.inf)


def answer_pieces(
    examples: Sequence[SquadExample], documents: Documents, document_index: np.ndarray, tokenizer: FullTokenizer
) -> np.ndarray:
    """Returns the first and the last piece of each answer in its document, int64 [examples, 2].

    Both are -1 for a question without an answer.
    """
    answers = tokenize([example.orig_answer_text for example in examples], tokenizer)
    found = np.full((len(examples), 2), -1, np.int64)
    for index, example in enumerate(examples):
        if example.is_impossible or len(example.doc_tokens) == 0:
            continue
        document = document_index[index]
        words = documents.word_starts[documents.word_splits[document] : documents.word_splits[document + 1]]
        pieces = documents.pieces.ids[documents.pieces.splits[document] : documents.pieces.splits[document + 1]]
        start = int(words[example.start_position])
        is_last = example.end_position >= len(words) - 1
        end = (len(pieces) if is_last else int(words[example.end_position + 1])) - 1
        answer = answers.ids[answers.splits[index] : answers.splits[index + 1]]
        found[index] = improve_answer_span(pieces, start, end, answer)
    return found


def improve_answer_span(pieces: np.ndarray, start: int, end: int, answer: np.ndarray) -> tuple[int, int]:
    """Returns the first place within a span where the pieces of the answer are: the original's `_improve_answer_span`.

    The doc tokens "(1895-1943)." have the answer "1895" within them.

    Args:
        pieces: int32 [pieces of the document].
        start: the first piece of the answer's doc tokens.
        end: the last one.
        answer: int32, the pieces of the answer.

    Returns:
        The first and the last piece of the answer; the span as it was if the answer is not there.

    Example:
        >>> improve_answer_span(np.array([7, 8, 9, 5], np.int32), 0, 3, np.array([8, 9], np.int32))
        (1, 2)
    """
    wanted, text = answer.tobytes(), pieces[start : end + 1].tobytes()
    place = text.find(wanted) if wanted and start <= end else -1
    while place % answer.itemsize and place > 0:  # The bytes of two neighbors can look like a piece.
        place = text.find(wanted, place + 1)
    if place < 0:
        return start, end
    first = start + place // answer.itemsize
    return first, first + len(answer) - 1


def _positions_in_rows(answers: np.ndarray, start: np.ndarray, length: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Returns the positions of the answers in the rows, int32 [rows, 2]; 0 where a window does not have all of one.

    Args:
        answers: int64 [rows, 2], the pieces of the answer in the document; -1 if there is none.
        start: int64 [rows], the first piece of the window.
        length: int64 [rows], the number of its pieces.
        first: int64 [rows], the position of the first piece in the row.
    """
    is_there = (answers[:, 0] >= start) & (answers[:, 1] < start + length)
    positions = answers - (start - first)[:, None]
    return np.where(is_there[:, None], positions, 0).astype(np.int32)


def _splits(lengths: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def _counted_up(counts: np.ndarray) -> np.ndarray:
    """Returns 0, 1, ... for each of the counts, one after the other.

    Example:
        >>> _counted_up(np.array([2, 0, 3])).tolist()
        [0, 1, 0, 1, 2]
    """
    return np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
