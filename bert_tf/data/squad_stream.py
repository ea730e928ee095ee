"""Reads a file in SQuAD's form that may be larger than the memory: one article at a time. Needs no TensorFlow.

for paragraph in stream_paragraphs("questions.json"):
    print(paragraph.context, [question.text for question in paragraph.questions])
"""

import codecs
import json
import os
import re
from collections.abc import Iterator
from typing import IO

from bert_tf.data.squad_file import Paragraph, Place, paragraphs_of
from bert_tf.errors import UserError, printable, reading
from bert_tf.remote import as_path

_BLOCK_BYTES = 1 << 20
_SPACE = re.compile(r"[ \t\n\r]*")
_REMEDY = "check that the file was written completely"


def stream_paragraphs(path: str | os.PathLike) -> Iterator[Paragraph]:
    """Yields the paragraphs of a file; see `squad_file.read_paragraphs`.

    Only an article and the block of the file that it is in are in memory.

    Raises:
        UserError: the file cannot be read, is not JSON, or has another form.
    """
    name = printable(os.fspath(path))
    with reading(name, "check the path"), as_path(path).open("rb") as file:
        for index, article in enumerate(_articles(_JsonReader(name, file))):
            yield from paragraphs_of(Place(name).at("data", index), article)


def _articles(reader: "_JsonReader") -> Iterator[object]:
    """Yields the values in the list "data" of the object that the file is."""
    root, found = Place(reader.name), False
    if not reader.takes("{"):
        reader.value()
        raise root.error("is not an object, but must be one")
    for _ in reader.items("}"):
        key = reader.name_of_value()
        if key != "data":
            reader.value()
        elif found:
            raise root.error('has "data" twice')
        else:
            found = True
            reader.take("[")
            for _ in reader.items("]"):
                yield reader.value()
    reader.finish()
    if not found:
        raise root.error('has no "data"')


class _JsonReader:
    """Takes one value after the other out of a JSON file.

    Args:
        name: of the file, for messages.
        file: opened to read bytes.
    """

    def __init__(self, name: str, file: IO[bytes]):
        self.name = name
        self._file = file
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._parser = json.JSONDecoder()
        self._text, self._place, self._line = "", 0, 1
        self._is_at_end = False

    def takes(self, sign: str) -> bool:
        """Takes a sign of JSON if it comes next, and says whether it did."""
        is_next = self._is_next(sign)
        self._place += len(sign) * is_next
        return is_next

    def _is_next(self, sign: str) -> bool:
        self._skip_space()
        return self._text.startswith(sign, self._place)

    def take(self, sign: str) -> None:
        """Takes a sign of JSON; raises `UserError` if it does not come next."""
        if not self.takes(sign):
            raise self._error(f"{sign} is missing")

    def items(self, end: str) -> Iterator[None]:
        """Stops before each item of a list or an object, which the caller takes. Takes commas and the closing sign."""
        if self.takes(end):
            return
        yield
        while not self.takes(end):
            self.take(",")
            yield

    def name_of_value(self) -> str:
        """Takes a name in an object and the colon behind it."""
        if not self._is_next('"'):
            raise self._error("a name in quotation marks is missing")
        name = self.value()
        self.take(":")
        return name

    def finish(self) -> None:
        """Raises `UserError` if something follows."""
        self._skip_space()
        if self._place < len(self._text):
            raise self._error("something follows its end")

    def value(self) -> object:
        """Takes a value."""
        self._skip_space()
        while True:
            try:
                value, end = self._parser.raw_decode(self._text, self._place)
            except json.JSONDecodeError as error:
                # A value that is not complete yet cannot be told from a broken one.
                if not self._read_more():
                    raise self._error(error.msg) from None
                continue
            # More digits of a number may follow.
            if end < len(self._text) or not self._read_more():
                self._place = end
                return value

    def _skip_space(self) -> None:
        while True:
            self._place = _SPACE.match(self._text, self._place).end()
            if self._place < len(self._text) or not self._read_more():
                return

    def _read_more(self) -> bool:
        """Reads as much as there is already, at least a block, so that a long value is parsed only a few times."""
        if self._is_at_end:
            return False
        self._line += self._text.count("\n", 0, self._place)
        rest = self._text[self._place :]
        content = self._file.read(max(_BLOCK_BYTES, len(rest)))
        self._is_at_end = not content
        try:
            added = self._decoder.decode(content, final=not content)
        except UnicodeDecodeError as error:
            problem = f"byte 0x{error.object[error.start]:02x} is not UTF-8"
            raise UserError(f"{self.name}: {problem}; save the file as UTF-8") from None
        self._text, self._place = rest + added, 0
        return True

    def _error(self, problem: str) -> UserError:
        line = self._line + self._text.count("\n", 0, self._place)
        return UserError(f"{self.name}:{line}: is not JSON ({problem}); {_REMEDY}")
