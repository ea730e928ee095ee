"""About 500 files of labeled texts in many forms, each with the rows that a reader must find or the error to expect."""

import csv
import io
import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

Rows = Sequence[tuple[str, str]]


class File(NamedTuple):
    """One file and the expectation.

    Attributes:
        id: says what is special about it.
        name: of the file.
        content: its bytes.
        rows: the texts and labels in it; None if it must be refused.
        error: a part of the message, and where it must point to.
    """

    id: str
    name: str
    content: bytes
    rows: Rows | None
    error: str = ""


# The texts of each content, in turns with the labels.
CONTENTS = {
    "plain": ("It rains .", "It snows .", "The sun is out .", "No wind today ."),
    "commas": ("Good, really", "Bad; very bad", "So, so, so", "Yes|no, maybe"),
    "quotes": ('He said "good" .', 'A 15" screen', '"Fine", she said, "fine"', "It's 'bad'"),
    "sentences in quotes": ('"Good ."', '"Bad, bad ."', '"So so ."', '"Never again ."'),
    "unicode": ("Schön und gut", "悪い。", "안녕 하세요", "🙂 ok\u2028new\x85line"),
    "lines": ("Good\nand cheap", "Bad\n\nvery", 'Two "lines"\nof it', "One"),
    "tabs": ("Good\tand cheap", "Bad\t", "So\tso", "\tindented"),
    "backslashes": (r"C:\new\table", r"a \"quote\"", r"\\", r"end\n"),
    "numbers": ("1", "2.5", "300", "4"),
}
LABELS = ("good", "bad", "good", "bad")


def delimited(delimiter: str, quoting: int = csv.QUOTE_MINIMAL) -> Callable[..., str]:
    def write(rows: Rows, header: Sequence[str] = ("text", "label")) -> str:
        file = io.StringIO()
        writer = csv.writer(file, delimiter=delimiter, quoting=quoting, lineterminator="\n")
        writer.writerows([header, *rows])
        return file.getvalue()

    return write


def raw(rows: Rows, header: Sequence[str] = ("text", "label")) -> str:
    return "".join("\t".join(row) + "\n" for row in [header, *rows])


def json_lines(rows: Rows, header: Sequence[str] = ("text", "label")) -> str:
    return "".join(json.dumps(dict(zip(header, row, strict=True)), ensure_ascii=len(row[0]) % 2) + "\n" for row in rows)


FORMS = {
    "csv": (".csv", delimited(",")),
    "csv, all quoted": (".csv", delimited(",", csv.QUOTE_ALL)),
    "csv of semicolons": (".csv", delimited(";")),
    "csv of tabs": (".csv", delimited("\t")),
    "csv of bars": (".csv", delimited("|")),
    "tsv of pandas": (".tsv", delimited("\t")),
    "tsv, all quoted": (".tsv", delimited("\t", csv.QUOTE_ALL)),
    "tsv of commas": (".tsv", delimited(",")),
    "raw tsv": (".tsv", raw),
    "json lines": (".jsonl", json_lines),
}
ENDS = {
    "": lambda text: text.encode(),
    "byte-order mark": lambda text: b"\xef\xbb\xbf" + text.encode(),
    "crlf": lambda text: text.replace("\n", "\r\n").encode(),
    "no end": lambda text: text.removesuffix("\n").encode(),
    "blank end": lambda text: (text + "\n \n\n").encode(),
}


def readable_files() -> Iterator[File]:
    """Files in which every text and label is found as it was written."""
    for (form, (suffix, write)), (content, texts), (end, encode) in itertools.product(
        FORMS.items(), CONTENTS.items(), ENDS.items()
    ):
        is_raw_impossible = form == "raw tsv" and content in ("lines", "tabs")
        # Windows' line ends inside of a text are another text.
        if is_raw_impossible or (content == "lines" and end == "crlf" and form != "json lines"):
            continue
        rows = list(zip(texts, LABELS, strict=True))
        yield File(f"{form}, {content}, {end}", f"reviews{suffix}", encode(write(rows)), rows)


PLAIN = list(zip(CONTENTS["plain"], LABELS, strict=True))
# What is done to the rows or the header, and the error that must follow.
BAD_ROWS: dict[str, tuple[Rows, Sequence[str], str]] = {
    "one class": ([(text, "good") for text, _ in PLAIN], ("text", "label"), "all 4 rows have the label 'good'"),
    "one row": (PLAIN[:1], ("text", "label"), "there is only one row"),
    "all labels differ": ([(a, a) for a, _ in PLAIN], ("text", "label"), "has 4 different labels in 4 rows"),
    "no label": ([*PLAIN, ("More .", "")], ("text", "label"), "{5}: the label (column 'label') is missing"),
    "nan": ([*PLAIN, ("More .", "nan")], ("text", "label"), "{5}: the label (column 'label') is missing"),
    "no text": ([*PLAIN, ("", "good")], ("text", "label"), "{5}: the text (column 'text') is empty"),
    "blank text": ([*PLAIN, (" ", "good")], ("text", "label"), "{5}: the text (column 'text') is empty"),
    "unknown names": (PLAIN, ("foo", "bar"), "no name known for a text or a label"),
    "header missing": (PLAIN[1:], PLAIN[0], "no name known for a text or a label"),
    "two texts": (
        [(text, text, label) for text, label in PLAIN],
        ("review", "title", "label"),
        "the text may be the column 'review' or 'title'; say which with --text_column",
    ),
    "two labels": (
        [(text, label, label) for text, label in PLAIN],
        ("text", "stars", "category"),
        "the label may be the column 'stars' or 'category'; say which with --label_column",
    ),
    "no label column": (
        [(text, text, text) for text, _ in PLAIN],
        ("text", "author", "date"),
        "no column is known as the label: it has the columns text, author, date; pass --label_column=NAME",
    ),
    "no text column": (
        [(text, text, label) for text, label in PLAIN],
        ("author", "date", "label"),
        "no column is known as the text: it has the columns author, date, label; pass --text_column=NAME",
    ),
}
BAD_BYTES: dict[str, tuple[Callable[[str], bytes], str]] = {
    "empty": (lambda text: b"", "the file is empty"),
    "blank": (lambda text: b"\n \n\n", "all lines are blank"),
    "UTF-16": (lambda text: text.encode("utf-16"), "the file is UTF-16; save it as a text file in UTF-8"),
    "UTF-16 without a mark": (lambda text: text.encode("utf-16-le"), "the file is UTF-16"),
    "UTF-32": (lambda text: text.encode("utf-32"), "the file is UTF-32"),
    "cp1252": (lambda text: text.replace("sun", "café").encode("cp1252"), "(in Windows-1252, cp1252, it is 'é')"),
    "NUL": (lambda text: text.replace("snows", "sn\0ws").encode(), "there is a NUL character in the line"),
    "gzip": (lambda text: b"\x1f\x8b\x08" + bytes(20), "the file is compressed with gzip"),
    "workbook": (lambda text: b"PK\x03\x04" + bytes(20), "the file is a zip archive or an Excel workbook"),
    "Parquet": (lambda text: b"PAR1" + bytes(20), "the file is a Parquet file"),
}
# In the last row of a delimited file; {} is the delimiter.
BAD_LINES = {
    "too short": ("More .", "the row has 1 column, but line 1 has 2"),
    "too long": ("More .{0}good{0}yes", "the row has 3 columns, but line 1 has 2"),
    "a quote that is not closed": ('"More .{0}good', "a quoted field begins here and is not closed"),
    "a quote inside a quoted field": ('"More " and".{0}good', "a quoted field begins here and is not closed"),
}


def refused_files() -> Iterator[File]:
    """Files that must be refused in one line."""
    for form, (suffix, write) in FORMS.items():
        first = 1 if form == "json lines" else 2
        for name, (rows, header, error) in BAD_ROWS.items():
            if name == "header missing" and form == "json lines":
                continue
            line = str(first + 4)
            yield File(f"{form}, {name}", f"x{suffix}", write(rows, header).encode(), None, error.replace("{5}", line))
        for name, (encode, error) in BAD_BYTES.items():
            yield File(f"{form}, {name}", f"x{suffix}", encode(write(PLAIN)), None, error)
        if form != "json lines":
            yield from _refused_delimited(form, suffix, write)
    yield from _refused_json()


def _refused_delimited(form: str, suffix: str, write: Callable[..., str]) -> Iterator[File]:
    delimiter = next(each for each in ("\t", ";", "|", ",") if each in write(PLAIN))
    for name, (line, error) in BAD_LINES.items():
        if "quote" in name and form == "raw tsv":
            continue
        content = write([(f'"{text}"', label) for text, label in PLAIN]) + line.replace("{0}", delimiter) + "\n"
        yield File(f"{form}, {name}", f"x{suffix}", content.encode(), None, f"x{suffix}:6: {error}")
    twice = write([(text, text, label) for text, label in PLAIN], ("text", "text", "label"))
    yield File(f"{form}, twice", f"x{suffix}", twice.encode(), None, "the column 'text' is there twice")
    content = write(PLAIN).replace("\n", "\r").encode()
    yield File(f"{form}, carriage returns", f"x{suffix}", content, None, r"the lines end with a carriage return (\r)")
    header = write([], ("text", "label")).encode()
    yield File(f"{form}, only a header", f"x{suffix}", header, None, "there are no rows below the header")
    swallowed = write(PLAIN) + f'"More .{delimiter}good\nEven more .{delimiter}bad\nThe rest ."{delimiter}good\n'
    if form != "raw tsv":
        yield File(f"{form}, swallowed", f"x{suffix}", swallowed.encode(), None, ":6: a quoted field goes on to line 8")


def _refused_json() -> Iterator[File]:
    good = json_lines(PLAIN)
    for name, line, error in (
        ("cut off", '{"text": "More .", "lab', ":5: is not JSON"),
        ("single quotes", "{'text': 'More .', 'label': 'good'}", ":5: is not JSON"),
        ("a list", '["More .", "good"]', ":5: is no JSON object"),
        ("a text", '"More ."', ":5: is no JSON object"),
        ("an empty object", "{}", ":5: the object is empty"),
        ("no text", '{"label": "good"}', ":5: the text (column 'text') is empty"),
        ("no label", '{"text": "More ."}', ":5: the label (column 'label') is missing"),
        ("null", '{"text": null, "label": "good"}', ":5: the text (column 'text') is empty"),
        ("NaN", '{"text": "More .", "label": NaN}', ":5: the label (column 'label') is missing"),
        ("a number for the text", '{"text": 5, "label": "good"}', ":5: column 'text': is 5 (int); make it a text"),
        (
            "a nested text",
            '{"text": {"en": "More ."}, "label": "good"}',
            ":5: column 'text': is {'en': 'More .'} (dict)",
        ),
        ("a nested label", '{"text": "More .", "label": {"a": 1}}', ":5: the label is {'a': 1} (dict)"),
        ("a list of labels", '{"text": "More .", "label": ["good"]}', ":5: the label is a list; pass --multi_label"),
        ("deep", '{"text": ' + "[" * 100_000 + "}", ":5: is not JSON"),
    ):
        yield File(f"json lines, a row: {name}", "x.jsonl", (good + line + "\n").encode(), None, error)
    array = json.dumps([{"text": text, "label": label} for text, label in PLAIN], indent=2)
    yield File("json, an array", "x.json", array.encode(), None, "lines=True")
    yield File("json, one object", "x.json", b'{\n"text": ["a"],\n"label": ["b"]\n}', None, "write one object a line")


ALL_FILES = [*readable_files(), *refused_files()]
