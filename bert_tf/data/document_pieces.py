"""The word pieces of documents and questions, and where the answers are among them.

documents = tokenize_documents(examples, tokenizer)
answer_pieces(examples, documents, tokenizer)
"""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from bert_tf.data.spans import counted_up, improve_answer_span
from bert_tf.data.squad_examples import SquadExample
from bert_tf.data.tokenization import FullTokenizer

# A call of the tokenizer's graph needs some hundred bytes a character.
_CHARACTERS_PER_CALL = 1 << 20


class Pieces(NamedTuple):
    """The word pieces of several texts, one after the other.

    Attributes:
        ids: int32 [pieces].
        splits: int64 [texts + 1], the start of each text in `ids`.
        places: int64 [pieces, 2], where in its text each piece starts and ends, in characters; None if nobody asked.
            Of a document: where in its doc token.
    """

    ids: np.ndarray
    splits: np.ndarray
    places: np.ndarray | None = None

    @property
    def lengths(self) -> np.ndarray:
        """The number of pieces of each text, int64 [texts]."""
        return np.diff(self.splits)


class Documents(NamedTuple):
    """The word pieces of the documents of some examples, each document once.

    Attributes:
        index: int64 [examples], the document of each example.
        pieces: of the documents.
        words: int32 [pieces], the index of the doc token of each piece in its document.
        word_starts: int64 [doc tokens of all documents], the first piece of each doc token, in its document.
        word_splits: int64 [documents + 1], the start of each document in `word_starts`.
    """

    index: np.ndarray
    pieces: Pieces
    words: np.ndarray
    word_starts: np.ndarray
    word_splits: np.ndarray

    @property
    def starts(self) -> np.ndarray:
        """The start of each example's document in `pieces.ids`, int64 [examples]."""
        return self.pieces.splits[self.index]

    @property
    def lengths(self) -> np.ndarray:
        """The number of pieces of each example's document, int64 [examples]."""
        return self.pieces.lengths[self.index]

    def pieces_of(self, example: int) -> slice:
        """Returns which pieces are those of the example's document."""
        document = self.index[example]
        return slice(*self.pieces.splits[document : document + 2])

    def words_of(self, example: int) -> slice:
        """Returns which elements of `word_starts` are those of the example's document."""
        document = self.index[example]
        return slice(*self.word_splits[document : document + 2])


def tokenize(texts: Sequence[str], tokenizer: FullTokenizer, with_places: bool = False) -> Pieces:
    """Cuts texts into word pieces, in several calls if they are long.

    Args:
        texts: any texts.
        tokenizer: cuts them.
        with_places: True to find out where in its text each piece is.

    Example:
        >>> pieces = tokenize(["Unaffable Ann", ""], FullTokenizer("uncased_L-12_H-768_A-12/vocab.txt"))
        >>> pieces.ids.tolist(), pieces.splits.tolist()
        ([14477, 20961, 3468, 5754], [0, 4, 4])
    """
    ids, lengths, places = [np.zeros(0, np.int32)], [np.zeros(0, np.int64)], [np.zeros([0, 2], np.int64)]
    for chunk in _chunks(texts):
        if with_places:
            found, *ends = tokenizer.token_ids_with_offsets(tf.constant(chunk))
            places.append(np.stack([end.values.numpy() for end in ends], axis=1))
        else:
            found = tokenizer.token_ids(tf.constant(chunk))
        ids.append(found.values.numpy())
        lengths.append(found.row_lengths().numpy())
    splits = _splits(np.concatenate(lengths))
    return Pieces(np.concatenate(ids), splits, np.concatenate(places) if with_places else None)


def tokenize_documents(
    examples: Sequence[SquadExample], tokenizer: FullTokenizer, with_places: bool = False
) -> Documents:
    """Cuts the documents of examples into word pieces, doc token by doc token, as the original does."""
    numbers = {}
    index = np.array([numbers.setdefault(example.document, len(numbers)) for example in examples], np.int64)
    texts = [document.doc_tokens for document in numbers]
    return tokenize_words(texts, tokenizer, with_places)._replace(index=index)


def tokenize_words(texts: Sequence[Sequence[str]], tokenizer: FullTokenizer, with_places: bool = False) -> Documents:
    """Cuts texts into word pieces, word by word; each text is the document of one example.

    Equal words have equal pieces, so each different one is tokenized once.

    Example:
        >>> found = tokenize_words([["Unaffable", "Ann"], []], FullTokenizer("uncased_L-12_H-768_A-12/vocab.txt"))
        >>> found.pieces.ids.tolist(), found.words.tolist(), found.word_starts.tolist()
        ([14477, 20961, 3468, 5754], [0, 0, 0, 1], [0, 3])
    """
    num_words = np.array([len(words) for words in texts], np.int64)
    known = {}
    words = np.array([known.setdefault(word, len(known)) for words in texts for word in words], np.int64)
    return _join_words(np.arange(len(texts)), num_words, words, tokenize(list(known), tokenizer, with_places))


def _join_words(index: np.ndarray, num_words: np.ndarray, words: np.ndarray, known: Pieces) -> Documents:
    """Joins the pieces of words to those of documents.

    Args:
        index: int64 [examples], the document of each example.
        num_words: int64 [documents].
        words: int64 [doc tokens of all documents], the number of each in `known`.
        known: the pieces of the different words.
    """
    counts = known.lengths[words]
    word_splits, piece_splits = _splits(num_words), _splits(counts)
    chosen = np.repeat(known.splits[words], counts) + counted_up(counts)
    document_splits = piece_splits[word_splits]
    return Documents(
        index,
        Pieces(known.ids[chosen], document_splits, None if known.places is None else known.places[chosen]),
        np.repeat(counted_up(num_words).astype(np.int32), counts),
        piece_splits[:-1] - np.repeat(document_splits[:-1], num_words),
        word_splits,
    )


def answer_pieces(examples: Sequence[SquadExample], documents: Documents, tokenizer: FullTokenizer) -> np.ndarray:
    """Returns the first and the last piece of each answer in its document, int64 [examples, 2].

    Args:
        examples: to train on.
        documents: theirs.
        tokenizer: cuts the answers into pieces.

    Returns:
        Both are -1 for a question without an answer.
    """
    answers = tokenize([example.orig_answer_text for example in examples], tokenizer)
    found = np.full((len(examples), 2), -1, np.int64)
    for number, example in enumerate(examples):
        if not example.is_impossible:
            pieces = documents.pieces.ids[documents.pieces_of(number)]
            word_starts = documents.word_starts[documents.words_of(number)]
            span = _pieces_of_words(example, word_starts, len(pieces))
            answer = answers.ids[answers.splits[number] : answers.splits[number + 1]]
            found[number] = improve_answer_span(pieces, *span, answer)
    return found


def _pieces_of_words(example: SquadExample, word_starts: np.ndarray, num_pieces: int) -> tuple[int, int]:
    """Returns the first and the last piece of the doc tokens of an answer."""
    is_last = example.end_position >= len(word_starts) - 1
    end = num_pieces if is_last else int(word_starts[example.end_position + 1])
    return int(word_starts[example.start_position]), end - 1


def _chunks(texts: Sequence[str]) -> list[Sequence[str]]:
    """Cuts a list of texts into parts of about `_CHARACTERS_PER_CALL` characters, of one text at least."""
    call = np.cumsum([len(text) + 1 for text in texts]) // _CHARACTERS_PER_CALL
    cuts = [0, *(np.flatnonzero(np.diff(call)) + 1).tolist(), len(texts)]
    return [texts[start:end] for start, end in itertools.pairwise(cuts) if start < end]


def _splits(lengths: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
