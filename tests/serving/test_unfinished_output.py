"""A killed computation continues from whole records, and never from those of other settings."""

from pathlib import Path

import pytest

from bert_tf.errors import UserError
from bert_tf.serving.unfinished_output import opened, unfinished_folder

SETTINGS = {"input": "3f5a", "layers": [-1, -2]}


class Killed(BaseException):
    pass


def begin(output: Path, settings: dict = SETTINGS) -> None:
    """A process that is killed after two texts, while it writes the third."""
    with pytest.raises(Killed), opened(output, settings, ["a", "b"], restart=False) as unfinished:
        unfinished.append({"a": b"one", "b": b"1"}, done=1)
        unfinished.append({"a": b"two", "b": b"2"}, done=2)
        with unfinished.path("a").open("ab") as file:
            file.write(b"thr")
        raise Killed


def contents(output: Path, settings: dict = SETTINGS, restart: bool = False) -> tuple[int, bytes, bytes]:
    with opened(output, settings, ["a", "b"], restart) as unfinished:
        return unfinished.done, unfinished.path("a").read_bytes(), unfinished.path("b").read_bytes()


@pytest.fixture
def output(tmp_path) -> Path:
    return tmp_path / "out.bin"


def test_what_was_not_recorded_is_cut_off(output):
    begin(output)
    assert contents(output) == (2, b"onetwo", b"12")


def test_nothing_stays_when_all_is_done(output):
    begin(output)
    contents(output)
    assert not unfinished_folder(output).exists()
    assert contents(output) == (0, b"", b"")


def test_other_settings_are_an_error_that_names_them(output):
    begin(output)
    with pytest.raises(UserError, match=r"other settings: layers was \[-1, -2\], is \[-1\]; name another file, or"):
        contents(output, {**SETTINGS, "layers": [-1]})
    assert contents(output) == (2, b"onetwo", b"12")


def test_other_settings_begin_anew_if_that_is_asked_for(output):
    begin(output)
    assert contents(output, {**SETTINGS, "layers": [-1]}, restart=True) == (0, b"", b"")


def test_the_same_settings_continue_also_then(output):
    begin(output)
    assert contents(output, restart=True) == (2, b"onetwo", b"12")


@pytest.mark.parametrize("harm", ["a file is gone", "a file is short", "the record is broken"])
def test_an_output_that_is_not_all_there_begins_anew(output, harm):
    begin(output)
    folder = unfinished_folder(output)
    if harm == "a file is gone":
        (folder / "b.part").unlink()
    elif harm == "a file is short":
        (folder / "a.part").write_bytes(b"onet")
    else:
        (folder / "progress.json").write_text('{"done": 2, "bytes": ')
    assert contents(output) == (0, b"", b"")


def test_two_processes_do_not_write_the_same_output(output):
    running = opened(output, SETTINGS, ["a"], restart=False)
    with running, pytest.raises(UserError, match="another process is writing it"):
        contents(output)
