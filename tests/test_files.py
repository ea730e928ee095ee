"""Files are whole or not there."""

import os
from pathlib import Path

import pytest

from bert_tf.files import atomic_write


@pytest.fixture
def umask():
    """Sets the umask for one test."""
    before = os.umask(0)
    os.umask(before)
    yield os.umask
    os.umask(before)


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_text_is_utf_8_with_plain_line_ends(tmp_path):
    with atomic_write(tmp_path / "a.txt") as file:
        file.write("ä\n")
    assert (tmp_path / "a.txt").read_bytes() == b"\xc3\xa4\n"


def test_bytes_are_written_as_they_are(tmp_path):
    with atomic_write(tmp_path / "a", "wb") as file:
        file.write(b"\r\n\xff\0")
    assert (tmp_path / "a").read_bytes() == b"\r\n\xff\0"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_exception_leaves_the_old_file_and_nothing_else(tmp_path, error):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(error), atomic_write(path) as file:
        file.write("new" * 100_000)
        raise error
    assert path.read_text() == "old"
    assert names_in(tmp_path) == ["a.txt"]


def test_an_exception_leaves_no_file_where_there_was_none(tmp_path):
    with pytest.raises(ValueError), atomic_write(tmp_path / "a.txt"):
        raise ValueError
    assert names_in(tmp_path) == []


def test_a_reader_sees_the_old_content_until_the_block_has_ended(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with atomic_write(path) as file:
        file.write("new")
        file.flush()
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert names_in(tmp_path) == ["a.txt"]


def test_who_has_the_old_file_open_reads_it_to_the_end(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with path.open() as reader:
        with atomic_write(path) as file:
            file.write("new")
        assert reader.read() == "old"


@pytest.mark.parametrize("mask, mode", [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
@pytest.mark.parametrize("exists", [False, True])
def test_the_permissions_are_those_of_any_new_file(tmp_path, umask, mask, mode, exists):
    path = tmp_path / "a.txt"
    if exists:
        path.write_text("old")
        path.chmod(0o600)
    umask(mask)
    with atomic_write(path) as file:
        file.write("new")
    assert path.stat().st_mode & 0o777 == mode
    assert umask(mask) == mask


def test_nothing_is_left_where_a_folder_is_in_the_way(tmp_path):
    (tmp_path / "a.txt").mkdir()
    with pytest.raises(OSError), atomic_write(tmp_path / "a.txt") as file:
        file.write("new")
    assert names_in(tmp_path) == ["a.txt"]


def test_a_missing_folder_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError), atomic_write(tmp_path / "none" / "a.txt"):
        pass
