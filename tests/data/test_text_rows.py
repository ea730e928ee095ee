import pytest

from bert_tf.data.text_rows import Remedies, RowCheck, chunks_of, line_rows, plain_row
from bert_tf.errors import UserError

REMEDIES = Remedies("give two", "give one")


def rows_of(*lines: str) -> list:
    return list(line_rows("standard input", lines))


def test_a_line_is_a_text_or_a_pair_and_blank_lines_are_left_out():
    rows = rows_of("It rains .\r\n", "\n", " \t \n", "a\tb\n", "\tb")
    assert [row.texts for row in rows] == ["It rains .", ("a", "b"), ("", "b")]
    assert [row.where for row in rows] == ["standard input:1", "standard input:4", "standard input:5"]
    assert [list(row.names) for row in rows[:2]] == [["text"], ["text", "text_pair"]]


def test_a_line_with_two_tabs_is_refused():
    with pytest.raises(UserError, match="standard input:2: there are 3 texts; give one, or a pair with one tab"):
        rows_of("a\n", "a\tb\tc\n")


@pytest.mark.parametrize("texts", [[""], [" "], ["", ""]])
def test_an_empty_text_is_refused(texts):
    with pytest.raises(UserError, match="command line: the text is empty"):
        plain_row("command line", texts)


def test_a_text_that_is_not_utf8_is_refused():
    with pytest.raises(UserError, match="command line: the text is not UTF-8"):
        plain_row("command line", ["a", "b\udcff"])


@pytest.mark.parametrize(
    ("pairs", "lines", "message"),
    [
        (True, ["a\tb\n", "c\n"], "standard input:2: is one text, but the model takes pairs of texts; give two"),
        (False, ["a\n", "c\td\n"], "standard input:2: is a pair of texts, but the model takes single texts; give one"),
        (None, ["a\n", "c\td\n"], "standard input:2: is a pair of texts"),
        (None, ["a\tb\n", "c\n"], "standard input:2: is one text"),
    ],
)
def test_all_rows_must_be_what_the_model_takes_or_else_as_the_first_one(pairs, lines, message):
    with pytest.raises(UserError, match=message):
        list(RowCheck(pairs, [], REMEDIES).check(rows_of(*lines)))


def test_a_check_goes_on_where_the_last_one_ended():
    check = RowCheck(None, [], REMEDIES)
    assert len(list(check.check(rows_of("a\n")))) == 1
    with pytest.raises(UserError, match="is a pair"):
        list(check.check(rows_of("a\tb\n")))


def test_a_column_that_is_to_be_added_must_not_be_there():
    with pytest.raises(UserError, match="standard input:1: the column 'text' is there already"):
        list(RowCheck(None, ["prediction", "text"], REMEDIES).check(rows_of("a\n")))


def test_chunks_have_all_rows_in_their_order():
    rows = rows_of("a\n", "b\n", "c\n")
    assert [[row.texts for row in chunk] for chunk in chunks_of(rows, 2)] == [["a", "b"], ["c"]]
    assert list(chunks_of([], 2)) == []
