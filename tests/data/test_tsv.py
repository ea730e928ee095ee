"""Rows of raw and quoted TSV files, and one line for every mistake in them."""

import csv
from pathlib import Path

import pytest
from support.corpora import EXPORT_TRAIN, GLUE_HEADER, GLUE_TRAIN, write

from bert_tf.data.quoting import Row, quoted_rows
from bert_tf.data.targets import OneLabel
from bert_tf.data.text_files import read_text
from bert_tf.data.tsv import TsvFile, read_raw_tsv
from bert_tf.errors import UserError

# The two forms of MRPC's training set.
GLUE = TsvFile("train.tsv", text_a=3, text_b=4, label=0, columns=5)
EXPORT = TsvFile("train.tsv", text_a=0, text_b=1, label=2, header=False, columns=3, quoted=True)
LINE_ENDS_OF_UNICODE = "a\u2028b\x0bc\x0cd\x85e\u2029f\x1cg"


def error_of(file: TsvFile, folder: Path, content: str | bytes) -> str:
    """The message for a bad train.tsv, without the path at its beginning."""
    path = write(folder / "train.tsv", content)
    with pytest.raises(UserError) as caught:
        list(file.read(folder))
    message = str(caught.value)
    assert message.startswith(f"{path}:") and "; " in message and "\n" not in message
    return message.removeprefix(f"{path}:")


@pytest.mark.parametrize(("file", "form"), [(GLUE, "1\t1\t2\t{}\tB\n"), (EXPORT, "{}\tB\t1\n")], ids=["raw", "quoted"])
def test_line_ends_of_unicode_and_long_texts_are_text(tmp_path, file, form):
    limit = csv.field_size_limit()
    texts = [LINE_ENDS_OF_UNICODE, "long " * limit, "it 's \\ fine"]
    write(tmp_path / "train.tsv", GLUE_HEADER * file.header + "".join(form.format(text) for text in texts))
    assert [row.fields[file.text_a] for _, row in file.read(tmp_path)] == texts
    assert csv.field_size_limit() == limit


def test_raw_quotes_are_characters_and_export_quotes_are_not(tmp_path):
    path = write(tmp_path / "x.tsv", '"a\t"" b"\n\t\n')
    assert read_raw_tsv(path) == [Row(1, ['"a', '"" b"']), Row(2, ["", ""])]
    assert quoted_rows(path, read_text(path)) == [Row(1, ['a\t" b']), Row(2, ["", ""])]


def test_a_quoted_row_of_several_lines_has_the_number_of_its_first_line(tmp_path):
    path = write(tmp_path / "x.tsv", '"a\n\nb"\t1\r\n"c\r\nd"\t2\ne\t3\n')
    assert quoted_rows(path, read_text(path)) == [Row(1, ["a\n\nb", "1"]), Row(4, ["c\r\nd", "2"]), Row(6, ["e", "3"])]


@pytest.mark.parametrize(
    ("file", "content", "line", "what"),
    [
        (GLUE, "", 1, "the file is empty"),
        (GLUE, "\ufeff", 1, "the file is empty"),
        (GLUE, GLUE_HEADER, 1, "no rows below the header"),
        (GLUE, GLUE_TRAIN + "1\t31\t32\tA\n", 4, "the row has 4 columns, but 5 are needed"),
        (GLUE, GLUE_TRAIN + "1\t31\t32\tA\tB\tC\n", 4, "the row has 6 columns, but 5 are needed"),
        (GLUE, GLUE_TRAIN + "\n1\t31\t32\tA\tB\n", 4, "the line is blank; remove it"),
        (GLUE, GLUE_TRAIN + " \t \n1\t31\t32\tA\tB\n", 4, "the line is blank; remove it"),
        (GLUE, GLUE_TRAIN + "\t\t\t\t\n1\t31\t32\tA\tB\n", 4, "the line is blank; remove it"),
        (GLUE, "\n" + GLUE_TRAIN, 1, "the line is blank; remove it"),
        (GLUE, " \n\t\n\n", 1, "all lines are blank"),
        (GLUE, GLUE_TRAIN.replace("\t", ","), 1, "the columns are separated by commas"),
        (GLUE, GLUE_TRAIN.replace("\t", ";"), 1, "the columns are separated by semicolons"),
        (GLUE, GLUE_TRAIN.replace("\t", "\\t"), 1, "the columns are separated by a backslash and a t"),
        (GLUE, GLUE_TRAIN.replace("\t", "    "), 1, "the columns are separated by spaces"),
        (GLUE, GLUE_TRAIN + GLUE_HEADER, 4, "the header is repeated; remove it here"),
        (GLUE, GLUE_TRAIN.replace("\n", "\r"), 1, "the lines end with a carriage return (\\r) alone"),
        (EXPORT, EXPORT_TRAIN.replace("\n", "\r"), 1, "the lines end with a carriage return (\\r) alone"),
        (GLUE, GLUE_TRAIN + "1\t31\t32\tA\rC\tB\n", 4, "carriage return"),
        (EXPORT, EXPORT_TRAIN + "A\tB\n", 3, "the row has 2 columns, but 3 are needed"),
        (EXPORT, EXPORT_TRAIN + "A\tB\t1\t1\n", 3, "the row has 4 columns, but 3 are needed"),
        (EXPORT, EXPORT_TRAIN + "\n" + EXPORT_TRAIN, 3, "the line is blank; remove it"),
        (EXPORT, EXPORT_TRAIN + "A\rC\tB\t1\n", 3, "carriage return"),
        (EXPORT, EXPORT_TRAIN + 'A\rC\t"B"\t1\n', 3, "carriage return"),
        (EXPORT, EXPORT_TRAIN + 'A\t"B\t1\nC\tD\t0\n', 3, "a quoted field begins here and is not closed"),
        (EXPORT, EXPORT_TRAIN + 'A\t"B\t1\nC\tD\t0\n' + EXPORT_TRAIN, 3, "a quoted field begins here and is not"),
        (EXPORT, EXPORT_TRAIN + '"A" C\tB\t1\n', 3, "a quoted field begins here and is not closed"),
        (EXPORT, EXPORT_TRAIN + '"A\n""A"""\t"B\t1\n', 4, "a quoted field begins here and is not closed"),
        (GLUE, GLUE_TRAIN + "1\t31\t32\tA\0\tB\n", 4, "NUL"),
        (EXPORT, EXPORT_TRAIN + "A\0\tB\t1\n", 3, "NUL"),
    ],
)
def test_a_bad_file_is_reported_in_one_line_with_its_line_number(tmp_path, file, content, line, what):
    message = error_of(file, tmp_path, content)
    assert message.startswith(f"{line}: ") and what in message


def test_crlf_does_not_change_line_numbers(tmp_path):
    assert error_of(EXPORT, tmp_path, (EXPORT_TRAIN + "A\tB\n").replace("\n", "\r\n")).startswith("3: ")
    assert error_of(GLUE, tmp_path, (GLUE_TRAIN + "9\t1\t2\tA\n").replace("\n", "\r\n")).startswith("4: ")


def test_an_unclosed_quote_in_a_large_export_is_found_quickly(tmp_path):
    assert error_of(EXPORT, tmp_path, 'A\t"B\t1\n' + 'He said "" yes\tB\t1\n' * 200_000).startswith("1: ")


def test_rows_are_numbered_as_in_the_original_and_exports_from_1(tmp_path):
    write(tmp_path / "x.tsv", "a\nb\n")
    columns = {"text_a": 0, "columns": 1}
    assert [number for number, _ in TsvFile("x.tsv", header=True, **columns).read(tmp_path)] == ["1"]
    assert [number for number, _ in TsvFile("x.tsv", header=False, **columns).read(tmp_path)] == ["0", "1"]
    assert [number for number, _ in TsvFile("x.tsv", header=False, quoted=True, **columns).read(tmp_path)] == ["1", "2"]
    assert [number for number, _ in TsvFile("x.tsv", header=False, guid=0, **columns).read(tmp_path)] == ["a", "b"]


def test_rows_with_another_value_are_skipped_and_keep_their_numbers(tmp_path):
    path = write(tmp_path / "x.tsv", "language\ttext\nde\ta\nzh\tb\nde\tc\n")
    rows = TsvFile("x.tsv", text_a=1, only=(0, "de")).read(tmp_path)
    assert list(rows) == [("1", Row(2, ["de", "a"])), ("3", Row(4, ["de", "c"]))]
    with pytest.raises(UserError) as caught:
        list(TsvFile("x.tsv", text_a=1, only=(0, "sw")).read(tmp_path))
    problem = "there are no rows with 'sw' in column 1, only with 'de', 'zh'"
    assert str(caught.value) == f"{path}:1: {problem}; check that this is the right file"


def test_the_last_column_may_be_the_label_of_rows_of_any_length(tmp_path):
    write(tmp_path / "x.tsv", "a\tb\tc\nd\te\tf\tg\n")
    file = TsvFile("x.tsv", text_a=1, label=-1, header=False)
    assert file.min_columns == 3
    assert [row.fields[-1] for _, row in file.read(tmp_path)] == ["c", "g"]
    assert "the row has 2 columns, but at least 3 are needed" in error_of(
        TsvFile("train.tsv", text_a=1, label=-1, header=False), tmp_path, "a\tb\n"
    )


ZERO_OR_ONE = OneLabel("01")
FOUND_OUT = TsvFile("train.tsv", text_a=0, label=1, header=False)


@pytest.mark.parametrize(
    ("content", "texts"),
    [
        ('He said "yes" .\t1\n"Hello ."\t0\n', ['He said "yes" .', '"Hello ."']),
        ('"He said ""yes"" ."\t1\nHello .\t0\n', ['He said "yes" .', "Hello ."]),
        ('"Hello ."\t1\n"He ""is"" ."\t0\n', ["Hello .", 'He "is" .']),
        ('"A\tB"\t1\nC\t0\n', ["A\tB", "C"]),
        ('"A\nB"\t1\nC\t0\n', ["A\nB", "C"]),
        ('"A\r\nB"\t1\r\nC\t0\r\n', ["A\r\nB", "C"]),
        ('"Hello ."\t"1"\n"C"\t"0"\n', ["Hello .", "C"]),
        ('"Hello ."\t1\n"Bye ."\t0\n', ["Hello .", "Bye ."]),
        ('"Hello ."\t1\nBye .\t0\n', ['"Hello ."', "Bye ."]),
        ('"A, b"\t1\n"C, d"\t1\n"E, f"\t1\nG\t0\n', ["A, b", "C, d", "E, f", "G"]),
        ('""\t1\nC\t0\n', ["", "C"]),
        ('"A, b"\t1\nG\t0\n', ['"A, b"', "G"]),
        ('"A ""b"""\t1\nC "d" e\t0\nF "g" h\t0\n', ['"A ""b"""', 'C "d" e', 'F "g" h']),
        ('"""Hi"" and ""bye"" ."\t1\nA "b" c\t0\n', ['"Hi" and "bye" .', 'A "b" c']),
    ],
)
def test_raw_and_quoted_files_are_told_apart(tmp_path, content, texts):
    write(tmp_path / "train.tsv", content)
    assert [row.fields[0] for _, row in FOUND_OUT.read(tmp_path, ZERO_OR_ONE)] == texts


def test_a_decision_about_quotes_that_could_be_otherwise_is_described(tmp_path):
    def description(content: str) -> str:
        write(tmp_path / "train.tsv", content)
        table = FOUND_OUT.load(tmp_path, ZERO_OR_ONE)
        assert table.is_odd
        return table.description

    assert "kept the double quotes around 1 fields" in description('"Hello ."\t1\nBye .\t0\n')
    assert "removed the double quotes around 2 fields" in description('"Hello ."\t1\n"Bye ."\t0\n')
    assert "1 fields have double quotes that are not quoted" in description('"A ""b"""\t1\nA "b" c\t0\n')


def test_a_mistake_in_a_quoted_file_does_not_make_it_raw(tmp_path):
    message = error_of(FOUND_OUT, tmp_path, '"He said ""yes"" ."\t1\nA\t1\n"B\t1\nC\t0\n')
    assert message.startswith("3: a quoted field begins here and is not closed")


def test_quotes_escaped_by_backslashes_are_refused_but_not_in_a_raw_file(tmp_path):
    content = '"A cat ."\t1\n"He said \\"hi\\" ."\t0\n'
    assert error_of(FOUND_OUT, tmp_path, content) == (
        '2: a double quote in a quoted field is written as \\"; write it twice, as csv does ("")'
    )
    write(tmp_path / "train.tsv", content + 'He said "hi" .\t0\n')
    assert [row.fields[0] for _, row in FOUND_OUT.read(tmp_path)][1] == '"He said \\"hi\\" ."'


def test_a_csv_file_with_fields_of_several_lines_is_named(tmp_path):
    content = 'text,label\n"A\nB, c",1\n"D, e",0\n'
    assert error_of(FOUND_OUT, tmp_path, content).startswith("1: the columns are separated by commas")


def test_in_a_file_of_texts_alone_quotes_tell_an_empty_text_from_a_blank_line(tmp_path):
    texts = TsvFile("train.tsv", text_a=0, header=False)
    write(tmp_path / "train.tsv", '"A, ""b"""\n""\nC\n""\n')
    assert [row.fields for _, row in texts.read(tmp_path)] == [['A, "b"'], [""], ["C"], [""]]
    assert error_of(texts, tmp_path, "A\n\nB\n") == "2: the line is blank; remove it"


def test_a_repeated_word_is_an_example_in_a_list_of_words(tmp_path):
    write(tmp_path / "x.tsv", "word\ncat\nword\n")
    assert [row.fields for _, row in TsvFile("x.tsv", text_a=0).read(tmp_path)] == [["cat"], ["word"]]


def test_a_short_row_before_a_quoted_line_end_is_not_called_a_matter_of_tabs(tmp_path):
    raw = TsvFile("train.tsv", text_a=0, text_b=1, label=2, header=False, quoted=False)
    message = error_of(raw, tmp_path, 'A\tB\t1\nC\t"D\nE"\t0\n')
    assert message.endswith("if a quoted field has tabs or line ends, double each double quote inside it")


def test_what_is_declared_about_quotes_holds(tmp_path):
    write(tmp_path / "train.tsv", '"A\t1\nB"\t1\n')
    raw = TsvFile("train.tsv", text_a=0, label=1, header=False, quoted=False)
    quoted = TsvFile("train.tsv", text_a=0, label=1, header=False, quoted=True)
    assert [row.fields[0] for _, row in raw.read(tmp_path)] == ['"A', 'B"']
    assert [row.fields[0] for _, row in quoted.read(tmp_path)] == ["A\t1\nB"]


REVIEWS = TsvFile("train.tsv", text_a=1, label=0)


def description(folder: Path, content: str) -> str:
    write(folder / "train.tsv", content)
    table = REVIEWS.load(folder)
    return table.description if table.is_odd else ""


def test_a_rare_row_with_a_stray_tab_is_named(tmp_path):
    rows = "label\ttext\n" + 150 * "1\tIt rains .\n"
    odd = "line 152 has 3 columns, but nearly all lines have 2"
    assert description(tmp_path, f"{rows}1\tIt\trains .\n{rows[11:]}").endswith(odd)
    wide = rows.replace(" .\n", " .\ta note\n")
    assert description(tmp_path, f"{wide}1\tIt rains .\n").endswith(
        "line 152 has 2 columns, but nearly all lines have 3"
    )


@pytest.mark.parametrize("row", ["1\tIt rains .\t\t\n", "1\t\n"])
def test_empty_fields_at_the_end_of_a_row_are_not_odd(tmp_path, row):
    assert description(tmp_path, "label\ttext\n" + 150 * "1\tIt rains .\n" + row) == ""
    assert description(tmp_path, "label\ttext\n" + 150 * "1\tIt rains .\t\t\n" + row) == ""


def test_a_column_that_some_rows_fill_is_not_odd(tmp_path):
    rows = 90 * "1\tIt rains .\n" + 10 * "1\tIt rains .\tsee above\n"
    assert description(tmp_path, f"label\ttext\n{rows}") == ""
