import numpy as np
import pytest

from bert_tf.errors import UserError
from sampling import choose_batches, write_chosen


def test_chosen_batches_are_of_like_length_and_like_the_corpus():
    lengths = np.random.default_rng(0).integers(10, 100, 3668)
    chosen = choose_batches(lengths, 4)
    assert len(set(chosen.tolist())) == 128
    assert abs(lengths[chosen].mean() - lengths.mean()) < 3
    assert np.ptp(lengths[chosen].reshape(4, 32), axis=1).max() < 10


def test_too_few_examples_are_refused():
    with pytest.raises(UserError, match="data_dir: has 100 training examples; at least 128 are needed"):
        choose_batches(np.ones(100, int), 4)


def test_a_chosen_example_keeps_its_pieces(tmp_path):
    lengths = np.arange(64) % 7 + 1
    ids = np.concatenate([np.full(length, row) for row, length in enumerate(lengths)])
    np.savez(tmp_path / "all.npz", input_ids=ids, type_ids=ids % 2, lengths=lengths, label_ids=np.arange(64))
    write_chosen(tmp_path / "all.npz", tmp_path / "some.npz", 1)
    some = np.load(tmp_path / "some.npz")
    assert len(some["lengths"]) == 32
    np.testing.assert_array_equal(some["input_ids"], np.repeat(some["label_ids"], some["lengths"]))
    np.testing.assert_array_equal(some["lengths"], lengths[some["label_ids"]])
