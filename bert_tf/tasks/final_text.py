"""Finds an answer, which was put together from word pieces, in the text that the pieces come from.

The pieces of an uncased model have neither case nor accents, and a word may have more pieces than the answer has. The
original's `run_squad.get_final_text` takes the answer from the original text all the same: it tokenizes that text again
and counts characters that are no spaces.
"""

import functools

from absl import logging

from bert_tf.data.basic_tokenizer import basic_tokens
from bert_tf.errors import printable

# The words of some dozen paragraphs. The questions on a paragraph come one after the other.
_KEPT_WORDS = 8192
# If a text is repeated many times in one document, its spans come again and again.
_KEPT_TEXTS = 1024


def get_final_text(pred_text: str, orig_text: str, do_lower_case: bool, verbose_logging: bool = False) -> str:
    """Returns the part of the original text that a predicted text stands for (the original's `get_final_text`).

    Args:
        pred_text: the answer as its word pieces give it, with one space between two words.
        orig_text: the words of the document that have these pieces, joined by spaces.
        do_lower_case: True if the pieces are those of an uncased model.
        verbose_logging: True to log why an answer is not found.

    Returns:
        The part. All of `orig_text` if the answer is not found in it, or if normalization changes the number of its
        characters.

    Example:
        >>> get_final_text("steve smith", "Steve Smith's", do_lower_case=True)
        'Steve Smith'
        >>> get_final_text("mark twain", "Steve Smith's", do_lower_case=True)
        "Steve Smith's"
    """
    start, end = find_final_text(pred_text, orig_text, do_lower_case, verbose_logging)
    return orig_text[start:end]


@functools.lru_cache(_KEPT_TEXTS)
def find_final_text(
    pred_text: str, orig_text: str, do_lower_case: bool, verbose_logging: bool = False
) -> tuple[int, int]:
    """Returns start and end of the part that `get_final_text` returns.

    Example:
        >>> find_final_text("smith", "Steve Smith's", do_lower_case=True)
        (6, 11)
    """
    # A space separates words for the tokenizer too, so each word can be normalized by itself.
    words = orig_text.split(" ")
    tok_text = " ".join(filter(None, [_normalized(word, do_lower_case) for word in words]))
    start = tok_text.find(pred_text)
    end = start + len(pred_text) - 1
    problem = None
    if start < 0 or " " in (pred_text[:1] or " ", pred_text[-1:]):
        problem = f"Unable to find text: '{pred_text}' in '{orig_text}'"
    elif _visible(orig_text, len(orig_text)) != _visible(tok_text, len(tok_text)):
        problem = f"Length not equal after normalization: '{orig_text}' vs '{tok_text}'"
    if problem is None:
        return _place(words, _visible(tok_text, start)), _place(words, _visible(tok_text, end)) + 1
    if verbose_logging:
        logging.info("%s", printable(problem))
    return 0, len(orig_text)


@functools.lru_cache(_KEPT_WORDS)
def _normalized(word: str, do_lower_case: bool) -> str:
    return " ".join(basic_tokens(word, do_lower_case))


def _visible(text: str, end: int) -> int:
    """Counts the characters before `end` that are no spaces."""
    return end - text.count(" ", 0, end)


def _place(words: list[str], number: int) -> int:
    """Returns the position in the joined words of the character with this number, counted without spaces from 0."""
    start = 0
    for word in words:
        if number < len(word):
            break
        number -= len(word)
        start += len(word) + 1
    return start + number
