"""Text files that others wrote, and one line for each that cannot be read."""

import os

import pytest
from support.corpora import write

from bert_tf.data.text_files import read_text
from bert_tf.errors import UserError

TEXT = "A caf\u00e9 .\tB .\t1\n" * 3


def error_of(path) -> str:
    with pytest.raises(UserError) as caught:
        read_text(path)
    message = str(caught.value)
    assert message.startswith(f"{path}:") and "; " in message and "\n" not in message
    return message.removeprefix(f"{path}:")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (TEXT.encode("utf-16"), "1: the file is UTF-16; save it as a text file in UTF-8"),
        (TEXT.encode("utf-16-le"), "1: the file is UTF-16; save it as a text file in UTF-8"),
        (TEXT.encode("utf-16-be"), "1: the file is UTF-16; save it as a text file in UTF-8"),
        (TEXT.encode("utf-32"), "1: the file is UTF-32; save it as a text file in UTF-8"),
        (b"PK\x03\x04rest", "1: the file is a zip archive or an Excel workbook; save it as a text file in UTF-8"),
        (b"\x1f\x8brest", "1: the file is compressed with gzip; save it as a text file in UTF-8"),
        (
            b"A\n" + TEXT.encode("cp1252"),
            "2: byte 0xe9 is not UTF-8 (in Windows-1252, cp1252, it is '\u00e9'); save the file as UTF-8",
        ),
        (b"A\nB \x81\n", "2: byte 0x81 is not UTF-8; save the file as UTF-8"),
        (b"A\nB\0C\nD is long enough to be text\n", "2: there is a NUL character in the line; remove it"),
        (b"", "1: the file is empty; check that it was written completely"),
        (b"\xef\xbb\xbf", "1: the file is empty; check that it was written completely"),
    ],
)
def test_a_file_that_is_no_utf_8_text_is_named_for_what_it_is(tmp_path, content, message):
    assert error_of(write(tmp_path / "x.tsv", content)) == message


def test_a_byte_order_mark_is_not_text(tmp_path):
    assert read_text(write(tmp_path / "x.tsv", "\ufeffA .")) == "A ."


def test_a_path_that_is_not_a_file_is_reported_in_one_line(tmp_path):
    with pytest.raises(UserError, match=r"train\.tsv: there is no such file; check data_dir"):
        read_text(tmp_path / "train.tsv")
    with pytest.raises(UserError, match=r"the file cannot be read \(Is a directory\); check data_dir"):
        read_text(tmp_path)
    with pytest.raises(UserError, match=r"cannot be read \(Not a directory\); check data_dir"):
        read_text(write(tmp_path / "test.tsv", "A\tB\t1\n") / "train.tsv")


def test_a_named_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "x.tsv")
    assert "the file cannot be read (is not a regular file); check data_dir" in error_of(tmp_path / "x.tsv")


def test_a_file_of_more_than_a_gibibyte_is_refused(tmp_path):
    with (tmp_path / "x.tsv").open("wb") as file:
        file.truncate((1 << 30) + 1)
    assert "the file cannot be read (is larger than 1073741824 bytes)" in error_of(tmp_path / "x.tsv")
