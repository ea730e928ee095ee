"""Tests how both exports read through tensorflow-datasets and write all files or none."""

import resource
from pathlib import Path

import pytest

from bert_tf.errors import UserError
from tfds_corpora import load_corpus, write_files

CONTENTS = {"test.tsv": b"A\tB\t-1\n", "dev.tsv": b"C\tD\t0\n", "train.tsv": b"E\tF\t1\n"}


def read_all(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_files_of_other_content_are_replaced_only_when_asked(tmp_path):
    write_files(CONTENTS, tmp_path, overwrite=False)
    write_files(CONTENTS, tmp_path, overwrite=False)
    assert read_all(tmp_path) == CONTENTS
    (tmp_path / "train.tsv").write_bytes(b"mine\n")
    (tmp_path / "dev.tsv").unlink()
    with pytest.raises(UserError, match=r"train\.tsv: exists with other content; pass --overwrite or"):
        write_files(CONTENTS, tmp_path, overwrite=False)
    assert read_all(tmp_path) == {"test.tsv": CONTENTS["test.tsv"], "train.tsv": b"mine\n"}
    write_files(CONTENTS, tmp_path, overwrite=True)
    assert read_all(tmp_path) == CONTENTS


def test_a_file_that_cannot_be_completed_leaves_the_old_ones(tmp_path):
    old = dict.fromkeys(CONTENTS, b"old\n")
    write_files(old, tmp_path, overwrite=False)
    too_large = CONTENTS | {"train.tsv": b"E\tF\t1\n" * 1000}
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(UserError, match=r"not written \(File too large\); choose another --output_dir"):
            write_files(too_large, tmp_path, overwrite=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert read_all(tmp_path) == old


def test_a_failure_inside_tensorflow_datasets_is_reported_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr("requests.head", lambda url, timeout: None)
    (tmp_path / "tfds").write_text("not a folder")
    with pytest.raises(UserError, match=r"^tensorflow-datasets cannot load glue/mrpc \(") as caught:
        load_corpus("mrpc", str(tmp_path / "tfds"))
    assert "\n" not in str(caught.value)
