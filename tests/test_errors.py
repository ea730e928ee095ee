"""The one-line messages of mistakes that the user can fix."""

import pytest

from bert_tf.errors import UserError, first_few, printable, reading, reason_of, user_error_for


def test_an_exception_becomes_one_line_that_says_where_what_and_what_to_do():
    with (
        pytest.raises(UserError) as caught,
        user_error_for((OSError, ValueError), "a.txt", "is broken", "get it again"),
    ):
        raise ValueError("no\n  number")
    assert str(caught.value) == "a.txt: is broken (no number); get it again"
    assert isinstance(caught.value.__cause__, ValueError)


@pytest.mark.parametrize("error", [KeyError("x"), UserError("b.txt: is missing; write it"), KeyboardInterrupt()])
def test_other_exceptions_pass_unchanged(error):
    with pytest.raises(type(error)) as caught, user_error_for((OSError, ValueError), "a.txt", "is broken", "get it"):
        raise error
    assert caught.value is error


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (IsADirectoryError(21, "Is a directory", "a/long/path"), "Is a directory"),
        (OSError("timed out"), "timed out"),
        (
            RuntimeError("{{function_node __wrapped__SaveV2}} a/b: No space left\n[Op:SaveV2]"),
            "a/b: No space left [Op:SaveV2]",
        ),
        (EOFError(), "EOFError"),
        (ValueError("x" * 1000), "x" * 200),
    ],
)
def test_the_reason_of_an_exception_is_one_short_line(error, reason):
    assert reason_of(error) == reason


def test_few_names_are_all_listed_and_many_are_counted():
    assert first_few([]) == ""
    assert first_few(name for name in "abcd") == "a, b, c, d"
    assert first_few("abcde") == "a, b, c, d and 1 more"


@pytest.mark.parametrize("error", [KeyError("x"), RecursionError(), MemoryError(), OSError(5, "Input/output error")])
def test_every_exception_of_a_reader_becomes_one_line_about_its_file(error):
    with (
        pytest.raises(UserError, match=r"^a.json: cannot be read \(.+\); copy it again$"),
        reading("a.json", "copy it again"),
    ):
        raise error


@pytest.mark.parametrize("error", [UserError("b.txt: is missing; write it"), KeyboardInterrupt()])
def test_a_reader_s_own_error_and_an_interruption_pass_unchanged(error):
    with pytest.raises(type(error)) as caught, reading("a.json", "copy it again"):
        raise error
    assert caught.value is error


def test_a_message_cannot_move_the_cursor_or_fill_lines():
    assert printable("a\nb\t c\x1b[2J\x00\udcff\u202e") == r"a b c\x1b[2J\x00\udcff\u202e"
    assert first_few(["x\x1b[31m"]) == r"x\x1b[31m"
    assert reason_of(ValueError("\x07")) == r"\x07"
