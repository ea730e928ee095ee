"""Checks what a program of others gives to a loaded model. Each message begins with the method that was called.

check_batch_size("predict", 32)
"""

import os
from collections.abc import Iterable

import numpy as np

from bert_tf.data.examples import is_unicode
from bert_tf.data.lists import elements_of
from bert_tf.errors import UserError, shown


def check_process(method: str, process: int) -> None:
    """Raises `UserError` in a fork of the process that loaded the model, where TensorFlow would wait forever.

    Args:
        method: that was called.
        process: the id of that process.
    """
    if os.getpid() != process:
        raise UserError(
            f"{method}: this process was forked from the one that loaded the model, and TensorFlow does not compute "
            "in a fork; load the model in each process, with multiprocessing's start method spawn"
        )


def check_batch_size(method: str, batch_size: object) -> None:
    """Raises `UserError` if this is no number of texts."""
    is_number = isinstance(batch_size, (int, np.integer)) and not isinstance(batch_size, bool)
    if not is_number or batch_size < 1:
        raise UserError(f"{method}: batch_size is {batch_size!r:.60}; it must be a whole number, at least 1")


def check_characters(method: str, *texts: str) -> None:
    """Raises `UserError` if a text has half of a surrogate pair."""
    for text in texts:
        if not is_unicode(text):
            raise UserError(
                f"{method}: {shown(text)} has half of a surrogate pair, which is no character; decode it again"
            )


def checked_pairs(method: str, texts: Iterable[str | tuple[str, str]]) -> list[tuple[str, str]]:
    """Returns each text or pair as two texts, the second one empty for a single text.

    Args:
        method: that was called.
        texts: a list, an array or a column of a table; each a string, or two strings.

    Raises:
        UserError: this is no list of texts, or a text is neither a string nor two strings.

    Example:
        >>> checked_pairs("predict", ["It rains .", ("It rains .", "Rain falls .")])
        [('It rains .', ''), ('It rains .', 'Rain falls .')]
    """
    elements = elements_of(texts)
    if elements is None:
        raise UserError(f"{method}: needs a list of texts; put the text in a list, as in {method}([text])")
    return [_pair(method, text) for text in elements]


def _pair(method: str, text: str | tuple[str, str]) -> tuple[str, str]:
    parts = [text] if isinstance(text, str) else text
    is_pair_or_text = isinstance(parts, (tuple, list, np.ndarray)) and len(parts) == 1 + (parts is text)
    if not is_pair_or_text or not all(isinstance(part, str) for part in parts):
        raise UserError(
            f"{method}: {shown(text)} is neither a text nor a pair of texts; give strings, or tuples of two"
        )
    check_characters(method, *parts)
    return parts[0], parts[1] if len(parts) == 2 else ""
