"""Reads text files that others wrote, and names the encoding of those that are not UTF-8."""

import codecs

from bert_tf.errors import UserError, reading
from bert_tf.files import read_bytes
from bert_tf.remote import AnyPath

# Rows take several times the memory of their file. The largest public corpora of classification are smaller.
MAX_BYTES = 1 << 30

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
    with reading(path, remedy, "the file cannot be read"):
        text = _decode(path, _read(path, remedy)).removeprefix("\ufeff")
    if "\0" in text:
        line = text.partition("\0")[0].count("\n") + 1
        raise UserError(f"{path}:{line}: there is a NUL character in the line; remove it")
    if not text:
        raise UserError(f"{path}:1: the file is empty; check that it was written completely")
    return text


def _read(path: AnyPath, remedy: str) -> bytes:
    try:
        return read_bytes(path, MAX_BYTES)
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file; {remedy}") from None


def _decode(path: AnyPath, content: bytes) -> str:
    kind = next((kind for start, kind in _OTHER_KINDS.items() if content.startswith(start)), None)
    # Latin text in UTF-16 without a byte-order mark is a letter and a NUL in turns.
    if kind is None and content.count(0) > len(content) // 3:
        kind = "UTF-16"
    if kind:
        raise UserError(f"{path}:1: the file is {kind}; save it as a text file in UTF-8")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        problem = f"byte 0x{content[error.start]:02x} is not UTF-8{_in_windows(content[error.start])}"
        raise UserError(f"{path}:{line}: {problem}; save the file as UTF-8") from None


def _in_windows(byte: int) -> str:
    """Shows a byte as Windows-1252, the most common other encoding, has it; the reader sees if it makes sense."""
    character = bytes([byte]).decode("cp1252", errors="replace")
    return (
        f" (in Windows-1252, cp1252, it is {character!r})" if character.isprintable() and character != "\ufffd" else ""
    )
