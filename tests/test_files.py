"""Files are whole or not there, locks die with their process, and broken files do not break their readers."""

import json
import os
import re
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bert_tf.errors import UserError
from bert_tf.files import (
    append_whole,
    atomic_write,
    is_leftover,
    last_lines,
    locked,
    make_folder,
    open_at_end,
    read_bytes,
    read_json,
    read_json_or_empty,
    read_text,
    sync_folder,
    write_json,
)

HOLD_LOCK = """
import sys
from bert_tf.files import locked
with locked(sys.argv[1], "refused"):
    print("locked", flush=True)
    sys.stdin.read()
"""


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


# Folders and locks.


def test_a_folder_is_made_with_those_above_it_and_stays_empty(tmp_path):
    for _ in range(2):
        make_folder(tmp_path / "a" / "b", "output_dir")
    assert names_in(tmp_path / "a") == ["b"] and names_in(tmp_path / "a" / "b") == []


def test_a_file_in_the_way_of_a_folder_is_refused_and_kept(tmp_path):
    (tmp_path / "a").write_text("mine")
    for path in (tmp_path / "a", tmp_path / "a" / "b"):
        with pytest.raises(UserError, match=f"^output_dir: {re.escape(str(path))}: cannot be written to: "):
            make_folder(path, "output_dir")
    assert (tmp_path / "a").read_text() == "mine"


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs a folder that not even root can write to")
def test_a_folder_that_cannot_be_written_to_is_refused():
    with pytest.raises(UserError, match=r"^OUTPUT_DIR: /proc: cannot be written to: "):
        make_folder("/proc", "OUTPUT_DIR")


def is_locked(path: Path) -> bool:
    try:
        with locked(path, "held by another process"):
            return False
    except UserError as error:
        assert str(error) == "held by another process"
        return True


def test_a_lock_is_free_again_after_its_block(tmp_path):
    for _ in range(2):
        with locked(tmp_path / "lock", "held"), locked(tmp_path / "other lock", "held"):
            assert is_locked(tmp_path / "lock")
        assert not is_locked(tmp_path / "lock")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_lock_dies_with_its_process(tmp_path, number):
    command = [sys.executable, "-c", HOLD_LOCK, str(tmp_path / "lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"locked\n"
        assert is_locked(tmp_path / "lock")
        holder.send_signal(number)
        holder.wait()
    assert not is_locked(tmp_path / "lock")


# Logs.


def test_the_last_lines_are_those_that_are_not_blank(tmp_path):
    path = tmp_path / "run.log"
    path.write_bytes(b"one\ntwo\n\n  \n\xff three\r40%\r100%\ncut")
    assert last_lines(path, 2) == ["100%", "cut"]
    assert last_lines(path, 99) == ["one", "two", "\ufffd three", "40%", "100%", "cut"]
    path.write_bytes(b"")
    assert last_lines(path, 2) == []


def test_lines_before_the_start_are_left_out(tmp_path):
    path = tmp_path / "run.log"
    path.write_text("first attempt\nsecond attempt\n")
    assert last_lines(path, 9, start=len("first attempt\n")) == ["second attempt"]
    assert last_lines(path, 9, start=1000) == []


def test_only_the_end_of_a_huge_log_is_read(tmp_path):
    path = tmp_path / "run.log"
    with path.open("wb") as file:
        file.truncate(2**40)  # a hole: a terabyte of zeros that takes no room
        file.seek(0, os.SEEK_END)
        file.write(b"\nthe end\n")
    assert last_lines(path, 1) == ["the end"]


def test_the_last_lines_of_a_missing_log_are_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        last_lines(tmp_path / "run.log", 1)


# JSON.


def test_json_is_read_as_it_was_written(tmp_path):
    content = {"b": 1.5, "a": {"c": "ä", "d": None}}
    write_json(tmp_path / "a.json", content)
    assert read_json(tmp_path / "a.json") == read_json_or_empty(tmp_path / "a.json") == content
    text = (tmp_path / "a.json").read_text()
    assert text.endswith("}\n") and text.index('"a"') < text.index('"b"')


def test_what_is_no_json_leaves_the_old_file(tmp_path):
    write_json(tmp_path / "a.json", {"old": 1})
    with pytest.raises(TypeError):
        write_json(tmp_path / "a.json", {"new": object()})
    assert read_json(tmp_path / "a.json") == {"old": 1}
    assert names_in(tmp_path) == ["a.json"]


@pytest.mark.parametrize("content", [b"", b'{"a": 1', b"[1]", b"null", b"\xff", b"[" * 100_000])
def test_a_broken_json_file_is_an_error_or_empty(tmp_path, content):
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(ValueError):
        read_json(path)
    assert read_json_or_empty(path) == {}


def test_a_missing_json_file_is_an_error_or_empty(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_json(tmp_path / "a.json")
    assert read_json_or_empty(tmp_path / "a.json") == {}
    assert read_json_or_empty(tmp_path) == {}  # a folder


def test_only_regular_files_of_limited_size_are_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "large").write_bytes(b"x" * 11)
    with pytest.raises(OSError, match="not a regular file"):
        read_bytes(tmp_path / "pipe", 10)
    with pytest.raises(IsADirectoryError):
        read_bytes(tmp_path, 10)
    with pytest.raises(ValueError, match="is larger than 10 bytes"):
        read_bytes(tmp_path / "large", 10)
    assert read_bytes(tmp_path / "large", 11) == b"x" * 11


def test_a_byte_order_mark_is_no_part_of_a_text_or_of_json(tmp_path):
    (tmp_path / "a").write_bytes(b'\xef\xbb\xbf{"a": 1}')
    assert read_text(tmp_path / "a") == '{"a": 1}'
    assert read_json(tmp_path / "a") == {"a": 1}


# Links, and what is no file.


@pytest.fixture
def outside(tmp_path) -> Path:
    """A file that no link may lead a writer to."""
    path = tmp_path / "outside.txt"
    path.write_text("theirs")
    return path


def test_a_link_is_replaced_and_its_target_stays(tmp_path, outside):
    (tmp_path / "a.txt").symlink_to(outside)
    with atomic_write(tmp_path / "a.txt") as file:
        file.write("ours")
    assert outside.read_text() == "theirs"
    assert (tmp_path / "a.txt").read_text() == "ours" and not (tmp_path / "a.txt").is_symlink()


def lock(path: Path) -> None:
    with locked(path, "held"):
        pass


def append(path: Path) -> None:
    append_whole(path, b"ours")


def open_log(path: Path) -> None:
    with open_at_end(path) as file:
        file.write(b"ours")


@pytest.mark.parametrize("write", [lock, append, open_log])
@pytest.mark.parametrize("is_dangling", [False, True])
def test_no_file_is_written_through_a_link(tmp_path, outside, write, is_dangling):
    if is_dangling:
        outside.unlink()
    (tmp_path / "link").symlink_to(outside)
    with pytest.raises((OSError, UserError), match="is a symbolic link") as error:
        write(tmp_path / "link")
    assert "\n" not in str(error.value)
    assert not outside.exists() if is_dangling else outside.read_text() == "theirs"


@pytest.mark.parametrize("write", [lock, append, open_log])
@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, lambda path: os.mknod(path, 0o020666, os.makedev(1, 3))])
def test_what_is_no_file_is_refused_and_nobody_waits(tmp_path, write, make):
    try:
        make(tmp_path / "a")
    except PermissionError:
        pytest.skip("only root makes devices")
    with pytest.raises((OSError, UserError)):
        write(tmp_path / "a")


def test_a_lock_is_not_emptied(tmp_path):
    (tmp_path / "lock").write_text("somebody's file")
    lock(tmp_path / "lock")
    assert (tmp_path / "lock").read_text() == "somebody's file"


def test_a_lock_that_cannot_be_made_is_reported_in_one_line(tmp_path):
    with pytest.raises(UserError, match=r"none/lock: cannot be locked \(No such file or directory\); ") as error:
        lock(tmp_path / "none" / "lock")
    assert "\n" not in str(error.value)


def test_what_does_not_fit_is_not_written_in_part(tmp_path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    append_whole(tmp_path / "log", b"1" * 60)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        with pytest.raises(OSError):
            append_whole(tmp_path / "log", b"2" * 60)
        append_whole(tmp_path / "log", b"3" * 30)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert (tmp_path / "log").read_bytes() == b"1" * 60 + b"3" * 30


def test_the_name_of_a_leftover_is_known(tmp_path):
    with atomic_write(tmp_path / "a+b.txt"):
        (name,) = names_in(tmp_path)
    assert is_leftover(name, of="a+b.txt")
    for other in (
        "a+b.txt",
        ".a+b.txt",
        ".a+b.txt.old",
        ".aab.txt.abcdefgh",
        ".a+b.txt.abcdefghi",
        "x.a+b.txt.abcdefgh",
    ):
        assert not is_leftover(other, of="a+b.txt")


def test_a_folder_that_is_gone_cannot_be_synced(tmp_path):
    sync_folder(tmp_path)
    with pytest.raises(FileNotFoundError):
        sync_folder(tmp_path / "none")


def test_numbers_that_json_does_not_have_are_null(tmp_path):
    write_json(tmp_path / "a", {"a": [float("nan"), float("inf"), 0.1]})
    assert json.loads((tmp_path / "a").read_text(), parse_constant=pytest.fail) == {"a": [None, None, 0.1]}
