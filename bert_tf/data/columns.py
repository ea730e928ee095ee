"""Chooses the columns of texts and label: by the names that the user gave, or else by names that are known.

columns = choose_columns(source, WantedColumns(), needs_label=True)
source.columns[columns.text]  # for example "review"
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from bert_tf.data.sources import Source
from bert_tf.errors import UserError, first_few, printable, shown

_TEXT_NAMES = {
    *("text", "texts", "sentence", "sentences", "string", "input", "phrase", "utterance", "passage", "paragraph"),
    *("document", "doc", "content", "body", "context", "description", "abstract", "article", "news", "headline"),
    *("title", "review", "reviews", "comment", "comments", "feedback", "complaint", "narrative", "message", "tweet"),
    *("post", "email", "sms", "question", "query", "answer", "response", "claim", "statement", "premise"),
    *("hypothesis", "evidence"),
}
_LABEL_NAMES = {
    *("label", "labels", "class", "classes", "category", "categories", "target", "targets", "gold", "sentiment"),
    *("polarity", "rating", "ratings", "star", "stars", "score", "intent", "topic", "topics", "tag", "tags", "y"),
    *("emotion", "emotions", "quality", "similarity", "entailment", "duplicate", "stance", "verdict", "relevance"),
    *("grade", "acceptability", "toxicity"),
}
_TEXT_QUALIFIERS = {"raw", "full", "clean", "cleaned", "original", "source", "user", "customer", "the", "of"}
_LABEL_QUALIFIERS = {"is", "the", "of", "id", "index", "name", "code", "true", "final"}
_PAIRS = (
    *(("premise", "hypothesis"), ("question", "sentence"), ("question", "passage"), ("question", "answer")),
    *(("question", "context"), ("query", "document"), ("query", "passage"), ("query", "text")),
    *(("context", "response"), ("claim", "evidence")),
)
_FIRST, _SECOND = {"1", "a", "one", "first", "left"}, {"2", "b", "two", "second", "right"}
_STEMS = _TEXT_NAMES | {"s", "q", "sent"}
_LONGEST_NAME = 30
_ENDS_OF_SENTENCES = tuple(".!?…。")
# Columns that number the rows; they are never the text that is left over.
_NUMBERING = {"", "id", "idx", "index", "guid", "uid", "unnamed 0", "row", "number"}


class WantedColumns(NamedTuple):
    """The columns that a user named, each by its name or by its number from 0; None to find it."""

    text: str | None = None
    pair: str | None = None
    label: str | None = None


class Columns(NamedTuple):
    """The numbers of the columns; None if there is none."""

    text: int
    pair: int | None = None
    label: int | None = None


def choose_columns(source: Source, wanted: WantedColumns, needs_label: bool) -> Columns:
    """Chooses the columns of a source.

    Args:
        source: whose columns.
        wanted: what the user named.
        needs_label: False for a test set, whose label is not looked at.

    Raises:
        UserError: a named column is missing, or there is no column or more than one that it can be.
    """
    _check_no_name_twice(source)
    label = _named(source, wanted.label, "label_column") if needs_label else None
    text, pair = _named(source, wanted.text, "text_column"), _named(source, wanted.pair, "text_pair_column")
    if pair is not None and text is None:
        raise UserError("text_pair_column: also needs --text_column, the column of the first text")
    if text is None and label is None and needs_label:
        _check_knows_any(source)
        labels = _label_candidates(source, set())
        label = labels[0] if len(labels) == 1 else None
    if text is None:
        text, pair = _find_texts(source, label, needs_label)
    if needs_label and label is None:
        label = _find_label(source, {text, pair} - {None})
    _check_different(source, {"text_column": text, "text_pair_column": pair, "label_column": label})
    return Columns(text, pair, label)


def describe_texts(source: Source, columns: Columns) -> str:
    """Says which columns have the texts, for a line about a file."""
    names = [source.columns[number] for number in (columns.text, columns.pair) if number is not None]
    said = "texts are the columns" if len(names) > 1 else "text is the column"
    return f"{said} {' and '.join(map(shown, names))}"


def has_known_names(names: Sequence[str]) -> bool:
    """Returns True if one of the names is known as that of a text or a label.

    Example:
        >>> has_known_names(["id", "Review Text"]), has_known_names(["It rains .", "good"])
        (True, False)
    """
    return any(_is_text(name) or _is_label(name) for name in names)


def find_column(names: Sequence[str], wanted: str) -> int | None:
    """Returns the number of the column of this name; None if there is none. Capitals matter only if they must.

    Example:
        >>> find_column(["Review", "stars"], "review")
        0
    """
    if wanted in names:
        return names.index(wanted)
    alike = [number for number, name in enumerate(names) if name.strip().lower() == wanted.strip().lower()]
    return alike[0] if len(alike) == 1 else None


def is_number(wanted: str | None) -> bool:
    """Returns True if a column is given by its number."""
    return wanted is not None and re.fullmatch("[0-9]{1,6}", wanted) is not None


def _named(source: Source, wanted: str | None, flag: str) -> int | None:
    """Returns the number of a column that the user named; None if the user did not."""
    if wanted is None:
        return None
    found = find_column(source.columns, wanted)
    if found is not None:
        return found
    if is_number(wanted) and int(wanted) < len(source.columns):
        return int(wanted)
    count = f", which are counted from 0 to {len(source.columns) - 1}" if is_number(wanted) else ""
    raise UserError(f"{flag}: {shown(wanted)} is no column of {source.start}; it has {_listed(source)}{count}")


def _listed(source: Source) -> str:
    names = first_few(shortened(name) for name in source.columns)
    return f"the columns {names}" if len(source.columns) > 1 else f"one column, {names}"


def shortened(name: str, length: int = 30) -> str:
    """Returns the name of a column, on one line and not too long for a message."""
    name = printable(name)
    return name if len(name) <= length else f"{name[:length]}..."


def _check_no_name_twice(source: Source) -> None:
    twice = [name for name in dict.fromkeys(source.columns) if name and list(source.columns).count(name) > 1]
    known = [name for name in twice if _is_text(name) or _is_label(name)]
    if known:
        raise UserError(f"{source.start}: the column {shown(known[0])} is there twice; rename one of the two")


def _check_knows_any(source: Source) -> None:
    if not has_known_names(source.columns):
        raise UserError(
            f"{source.start}: has {_listed(source)}, and no name known for a text or a label; say which is which with "
            "--text_column and --label_column, by name or, if the file has no header, by number from 0"
        )


def _words(name: str) -> list[str]:
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+|[0-9]+", name)]


def _is_plain(name: str) -> bool:
    """Returns True unless a name has characters of a sentence."""
    return re.fullmatch(r"[#\w\s.()-]*", name) is not None


def _is_made_of(name: str, names: set[str], qualifiers: set[str]) -> bool:
    words = _words(name)
    is_known = any(word in names for word in words) and all(word in names | qualifiers for word in words)
    return is_known and _is_plain(name)


def _is_text(name: str) -> bool:
    return _half(name) is not None or _is_made_of(name, _TEXT_NAMES, _TEXT_QUALIFIERS | {"a", "b"})


def _is_label(name: str) -> bool:
    return _is_made_of(name, _LABEL_NAMES, _LABEL_QUALIFIERS)


def _half(name: str) -> tuple[str, int] | None:
    """Returns what is numbered, and 0 for the first or 1 for the second of a pair, as in `sentence1` or `text_b`."""
    words = _words(name)
    for half, ordinals in enumerate((_FIRST, _SECOND)):
        rest = [word for word in words if word not in ordinals]
        if len(rest) == len(words) - 1 and rest and all(word in _STEMS for word in rest) and _is_plain(name):
            return " ".join(rest), half
    return None


def _find_texts(source: Source, label: int | None, needs_label: bool) -> tuple[int, int | None]:
    candidates = {number: name for number, name in enumerate(source.columns) if number != label and _is_text(name)}
    pairs = _find_pairs(candidates)
    in_pairs = {number for pair in pairs for number in pair}
    singles = [number for number in candidates if number not in in_pairs]
    if len(pairs) == 1 and not singles:
        return pairs[0]
    if len(candidates) > 1:
        names = " or ".join(shown(candidates[number]) for number in list(candidates)[:4])
        raise UserError(
            f"{source.start}: the text may be the column {names}; say which with --text_column, and the second text of "
            "a pair with --text_pair_column"
        )
    if singles:
        return singles[0], None
    if not needs_label and len(source.columns) == 1:
        _check_is_name(source)
    return _left_over(source, label, "text_column", needs_label), None


def _find_pairs(candidates: dict[int, str]) -> list[tuple[int, int]]:
    """Returns the pairs of columns whose names belong together."""
    halves = {_half(name): number for number, name in candidates.items() if _half(name)}
    numbered = [
        (number, halves[stem, 1]) for (stem, half), number in halves.items() if not half and (stem, 1) in halves
    ]
    by_name = {" ".join(_words(name)): number for number, name in candidates.items()}
    named = [(by_name[first], by_name[second]) for first, second in _PAIRS if first in by_name and second in by_name]
    return numbered + named


def _label_candidates(source: Source, texts: set[int]) -> list[int]:
    return [number for number, name in enumerate(source.columns) if number not in texts and _is_label(name)]


def _find_label(source: Source, texts: set[int]) -> int:
    candidates = _label_candidates(source, texts)
    if len(candidates) > 1:
        names = " or ".join(shown(source.columns[number]) for number in candidates[:4])
        raise UserError(f"{source.start}: the label may be the column {names}; say which with --label_column")
    if candidates:
        return candidates[0]
    if len(texts) > 1:
        raise _no_column(source, "label_column")
    return _left_over(source, *texts, "label_column", True)


def _check_is_name(source: Source) -> None:
    """Raises `UserError` if the first line of a file with one text a line seems to be a text and no name."""
    (name,) = source.columns
    if len(name.split()) > 2 or len(name) > _LONGEST_NAME or name.endswith(_ENDS_OF_SENTENCES):
        remedy = "pass --text_column=0 if it is a text and no name, or --text_column=NAME"
        raise UserError(f"{source.start}: {shown(name)} is the first line of the only column; {remedy}")


def _left_over(source: Source, known: int | None, flag: str, needs_label: bool) -> int:
    """Returns the other one of two columns, or the only one of a file without labels."""
    others = [number for number in range(len(source.columns)) if number != known]
    is_clear = len(others) == 1 and (known is not None or not needs_label)
    if is_clear and " ".join(_words(source.columns[others[0]])) not in _NUMBERING:
        return others[0]
    raise _no_column(source, flag)


def _no_column(source: Source, flag: str) -> UserError:
    kind = flag.removesuffix("_column")
    return UserError(f"{source.start}: no column is known as the {kind}: it has {_listed(source)}; pass --{flag}=NAME")


def _check_different(source: Source, numbers: dict[str, int | None]) -> None:
    seen: dict[int, str] = {}
    for flag, number in numbers.items():
        if number is not None and seen.setdefault(number, flag) != flag:
            name = shown(source.columns[number])
            raise UserError(f"{flag}: names the column {name}, as {seen[number]} does; name another one")
