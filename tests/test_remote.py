"""Remote paths: they do what those of pathlib do. TensorFlow's ram:// stands for the others."""

import io
import itertools
from pathlib import Path

import pytest

from bert_tf.errors import UserError
from bert_tf.files import append_whole, atomic_write, is_there, locked, make_folder, read_bytes, read_json, write_json
from bert_tf.remote import RemotePath, as_path, local_copy

_NUMBERS = itertools.count()


@pytest.fixture
def folder() -> RemotePath:
    """A folder of its own: ram:// lives as long as the process."""
    path = as_path(f"ram://test_remote_{next(_NUMBERS)}_/folder")
    path.mkdir()
    return path


@pytest.mark.parametrize(
    ("address", "same"),
    [
        ("gs://bucket/a/", "gs://bucket/a"),
        ("gs://bucket//a/./b/../c", "gs://bucket/a/c"),
        ("hdfs://host:9000/a", "hdfs://host:9000/a"),
        ("ram:///a", "ram:///a"),
        ("gs://bucket/a b/größe", "gs://bucket/a b/größe"),
    ],
)
def test_an_address_keeps_its_slashes(address, same):
    path = as_path(address)
    assert str(path) == same and as_path(path) == path and as_path(same) == path
    assert str(path / "x" / "y.txt") == f"{same}/x/y.txt"
    assert (path / "x").parent == path


def test_the_parts_of_an_address_are_those_of_a_path():
    path = as_path("gs://bucket/a/model.ckpt-3.index")
    assert (path.name, path.stem, path.suffix) == ("model.ckpt-3.index", "model.ckpt-3", ".index")
    assert str(path.with_suffix("")) == "gs://bucket/a/model.ckpt-3"
    assert str(path.with_name("checkpoint")) == "gs://bucket/a/checkpoint"
    assert len(as_path("gs://bucket").parts) == 2


def test_a_local_path_is_one_of_pathlib():
    assert as_path("a/b") == Path("a/b") and as_path(Path("a")) == Path("a")
    assert isinstance(as_path("./gs:/x"), Path)


def test_files_and_folders_are_told_apart(folder):
    (folder / "model.ckpt-3.index").write_bytes(b"x")
    assert folder.is_dir() and folder.exists() and not folder.is_file()
    file = folder / "model.ckpt-3.index"
    assert file.is_file() and file.exists() and not file.is_dir() and file.stat().st_size == 1
    for missing in (folder / "model.ckpt-3", folder / "none", folder / "none" / "none"):
        assert not (missing.exists() or missing.is_file() or missing.is_dir() or is_there(missing))
        with pytest.raises(FileNotFoundError):
            missing.stat()
        with pytest.raises(FileNotFoundError):
            missing.read_bytes()
        with pytest.raises(FileNotFoundError):
            list(missing.iterdir())


def test_a_folder_is_listed(folder):
    for name in ("b.index", "a.index", "c"):
        (folder / name).write_bytes(b"")
    assert sorted(folder.iterdir()) == [folder / "a.index", folder / "b.index", folder / "c"]
    assert sorted(path.name for path in folder.glob("*.index")) == ["a.index", "b.index"]


def test_files_are_renamed_and_removed(folder):
    (folder / "a").write_bytes(b"new")
    (folder / "b").write_bytes(b"old")
    (folder / "a").replace(folder / "b")
    assert (folder / "b").read_bytes() == b"new" and not (folder / "a").exists()
    (folder / "b").unlink()
    (folder / "b").unlink(missing_ok=True)
    with pytest.raises(FileNotFoundError):
        (folder / "b").unlink()


def test_a_file_is_read_in_parts(folder):
    content = bytes(range(256)) * 10000
    (folder / "a").write_bytes(content)
    with (folder / "a").open("rb") as file:
        assert file.seek(-3, io.SEEK_END) == len(content) - 3 and file.read() == content[-3:]
        assert file.seek(1000) == 1000 and file.read(2_000_000) == content[1000:2_001_000]
    with local_copy(folder / "a") as copy:
        assert copy.name == "a" and copy.read_bytes() == content
    assert not copy.exists()


def test_a_remote_file_is_written_whole_or_not_at_all(folder):
    write_json(folder / "a.json", {"a": 1})
    with pytest.raises(KeyboardInterrupt), atomic_write(folder / "a.json") as file:
        file.write("half")
        raise KeyboardInterrupt
    assert read_json(folder / "a.json") == {"a": 1}
    with atomic_write(folder / "lines", "w") as file:
        file.write("größe\n")
    append_whole(folder / "lines", b"more\n")
    assert read_bytes(folder / "lines", 100) == "größe\nmore\n".encode()
    assert sorted(path.name for path in folder.iterdir()) == ["a.json", "lines"]


def test_large_files_and_folders_are_not_read(folder):
    (folder / "a").write_bytes(b"123")
    assert read_bytes(folder / "a", 3) == b"123"
    with pytest.raises(ValueError, match="is larger than 2 bytes"):
        read_bytes(folder / "a", 2)
    with pytest.raises(IsADirectoryError):
        read_bytes(folder, 2)


def test_a_file_in_the_place_of_a_folder_is_reported(folder):
    (folder / "a").write_bytes(b"123")
    with pytest.raises(UserError, match=r"^output_dir: ram://.*/a: cannot be written to: "):
        make_folder(folder / "a", "output_dir")


def test_a_remote_folder_is_kept_from_another_run_of_this_machine(folder):
    with locked(folder / ".lock", "another run is writing there"):
        with pytest.raises(UserError, match=r"^another run$"), locked(folder / ".lock", "another run"):
            pass
        assert (folder / ".lock").exists()
    assert not (folder / ".lock").exists()


@pytest.mark.parametrize(
    ("changes", "is_warned"),
    [({"process": 2**22 + 1}, False), ({"started": 1.0}, False), ({"host": "other"}, True)],
)
def test_a_run_that_was_killed_does_not_keep_others_out(folder, caplog, changes, is_warned):
    with locked(folder / ".lock", "another run"):
        noted = read_json(folder / ".lock")
    write_json(folder / ".lock", {**noted, **changes})
    with locked(folder / ".lock", "another run"):
        pass
    warning = f"process {noted['process']} on other began to write there and has not ended; if it is still"
    assert (warning in caplog.text) == is_warned


@pytest.mark.parametrize("content", [b"", b"\xff", b"3", b'{"host": 3}'])
def test_a_broken_note_is_replaced(folder, content):
    (folder / ".lock").write_bytes(content)
    with locked(folder / ".lock", "another run"):
        assert "process" in read_json(folder / ".lock")
