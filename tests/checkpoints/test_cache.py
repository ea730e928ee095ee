"""The folder that keeps downloaded checkpoints."""

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.checkpoint_files import content_of
from support.paths import ROOT

from bert_tf.checkpoints.cache import cache_dir, cached_folder
from bert_tf.errors import UserError


def test_the_cache_is_in_the_home_folder_unless_moved(monkeypatch):
    monkeypatch.delenv("BERT_TF_CACHE", raising=False)
    monkeypatch.setenv("HOME", "/home/somebody")
    assert cache_dir() == Path("/home/somebody/.cache/bert_tf")


def test_a_cache_named_with_a_tilde_is_in_the_home_folder(monkeypatch):
    monkeypatch.setenv("HOME", "/home/somebody")
    monkeypatch.setenv("BERT_TF_CACHE", "~/models")
    assert cache_dir() == Path("/home/somebody/models")


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ("~nobody-of-this-name/cache", r"BERT_TF_CACHE: .*~nobody-of-this-name is not known"),
        ("gs://bucket/cache", r"BERT_TF_CACHE: 'gs://bucket/cache': gs: addresses cannot be used"),
    ],
)
def test_a_cache_that_can_be_no_folder_is_one_line(monkeypatch, named, message):
    monkeypatch.setenv("BERT_TF_CACHE", named)
    with pytest.raises(UserError, match=message):
        cached_folder("new", lambda work, content: None)


NO_HOME = """
import os
from bert_tf.checkpoints.cache import cache_dir
del os.environ["HOME"]
os.setuid(54321)  # As in a container, a user without an entry in /etc/passwd.
cache_dir()
"""


@pytest.mark.slow
@pytest.mark.skipif(os.getuid() != 0, reason="only root can become a user without a home folder")
def test_without_a_home_folder_the_variable_is_named():
    env = {"PATH": os.environ["PATH"], "HOME": "/"}
    done = subprocess.run([sys.executable, "-c", NO_HOME], cwd=ROOT, env=env, stderr=subprocess.PIPE, check=False)
    message = "UserError: no home folder is known in which to keep checkpoints; set HOME, or name a folder with BERT_TF"
    assert message in done.stderr.decode().splitlines()[-1]


def test_leftovers_are_removed_when_they_are_old(cache):
    for name, age in (("old", 2 * 24 * 3600), ("young", 60)):
        leftover = cache / f".partial-{name}"
        (leftover / "content").mkdir(parents=True)
        os.utime(leftover, (time.time() - age,) * 2)
    (cache / ".partial-long" / "content").mkdir(parents=True)
    (cache / ".partial-long" / "content" / "growing").touch()
    os.utime(cache / ".partial-long", (time.time() - 2 * 24 * 3600,) * 2)
    cached_folder("new", lambda work, content: None)
    assert content_of(cache) == [".partial-long", ".partial-young", "new"]


def test_a_cache_that_is_a_file_is_reported(cache):
    cache.write_text("")
    with pytest.raises(UserError, match=r"cannot keep a checkpoint there.*BERT_TF_CACHE"):
        cached_folder("new", lambda work, content: None)


def write_number(work: Path, content: Path) -> None:
    (work / "download").write_text("not kept")
    (content / "number.txt").write_text("1")


def test_a_folder_is_made_once(cache):
    made = []

    def make(work: Path, content: Path) -> None:
        made.append(content)
        write_number(work, content)

    assert cached_folder("new", make) == cached_folder("new", make) == cache / "new"
    assert len(made) == 1
    assert content_of(cache) == ["new"]
    assert content_of(cache / "new") == [".sha256.json", "number.txt"]


@pytest.mark.parametrize("kind", [KeyboardInterrupt, UserError])
def test_a_folder_that_could_not_be_finished_leaves_nothing(cache, kind):
    def stop(work: Path, content: Path) -> None:
        write_number(work, content)
        raise kind

    with pytest.raises(kind):
        cached_folder("new", stop)
    assert content_of(cache) == []


def test_the_folder_of_a_faster_process_is_taken(cache):
    def lose(work: Path, content: Path) -> None:
        write_number(work, content)
        (cache / "new").mkdir()
        (cache / "new" / "faster").touch()

    assert content_of(cached_folder("new", lose)) == ["faster"]
    assert content_of(cache) == ["new"]


def flip_a_bit_and_keep_the_time(folder: Path) -> None:
    status = (folder / "number.txt").stat()
    (folder / "number.txt").write_text("3")
    os.utime(folder / "number.txt", ns=(status.st_atime_ns, status.st_mtime_ns))


DAMAGE = {
    "flipped bit": flip_a_bit_and_keep_the_time,
    "cut": lambda folder: (folder / "number.txt").write_text(""),
    "missing": lambda folder: (folder / "number.txt").unlink(),
    "a folder": lambda folder: ((folder / "number.txt").unlink(), (folder / "number.txt").mkdir()),
    "a pipe": lambda folder: ((folder / "number.txt").unlink(), os.mkfifo(folder / "number.txt")),
    "record of other files": lambda folder: (folder / ".sha256.json").write_text(
        '{"../../number.txt": {"sha256": [1], "unchanged": {}}}'
    ),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_folder_is_named_and_made_again(cache, caplog, kind):
    folder = cached_folder("new", write_number)
    assert cached_folder("new", write_number) == folder
    assert caplog.text == ""
    DAMAGE[kind](folder)
    assert cached_folder("new", write_number) == folder
    assert (folder / "number.txt").read_text() == "1"
    assert f"{folder}: missing or damaged: " in caplog.text
    assert len(caplog.records) == 1
    assert content_of(cache) == ["new"]


@pytest.mark.parametrize("record", ["", "[" * 100_000, "[]", '{"number.txt": "1"}', '{"number.txt": {"sha256": "1"}}'])
def test_a_record_that_cannot_be_read_is_written_again(cache, caplog, record):
    folder = cached_folder("new", write_number, {"number.txt": ""})
    good = (folder / ".sha256.json").read_text()
    (folder / ".sha256.json").write_text(record)
    cached_folder("new", write_number, {"number.txt": ""})
    assert (folder / ".sha256.json").read_text() == good
    assert caplog.text == ""


def test_a_folder_without_a_record_needs_only_the_expected_files(cache):
    (cache / "new").mkdir(parents=True)
    (cache / "new" / "number.txt").write_text("2")
    assert (cached_folder("new", write_number, {"number.txt": ""}) / "number.txt").read_text() == "2"
    of_one = "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b"
    assert (cached_folder("new", write_number, {"number.txt": of_one}) / "number.txt").read_text() == "1"


def age_the_record(folder: Path) -> None:
    os.utime(folder / ".sha256.json", (time.time() - 2 * 24 * 3600,) * 2)


def test_a_record_is_believed_for_a_day(cache):
    folder = cached_folder("new", write_number)
    # A disk error changes the content, but neither the size nor the times of the file: here the record is wrong.
    record = (folder / ".sha256.json").read_text()
    wrong = re.sub(r"[0-9a-f]{64}", "0" * 64, record)
    (folder / ".sha256.json").write_text(wrong)
    cached_folder("new", write_number)
    assert (folder / ".sha256.json").read_text() == wrong
    age_the_record(folder)
    cached_folder("new", write_number)
    assert "0" * 64 not in (folder / ".sha256.json").read_text()


def test_a_file_that_was_hashed_is_not_hashed_on_the_same_day(cache):
    folder = cached_folder("new", write_number)
    age_the_record(folder)
    cached_folder("new", write_number)
    assert time.time() - (folder / ".sha256.json").stat().st_mtime < 3600


def test_a_copied_cache_is_hashed_and_recorded_again(cache, tmp_path, monkeypatch, caplog):
    cached_folder("new", write_number)
    shutil.copytree(cache, tmp_path / "copy")
    monkeypatch.setenv("BERT_TF_CACHE", str(tmp_path / "copy"))
    before = (tmp_path / "copy" / "new" / ".sha256.json").read_text()
    cached_folder("new", write_number)
    assert (tmp_path / "copy" / "new" / ".sha256.json").read_text() != before
    assert caplog.text == ""
