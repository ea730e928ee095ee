"""Zip files on disk."""

import re

import pytest
from support.checkpoint_files import content_of, make_zip, official_files, official_zip

from bert_tf.checkpoints.archives import unpack_zip
from bert_tf.errors import UserError


def test_a_zip_file_on_disk_is_unpacked_once(cache, golden, tmp_path):
    archive = tmp_path / "mine.zip"
    archive.write_bytes(official_zip(golden))
    folder = unpack_zip(archive)
    assert unpack_zip(archive) == folder
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == official_files(golden)
    assert len(content_of(cache)) == 1


def test_a_zip_file_on_disk_that_is_broken_is_named(cache, tmp_path):
    archive = tmp_path / "mine.zip"
    archive.write_bytes(b"PK\x03\x04 and nothing more")
    with pytest.raises(UserError, match=re.escape(str(archive))):
        unpack_zip(archive)
    assert content_of(cache) == []


def test_a_zip_file_without_a_checkpoint_is_refused(cache, golden, tmp_path):
    files = official_files(golden)
    files.pop("bert_config.json")
    archive = tmp_path / "mine.zip"
    archive.write_bytes(make_zip(files))
    with pytest.raises(UserError, match=rf"{archive}: has no bert_config.json; give the zip file of a BERT checkpoint"):
        unpack_zip(archive)
    assert content_of(cache) == []


def test_a_zip_file_that_cannot_be_read_is_reported(tmp_path):
    with pytest.raises(UserError, match=r"missing.zip: cannot be read \(No such file or directory\); check the path"):
        unpack_zip(tmp_path / "missing.zip")
