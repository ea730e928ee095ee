"""Runs whose data, model and output are in a bucket."""

from pathlib import Path

import numpy as np
import pytest
from support.commands import Command, assert_one_error_line, train_flags
from support.fake_bucket import FakeBucket
from support.tiny import write_corpus, write_tiny_model

import bert_tf
from bert_tf.checkpoints.formats import read_checkpoint
from bert_tf.data.own_data import OwnDataOptions, OwnDataProcessor, files_of
from bert_tf.data.own_files import find_files, task_name_of
from bert_tf.remote import as_path

SHORT = {"num_train_epochs": 4, "save_checkpoints_steps": 16}


@pytest.fixture(scope="module")
def sources(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("sources")
    write_corpus(folder / "data", {"train": 64, "dev": 24, "test": 21})
    write_tiny_model(folder / "tiny")
    return folder


@pytest.fixture
def bucket(tmp_path, sources):
    with FakeBucket(tmp_path) as bucket:
        for path in sources.rglob("*.*"):
            bucket.objects[path.relative_to(sources).as_posix()] = path.read_bytes()
        yield bucket


def bucket_flags(**changes: object) -> list[str]:
    return train_flags("gs://bucket/data", "gs://bucket/tiny", "gs://bucket/out", **SHORT, **changes)


def copied(bucket: FakeBucket, folder: Path) -> Path:
    """The output folder as it is in the bucket, on the disk."""
    folder.mkdir()
    for name in bucket.names("out"):
        if name:
            (folder / name).write_bytes(bucket.objects[f"out/{name}"])
    return folder


def assert_same_arrays(folder: Path, other: Path) -> None:
    arrays, others = read_checkpoint(folder), read_checkpoint(other)
    assert arrays.keys() == others.keys()
    for name in arrays.keys() - {"training/seconds"}:
        assert np.array_equal(arrays[name], others[name]), name


def names_in(folder: Path) -> set[str]:
    """The names of the files; that of the events has the time and the process in it."""
    return {path.name.partition("tfevents")[0] for path in folder.iterdir()}


@pytest.mark.slow
def test_a_run_in_a_bucket_that_is_killed_and_resumed_ends_as_a_local_one(bucket, sources, tmp_path):
    command = [*bucket_flags(), "--do_predict"]
    Command(tmp_path / "killed", command, **bucket.environment).kill_when(lambda: "checkpoint" in bucket.names("out"))
    assert ".lock" in bucket.names("out")
    result = Command(tmp_path / "resumed", command, **bucket.environment).result()
    assert result.code == 0, result.stderr
    # The note of the killed run keeps nobody out, and nobody is warned.
    assert "Resuming after step 16." in result.stderr and ".lock" not in result.stderr

    local = train_flags(sources / "data", sources / "tiny", tmp_path / "local", **SHORT)
    assert Command(tmp_path / "whole", [*local, "--do_predict"]).result().code == 0
    found, expected = copied(bucket, tmp_path / "copied"), tmp_path / "local"
    assert_same_arrays(found, expected)
    assert names_in(found) == names_in(expected) - {".lock"}
    for name in ("test_results.tsv", "train_log.csv", "checkpoint", "labels.txt", "vocab.txt", "bert_config.json"):
        assert (found / name).read_bytes() == (expected / name).read_bytes()
    # Its 41 arrays are not asked for one by one.
    weights = "tiny/bert_model.ckpt.data-00000-of-00001"
    assert 0 < sum(name == weights and bool(part) for _, name, part in bucket.requests) < 41


@pytest.mark.slow
@pytest.mark.parametrize(
    ("refused", "message"),
    [
        (
            ("POST", "PUT", "DELETE"),
            "output_dir: gs://bucket/out: cannot be written to: Error executing an HTTP request: ",
        ),
        # It is not taken for a folder without a checkpoint.
        (
            ("GET",),
            "gs://bucket/out/checkpoint: cannot be read (Error executing an HTTP request: HTTP response code 403",
        ),
    ],
)
def test_a_bucket_that_is_closed_to_the_user_is_reported_in_one_line(bucket, sources, tmp_path, refused, message):
    bucket.refused = refused
    flags = train_flags(sources / "data", sources / "tiny", "gs://bucket/out", **SHORT)
    assert_one_error_line(Command(tmp_path / "command", flags, **bucket.environment).result(), message)
    assert bucket.names("out") == []


@pytest.mark.slow
def test_a_run_from_python_can_be_kept_in_memory_and_loaded_from_there(sources):
    # It lives in this process only, as all of ram://.
    for path in sources.rglob("*.*"):
        (as_path("ram://test_buckets") / path.relative_to(sources)).write_bytes(path.read_bytes())
    for name in ("data", "tiny"):
        as_path(f"ram://test_buckets/{name}").mkdir()
    flags = {"data_dir": "ram://test_buckets/data", "output_dir": "ram://test_buckets/out", "max_seq_length": 48}
    model = bert_tf.fine_tune("MRPC", bert_model="ram://test_buckets/tiny", num_train_epochs=1.0, **flags)
    loaded = bert_tf.load("ram://test_buckets/out")
    assert loaded.scores == model.scores and loaded.scores
    assert loaded.predict([("w1 w2", "w3")]) == model.predict([("w1 w2", "w3")])


def test_own_labeled_files_are_found_and_read_in_a_bucket():
    folder = as_path("ram://test_buckets_own/reviews")
    folder.mkdir()
    for name in ("train", "dev"):
        (folder / f"{name}.csv").write_bytes(b"text,label\nfine,good\npoor,bad\n")
    files = find_files("ram://test_buckets_own/reviews", None, None)
    assert files.train == folder / "train.csv" and files.dev == folder / "dev.csv" and files.test is None
    assert task_name_of(folder) == task_name_of(files.train) == "reviews"
    processor = OwnDataProcessor(files_of(files), OwnDataOptions())
    assert [example.text_a for example in processor.get_dev_examples("")] == ["fine", "poor"]
    assert processor.get_labels() == ["bad", "good"]
