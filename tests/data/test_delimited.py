"""Tests how delimiter, quotes and header of a table are found out. Most forms are in support/own_files.py."""

from pathlib import Path

import pytest

from bert_tf.data.columns import WantedColumns
from bert_tf.data.delimited import DelimitedFile, find_delimiter
from bert_tf.errors import UserError

NUMBERS = WantedColumns(text="0", label="1")


def open_file(folder: Path, content: str, name: str = "x.csv", wanted: WantedColumns | None = None) -> DelimitedFile:
    path = folder / name
    path.write_bytes(content.encode())
    return DelimitedFile(path, wanted or WantedColumns())


def fields(file: DelimitedFile) -> list[list[str]]:
    return [list(row) for _, row in file.rows()]


@pytest.mark.parametrize(
    ("lines", "own", "delimiter"),
    [
        (["text,label", "a,b"], ",", ","),
        (["text;label", "a, and b;1", "c, d, e;2"], ",", ";"),
        (["text\tlabel", "a, and b\t1"], ",", "\t"),
        (["text,label", '"a\tb",1'], "\t", ","),
        (["text|label", "a|1"], ",", "|"),
        (["text", "a, b; c"], ",", ","),
        (["Great, isn't it;good", "Bad;bad", "So, so, so;bad"], ",", ";"),
        (["text,label", '"a;b;c",1', '"d;e;f",2'], ",", ","),
        (["a;b,c;d", "e;f,g;h"], ",", ","),
        ([], ",", ","),
    ],
)
def test_the_delimiter_is_the_one_that_makes_even_rows(lines, own, delimiter):
    assert find_delimiter("\n".join(lines), own) == delimiter


def test_another_delimiter_than_the_name_says_is_told(tmp_path):
    assert open_file(tmp_path, "text;label\na;b\n").remarks == ["columns are separated by semicolons"]
    assert open_file(tmp_path, "text,label\na,b\n", "x.tsv").remarks == ["columns are separated by commas"]
    assert open_file(tmp_path, "text,label\na,b\n").remarks == []


def test_what_double_quotes_of_a_tsv_file_are_is_told(tmp_path):
    quoted = open_file(tmp_path, 'text\tlabel\n"He said ""hi"" ."\tgood\n', "x.tsv")
    assert fields(quoted) == [['He said "hi" .', "good"]] and quoted.remarks == ["double quotes read as csv does"]
    raw = open_file(tmp_path, 'text\tlabel\n"Hi" , he said .\tgood\n', "x.tsv")
    assert fields(raw) == [['"Hi" , he said .', "good"]] and raw.remarks == ["double quotes are kept"]


def test_quotes_that_may_be_both_with_other_rows_are_refused(tmp_path):
    content = 'text\tlabel\n"One\tgood\nTwo"\tbad\n"He said ""hi"" ."\tgood\na "word"\tbad\n'
    with pytest.raises(UserError, match="quote"):
        fields(open_file(tmp_path, content, "x.tsv"))


@pytest.mark.parametrize(
    ("content", "has_header"),
    [
        ("It rains .,good\nIt snows .,bad\nSun .,good\n", False),
        ("Kommentar,Urteil\nGut,good\nSchlecht,bad\nFein,good\n", True),
        ("text,label\nGut,good\nSchlecht,bad\n", True),
        ("a,1\nb,2\nc,3\n", False),
        ("a,1.5\nb,2.5\nc,3.5\n", False),
        ("x,wert\nb,2.5\nc,3.5\n", True),
    ],
)
def test_columns_by_number_may_have_a_header_or_not(tmp_path, content, has_header):
    file = open_file(tmp_path, content, wanted=NUMBERS)
    assert len(fields(file)) == len(content.splitlines()) - has_header
    assert (file.remarks == ["line 1 is data, there is no header"]) is not has_header


def test_blank_rows_and_empty_columns_of_a_spreadsheet_are_left_out(tmp_path):
    file = open_file(tmp_path, "text,label\na,1,,\n\n,\nb,2\n , \n")
    assert list(file.rows()) == [(2, ["a", "1"]), (5, ["b", "2"])]


def test_an_empty_text_in_quotes_is_no_blank_row(tmp_path):
    assert list(open_file(tmp_path, 'text\n"a"\n""\n"b"\n').rows()) == [(2, ["a"]), (3, [""]), (4, ["b"])]


def test_a_text_of_several_lines_keeps_the_line_numbers_of_the_file(tmp_path):
    file = open_file(tmp_path, 'text,label\n"a\nb",1\nc\n')
    with pytest.raises(UserError, match=r"x\.csv:4: the row has 1 column, but line 1 has 2; separate the columns by"):
        fields(file)


def test_a_text_with_its_delimiter_and_without_quotes_is_explained(tmp_path):
    with pytest.raises(UserError, match="put a text that has commas in it into double quotes"):
        fields(open_file(tmp_path, "text,label\nGood,1\nGood, really,1\n"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"text": "a", "label": "x"}\n', "x.csv:1: is a JSON object; name the file with .jsonl at the end"),
        ("<!DOCTYPE html>\n<html>\n", "x.csv:1: is the beginning of a web page; download the file itself"),
        ("<html>\n", "x.csv:1: is the beginning of a web page; download the file itself"),
        (
            "version https://git-lfs.github.com/spec/v1\noid sha256:1\n",
            "x.csv:1: stands for the file in Git LFS; run git",
        ),
        ("sep=;\ntext;label\na;x\n", "x.csv:1: tells Excel the separator; remove the line"),
    ],
)
def test_what_is_no_table_is_named(tmp_path, content, message):
    path = tmp_path / "x.csv"
    path.write_text(content)
    with pytest.raises(UserError) as caught:
        DelimitedFile(path, WantedColumns())
    assert message in str(caught.value)
