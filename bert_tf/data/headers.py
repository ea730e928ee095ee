"""Finds out from a file's first row whether it names the columns.

A file may come with or without the header that its task declares. What is declared holds unless the row itself speaks
against it.
"""

import re
from collections.abc import Callable, Mapping, Sequence

_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?")
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
# At least three words and a full stop. Questions are not here: forms export them as names of columns.
_SENTENCE = re.compile(r"\S+\s+\S+\s.*[.!][\"')\s]*|.*[。！]")  # noqa: RUF001
# Fewer names than columns.py has: a row of data that is taken for a header is lost.
_TEXT_NAMES = {
    *("sentence", "sentences", "text", "texts", "string", "premise", "hypothesis", "hypo", "question"),
    *("answer", "query", "passage", "paragraph", "context", "document", "doc", "review", "comment", "title"),
    *("body", "content", "message", "tweet", "utterance", "phrase"),
}
_LABEL_NAMES = {
    *("label", "labels", "class", "category", "target", "gold", "quality", "sentiment", "polarity", "rating"),
    *("score", "intent", "topic", "tag", "y"),
}
_QUALIFIERS = {
    *("a", "b", "c", "one", "two", "first", "second", "left", "right", "raw", "is", "the", "of", "in"),
    *("source", "input"),
}


def is_header(
    rows: Sequence[Sequence[str]], texts: Sequence[int], label: int | None, labels: Mapping[str, str], declared: bool
) -> bool:
    """Returns True if the first row names the columns.

    Args:
        rows: the fields of each row of the file.
        texts: the columns of the texts.
        label: the column of the label; None for a file without labels.
        labels: the spellings of the task's labels; empty if they are not known.
        declared: True if the task expects a header.

    Example:
        >>> rows = [["id", "sentence"], ["7", "It rains ."]]
        >>> is_header(rows, texts=[1], label=None, labels={}, declared=False)
        True
        >>> is_header(rows[1:], texts=[1], label=None, labels={}, declared=True)
        False
    """
    if _are_column_numbers(rows[0]):
        return declared or _stands_out(rows, texts, _is_number)
    first_texts = [_cell(rows[0], column) for column in texts]
    if label is None:
        return _is_header_of_texts(rows, texts, first_texts, declared)
    return _is_header_of_labels(_cell(rows[0], label), first_texts, labels, declared)


def _is_header_of_texts(
    rows: Sequence[Sequence[str]], texts: Sequence[int], first_texts: list[str], declared: bool
) -> bool:
    if all(_is_made_of(text, _TEXT_NAMES) for text in first_texts):
        # A list of words may begin with "sentence".
        return declared or _stands_out(rows, texts, _is_one_word)
    return declared and not any(map(_is_number, rows[0])) and not any(map(_SENTENCE.fullmatch, first_texts))


def _is_header_of_labels(first_label: str, first_texts: list[str], labels: Mapping[str, str], declared: bool) -> bool:
    has_label_name = _is_made_of(first_label, _LABEL_NAMES)
    has_text_names = all(_is_made_of(text, _TEXT_NAMES) for text in first_texts)
    if first_label in labels or first_label.strip() in labels:
        return has_label_name and has_text_names
    # "Good" for "good" is a mistake in a row; a column may have the name of a label, but then the texts have names too.
    if first_label.strip().lower() in map(str.lower, labels):
        return has_text_names
    has_sentence = any(map(_SENTENCE.fullmatch, first_texts))
    if declared:
        return has_label_name or not (has_sentence or _is_number(first_label))
    return (has_label_name or has_text_names) and not has_sentence


def _cell(row: Sequence[str], column: int) -> str:
    """Returns a field; an empty one if the row is too short, as a header may be."""
    return row[column] if -len(row) <= column < len(row) else ""


def _are_column_numbers(row: Sequence[str]) -> bool:
    """Returns True for 0, 1, 2 ..., which pandas writes as the names of columns that have none."""
    named = row[1:] if row[:1] == [""] else row
    return len(named) > 1 and list(named) == [str(number) for number in range(len(named))]


def _stands_out(rows: Sequence[Sequence[str]], texts: Sequence[int], is_of_a_kind: Callable[[str], bool]) -> bool:
    """Returns True unless the texts below the first row are all of the same kind as its own."""
    below = [_cell(row, column) for row in rows[1:] for column in texts]
    return not below or not all(map(is_of_a_kind, below))


def _is_number(cell: str) -> bool:
    return _NUMBER.fullmatch(cell.strip()) is not None


def _is_one_word(text: str) -> bool:
    return len(text.split()) < 2


def _is_made_of(cell: str, names: set[str]) -> bool:
    """Returns True for one of the names, also with a number or a qualifier: `sentence1`, `#1 String`, `text_a`."""
    words = [word.lower() for word in _WORD.findall(cell)]
    is_plain = re.fullmatch(r"[#\w\s.()-]*", cell) is not None
    return is_plain and any(word in names for word in words) and all(word in names | _QUALIFIERS for word in words)
