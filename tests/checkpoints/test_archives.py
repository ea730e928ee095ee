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


@pytest.mark.parametrize(
    ("zip_name", "inner_folder", "name"),
    [
        ("download.zip", "cased_L-12_H-768_A-12/", "cased_L-12_H-768_A-12"),
        ("download.zip", "models/cased_L-12_H-768_A-12/", "cased_L-12_H-768_A-12"),
        ("cased_L-12_H-768_A-12.zip", "", "cased_L-12_H-768_A-12"),
        ("cased_L-12_H-768_A-12.zip", "./", "cased_L-12_H-768_A-12"),
        ("my model (1).zip", "", "my_model__1_"),
    ],
)
def test_the_folder_keeps_the_name_of_the_model(cache, golden, tmp_path, zip_name, inner_folder, name):
    archive = tmp_path / zip_name
    archive.write_bytes(official_zip(golden, inner_folder))
    folder = unpack_zip(archive)
    assert folder.name == name
    assert re.fullmatch(r"zip-[0-9a-f]{32}", str(folder.parent.relative_to(cache)))


def test_the_same_zip_file_by_another_name_keeps_both_names(cache, golden, tmp_path):
    for name in ("cased_L-12_H-768_A-12", "other"):
        (tmp_path / f"{name}.zip").write_bytes(official_zip(golden, ""))
        assert unpack_zip(tmp_path / f"{name}.zip").name == name


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
