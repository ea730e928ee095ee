"""A folder is written whole or not at all, and only an export is ever replaced."""

from pathlib import Path

import pytest

from bert_tf.errors import UserError
from bert_tf.folders import MANIFEST, new_folder
from bert_tf.termination import Terminated


def export(path: Path, content: str = "new", overwrite: bool = False) -> None:
    with new_folder(path, overwrite) as folder:
        (folder / "inner").mkdir()
        (folder / "inner" / "weights").write_text(content)


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_folder_is_there_when_the_block_has_ended(tmp_path):
    with new_folder(tmp_path / "a" / "export", overwrite=False) as folder:
        (folder / "weights").write_text("1")
        assert not (tmp_path / "a" / "export").exists()
        assert folder.parent == tmp_path / "a"
    assert names_in(tmp_path / "a") == ["export"]
    assert names_in(tmp_path / "a" / "export") == [MANIFEST, "weights"]


def test_the_permissions_are_those_of_any_new_folder(tmp_path):
    export(tmp_path / "export")
    (tmp_path / "other").mkdir()
    assert (tmp_path / "export").stat().st_mode == (tmp_path / "other").stat().st_mode


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit, Terminated, UserError])
@pytest.mark.parametrize("is_there", [False, True])
def test_an_exception_leaves_all_as_it_was(tmp_path, error, is_there):
    if is_there:
        export(tmp_path / "export", "old")
    with pytest.raises(error), new_folder(tmp_path / "export", overwrite=True) as folder:
        (folder / "weights").write_text("new")
        raise error
    assert names_in(tmp_path) == ["export"] * is_there
    if is_there:
        assert (tmp_path / "export" / "inner" / "weights").read_text() == "old"


def test_a_full_disk_is_one_line(tmp_path):
    problem = r"export: cannot be written \(No space left on device\); make room"
    with pytest.raises(UserError, match=problem), new_folder(tmp_path / "export", overwrite=False):
        fill()
    assert names_in(tmp_path) == []


def fill() -> None:
    with open("/dev/full", "wb", buffering=0) as file:  # noqa: PTH123
        file.write(b"all")


def test_a_folder_is_replaced_only_if_asked(tmp_path):
    export(tmp_path / "export", "old")
    with pytest.raises(UserError, match="export: is there already; name another folder, or replace it with"):
        export(tmp_path / "export")
    assert (tmp_path / "export" / "inner" / "weights").read_text() == "old"
    export(tmp_path / "export", overwrite=True)
    assert (tmp_path / "export" / "inner" / "weights").read_text() == "new"
    assert names_in(tmp_path) == ["export"]


def test_an_empty_folder_counts_as_none(tmp_path):
    (tmp_path / "export").mkdir()
    export(tmp_path / "export")
    assert (tmp_path / "export" / "inner" / "weights").exists()


def test_a_folder_of_other_files_is_never_replaced(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "me.jpg").write_text("smile")
    with pytest.raises(UserError, match=r"photos: has files that no export wrote \(me.jpg\), so it is not replaced"):
        export(tmp_path / "photos", overwrite=True)
    assert names_in(tmp_path / "photos") == ["me.jpg"]


@pytest.mark.parametrize("name", ["notes.txt", "inner/notes.txt"])
def test_an_export_that_got_another_file_is_not_replaced(tmp_path, name):
    export(tmp_path / "export", "old")
    (tmp_path / "export" / name).write_text("mine")
    with pytest.raises(UserError, match=f"no export wrote \\({name}\\)"):
        export(tmp_path / "export", overwrite=True)
    assert (tmp_path / "export" / name).read_text() == "mine"


@pytest.mark.parametrize("content", ["", "[1]", "{}", '{"files": 1}', '{"files": [[1]]}', '{"files": null}'])
def test_a_broken_list_of_files_lists_none(tmp_path, content):
    export(tmp_path / "export", "old")
    (tmp_path / "export" / MANIFEST).write_text(content)
    with pytest.raises(UserError, match="has files that no export wrote"):
        export(tmp_path / "export", overwrite=True)


def test_what_came_in_the_meantime_is_not_replaced(tmp_path):
    with pytest.raises(UserError, match="is there already"), new_folder(tmp_path / "export", overwrite=False):
        export(tmp_path / "export", "faster")
    assert names_in(tmp_path) == ["export"]
    assert (tmp_path / "export" / "inner" / "weights").read_text() == "faster"


def test_a_link_stays_and_the_folder_behind_it_is_replaced(tmp_path):
    export(tmp_path / "real", "old")
    (tmp_path / "link").symlink_to("real")
    export(tmp_path / "link", overwrite=True)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real" / "inner" / "weights").read_text() == "new"


def test_a_file_is_never_replaced(tmp_path):
    (tmp_path / "export").write_text("mine")
    for path in (tmp_path / "export", tmp_path / "export" / "below"):
        with pytest.raises(UserError, match=r"is a file|cannot be written"):
            export(path, overwrite=True)
    assert (tmp_path / "export").read_text() == "mine"


def test_a_folder_that_cannot_be_written_to_is_one_line():
    with pytest.raises(UserError, match=r"/proc/export: cannot be written \(.*\); make room or name another folder"):
        export(Path("/proc/export"))


@pytest.mark.parametrize("path", ["gs://bucket/export", "file:///tmp/export", ""])
def test_only_local_folders_are_written(path):
    with pytest.raises(UserError, match=r"^folder: .*; give a local path|^folder: is empty"):
        export(path)
