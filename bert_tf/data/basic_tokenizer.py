"""Splits text into words as the original's `BasicTokenizer` does, for strings in Python. Needs no TensorFlow.

`FullTokenizer` does the same inside the graph, and splits the words into word pieces.
"""

import string
import unicodedata
from collections.abc import Callable

# The blocks of Chinese characters that the original isolates (`_is_chinese_char`), both ends included.
CHINESE_BLOCKS = (
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B820, 0x2CEAF),
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
)


class _Replacements(dict[int, str]):
    """The replacement of each character for `str.translate`, found when the character is first met.

    Args:
        replace: returns the replacement of a character.
    """

    def __init__(self, replace: Callable[[str], str]):
        super().__init__()
        self._replace = replace

    def __missing__(self, code_point: int) -> str:
        self[code_point] = replacement = self._replace(chr(code_point))
        return replacement


def basic_tokens(text: str, do_lower_case: bool) -> list[str]:
    """Splits text at white space, around punctuation and around Chinese characters.

    Args:
        text: any text.
        do_lower_case: True to lowercase the text and strip its accents.

    Returns:
        The words and the punctuation marks, without the characters that the original drops, such as controls.

    Example:
        >>> basic_tokens("The Café's door", do_lower_case=True)
        ['the', 'cafe', "'", 's', 'door']
        >>> basic_tokens("The Café's door", do_lower_case=False)
        ['The', 'Café', "'", 's', 'door']
    """
    text = " ".join(text.translate(_CLEANED).split())
    if do_lower_case:
        text = unicodedata.normalize("NFD", text.lower()).translate(_STRIPPED)
    return text.translate(_ISOLATED).split()


def _cleaned(char: str) -> str:
    """Returns what the original's `_clean_text` and `_tokenize_chinese_chars` make of a character."""
    category = unicodedata.category(char)
    if char in "\t\n\r" or category == "Zs":
        return " "
    if char in "\0\ufffd" or category in ("Cc", "Cf"):
        return ""
    return f" {char} " if any(first <= ord(char) <= last for first, last in CHINESE_BLOCKS) else char


def _stripped(char: str) -> str:
    return "" if unicodedata.category(char) == "Mn" else char


def _isolated(char: str) -> str:
    """Puts spaces around Unicode's punctuation and, as in the original, around ASCII symbols such as `$`."""
    is_punctuation = char in string.punctuation or unicodedata.category(char).startswith("P")
    return f" {char} " if is_punctuation else char


_CLEANED, _STRIPPED, _ISOLATED = map(_Replacements, (_cleaned, _stripped, _isolated))
