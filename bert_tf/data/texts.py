"""The text of a file as its readers take it: in memory, or read from the disk again each time, in little memory.

text = TextOnDisk(Path("millions.csv"))
for line in text.lines():
    ...
"""

import abc
from collections.abc import Iterator

from bert_tf.data.text_files import MAX_LINE, check_not_empty, read_text, reading_text, text_blocks
from bert_tf.files import open_bytes
from bert_tf.remote import AnyPath

_REMEDY = "check the path"
_BLOCK_BYTES = 1 << 20
# Enough to know the form of a file by.
_START_CHARACTERS = 4 << 20


class Text(abc.ABC):
    """A text, line by line, as often as it is needed.

    Attributes:
        start: the first part of the text, by which its form is known; all of it if it is in memory or not long.
        longest_field: the number of characters that a field in quotes may have.
    """

    start: str
    longest_field: int

    @abc.abstractmethod
    def lines(self) -> Iterator[str]:
        r"""Yields the lines with their ends, from the first one. Only "\n" ends a line.

        Raises:
            UserError: the file cannot be read, or is no UTF-8 text.
        """


class TextInMemory(Text):
    """A text in memory.

    Args:
        text: all of it.
    """

    def __init__(self, text: str):
        self.start = text
        self.longest_field = len(text) + 1

    def lines(self) -> Iterator[str]:
        """Yields the lines; see `Text`."""
        return lines_of(self.start)


class TextOnDisk(Text):
    """A file of any size. Nothing but its first 4 million characters is kept in memory.

    Args:
        path: of the file.

    Raises:
        UserError: the file is missing, cannot be read or is no UTF-8 text.
    """

    longest_field = MAX_LINE

    def __init__(self, path: AnyPath):
        self._path = path
        self.start = self._read_start()
        check_not_empty(path, self.start)

    def lines(self) -> Iterator[str]:
        """Yields the lines; see `Text`."""
        for block in self._blocks():
            yield from lines_of(block)

    def _read_start(self) -> str:
        blocks, size = [], 0
        for block in self._blocks():
            blocks.append(block)
            size += len(block)
            if size >= _START_CHARACTERS:
                return _whole_rows("".join(blocks))
        return "".join(blocks)

    def _blocks(self) -> Iterator[str]:
        with reading_text(self._path, _REMEDY), open_bytes(self._path) as file:
            yield from text_blocks(self._path, lambda: file.read(_BLOCK_BYTES))


def read_whole(path: AnyPath) -> Text:
    """Reads a file into memory.

    Raises:
        UserError: see `read_text`.
    """
    return TextInMemory(read_text(path, _REMEDY))


def lines_of(text: str) -> Iterator[str]:
    r"""Yields the lines of a text with their ends. Only "\n" ends a line.

    io.StringIO would do the same, and keep a copy of four bytes a character.

    Example:
        >>> list(lines_of("a\x85b\r\n\nc"))
        ['a\x85b\r\n', '\n', 'c']
    """
    start = 0
    while end := text.find("\n", start) + 1:
        yield text[start:end]
        start = end
    if start < len(text):
        yield text[start:]


def _whole_rows(text: str) -> str:
    """Returns a text without the last row if it is cut, which only double quotes can hide: their number is odd then."""
    end, is_inside = len(text), text.count('"') % 2
    while is_inside and end > len(text) // 2:
        line = text.rfind("\n", 0, end - 1) + 1
        is_inside ^= text.count('"', line, end) % 2
        end = line
    # An odd number nearly everywhere: the double quotes are characters, and no row goes on.
    return text if is_inside else text[:end]
