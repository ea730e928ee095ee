"""Reads text files that others wrote, and names the encoding of those that are not UTF-8.

`read_text` reads a file whole, and `text_blocks` reads any stream of bytes piece by piece, by the same rules.
"""

import codecs
import contextlib
from collections.abc import Callable, Iterator

from bert_tf.errors import UserError, printable, reading
from bert_tf.files import read_bytes
from bert_tf.remote import AnyPath

# Rows take several times the memory of their file. The largest public corpora of classification are smaller.
MAX_BYTES = 1 << 30
# Nobody writes a text of this size on one line; a file without line ends is no text.
MAX_LINE = 16 << 20

# UTF-32 comes first: its byte-order mark begins with that of UTF-16.
_OTHER_KINDS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
    b"PK\x03\x04": "a zip archive or an Excel workbook",
    b"\x1f\x8b": "compressed with gzip",
    b"PAR1": "a Parquet file",
}


def read_text(path: AnyPath, remedy: str = "check data_dir and task_name") -> str:
    r"""Reads a UTF-8 text file, without its byte-order mark if it has one.

    Args:
        path: the file.
        remedy: what the user can do if it is missing or unreadable.

    Raises:
        UserError: the file is missing, unreadable, too large, empty, not UTF-8, or has a NUL character.

    Example:
        >>> from pathlib import Path
        >>> _ = Path("text.txt").write_text("\ufeffIt rains .", encoding="utf-8")
        >>> read_text(Path("text.txt"))
        'It rains .'
    """
    with reading_text(path, remedy):
        content = read_bytes(path, MAX_BYTES)
        _check_kind(path, content)
        text = _decode(path, content, 1).removeprefix("\ufeff")
    check_not_empty(path, text)
    return text


@contextlib.contextmanager
def reading_text(path: AnyPath, remedy: str) -> Iterator[None]:
    """Replaces every exception inside the block, which reads a file, by a `UserError`; see `reading`."""
    with reading(path, remedy, "the file cannot be read"):
        try:
            yield
        except FileNotFoundError:
            raise UserError(f"{path}: there is no such file; {remedy}") from None


def check_not_empty(path: AnyPath, text: str) -> None:
    """Raises `UserError` if there is nothing in a file."""
    if not text:
        raise UserError(f"{path}:1: the file is empty; check that it was written completely")


def text_blocks(name: AnyPath | str, read: Callable[[], bytes]) -> Iterator[str]:
    r"""Yields a text in blocks of whole lines, each as soon as its last line was read.

    Args:
        name: of the file or stream, which begins a message.
        read: returns the next bytes, b"" at the end.

    Raises:
        UserError: the text is not UTF-8, has a NUL character, or has a line of more than 16 MiB.

    Example:
        >>> parts = iter([b"It rains .\nIt ", b"snows .", b""])
        >>> list(text_blocks("standard input", lambda: next(parts)))
        ['It rains .\n', 'It snows .']
    """
    line = 1
    for number, content in enumerate(_whole_lines(name, read)):
        if number == 0:
            _check_kind(name, content)
        text = _decode(name, content, line)
        yield text if number else text.removeprefix("\ufeff")
        line += content.count(b"\n")


def _whole_lines(name: AnyPath | str, read: Callable[[], bytes]) -> Iterator[bytes]:
    rest, line = b"", 1
    while part := read():
        end = part.rfind(b"\n") + 1
        if end:
            yield rest + part[:end]
            rest = b""
            line += part.count(b"\n")
        rest += part[end:]
        if len(rest) > MAX_LINE:
            problem = f"the line has more than {MAX_LINE >> 20} MiB"
            raise UserError(f"{printable(name)}:{line}: {problem}; check that it is a text")
    if rest:
        yield rest


def _check_kind(path: AnyPath | str, content: bytes) -> None:
    """Raises `UserError` if a file that begins so is no UTF-8 text."""
    kind = next((kind for start, kind in _OTHER_KINDS.items() if content.startswith(start)), None)
    # Latin text in UTF-16 without a byte-order mark is a letter and a NUL in turns.
    if kind is None and content.count(0) > len(content) // 3:
        kind = "UTF-16"
    if kind:
        raise UserError(f"{path}:1: the file is {kind}; save it as a text file in UTF-8")


def _decode(path: AnyPath | str, content: bytes, first_line: int) -> str:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + first_line
        problem = f"byte 0x{content[error.start]:02x} is not UTF-8{_in_windows(content[error.start])}"
        raise UserError(f"{path}:{line}: {problem}; save the file as UTF-8") from None
    if "\0" in text:
        line = text.partition("\0")[0].count("\n") + first_line
        raise UserError(f"{path}:{line}: there is a NUL character in the line; remove it")
    return text


def _in_windows(byte: int) -> str:
    """Shows a byte as Windows-1252, the most common other encoding, has it; the reader sees if it makes sense."""
    character = bytes([byte]).decode("cp1252", errors="replace")
    return (
        f" (in Windows-1252, cp1252, it is {character!r})" if character.isprintable() and character != "\ufffd" else ""
    )
