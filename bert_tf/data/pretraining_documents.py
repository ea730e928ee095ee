r"""Reads the documents of pre-training: one sentence a line, blank lines between documents. Needs no TensorFlow.

    for document in TextFiles([Path("wiki.txt"), Path("books.txt.gz")]).documents():
        document    # ["It rains .", "Rain falls ."]

As in the original, only "\n" ends a line, a line of only white space is blank, and a document goes on from one file to
the next one if no blank line is between them. Files may be compressed with gzip; their first bytes say so.
"""

import gzip
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import IO, NamedTuple

from bert_tf.data.text_files import reading_text, text_blocks
from bert_tf.data.texts import lines_of
from bert_tf.files import open_bytes
from bert_tf.remote import AnyPath

_BLOCK_BYTES = 1 << 20
_GZIP = b"\x1f\x8b"
# A call of the tokenizer's graph needs some hundred bytes a character.
_CHARACTERS_PER_CALL = 1 << 20


class TextFiles:
    r"""The texts of some files, read one after the other.

    Args:
        files: at least one.

    Attributes:
        total_bytes: the size of the files.
        bytes_read: how much of that was read, nearly.
        empty: the files without text that were read.
        num_cut: the number of documents that were cut because they were too long.

    Raises:
        UserError: a file cannot be read.

    Example:
        >>> from pathlib import Path
        >>> _ = Path("a.txt").write_text("It rains .\nIt pours .\n\nSnow falls .")
        >>> list(TextFiles([Path("a.txt")]).documents())
        [['It rains .', 'It pours .'], ['Snow falls .']]
    """

    def __init__(self, files: Sequence[AnyPath]):
        self._files = files
        self._sizes = [_size_of(file) for file in files]
        self.total_bytes = sum(self._sizes)
        self.bytes_read = 0
        self.empty: list[AnyPath] = []
        self.num_cut = 0

    def documents(self, longest: int | None = None) -> Iterator[list[str]]:
        """Yields the lines of each document, without white space at their ends.

        Args:
            longest: documents with more bytes of text are cut; None to cut none.

        Raises:
            UserError: a file cannot be read, or is no UTF-8 text.
        """
        document, size, is_cut = [], 0, False
        for line in self._lines():
            is_full = longest is not None and size >= longest
            if document and (is_full or not line):
                yield document
                document, size = [], 0
                self.num_cut += bool(line and not is_cut)
                is_cut = bool(line)
            if line:
                document.append(line)
                size += bytes_of(line)
        if document:
            yield document

    def _lines(self) -> Iterator[str]:
        """Yields the lines of all files, without white space at their ends."""
        for file, size in zip(self._files, self._sizes, strict=True):
            start, has_text = self.bytes_read, False
            for line, place in _lines_of_file(file):
                self.bytes_read = start + min(place, size)
                has_text = has_text or bool(line)
                yield line
            self.bytes_read = start + size
            if not has_text:
                self.empty.append(file)


def _size_of(path: AnyPath) -> int:
    with reading_text(path, "check input_file"):
        return path.stat().st_size


def _lines_of_file(path: AnyPath) -> Iterator[tuple[str, int]]:
    """Yields each line, and about how much of the file was read until its end."""
    with reading_text(path, "check input_file"), open_bytes(path) as file:
        content, start = _decompressed(file), 0
        for block in text_blocks(path, lambda: content.read(_BLOCK_BYTES)):
            done, size = 0, file.tell() - start
            for line in lines_of(block):
                done += len(line)
                yield line.strip(), start + size * done // len(block)
            start += size


def _decompressed(file: IO[bytes]) -> IO[bytes]:
    return gzip.GzipFile(fileobj=file, mode="rb") if file.peek(len(_GZIP)).startswith(_GZIP) else file


def bytes_of(line: str) -> int:
    """Returns the size of a line with its end, in UTF-8.

    Example:
        >>> bytes_of("né")
        4
    """
    return len(line.encode()) + 1


class TokenizedDocuments(NamedTuple):
    """Documents as word pieces.

    Attributes:
        documents: the pieces of each line of each document. None of them is empty.
        dropped_lines: the number of lines without a word piece, such as those of only control characters.
        dropped_documents: the number of documents of only such lines.
    """

    documents: list[list[list[str]]]
    dropped_lines: int
    dropped_documents: int


def tokenized(
    documents: Iterable[Sequence[str]], tokenize: Callable[[list[str]], list[list[str]]]
) -> TokenizedDocuments:
    """Cuts the lines of documents into word pieces.

    Args:
        documents: the lines of each one.
        tokenize: cuts a list of texts, as `FullTokenizer.tokenize` does.
    """
    found, lines, empty = [], 0, 0
    for part in _parts(documents):
        pieces = iter(tokenize([line for document in part for line in document]))
        for document in part:
            sentences = [sentence for _ in document if (sentence := next(pieces))]
            lines += len(document) - len(sentences)
            if sentences:
                found.append(sentences)
            else:
                empty += 1
    return TokenizedDocuments(found, lines, empty)


def _parts(documents: Iterable[Sequence[str]]) -> Iterator[list[Sequence[str]]]:
    """Yields documents in lists of about `_CHARACTERS_PER_CALL` characters, of one document at least."""
    part, size = [], 0
    for document in documents:
        part.append(document)
        size += sum(map(len, document))
        if size >= _CHARACTERS_PER_CALL:
            yield part
            part, size = [], 0
    if part:
        yield part
