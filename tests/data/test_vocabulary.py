"""Reading vocabularies, also damaged ones."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.paths import ROOT

from bert_tf.data.vocabulary import load_vocab
from bert_tf.errors import UserError


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: None, "No such file or directory"),
        (Path.mkdir, "Is a directory"),
        (os.mkfifo, "is not a regular file"),
        (lambda path: path.write_bytes(b"a\n" * (9 << 20)), "is larger than 16777216 bytes"),
    ],
)
def test_a_vocabulary_that_cannot_be_read_is_a_user_error_that_says_why(tmp_path, make, reason):
    make(tmp_path / "vocab.txt")
    with pytest.raises(UserError) as error:
        load_vocab(tmp_path / "vocab.txt")
    assert str(error.value).startswith(f"{tmp_path}/vocab.txt: cannot read the vocabulary ({reason}); check")


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b"\n\r\n"])
def test_an_empty_vocabulary_is_refused(tmp_path, content):
    (tmp_path / "vocab.txt").write_bytes(content)
    with pytest.raises(UserError, match="the vocabulary is empty"):
        load_vocab(tmp_path / "vocab.txt")


def test_a_vocabulary_in_utf_16_is_refused_with_its_line(tmp_path):
    (tmp_path / "vocab.txt").write_text("[PAD]\n[UNK]\n", encoding="utf-16")
    with pytest.raises(UserError, match=r"vocab.txt:1: the vocabulary is not UTF-8; save it as UTF-8"):
        load_vocab(tmp_path / "vocab.txt")


def test_a_byte_order_mark_is_not_part_of_the_first_token(tmp_path):
    (tmp_path / "vocab.txt").write_text("[PAD]\n[UNK]\n", encoding="utf-8-sig")
    assert load_vocab(tmp_path / "vocab.txt") == {"[PAD]": 0, "[UNK]": 1}


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\n\n \n\t\n"])
def test_blank_lines_at_the_end_are_no_pieces(tmp_path, end):
    (tmp_path / "vocab.txt").write_text(f"[PAD]\n\n[UNK]{end}")
    assert load_vocab(tmp_path / "vocab.txt") == {"[PAD]": 0, "": 1, "[UNK]": 2}


def test_a_newline_in_the_path_does_not_break_the_message(tmp_path):
    with pytest.raises(UserError) as error:
        load_vocab(tmp_path / "two\nlines\x1b[31m")
    assert str(error.value).isprintable()


def test_reading_a_vocabulary_needs_no_tensorflow():
    code = "import sys, bert_tf.data.vocabulary; assert 'tensorflow' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
