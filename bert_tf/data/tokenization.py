"""Text becomes word pieces, exactly as the original's `tokenization.py` makes them, inside the graph.

The original walks over each string in Python. Here a whole batch is one flat vector of code points, and what
the original asks of `unicodedata` for each character is looked up in tables that are made from the same
`unicodedata` once for each process. Word pieces then come from tensorflow-text's linear-time longest-match
tokenizer. As all of it is TensorFlow ops, one object serves training, prediction and an exported model.

Example:
    >>> tokenizer = FullTokenizer("uncased_L-12_H-768_A-12/vocab.txt", do_lower_case=True)
    >>> tokenizer.tokenize("Unaffable naïveté!")
    ['una', '##ffa', '##ble', 'naive', '##te', '!']
"""

import functools
import itertools
import os
import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf
import tensorflow_text as tf_text

from bert_tf.errors import UserError

UNKNOWN = "[UNK]"
SUFFIX = "##"
MAX_INPUT_CHARS_PER_WORD = 200  # the original's WordpieceTokenizer; counted in code points

_CODE_POINTS = 0x110000
_BLOCK_BITS = 8  # code points of one block share all but their last 8 bits
_SIGMA, _FINAL_SIGMA = 0x3A3, 0x3C2
_SPACE, _SINGLE, _LETTER = range(3)  # kinds of character: between words, a word by itself, part of a word
_IGNORABLE, _CASED, _UNCASED = range(3)  # what a character is to the rule for the final sigma

# The blocks of Chinese characters that the original isolates (`_is_chinese_char`), both ends included.
_CHINESE_BLOCKS = (
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B820, 0x2CEAF),
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
)

# Names of official checkpoints that tell their casing. The original lists seven; the others came later.
_LOWERCASED_MODELS = re.compile(r"(wwm_)?uncased_L-\d+_H-\d+_A-\d+|(multilingual|chinese)_L-12_H-768_A-12")
_CASED_MODELS = re.compile(r"(wwm_|multi_)?cased_L-\d+_H-\d+_A-\d+")


def validate_case_matches_checkpoint(do_lower_case: bool, init_checkpoint: str | None) -> None:
    """Refuses a casing that contradicts an official checkpoint's name (the original's function of that name).

    Only paths of the form `.../NAME/bert_model.ckpt` are judged, `NAME` being an official checkpoint's;
    whatever else is given passes, since casing is written nowhere but in the name.

    Args:
        do_lower_case: whether text will be lowercased.
        init_checkpoint: path of the checkpoint, or None.

    Raises:
        UserError: the name says that the model was trained with the other casing.

    Example:
        >>> validate_case_matches_checkpoint(True, "models/uncased_L-12_H-768_A-12/bert_model.ckpt")
    """
    match = re.match(r"^.*?([A-Za-z0-9_-]+)/bert_model.ckpt", init_checkpoint or "")
    if match is None:
        return
    name = match.group(1)
    wrong_models, casing = (_CASED_MODELS, "cased") if do_lower_case else (_LOWERCASED_MODELS, "lowercased")
    if wrong_models.fullmatch(name):
        raise UserError(
            f"--do_lower_case={do_lower_case} contradicts --init_checkpoint={init_checkpoint}: "
            f"{name} is a {casing} model; pass --do_lower_case={not do_lower_case}, "
            "or rename the folder if its name misleads"
        )


def load_vocab(vocab_file: str | os.PathLike) -> dict[str, int]:
    """Reads a vocabulary file, one token a line (the original's `load_vocab`).

    White space around a token is no part of it; the id is the number of the line, from 0; of a token that
    occurs twice the last line counts. Local and remote (`gs://`) paths work.

    Args:
        vocab_file: path of the vocabulary.

    Returns:
        The id of each token, in file order.

    Raises:
        UserError: the file is missing, a folder, unreadable, empty or not UTF-8.
    """
    path = os.fspath(vocab_file)
    try:
        with tf.io.gfile.GFile(path, "rb") as file:
            content = file.read()
    except tf.errors.OpError as error:
        raise UserError(f"{path}: cannot read the vocabulary ({_reason(error, path)}); check --vocab_file") from error
    if not content:
        raise UserError(f"{path}: the vocabulary is empty; it must hold one token a line")
    vocab = {}
    for index, line in enumerate(content.removesuffix(b"\n").split(b"\n")):
        try:
            vocab[line.decode("utf-8").strip()] = index
        except UnicodeDecodeError as error:
            raise UserError(f"{path}:{index + 1}: the vocabulary is not UTF-8; save it as UTF-8") from error
    return vocab


def _reason(error: tf.errors.OpError, path: str) -> str:
    """Says in a few words why TensorFlow could not read a file; its own message repeats the path."""
    if tf.io.gfile.isdir(path):
        return "it is a folder"
    if isinstance(error, tf.errors.NotFoundError):
        return "there is no such file"
    return error.message.splitlines()[0]


class _Table(NamedTuple):
    """An int32 for each code point, stored as blocks of which equal ones are kept once.

    The arrays are NumPy's and become constants of whatever graph uses them: a tensor made while one graph is
    built could not be cached for the next.
    """

    starts: np.ndarray  # [number of blocks], where each block's entries start
    entries: np.ndarray  # [256 * number of different blocks]

    @classmethod
    def of(cls, values: np.ndarray) -> "_Table":
        """Makes the table of the value of each of the 0x110000 code points."""
        found: dict[bytes, int] = {}  # each different block and its place
        places = [found.setdefault(block.tobytes(), len(found)) for block in values.reshape(-1, 1 << _BLOCK_BITS)]
        return cls(np.array(places, np.int32) << _BLOCK_BITS, np.frombuffer(b"".join(found), values.dtype))

    def __call__(self, code_points: tf.Tensor) -> tf.Tensor:
        """Looks up a vector of code points."""
        starts = tf.gather(self.starts, tf.bitwise.right_shift(code_points, _BLOCK_BITS))
        return tf.gather(self.entries, starts + tf.bitwise.bitwise_and(code_points, (1 << _BLOCK_BITS) - 1))


class _Normalization(NamedTuple):
    """What each code point becomes. Equal lines are kept once: most code points stay what they are."""

    line: _Table  # a code point's line in the two matrices below
    offsets: np.ndarray  # int32 [lines, width], what to add to the code point to get what replaces it
    present: np.ndarray  # bool [lines, width], which of a line's entries there are; none: the code point is dropped
    simple_lines: int  # the lines before this one replace a code point by one that no mark can trade places with


class _Ordering(NamedTuple):
    """What the canonical order of marks depends on (Unicode standard, section 3.11)."""

    starts_run: _Table  # 1 where marks before and after this code point, before normalization, never trade places
    combining_class: _Table  # the combining class of a code point


def _is_dropped(char: str) -> bool:
    """The characters that the original's `_clean_text` leaves out: NUL, U+FFFD and controls."""
    return char not in "\t\n\r" and (char in "\0\ufffd" or unicodedata.category(char) in ("Cc", "Cf"))


def _is_punctuation(char: str) -> bool:
    """Unicode's punctuation and, as in the original, every other printable of ASCII, such as `$` and `^`."""
    return ("!" <= char <= "~" and not char.isalnum()) or unicodedata.category(char).startswith("P")


def _normalized(char: str, do_lower_case: bool) -> str:
    """What the original makes of a character by itself: nothing, the same, or letters without accents."""
    if _is_dropped(char):
        return ""
    if not do_lower_case:
        return char
    return "".join(c for c in unicodedata.normalize("NFD", char.lower()) if unicodedata.category(c) != "Mn")


@functools.cache
def _assigned() -> str:
    """All characters but surrogates, private and unassigned ones: those are letters that stay as they are."""
    return "".join(c for c in map(chr, range(_CODE_POINTS)) if unicodedata.category(c) not in ("Cn", "Co", "Cs"))


def _per_code_point(values: Iterable[tuple[str, int]], default: int) -> _Table:
    """The table of the given values by character, and of the default elsewhere."""
    table = np.full(_CODE_POINTS, default, np.int32)
    for char, value in values:
        table[ord(char)] = value
    return _Table.of(table)


@functools.cache
def _kinds() -> _Table:
    """Which code points are spaces and which are words by themselves, after normalization."""
    chinese = ((chr(c), _SINGLE) for first, last in _CHINESE_BLOCKS for c in range(first, last + 1))
    spaces = ((c, _SPACE) for c in _assigned() if c.isspace())
    punctuation = ((c, _SINGLE) for c in _assigned() if _is_punctuation(c))
    return _per_code_point([*chinese, *spaces, *punctuation], _LETTER)


@functools.cache
def _normalization(do_lower_case: bool) -> _Normalization:
    """Cleaning and, with `do_lower_case`, lowercasing, decomposition and the removal of accents."""
    replaced = {c: _normalized(c, do_lower_case) for c in _assigned()}
    replaced = {c: new for c, new in replaced.items() if new != c or unicodedata.combining(c)}
    width = max(map(len, replaced.values()))
    lines = {(False, (0,)): []}  # (not simple, offsets) -> its characters; the first line keeps a character as it is
    for char, new in replaced.items():
        simple = len(new) == 1 and not unicodedata.combining(new)
        lines.setdefault((not simple, tuple(ord(c) - ord(char) for c in new)), []).append(char)
    ordered = sorted(lines, key=lambda line: line[0])
    offsets = np.zeros((len(ordered), width), np.int32)
    present = np.zeros((len(ordered), width), bool)
    for number, (_, line) in enumerate(ordered):
        offsets[number, : len(line)] = line
        present[number, : len(line)] = True
    line = _per_code_point(((c, number) for number, key in enumerate(ordered) for c in lines[key]), 0)
    return _Normalization(line, offsets, present, sum(not key[0] for key in ordered))


@functools.cache
def _ordering() -> _Ordering:
    """Where marks may trade places when text is lowercased and decomposed."""

    def has_starter(char: str) -> bool:
        return any(not unicodedata.combining(c) for c in unicodedata.normalize("NFD", char.lower()))

    no_starter = ((c, 0) for c in _assigned() if _is_dropped(c) or not has_starter(c))
    classes = ((c, unicodedata.combining(c)) for c in _assigned())
    return _Ordering(_per_code_point(no_starter, 1), _per_code_point(classes, 0))


@functools.cache
def _sigma_context() -> _Table:
    """Which code points the rule for the final sigma skips and which count as cased.

    Python does not publish these two properties, but `str.lower` shows them: a sigma at the end becomes final
    if the first character before it that is not skipped is cased.
    """

    def context(char: str) -> int:
        if _is_dropped(char):
            return _IGNORABLE
        if (char + "Σ").lower().endswith("ς"):
            return _CASED
        return _IGNORABLE if ("A" + char + "Σ").lower().endswith("ς") else _UNCASED

    return _per_code_point(((c, context(c)) for c in _assigned()), _UNCASED)


def _can_match(token: str) -> bool:
    """Whether some word can hold the token: not if it is empty, longer than any word, or holds a NUL."""
    letters = token.removeprefix(SUFFIX)
    return 0 < len(letters) <= MAX_INPUT_CHARS_PER_WORD and "\0" not in letters


def _shifted(values: tf.Tensor, first: int) -> tf.Tensor:
    """The value before each value; before the first one stands `first`."""
    return tf.concat([tf.constant([first], values.dtype), values[:-1]], 0)


def _positions(mask: tf.Tensor) -> tf.Tensor:
    """Where a vector of bool is true: int64, ascending."""
    return tf.where(mask)[:, 0]


class FullTokenizer(tf.Module):
    """The original's `FullTokenizer`: cleaning, casing, accents, punctuation, Chinese, word pieces.

    For every text the pieces are those of the original (google-research/bert, `tokenization.py`), run on the
    same Python: what depends on Unicode is what this Python's `unicodedata` says. An object can be an
    attribute of a `tf.Module` that `tf.saved_model.save` exports: the tables and the vocabulary go with it,
    and a program that loads the export only needs to import tensorflow_text.

    Attributes:
        vocab: the id of each token.
        inv_vocab: the token of each id.

    Args:
        vocab_file: one token a line, see `load_vocab`.
        do_lower_case: lowercase and strip accents, for uncased models.

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
        self.vocab = load_vocab(vocab_file)
        self.inv_vocab = {index: token for token, index in self.vocab.items()}
        if UNKNOWN not in self.vocab:
            raise UserError(f"{os.fspath(vocab_file)}: the vocabulary lacks {UNKNOWN}; give a BERT vocabulary")
        self._do_lower_case = do_lower_case
        # The word piece tokenizer numbers its tokens itself, and it may refuse those that can match no word.
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
            reason = str(error).splitlines()[0]
            raise UserError(f"{os.fspath(vocab_file)}: not a usable vocabulary: {reason}") from error

    def tokenize(self, text: str | bytes | Sequence[str | bytes]) -> list[str] | list[list[str]]:
        """Splits a text, or each of a list of texts in one graph call, into word pieces.

        Args:
            text: a text or a list of texts. Of bytes, what is not UTF-8 is left out, as in the original; so
                is a lone surrogate in a str, which stands for no character.

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
        """The ids of tokens; a token that is not in the vocabulary raises KeyError."""
        return [self.vocab[token] for token in tokens]

    def convert_ids_to_tokens(self, ids: Iterable[int]) -> list[str]:
        """The tokens of ids; an id that is not in the vocabulary raises KeyError."""
        return [self.inv_vocab[index] for index in ids]

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
    def token_ids(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Computes the ids of the word pieces of each text, without `[CLS]` and `[SEP]`.

        Args:
            texts: string [n], UTF-8; bytes that are not UTF-8 are left out.

        Returns:
            int32 [n, (pieces)].
        """
        with tf.device("/CPU:0"):  # where strings live; a GPU would only have the vectors copied to and fro
            # A space ends every text, so that no rule about neighbours reaches from one text into the next.
            chars = tf.strings.unicode_decode(tf.strings.join([texts, " "]), "UTF-8", errors="ignore")
            code_points, text_splits = self._normalize(chars.values, chars.row_splits)
            words, text_splits = _split_words(code_points, text_splits)
            pieces = self._wordpiece.tokenize(words)
            ids = tf.gather(self._piece_ids, pieces.values)
            splits = tf.gather(pieces.row_splits, text_splits)
            return tf.RaggedTensor.from_row_splits(ids, splits, validate=False)

    def _normalize(self, code_points: tf.Tensor, text_splits: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Cleans all texts and, if asked, lowercases them and strips their accents.

        Args:
            code_points: int32 [characters], those of all texts.
            text_splits: int64 [n + 1], where each text starts and the last one ends.

        Returns:
            The same two for the normalized texts.
        """
        table = _normalization(self._do_lower_case)
        if self._do_lower_case:
            has_sigma = tf.reduce_any(code_points == _SIGMA)
            code_points = tf.cond(has_sigma, lambda: _mark_final_sigmas(code_points), lambda: code_points)
        lines = table.line(code_points)

        def one_to_one() -> tuple[tf.Tensor, tf.Tensor]:
            return code_points + tf.gather(table.offsets[:, 0], lines), text_splits

        def general() -> tuple[tf.Tensor, tf.Tensor]:
            places = tf.where(tf.gather(table.present, lines))
            source = places[:, 0]
            offsets = tf.gather_nd(tf.gather(table.offsets, lines), places)
            replaced = tf.gather(code_points, source) + offsets
            if self._do_lower_case:
                replaced = _reorder_marks(replaced, code_points, source)
            return replaced, tf.searchsorted(source, text_splits, out_type=tf.int64)

        return tf.cond(tf.reduce_all(lines < table.simple_lines), one_to_one, general)


def _mark_final_sigmas(code_points: tf.Tensor) -> tf.Tensor:
    """Replaces each capital sigma that `str.lower` makes a final one.

    That is one with a cased character before it in its word and none after it, ignorable characters skipped.
    """
    contexts = _sigma_context()(code_points)
    visible = _positions(contexts != _IGNORABLE)
    contexts = tf.gather(contexts, visible)
    before = _shifted(contexts, _UNCASED)
    after = tf.reverse(_shifted(tf.reverse(contexts, [0]), _UNCASED), [0])
    sigmas = tf.gather(code_points, visible) == _SIGMA
    final = tf.boolean_mask(visible, sigmas & (before == _CASED) & (after != _CASED))
    return tf.tensor_scatter_nd_update(code_points, final[:, None], tf.fill(tf.shape(final), _FINAL_SIGMA))


def _reorder_marks(replaced: tf.Tensor, code_points: tf.Tensor, source: tf.Tensor) -> tf.Tensor:
    """Brings the marks that follow one another into Unicode's canonical order, as NFD does.

    Few marks are left to reorder, since accents are stripped: those of category Mc with a combining class,
    such as U+302E or U+1D165. An accent that was stripped does not part them, a letter does.

    Args:
        replaced: int32 [m], the decomposed code points without accents.
        code_points: int32 [characters], what they were before.
        source: int64 [m], which of `code_points` each one comes from.

    Returns:
        `replaced` in order.
    """
    classes = _ordering().combining_class(replaced)
    marks = _positions(classes > 0)

    def reorder() -> tf.Tensor:
        runs = tf.cumsum(_ordering().starts_run(code_points))
        run = tf.gather(runs, tf.gather(source, marks))
        keys = tf.cast(run, tf.int64) * 256 + tf.cast(tf.gather(classes, marks), tf.int64)
        order = tf.argsort(keys, stable=True)
        return tf.tensor_scatter_nd_update(replaced, marks[:, None], tf.gather(replaced, tf.gather(marks, order)))

    return tf.cond(tf.size(marks) > 1, reorder, lambda: replaced)


def _split_words(code_points: tf.Tensor, text_splits: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Splits normalized texts at spaces and around punctuation and Chinese characters.

    Args:
        code_points: int32 [characters], those of all texts, each text ended by a space.
        text_splits: int64 [n + 1], where each text starts in `code_points`.

    Returns:
        The words, string [words], those that are too long replaced by `[UNK]`; and int64 [n + 1], where each
        text starts among them.
    """
    kinds = _kinds()(code_points)
    starts = (kinds == _SINGLE) | ((kinds == _LETTER) & (_shifted(kinds, _SPACE) != _LETTER))
    kept = _positions(kinds != _SPACE)
    first = _positions(tf.gather(starts, kept))
    text_splits = tf.searchsorted(tf.gather(kept, first), text_splits, out_type=tf.int64)
    word_splits = tf.concat([first, tf.size(kept, tf.int64)[None]], 0)
    letters = tf.RaggedTensor.from_row_splits(tf.gather(code_points, kept), word_splits, validate=False)
    words = tf.strings.unicode_encode(letters, "UTF-8")
    return tf.where(letters.row_lengths() > MAX_INPUT_CHARS_PER_WORD, UNKNOWN, words), text_splits
