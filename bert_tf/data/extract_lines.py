r"""Reads the input of `extract_features`: a text a line, or a pair as "first ||| second". Needs no TensorFlow.

lines = ExtractLines(Path("input.txt"))
lines.count, lines.sha256
for text_a, text_b in lines.pairs():
    ...
"""

import hashlib
import re
from collections.abc import Iterator

from bert_tf.data.text_files import reading_text, text_blocks
from bert_tf.data.texts import lines_of
from bert_tf.errors import UserError, printable
from bert_tf.files import open_bytes
from bert_tf.remote import AnyPath

_PAIR = re.compile(r"^(.*) \|\|\| (.*)$")
_BLOCK_BYTES = 1 << 20
_REMEDY = "check input_file"


class ExtractLines:
    """A file of texts of any size. It is read once to check it, and again for its texts.

    Args:
        path: the file; it may be empty, as in the original.

    Attributes:
        count: the number of its lines.
        sha256: the hexadecimal digest of its bytes.

    Raises:
        UserError: the file cannot be read, or is no UTF-8 text.
    """

    def __init__(self, path: AnyPath):
        self._path = path
        digest = hashlib.sha256()
        self.count = sum(1 for _ in self._lines(digest))
        self.sha256 = digest.hexdigest()

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Yields the two texts of each line; the second is empty if there is one.

        Raises:
            UserError: the file cannot be read, or has changed since it was checked.
        """
        digest = hashlib.sha256()
        yield from map(texts_of_line, self._lines(digest))
        if digest.hexdigest() != self.sha256:
            raise UserError(f"{printable(self._path)}: has changed while it was read; run the same command again")

    def _lines(self, digest: "hashlib._Hash") -> Iterator[str]:
        with reading_text(self._path, _REMEDY), open_bytes(self._path) as file:

            def read() -> bytes:
                content = file.read(_BLOCK_BYTES)
                digest.update(content)
                return content

            for block in text_blocks(self._path, read):
                yield from lines_of(block)


def texts_of_line(line: str) -> tuple[str, str]:
    r"""Splits a line into its texts, as the original's `extract_features.read_examples` does.

    The last " ||| " with something on both sides separates them. Carriage returns are dropped, because TensorFlow's
    reader of lines drops them.

    Example:
        >>> texts_of_line("Who lit it? ||| Marta lit it.\r\n")
        ('Who lit it?', 'Marta lit it.')
        >>> texts_of_line(" ||| nothing before\n")
        ('||| nothing before', '')
    """
    text = line.replace("\r", "").strip()
    match = _PAIR.match(text)
    return (match[1], match[2]) if match else (text, "")
