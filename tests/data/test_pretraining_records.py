"""Records become batches; records that cannot be right are one line."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from support.pretraining_records import LENGTH, PREDICTIONS, random_features, serialized, write_records

from bert_tf.data.batches import batch_dataset, training_order
from bert_tf.data.pretraining_format import RecordForm, check_first_records
from bert_tf.data.pretraining_records import PretrainingRecords, read_pretraining_records
from bert_tf.data.record_files import RecordFiles, open_record_files, problems_reported
from bert_tf.errors import UserError

FORM = RecordForm(LENGTH, PREDICTIONS)
VOCAB_SIZE = 95


def opened(path: Path) -> RecordFiles:
    return open_record_files(str(path), "input_file")


@pytest.fixture
def records(tmp_path) -> PretrainingRecords:
    return read_pretraining_records(opened(write_records(tmp_path / "records", random_features(30))), FORM, VOCAB_SIZE)


def test_the_originals_records_are_read(golden):
    folder = golden / "pretraining_data"
    records = read_pretraining_records(opened(folder / "pretraining_0.tfrecord"), RecordForm(40, 6), 2400)
    batch = records.padded_batch(tf.range(137, dtype=tf.int64), 40)
    names = {"input_word_ids": "input_ids", "input_mask": "input_mask", "input_type_ids": "segment_ids"}
    with np.load(folder / "pretraining_records_0.npz") as expected:
        for name, values in batch.items():
            array = expected[names.get(name, name)]
            np.testing.assert_array_equal(values, array[:, 0] if name == "next_sentence_labels" else array, name)
        np.testing.assert_array_equal(records.lengths, expected["input_mask"].sum(axis=1))


def test_a_row_of_padding_is_all_zeros(records):
    batch = records.padded_batch(tf.constant([3, -1], tf.int64), 28)
    assert batch["input_word_ids"].shape == [2, 28]
    assert all(not np.any(values[1]) for values in batch.values())
    assert np.any(batch["masked_lm_weights"][0])


def test_batches_are_padded_to_their_own_lengths(records):
    order = training_order(30, 5, 6, seed=0)
    for rows, batch in zip(order, batch_dataset(records, order), strict=True):
        assert batch["input_word_ids"].shape[1] == (16 if records.lengths[rows].max() <= 16 else LENGTH)
        assert len(batch["token_rows"]) == records.lengths[rows].sum()
        assert batch["masked_lm_ids"].shape == [5, PREDICTIONS]


def test_each_host_reads_only_its_part(tmp_path):
    files = [write_records(tmp_path / name, random_features(8, seed)) for seed, name in enumerate("ab")]
    records = read_pretraining_records(open_record_files(f"{files[0]},{files[1]}", "input_file"), FORM, VOCAB_SIZE)
    order = np.array([[0, 1, 8, 9], [2, 3, 10, 11]])
    files[0].unlink()
    batches = list(batch_dataset(records, order, num_replicas=2, replicas=range(1, 2)))
    expected = [records.padded_batch(tf.constant(rows, tf.int64), LENGTH) for rows in ([8, 9], [10, 11])]
    for batch, whole in zip(batches, expected, strict=True):
        np.testing.assert_array_equal(batch["masked_lm_ids"], whole["masked_lm_ids"])


def changed(**features: list) -> Callable[[dict], dict]:
    return lambda record: record | features


def at(name: str, position: int, value: float) -> Callable[[dict], dict]:
    def change(record: Mapping[str, list]) -> dict[str, list]:
        values = list(record[name])
        values[position] = value
        return record | {name: values}

    return change


def without(name: str) -> Callable[[dict], dict]:
    return lambda record: {other: values for other, values in record.items() if other != name}


@pytest.mark.parametrize(
    "change, message",
    [
        (
            changed(input_ids=[2] * 40),
            "has 40 values of input_ids, but max_seq_length is 32; make all records with --max_seq_length=32",
        ),
        (
            changed(masked_lm_ids=[7] * 20),
            "20 values of masked_lm_ids, but max_predictions_per_seq is 4; make all records with --max_pred",
        ),
        (changed(next_sentence_labels=[0, 1]), "has 2 values of next_sentence_labels, not 1"),
        (changed(masked_lm_weights=[1] * PREDICTIONS), "has other numbers as masked_lm_weights than create_pre"),
        (without("masked_lm_positions"), "has no masked_lm_positions; make the file with create_pretraining_data"),
        (lambda record: b"no example", "is no tf.train.Example; make the file with create_pretraining_data"),
        (at("input_ids", 1, 95), "has the word piece 95, but the vocabulary has 95; give the vocabulary it was made"),
        (at("masked_lm_ids", 0, 2**40), "has the word piece 1099511627776, but the vocabulary has 95"),
        (at("input_ids", 1, -1), "has the word piece -1, but the vocabulary has 95"),
        (at("input_mask", 1, 0), "has an input_mask that is not ones and then zeros"),
        (changed(input_mask=[0] * LENGTH), "has an input_mask that is not ones and then zeros"),
        (at("masked_lm_positions", 0, 31), "has masked_lm_positions outside of its text"),
        (at("masked_lm_positions", 0, -1), "has masked_lm_positions outside of its text"),
        (at("masked_lm_weights", 0, -1.0), "has masked_lm_weights that are no weights"),
        (at("masked_lm_weights", 0, float("nan")), "has masked_lm_weights that are no weights"),
        (at("segment_ids", 0, 2), "has other segment_ids than 0 and 1"),
        (changed(next_sentence_labels=[7]), "has another label than 0 and 1 for the next sentence"),
    ],
)
def test_a_record_that_cannot_be_right_is_one_line_with_its_place(change, message, tmp_path):
    features = random_features(6)
    features[4] = change(features[4])
    path = write_records(tmp_path / "records", features)
    with pytest.raises(UserError) as raised:
        read_pretraining_records(opened(path), FORM, VOCAB_SIZE)
    assert str(raised.value).startswith(f"{path}: record 5: ") and message in str(raised.value)


def test_all_records_of_a_long_file_are_checked(tmp_path):
    features = random_features(2100)
    files = opened(write_records(tmp_path / "records", features))
    lengths = read_pretraining_records(files, FORM, VOCAB_SIZE).lengths
    assert lengths.tolist() == [sum(record["input_mask"]) for record in features]
    features[-1] = at("input_ids", 1, 95)(features[-1])
    with pytest.raises(UserError, match="record 2100: has the word piece 95"):
        read_pretraining_records(opened(write_records(tmp_path / "records", features)), FORM, VOCAB_SIZE)


def test_a_damaged_record_is_one_line_with_its_place(tmp_path):
    features = random_features(6)
    path = write_records(tmp_path / "records", features)
    content = serialized(features[4])
    path.write_bytes(path.read_bytes().replace(content, content[:-1] + b"\x7f"))
    with pytest.raises(UserError, match="records: record 5: is damaged: its checksum is wrong"):
        read_pretraining_records(opened(path), FORM, VOCAB_SIZE)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (Path.unlink, r"records: record \d+: cannot be read \(No such file or directory\); put the file back"),
        (lambda path: path.write_bytes(path.read_bytes()[:99]), r"records: record \d+: is damaged: its checksum"),
        (
            lambda path: write_records(path, random_features(30, seed=1)),
            r"records: record \d+: is damaged: its checksum is wrong",
        ),
    ],
    ids=["removed", "cut", "written again"],
)
def test_a_file_that_changes_while_a_graph_reads_it_is_one_line(change, message, records, tmp_path):
    change(tmp_path / "records")
    with pytest.raises(UserError, match=message), problems_reported([records.files]):
        list(batch_dataset(records, training_order(30, 4, 2, seed=0)))


def test_other_errors_than_those_of_records_stay(records):
    with pytest.raises(ValueError, match="another"), problems_reported([records.files]):
        raise ValueError("another")


def test_the_first_record_of_each_file_is_checked_before_all_others_are_read(tmp_path):
    write_records(tmp_path / "a", random_features(2))
    write_records(tmp_path / "b", [])
    path = write_records(tmp_path / "c", [changed(input_ids=[2] * 40)(random_features(1)[0])])
    with pytest.raises(UserError, match=f"{path}: record 1: has 40 values of input_ids"):
        check_first_records(open_record_files(f"{tmp_path}/?", "input_file"), FORM)


def test_a_record_without_a_mask_is_right(tmp_path):
    features = random_features(1)[0] | {
        "masked_lm_positions": [0] * PREDICTIONS,
        "masked_lm_ids": [0] * PREDICTIONS,
        "masked_lm_weights": [0.0] * PREDICTIONS,
    }
    records = read_pretraining_records(opened(write_records(tmp_path / "records", [features])), FORM, VOCAB_SIZE)
    assert len(records) == 1
