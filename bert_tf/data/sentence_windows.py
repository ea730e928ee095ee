"""Tagged sentences become rows of word pieces, in which the first piece of a word carries its tag.

features = convert_sentences_to_features(sentences, ("O", "B-PER", "I-PER"), tokenizer, 128, 32, with_document=False)
features.words_of(0)
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from absl import logging

from bert_tf.data.document_pieces import Documents, tokenize_words
from bert_tf.data.features import Features
from bert_tf.data.sentence_spans import (
    SPECIAL_PIECES,
    SentenceRows,
    WordPlaces,
    document_limits,
    fitting_context,
    make_rows,
    place_words,
    sentence_limits,
)
from bert_tf.data.spans import counted_up
from bert_tf.data.tagged_sentences import TaggedSentence
from bert_tf.data.tokenization import FullTokenizer
from bert_tf.errors import UserError, counted, first_few


@dataclasses.dataclass(frozen=True, kw_only=True)
class SentenceFeatures(Features):
    """Rows `[CLS] pieces [SEP]`; a sentence that does not fit into a row has several.

    Its target is `tag_ids`, int32 ragged [rows, (pieces)]: k + 1 at the first piece of a word with tag k that counts in
    the row, and 0 elsewhere; a tag that the model does not have counts as none. It is missing if the sentences have no
    tags.

    Attributes:
        example_index: int32 [rows], the sentence of each row.
        places: where the words are.
    """

    example_index: np.ndarray
    places: WordPlaces

    def words_of(self, row: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns the positions of the words that count in a row, and their numbers in the sentence; int32 [words].

        Each word of a sentence that has a piece counts in one row. The position is that of its first piece.
        """
        found = slice(*np.searchsorted(self.places.row, [row, row + 1]))
        return self.places.position[found], self.places.word[found]


def convert_sentences_to_features(
    sentences: Sequence[TaggedSentence],
    tag_list: Sequence[str],
    tokenizer: FullTokenizer,
    max_seq_length: int,
    doc_context: int,
    with_document: bool,
) -> SentenceFeatures:
    """Cuts the words of sentences into pieces, and the sentences into rows; no word is lost.

    A word without a piece, of control characters only, has no place in a row.

    Args:
        sentences: at least one.
        tag_list: the tags; the id of a tag is its place here.
        tokenizer: cuts words into pieces.
        max_seq_length: the largest number of positions of a row.
        doc_context: a sentence that does not fit into a row is cut into windows with this number of pieces on both
            sides that do not count; see `fitting_context` for short rows.
        with_document: True to fill each row with the sentences around its own, of the same document: the paper's
            maximal document context (section 5.3). Only the words of its own sentence count.

    Raises:
        UserError: no piece would fit into a row, or no word has a piece.

    Example:
        >>> from bert_tf.data.tagged_sentences import TaggedSentence
        >>> sentence = TaggedSentence("0", ("Ann", "Lee", "came"), ("B-PER", "I-PER", "O"), document=0, line=1)
        >>> tokenizer = FullTokenizer("uncased_L-12_H-768_A-12/vocab.txt")
        >>> features = convert_sentences_to_features([sentence], ("O", "B-PER", "I-PER"), tokenizer, 128, 32, False)
        >>> features.targets["tag_ids"].to_list()
        [[0, 2, 3, 1, 0]]
    """
    _check_settings(max_seq_length, doc_context)
    texts = tokenize_words([sentence.words for sentence in sentences], tokenizer)
    first_pieces, has_piece = _first_pieces(texts)
    _check_words(sentences, has_piece)
    splits, room = texts.pieces.splits, max_seq_length - SPECIAL_PIECES
    documents = np.array([sentence.document for sentence in sentences])
    limits = document_limits(splits, documents) if with_document else sentence_limits(splits)
    _say_split(texts.lengths, room, doc_context)
    word_numbers = counted_up(np.diff(texts.word_splits))
    rows = make_rows(splits, limits, room, doc_context)
    rows, places = place_words(rows, first_pieces[has_piece], word_numbers[has_piece])
    input_ids = _input_ids(rows, texts.pieces.ids, tokenizer)
    targets = {}
    if sentences[0].tags is not None:
        targets["tag_ids"] = _tag_ids(input_ids, places, _ids_of_tags(sentences, tag_list)[has_piece])
    type_ids = input_ids.with_values(tf.zeros_like(input_ids.values))
    return SentenceFeatures(input_ids, type_ids, targets, max_seq_length, example_index=rows.sentence, places=places)


def _first_pieces(texts: Documents) -> tuple[np.ndarray, np.ndarray]:
    """Returns the first piece of each word among those of all sentences, and which words have a piece."""
    starts = texts.word_starts + np.repeat(texts.pieces.splits[:-1], np.diff(texts.word_splits))
    return starts, np.diff(starts, append=len(texts.pieces.ids)) > 0


def _input_ids(rows: SentenceRows, pieces: np.ndarray, tokenizer: FullTokenizer) -> tf.RaggedTensor:
    """Joins the pieces of each row, `[CLS]` and `[SEP]`."""
    table = np.concatenate([pieces, tokenizer.convert_tokens_to_ids(["[CLS]", "[SEP]"])]).astype(np.int32)
    lengths = rows.length + SPECIAL_PIECES
    ends = np.cumsum(lengths)
    place = counted_up(lengths) + np.repeat(rows.start - 1, lengths)
    place[ends - lengths], place[ends - 1] = len(pieces), len(pieces) + 1
    return tf.RaggedTensor.from_row_lengths(table[place], lengths)


def _tag_ids(input_ids: tf.RaggedTensor, places: WordPlaces, ids_of_tags: np.ndarray) -> tf.RaggedTensor:
    values = np.zeros(input_ids.values.shape, np.int32)
    values[input_ids.row_starts().numpy()[places.row] + places.position] = ids_of_tags
    return input_ids.with_values(tf.constant(values))


def _ids_of_tags(sentences: Sequence[TaggedSentence], tag_list: Sequence[str]) -> np.ndarray:
    """Returns k + 1 for each word with tag k, int32 [words]; 0 for a tag that is not in the list."""
    known = {tag: number for number, tag in enumerate(tag_list, start=1)}
    return np.array([known.get(tag, 0) for sentence in sentences for tag in sentence.tags], np.int32)


def _have(some: int, every: int, noun: str) -> str:
    return f"{some:,} of {counted(every, noun)} {'has' if some == 1 else 'have'}"


def _check_settings(max_seq_length: int, doc_context: int) -> None:
    if max_seq_length <= SPECIAL_PIECES:
        problem = f"max_seq_length is {max_seq_length}, which leaves no room for a word"
        raise UserError(f"{problem}; make it larger than {SPECIAL_PIECES}")
    if doc_context < 0:
        raise UserError(f"doc_context is {doc_context}; make it at least 0")


def _check_words(sentences: Sequence[TaggedSentence], has_piece: np.ndarray) -> None:
    """Raises `UserError` if no word has a piece, and logs how many have none."""
    if not has_piece.any():
        raise UserError("no word has a word piece: all have only control characters; check the file")
    if not has_piece.all():
        words = [word for sentence in sentences for word in sentence.words]
        without = [words[number] for number in np.flatnonzero(~has_piece)]
        count = _have(len(without), len(words), "word")
        logging.warning("%s no word piece, and the tag O: %s.", count, first_few(map(ascii, dict.fromkeys(without))))


def _say_split(lengths: np.ndarray, room: int, doc_context: int) -> None:
    split = int(np.count_nonzero(lengths > room))
    if split:
        count = _have(split, len(lengths), "sentence")
        context = f"{counted(fitting_context(doc_context, room), 'piece')} of context on each side"
        logging.info("%s more than %d word pieces; read in windows with %s.", count, room, context)
