"""Checks texts that a caller gives as Python objects. Needs no TensorFlow.

checked_pairs("predict", ["It rains .", ("It rains .", "Rain falls .")])
"""

from collections.abc import Iterable, Mapping

import numpy as np

from bert_tf.data.examples import is_unicode
from bert_tf.errors import UserError, shown


def checked_pairs(name: str, texts: Iterable[str | tuple[str, str]]) -> list[tuple[str, str]]:
    """Returns each text or pair as two texts, the second one empty for a single text.

    Args:
        name: of the method that got them, for the message.
        texts: a list, an array or a column of a table; each a string, or two strings.

    Raises:
        UserError: this is no list of texts, or a text is neither a string nor two strings.

    Example:
        >>> checked_pairs("predict", ["It rains .", ("It rains .", "Rain falls .")])
        [('It rains .', ''), ('It rains .', 'Rain falls .')]
    """
    if isinstance(texts, (str, bytes, Mapping)) or not isinstance(texts, Iterable):
        raise UserError(f"{name}: needs a list of texts; put the text in a list, as in {name}([text])")
    return [_pair(name, text) for text in texts]


def check_batch_size(name: str, batch_size: object) -> None:
    """Raises `UserError` if this is no number of texts.

    Args:
        name: of the method that got it, for the message.
        batch_size: the number.
    """
    if not isinstance(batch_size, (int, np.integer)) or batch_size < 1:
        raise UserError(f"{name}: batch_size is {batch_size!r:.60}; it must be a whole number, at least 1")


def _pair(name: str, text: str | tuple[str, str]) -> tuple[str, str]:
    parts = [text] if isinstance(text, str) else text
    is_pair_or_text = isinstance(parts, (tuple, list, np.ndarray)) and len(parts) == 1 + (parts is text)
    if not is_pair_or_text or not all(isinstance(part, str) for part in parts):
        raise UserError(f"{name}: {shown(text)} is neither a text nor a pair of texts; give strings, or tuples of two")
    if not all(map(is_unicode, parts)):
        raise UserError(f"{name}: {shown(text)} has half of a surrogate pair, which is no character; decode it again")
    return parts[0], parts[1] if len(parts) == 2 else ""
