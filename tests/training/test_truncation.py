"""The line that says how many examples were cut."""

import logging

import pytest
import tensorflow as tf

from bert_tf.data.features import Features
from bert_tf.training.truncation import say_truncated, truncation_facts


def features(examples: int, truncated: int, length: int = 128) -> Features:
    ids = tf.ragged.constant([[2, 3]] * examples, tf.int32, ragged_rank=1)
    return Features(ids, ids * 0, {}, length, truncated)


@pytest.mark.parametrize(
    ("truncated", "length", "count", "were_cut"),
    [
        (37, 128, "37 of 3,668 examples (1.0 %) are longer", "were cut; --max_seq_length is at most 512."),
        (1, 128, "1 of 3,668 examples (0.0 %) is longer", "was cut; --max_seq_length is at most 512."),
        (3668, 512, "3,668 of 3,668 examples (100.0 %) are longer", "were cut; the model has no more positions."),
    ],
)
def test_count_and_share_are_said_once_for_each_split(truncated, length, count, were_cut, caplog):
    caplog.set_level(logging.INFO, logger="absl")
    found = {"train": features(3668, truncated, length), "dev": features(10, 0, length)}
    say_truncated(found, positions=512)
    assert [record.getMessage() for record in caplog.records] == [
        f"train: {count} than {length} word pieces and {were_cut}"
    ]
    assert truncation_facts(found) == {"train_truncated": truncated, "dev_truncated": 0}
