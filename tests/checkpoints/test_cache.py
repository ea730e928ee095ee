"""The folder that keeps downloaded checkpoints."""

import os
import time
from pathlib import Path

import pytest
from support.checkpoint_files import content_of

from bert_tf.checkpoints.cache import cache_dir, cached_folder
from bert_tf.errors import UserError


def test_the_cache_is_in_the_home_folder_unless_moved(monkeypatch):
    monkeypatch.delenv("BERT_TF_CACHE", raising=False)
    monkeypatch.setenv("HOME", "/home/somebody")
    assert cache_dir() == Path("/home/somebody/.cache/bert_tf")


def test_leftovers_are_removed_when_they_are_old(cache):
    for name, age in (("old", 2 * 24 * 3600), ("young", 60)):
        leftover = cache / f".partial-{name}"
        (leftover / "content").mkdir(parents=True)
        os.utime(leftover, (time.time() - age,) * 2)
    cached_folder("new", lambda work, content: None)
    assert content_of(cache) == [".partial-young", "new"]


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
    assert content_of(cache / "new") == ["number.txt"]


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
