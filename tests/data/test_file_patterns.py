"""Names and patterns of files with commas between them."""

import os
import re

import pytest

from bert_tf.data.file_patterns import matching_files
from bert_tf.errors import UserError


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    for name in ("b1.txt", "b2.txt", "a.txt", "c[1].txt", "sub/d.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    "patterns, names",
    [
        ("b?.txt,a.txt", ["b1.txt", "b2.txt", "a.txt"]),
        ("*.txt", ["a.txt", "b1.txt", "b2.txt", "c[1].txt"]),
        # A file of exactly this name counts more than the pattern.
        ("c[1].txt", ["c[1].txt"]),
        ("[ab]*.txt", ["a.txt", "b1.txt", "b2.txt"]),
        ("*/*.txt", ["sub/d.txt"]),
    ],
)
def test_files_come_in_the_order_of_the_patterns_and_then_of_their_names(patterns, names):
    assert [str(path) for path in matching_files(patterns, "input_file")] == names


@pytest.mark.parametrize(
    "patterns, message",
    [
        ("a.txt,z*.txt", "input_file: z*.txt: there is no such file; check the path"),
        ("sub", "input_file: sub: is a folder; name its files, such as 'sub/*'"),
        ("a.txt,,b1.txt", "input_file: is empty; give a path"),
        ("a.txt, b1.txt", "input_file: ' b1.txt': begins or ends with white space; remove it"),
        ("s3://bucket/a.txt", "input_file: 's3://bucket/a.txt': s3: addresses cannot be opened"),
    ],
)
def test_a_name_that_matches_nothing_is_one_line(patterns, message):
    with pytest.raises(UserError, match=re.escape(message)):
        matching_files(patterns, "input_file")


def test_files_that_are_named_twice_are_read_twice_and_said(caplog):
    assert len(matching_files("a.txt,?.txt", "input_file")) == 2
    assert "input_file: names files twice (a.txt); they are read twice." in caplog.text


def test_a_pipe_is_one_line():
    os.mkfifo("pipe")
    with pytest.raises(UserError, match="input_file: pipe: is a pipe or a device; write its content to a file"):
        matching_files("pipe", "input_file")
