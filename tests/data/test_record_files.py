"""Records are found by number; files that have none, or not whole ones, are one line."""

import gc
import gzip
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from support.pretraining_records import write_records

from bert_tf.data.example_format import example_values
from bert_tf.data.record_files import open_record_files
from bert_tf.errors import UserError
from bert_tf.remote import RemotePath, as_path

CONTENTS = [b"first", b"", b"third " * 5000, b"fourth"]


@pytest.fixture
def files(tmp_path) -> list[Path]:
    return [
        write_records(tmp_path / "a.tfrecord", CONTENTS[:1]),
        write_records(tmp_path / "b.tfrecord", []),
        write_records(tmp_path / "c.tfrecord", CONTENTS[1:]),
    ]


def test_records_of_several_files_are_read_by_their_numbers(files, tmp_path, caplog):
    records = open_record_files(f"{tmp_path}/*.tfrecord", "input_file")
    assert len(records) == 4 and records.read([3, 0, 2, 1, 3]) == [CONTENTS[number] for number in (3, 0, 2, 1, 3)]
    assert [record.guid for record in records] == ["a.tfrecord:1", "c.tfrecord:1", "c.tfrecord:2", "c.tfrecord:3"]
    assert records.place(3) == (files[2], 3)
    assert "input_file: 1 file without a record: " in caplog.text


def test_files_are_read_in_the_order_of_the_flag(files):
    assert open_record_files(f"{files[2]},{files[0]}", "input_file").read([0, 3]) == [b"", b"first"]


def test_the_digest_depends_on_contents_and_their_order_alone(files, tmp_path):
    together = open_record_files(str(write_records(tmp_path / "all", CONTENTS)), "input_file").digest
    other = open_record_files(str(write_records(tmp_path / "other", CONTENTS[::-1])), "input_file").digest
    assert open_record_files(f"{files[0]},{files[2]}", "input_file").digest == together != other
    changed = [CONTENTS[0], CONTENTS[1], CONTENTS[2], b"fifths"]
    assert open_record_files(str(write_records(tmp_path / "all", changed)), "input_file").digest != together


def test_the_first_records_are_records_of_their_own(files, tmp_path):
    records = open_record_files(f"{tmp_path}/*.tfrecord", "input_file")
    assert records.first(9) is records
    first = records.first(2)
    assert len(first) == 2 and first.read([1]) == [b""] and first[-1].guid == "c.tfrecord:1"
    assert first.digest != records.digest


@pytest.fixture
def bucket(files) -> RemotePath:
    bucket = as_path("ram://test_record_files")
    bucket.mkdir()
    for path in files:
        (bucket / path.name).write_bytes(path.read_bytes())
    return bucket


@pytest.mark.filterwarnings("ignore:Implicitly cleaning up:ResourceWarning")
def test_files_of_a_bucket_are_read_from_copies_that_go_with_their_last_user(files, bucket):
    records = open_record_files(f"{bucket}/*.tfrecord,{files[0]}", "input_file")
    first = records.first(2)
    folder = Path(records.copies.name)
    for path in files:
        (bucket / path.name).unlink()
    assert records.read([3, 0, 2, 1, 4]) == [CONTENTS[number] for number in (3, 0, 2, 1, 0)]
    assert records.place(3) == (bucket / "c.tfrecord", 3) and records[3].guid == "c.tfrecord:3"
    del records
    gc.collect()
    assert first.read([1]) == [b""] and folder.is_dir()
    del first
    gc.collect()
    assert not folder.exists()


def test_a_disk_without_room_for_the_copies_is_one_line_before_they_are_made(bucket, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: type("Usage", (), {"free": 9})())
    message = rf"^{bucket}/c.tfrecord: the copies need 0.0 GB, and {tmp_path} has 0.0 GB; set TMPDIR to a folder with"
    with pytest.raises(UserError, match=message):
        open_record_files(f"{bucket}/c.tfrecord", "input_file")


def cut(content: bytes) -> bytes:
    return content[:-9]


def cut_in_header(content: bytes) -> bytes:
    return content + content[:7]


def with_wrong_size(content: bytes) -> bytes:
    start = 12 + len(CONTENTS[0]) + 4
    return content[:start] + b"\xff" + content[start + 1 :]


@pytest.mark.parametrize(
    "change, message",
    [
        (cut, "record 4: is cut off; write or copy the file again"),
        (cut_in_header, "record 5: is cut off; write or copy the file again"),
        (with_wrong_size, "record 2: is damaged: it says a wrong size; write or copy the file again"),
        (lambda content: b"", "is empty; name other files"),
        (lambda content: content[:5], "is no TFRecord file; write one with create_pretraining_data"),
        (lambda content: bytes(64), "is no TFRecord file; write one with create_pretraining_data"),
        (lambda content: b"It rains .\n" * 9, "is no TFRecord file; write one with create_pretraining_data"),
        (gzip.compress, "is compressed, so its records cannot be found by number; unpack it"),
    ],
)
def test_a_file_without_whole_records_is_one_line(change, message, tmp_path):
    path = write_records(tmp_path / "records", CONTENTS)
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(UserError) as raised:
        open_record_files(str(path), "input_file")
    assert str(raised.value).startswith((f"{path}: ", f"input_file: {path}: ")) and message in str(raised.value)


def test_a_damaged_record_is_found_by_its_checksum(tmp_path):
    path = write_records(tmp_path / "records", CONTENTS)
    path.write_bytes(path.read_bytes().replace(b"fourth", b"fifths"))
    records = open_record_files(str(path), "input_file")
    assert records.read([0]) == [b"first"]
    with pytest.raises(UserError, match=r"records: record 4: is damaged: its checksum is wrong; write or copy"):
        records.read([3])


def test_the_numbers_of_an_example_are_read_as_tensorflow_reads_them():
    features = {
        "ids": tf.train.Feature(int64_list=tf.train.Int64List(value=[3, -1, 2**40, 0])),
        "weights": tf.train.Feature(float_list=tf.train.FloatList(value=[0.1, -2.0])),
        "text": tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"left out"])),
        "none": tf.train.Feature(int64_list=tf.train.Int64List()),
    }
    record = tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()
    values = example_values(record)
    assert values["ids"].tolist() == [3, -1, 2**40, 0] and values["ids"].dtype == np.int64
    assert values["weights"].tolist() == np.array([0.1, -2.0], np.float32).tolist()
    assert values.keys() - {"none"} == {"ids", "weights"}
    # Older writers do not pack lists.
    assert example_values(bytes.fromhex("0a0f0a0d0a03696473120 61a0408030805".replace(" ", "")))["ids"].tolist() == [
        3,
        5,
    ]


@pytest.mark.parametrize("content", [b"\xff", b"It rains .", b"\x0a\x05abc", b"\x08\x05", b"\x0b"])
def test_other_bytes_are_no_example(content):
    try:
        assert example_values(content) == {}
    except ValueError as error:
        assert "is no tf.train.Example" in str(error)
