"""Masks are chosen anew: other words of the same texts, by the seed alone."""

import numpy as np
import pytest
import tensorflow as tf
from support.pretraining_records import CLS, LENGTH, MASK, PREDICTIONS, SEP, WORDS, random_features

from bert_tf.modeling.masking import Masking

MASKING = Masking(vocab_size=95, mask_id=MASK, special_ids=(CLS, SEP))
NAMES = {"input_word_ids": "input_ids", "input_mask": "input_mask"}
TARGETS = ("masked_lm_positions", "masked_lm_ids", "masked_lm_weights")


def batch_of(features: list[dict[str, list]]) -> dict[str, tf.Tensor]:
    names = NAMES | {name: name for name in TARGETS}
    return {ours: tf.constant([record[theirs] for record in features]) for ours, theirs in names.items()}


def unmasked(batch: dict[str, tf.Tensor]) -> np.ndarray:
    ids = batch["input_word_ids"].numpy().copy()
    for row, position in np.argwhere(batch["masked_lm_weights"] > 0):
        ids[row, batch["masked_lm_positions"][row, position]] = batch["masked_lm_ids"][row, position]
    return ids


@pytest.fixture(scope="module")
def batch() -> dict[str, tf.Tensor]:
    return batch_of(random_features(400))


def test_the_same_texts_have_as_many_other_masks(batch):
    new = MASKING.mask_anew(batch, tf.constant([1, 2]))
    np.testing.assert_array_equal(unmasked(new), unmasked(batch))
    weights = new["masked_lm_weights"].numpy()
    np.testing.assert_array_equal(weights.sum(axis=1), batch["masked_lm_weights"].numpy().sum(axis=1))
    positions = new["masked_lm_positions"].numpy()
    assert np.mean(positions[weights > 0] != batch["masked_lm_positions"].numpy()[weights > 0]) > 0.8
    for row, used in enumerate(weights > 0):
        assert len(set(positions[row][used])) == used.sum()
    # Neither [CLS] nor [SEP] nor padding.
    assert set(new["masked_lm_ids"].numpy()[weights > 0]) <= set(WORDS)


def test_most_chosen_words_become_masks_and_some_others_or_themselves():
    whole = batch_of(random_features(4000, seed=1))
    new = MASKING.mask_anew(whole, tf.constant([1, 2]))
    is_used = new["masked_lm_weights"].numpy() > 0
    shown = np.take_along_axis(new["input_word_ids"].numpy(), new["masked_lm_positions"].numpy(), axis=1)[is_used]
    labels = new["masked_lm_ids"].numpy()[is_used]
    assert np.mean(shown == MASK) == pytest.approx(0.8, abs=0.02)
    assert np.mean(shown == labels) == pytest.approx(0.1, abs=0.02)
    # Any piece, as in the original.
    assert set(shown[(shown != MASK) & (shown != labels)].tolist()) == set(range(95)) - {MASK}


def test_masks_follow_from_the_seed(batch):
    first, again, other = (MASKING.mask_anew(batch, tf.constant(seed)) for seed in ([1, 2], [1, 2], [1, 3]))
    for name in ("input_word_ids", *TARGETS):
        np.testing.assert_array_equal(first[name], again[name])
        assert np.any(first[name] != other[name]) or name == "masked_lm_weights"


def test_every_word_is_chosen_as_often_as_others():
    record = random_features(1)[0]
    batch = batch_of([record] * 3000)
    new = MASKING.mask_anew(batch, tf.constant([5, 6]))
    chosen = new["masked_lm_positions"].numpy()[new["masked_lm_weights"].numpy() > 0]
    ids = unmasked(batch)[0]
    counts = np.bincount(chosen, minlength=LENGTH)
    is_word = ids >= WORDS[0]
    assert counts[~is_word].sum() == 0
    expected = counts.sum() / is_word.sum()
    assert np.abs(counts[is_word] - expected).max() < 5 * np.sqrt(expected)


def test_a_short_batch_can_have_fewer_positions_than_predictions():
    record = random_features(1)[0]
    ids = [CLS, WORDS[0], SEP]
    record |= {"input_ids": ids, "input_mask": [1, 1, 1], "masked_lm_positions": [1] + [0] * (PREDICTIONS - 1)}
    record |= {"masked_lm_ids": [WORDS[3]] + [0] * (PREDICTIONS - 1), "masked_lm_weights": [1.0] + [0.0] * 3}
    new = MASKING.mask_anew(batch_of([record]), tf.constant([1, 2]))
    assert new["masked_lm_positions"].numpy().tolist() == [[1, 0, 0, 0]]
    assert new["masked_lm_ids"].numpy().tolist() == [[WORDS[3], 0, 0, 0]]
