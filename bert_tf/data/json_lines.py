r"""Reads JSON lines: one object a line, whose keys are the columns.

source = JsonLinesFile(Path("reviews.jsonl"))
source.columns  # ["review", "stars"], the keys of the first object
"""

import json
from collections.abc import Callable, Iterator, Sequence

from bert_tf.data.sources import Source, WholeRow
from bert_tf.data.texts import Text, read_whole
from bert_tf.errors import UserError, printable, reason_of
from bert_tf.remote import AnyPath

SUFFIXES = (".jsonl", ".ndjson", ".json")
_EXAMPLE = '{"text": "It rains .", "label": "good"}'


class JsonLinesFile(Source):
    """A file of JSON objects.

    Args:
        path: of the file.
        read: opens its text.
        example: a line of such a file, for messages.

    Raises:
        UserError: the file cannot be read, or its first line is no object.
    """

    def __init__(self, path: AnyPath, read: Callable[[AnyPath], Text] = read_whole, example: str = _EXAMPLE):
        self.name = printable(path)
        self._example = example
        self._text = read(path)
        first = next(self._objects(), None)
        if first is None:
            raise UserError(f"{self.name}:1: all lines are blank; check that the file was written completely")
        self._first_line, content = first
        self.columns = list(content)

    @property
    def start(self) -> str:
        """The file and the line of its first object."""
        return self.where(self._first_line)

    def where(self, place: int) -> str:
        """Returns file and line."""
        return f"{self.name}:{place}"

    def rows(self) -> Iterator[tuple[int, Sequence[object]]]:
        """Yields line and values of each object; a missing value is None."""
        columns = self.columns
        for line, content in self._objects():
            yield line, [content.get(name) for name in columns]

    def whole_rows(self) -> Iterator[WholeRow]:
        """Yields each row with all keys and values of its object, also those that the first object lacks."""
        columns = self.columns
        for line, content in self._objects():
            yield WholeRow(line, [content.get(name) for name in columns], list(content), list(content.values()))

    def _objects(self) -> Iterator[tuple[int, dict]]:
        for line, text in enumerate(self._text.lines(), start=1):
            if text.strip():
                yield line, self._parse(line, text)

    def _parse(self, line: int, text: str) -> dict:
        try:
            content = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise UserError(f"{self.where(line)}: is not JSON ({reason_of(error)}); {self._remedy(text)}") from None
        if not isinstance(content, dict):
            raise UserError(f"{self.where(line)}: is no JSON object; {self._remedy(text)}")
        if not content:
            raise UserError(f"{self.where(line)}: the object is empty; remove the line")
        return content

    def _remedy(self, text: str) -> str:
        if self._text.start.lstrip().startswith("[") or text.strip() == "{":
            return "write one object a line, as pandas does with to_json(..., orient='records', lines=True)"
        return f"write one object a line, such as {self._example}"
