"""Splits text into word pieces inside the graph, exactly as the original's `tokenization.py` does in Python.

The original walks over each string. Here a whole batch is one flat vector of code points, and the properties of
characters are looked up in tables (`characters.py`). Word pieces come from tensorflow-text's linear-time
longest-match tokenizer. All of it is TensorFlow ops, so one object serves training, prediction and an exported model.

Example:
    >>> tokenizer = FullTokenizer("uncased_L-12_H-768_A-12/vocab.txt", do_lower_case=True)
    >>> tokenizer.tokenize("Unaffable naïveté!")
    ['una', '##ffa', '##ble', 'naive', '##te', '!']
"""

import itertools
import os
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf
import tensorflow_text as tf_text

from bert_tf.data.characters import (
    CASED,
    DROPPED,
    IGNORABLE,
    KEPT,
    LETTER,
    SINGLE,
    SPACE,
    UNCASED,
    character_kinds,
    letter_traces,
    mark_order,
    normalization,
    sigma_contexts,
)
from bert_tf.data.vocabulary import load_vocab
from bert_tf.errors import UserError, printable, reason_of

UNKNOWN = "[UNK]"
SUFFIX = "##"
MAX_INPUT_CHARS_PER_WORD = 200  # the original's WordpieceTokenizer; counted in code points

_SIGMA, _FINAL_SIGMA = 0x3A3, 0x3C2
# UTF-8 needs one byte more from each of these code points on.
_LARGER_IN_UTF8 = (0x80, 0x800, 0x10000)


class PiecesInText(NamedTuple):
    """The word pieces of texts, and their places there.

    Attributes:
        ids: int32 [n, (pieces)].
        starts: int64 [n, (pieces)], the place of a piece's first character in its text. Characters are code points, as
            in a Python string; bytes that are not UTF-8 do not count.
        ends: int64 [n, (pieces)], the place behind its last character. Accents that are stripped from it are inside.

    Starts and ends never decrease. Two pieces overlap only where both come from one character, as the letters of a
    Hangul syllable, or where marks change places (Unicode's canonical order); each of these has the place of all.
    """

    ids: tf.RaggedTensor
    starts: tf.RaggedTensor
    ends: tf.RaggedTensor


class _Normalized(NamedTuple):
    """Normalized texts.

    Attributes:
        code_points: int32 [m], those of all texts.
        text_splits: int64 [n + 1], the start of each text and the end of the last one.
        first: int64 [m], the index of the first character before normalization that each code point comes from.
        last: int64 [m], that of the last one: another one only for marks that changed places.
    """

    code_points: tf.Tensor
    text_splits: tf.Tensor
    first: tf.Tensor
    last: tf.Tensor


class _Words(NamedTuple):
    """The words of texts.

    Attributes:
        words: string [words], with `[UNK]` in place of a word that is too long.
        text_splits: int64 [n + 1], the start of each text among the words.
        letters: int32 ragged [words, (letters)].
        places: int64 [letters], the index of each letter among the normalized code points.
    """

    words: tf.Tensor
    text_splits: tf.Tensor
    letters: tf.RaggedTensor
    places: tf.Tensor


class FullTokenizer(tf.Module):
    """The original's `FullTokenizer`: cleaning, casing, accents, punctuation, Chinese, word pieces.

    Every text gets the same pieces as from the original (google-research/bert, `tokenization.py`) on the same
    Python, because both take the properties of characters from its `unicodedata`. An object can be an attribute
    of a `tf.Module` that `tf.saved_model.save` exports. The export contains the tables and the vocabulary, and a
    program that loads it only needs to import tensorflow_text.

    Attributes:
        vocab: the id of each token.
        inv_vocab: the token of each id.

    Args:
        vocab_file: the vocabulary, one token a line (see `load_vocab`).
        do_lower_case: True to lowercase text and strip its accents, for uncased models.

    Raises:
        UserError: the vocabulary cannot be read, lacks `[UNK]`, or has a token that tensorflow-text refuses.

    Example:
        >>> tokenizer = FullTokenizer("uncased_L-12_H-768_A-12/vocab.txt")
        >>> tokenizer.tokenize(["Hello, world!", ""])
        [['hello', ',', 'world', '!'], []]
        >>> tokenizer.token_ids(tf.constant(["Hello, world!", ""]))
        <tf.RaggedTensor [[7592, 1010, 2088, 999], []]>
    """

    def __init__(self, vocab_file: str | os.PathLike, do_lower_case: bool = True):
        super().__init__()
        vocab = load_vocab(vocab_file)
        # Not by assignment: a `tf.Module` would look for variables among all tokens, which takes longer than all else.
        vars(self).update(vocab=vocab, inv_vocab={index: token for token, index in vocab.items()})
        if UNKNOWN not in self.vocab:
            raise UserError(f"{printable(vocab_file)}: the vocabulary has no {UNKNOWN}; give a BERT vocabulary")
        self._do_lower_case = do_lower_case
        # The word piece tokenizer numbers its tokens itself, and it may refuse tokens that match no word.
        pieces = [token for token in self.vocab if _can_match(token)]
        self._piece_ids = np.array([self.vocab[piece] for piece in pieces], np.int32)
        try:
            self._wordpiece = tf_text.FastWordpieceTokenizer(
                pieces,
                suffix_indicator=SUFFIX,
                max_bytes_per_word=4 * MAX_INPUT_CHARS_PER_WORD,
                token_out_type=tf.int32,
                unknown_token=UNKNOWN,
                no_pretokenization=True,
            )
        except RuntimeError as error:
            problem = f"is not a usable vocabulary ({reason_of(error)})"
            raise UserError(f"{printable(vocab_file)}: {problem}; give a BERT vocabulary") from error

    @property
    def do_lower_case(self) -> bool:
        """True if text is lowercased and its accents are stripped."""
        return self._do_lower_case

    def tokenize(self, text: str | bytes | Sequence[str | bytes]) -> list[str] | list[list[str]]:
        """Splits a text, or each of a list of texts in one graph call, into word pieces.

        Args:
            text: a text or a list of texts. Bytes that are not UTF-8 are dropped, as in the original, and so
                are lone surrogates in a str.

        Returns:
            The word pieces of the text, or a list of such lists.

        Example:
            >>> tokenizer.tokenize("unaffable")
            ['una', '##ffa', '##ble']
        """
        if isinstance(text, str | bytes):
            return self.tokenize([text])[0]
        texts = [t if isinstance(t, bytes) else t.encode("utf-8", "surrogatepass") for t in text]
        ids = self.token_ids(tf.constant(texts, tf.string, shape=[len(texts)]))
        pieces = self.convert_ids_to_tokens(ids.values.numpy().tolist())
        splits = ids.row_splits.numpy().tolist()
        return [pieces[start:end] for start, end in itertools.pairwise(splits)]

    def convert_tokens_to_ids(self, tokens: Iterable[str]) -> list[int]:
        """Returns the ids of tokens.

        Raises:
            KeyError: a token is not in the vocabulary.

        Example:
            >>> tokenizer.convert_tokens_to_ids(["una", "##ffa", "##ble"])
            [14477, 20961, 3468]
        """
        return [self.vocab[token] for token in tokens]

    def convert_ids_to_tokens(self, ids: Iterable[int]) -> list[str]:
        """Returns the tokens of ids.

        Raises:
            KeyError: an id is not in the vocabulary.

        Example:
            >>> tokenizer.convert_ids_to_tokens([14477, 20961, 3468])
            ['una', '##ffa', '##ble']
        """
        return [self.inv_vocab[index] for index in ids]

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
    def token_ids(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Computes the ids of the word pieces of each text, without `[CLS]` and `[SEP]`.

        Args:
            texts: string [n], UTF-8; bytes that are not UTF-8 are dropped.

        Returns:
            int32 [n, (pieces)].
        """
        with tf.device("/CPU:0"):  # Strings are on the CPU; a GPU would only copy the vectors forth and back.
            chars = _characters(texts)
            normalized = self._normalize(chars.values, chars.row_splits)
            words = _split_words(normalized.code_points, normalized.text_splits)
            pieces = self._wordpiece.tokenize(words.words)
            ids = tf.gather(self._piece_ids, pieces.values)
            splits = tf.gather(pieces.row_splits, words.text_splits)
            return tf.RaggedTensor.from_row_splits(ids, splits, validate=False)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
    def token_ids_with_offsets(self, texts: tf.Tensor) -> PiecesInText:
        """Computes the pieces of `token_ids`, and where in its text each of them is.

        Args:
            texts: string [n], UTF-8; bytes that are not UTF-8 are dropped.

        Example:
            >>> pieces = tokenizer.token_ids_with_offsets(tf.constant(["A naïve  café!"]))
            >>> list(zip(pieces.starts[0].numpy().tolist(), pieces.ends[0].numpy().tolist()))
            [(0, 1), (2, 7), (9, 13), (13, 14)]
        """
        with tf.device("/CPU:0"):
            chars = _characters(texts)
            normalized = self._normalize(chars.values, chars.row_splits)
            words = _split_words(normalized.code_points, normalized.text_splits)
            pieces, starts, ends = self._wordpiece.tokenize_with_offsets(words.words)
            letters = _letters_of_pieces(words, pieces.value_rowids(), starts.values, ends.values)
            first, last = (tf.gather(words.places, letter) for letter in letters)
            splits = tf.gather(pieces.row_splits, words.text_splits)
            ids = tf.RaggedTensor.from_row_splits(tf.gather(self._piece_ids, pieces.values), splits, validate=False)
            text_start = tf.gather(chars.row_splits, ids.value_rowids())
            starts = tf.gather(normalized.first, first)
            ends = self._ends_of_characters(chars.values, tf.gather(normalized.last, last))
            return PiecesInText(ids, ids.with_values(starts - text_start), ids.with_values(ends - text_start))

    def _ends_of_characters(self, code_points: tf.Tensor, places: tf.Tensor) -> tf.Tensor:
        """Returns the places behind characters and the accents on them that were stripped.

        Dropped characters between a character and its accent do not part them, because the original drops them first.
        """
        if not self._do_lower_case:
            return places + 1
        traces = letter_traces()(code_points)
        letters, visible = _positions(traces == KEPT), _positions(traces != DROPPED)
        next_letter = tf.gather(letters, tf.searchsorted(letters, places + 1, out_type=tf.int64))
        return 1 + tf.gather(visible, tf.searchsorted(visible, next_letter, out_type=tf.int64) - 1)

    def _normalize(self, code_points: tf.Tensor, text_splits: tf.Tensor) -> _Normalized:
        """Cleans all texts and, if asked, lowercases them and strips their accents.

        Args:
            code_points: int32 [characters], the characters of all texts.
            text_splits: int64 [n + 1], the start of each text and the end of the last one.
        """
        table = normalization(self._do_lower_case)
        if self._do_lower_case:
            has_sigma = tf.reduce_any(code_points == _SIGMA)
            code_points = tf.cond(has_sigma, lambda: _mark_final_sigmas(code_points), lambda: code_points)
        lines = table.line(code_points)

        def one_to_one() -> _Normalized:
            source = tf.range(tf.size(code_points, tf.int64))
            return _Normalized(code_points + tf.gather(table.offsets[:, 0], lines), text_splits, source, source)

        def general() -> _Normalized:
            places = tf.where(tf.gather(table.present, lines))
            source = places[:, 0]
            offsets = tf.gather_nd(tf.gather(table.offsets, lines), places)
            text_starts = tf.searchsorted(source, text_splits, out_type=tf.int64)
            replaced = _Normalized(tf.gather(code_points, source) + offsets, text_starts, source, source)
            return _reorder_marks(replaced, code_points) if self._do_lower_case else replaced

        return tf.cond(tf.reduce_all(lines < table.simple_lines), one_to_one, general)


def _characters(texts: tf.Tensor) -> tf.RaggedTensor:
    """Decodes texts. A space ends each of them, so that no rule about neighbors reaches from one into the next."""
    return tf.strings.unicode_decode(tf.strings.join([texts, " "]), "UTF-8", errors="ignore")


def _mark_final_sigmas(code_points: tf.Tensor) -> tf.Tensor:
    """Replaces the capital sigmas that `str.lower` turns into final ones.

    A sigma is final if there is a cased character before it in its word and none after it. Ignorable characters
    are skipped.
    """
    contexts = sigma_contexts()(code_points)
    visible = _positions(contexts != IGNORABLE)
    contexts = tf.gather(contexts, visible)
    before = _shifted(contexts, UNCASED)
    after = tf.reverse(_shifted(tf.reverse(contexts, [0]), UNCASED), [0])
    sigmas = tf.gather(code_points, visible) == _SIGMA
    final = tf.boolean_mask(visible, sigmas & (before == CASED) & (after != CASED))
    return tf.tensor_scatter_nd_update(code_points, final[:, None], tf.fill(tf.shape(final), _FINAL_SIGMA))


def _reorder_marks(replaced: _Normalized, code_points: tf.Tensor) -> _Normalized:
    """Sorts neighboring marks into Unicode's canonical order, as NFD does.

    Accents are stripped, so few marks are left to sort: marks of category Mc with a combining class, such as U+302E
    or U+1D165. A letter separates two groups of marks; a stripped accent does not.

    Args:
        replaced: the decomposed texts without accents, each code point from one character.
        code_points: int32 [characters], the code points before normalization.

    Returns:
        `replaced` in canonical order. Marks that changed places among themselves come from the characters of all.
    """
    classes = mark_order().combining_class(replaced.code_points)
    marks = _positions(classes > 0)

    def reorder() -> _Normalized:
        runs = tf.cumsum(mark_order().starts_run(code_points))
        source = tf.gather(replaced.first, marks)
        run = tf.cast(tf.gather(runs, source), tf.int64)
        order = tf.argsort(run * 256 + tf.cast(tf.gather(classes, marks), tf.int64), stable=True)
        # The sum is 0 where all marks so far are among the same places as before.
        is_first = tf.cumsum(order - tf.range(tf.size(order)), exclusive=True) == 0
        group = tf.cumsum(tf.cast(is_first, tf.int32)) - 1

        def updated(values: tf.Tensor, new: tf.Tensor) -> tf.Tensor:
            return tf.tensor_scatter_nd_update(values, marks[:, None], new)

        return _Normalized(
            updated(replaced.code_points, tf.gather(replaced.code_points, tf.gather(marks, order))),
            replaced.text_splits,
            updated(replaced.first, tf.gather(tf.math.segment_min(source, group), group)),
            updated(replaced.last, tf.gather(tf.math.segment_max(source, group), group)),
        )

    return tf.cond(tf.size(marks) > 1, reorder, lambda: replaced)


def _split_words(code_points: tf.Tensor, text_splits: tf.Tensor) -> _Words:
    """Splits normalized texts at spaces and around punctuation and Chinese characters.

    Args:
        code_points: int32 [characters], the characters of all texts; each text ends with a space.
        text_splits: int64 [n + 1], the start of each text in `code_points`.
    """
    kinds = character_kinds()(code_points)
    starts = (kinds == SINGLE) | ((kinds == LETTER) & (_shifted(kinds, SPACE) != LETTER))
    kept = _positions(kinds != SPACE)
    first = _positions(tf.gather(starts, kept))
    text_splits = tf.searchsorted(tf.gather(kept, first), text_splits, out_type=tf.int64)
    word_splits = tf.concat([first, tf.size(kept, tf.int64)[None]], 0)
    letters = tf.RaggedTensor.from_row_splits(tf.gather(code_points, kept), word_splits, validate=False)
    words = tf.strings.unicode_encode(letters, "UTF-8")
    words = tf.where(letters.row_lengths() > MAX_INPUT_CHARS_PER_WORD, UNKNOWN, words)
    return _Words(words, text_splits, letters, kept)


def _letters_of_pieces(
    words: _Words, word: tf.Tensor, starts: tf.Tensor, ends: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Finds the first and the last letter of each piece.

    Args:
        words: of the texts.
        word: int64 [pieces], the word of each piece.
        starts: int64 [pieces], its first byte in the word.
        ends: int64 [pieces], the byte behind its last one.

    Returns:
        Indices of letters, int64 [pieces] each.
    """
    letters = words.letters
    num_bytes = 1 + sum(tf.cast(letters.values >= least, tf.int64) for least in _LARGER_IN_UTF8)
    letter_ends = tf.cumsum(num_bytes)
    word_start = tf.gather(tf.concat([[0], letter_ends], 0), tf.gather(letters.row_splits, word))
    first = tf.searchsorted(letter_ends - num_bytes, word_start + starts, out_type=tf.int64)
    last = tf.searchsorted(letter_ends, word_start + ends, out_type=tf.int64)
    # The bytes of a word that is too long are those of [UNK].
    is_replaced = tf.gather(letters.row_lengths() > MAX_INPUT_CHARS_PER_WORD, word)
    whole_first, whole_end = tf.gather(letters.row_splits, word), tf.gather(letters.row_splits, word + 1)
    return tf.where(is_replaced, whole_first, first), tf.where(is_replaced, whole_end - 1, last)


def _can_match(token: str) -> bool:
    """Returns True if a word can contain the token: it is not empty, not too long and has no NUL."""
    letters = token.removeprefix(SUFFIX)
    return 0 < len(letters) <= MAX_INPUT_CHARS_PER_WORD and "\0" not in letters


def _shifted(values: tf.Tensor, first: int) -> tf.Tensor:
    """Shifts a vector by one place to the right: `first` comes in, the last value drops out."""
    return tf.concat([tf.constant([first], values.dtype), values[:-1]], 0)


def _positions(mask: tf.Tensor) -> tf.Tensor:
    """Returns the ascending int64 indices at which a vector of bool is true."""
    return tf.where(mask)[:, 0]
