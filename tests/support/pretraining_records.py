"""TFRecord files of masked texts, as create_pretraining_data.py writes them, in the vocabulary of the tiny model."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

LENGTH, PREDICTIONS = 32, 4
PAD, UNK, CLS, SEP, MASK = range(5)
WORDS = range(5, 95)


def serialized(features: Mapping[str, Sequence]) -> bytes:
    def feature(values: Sequence) -> tf.train.Feature:
        if isinstance(values[0], float):
            return tf.train.Feature(float_list=tf.train.FloatList(value=values))
        return tf.train.Feature(int64_list=tf.train.Int64List(value=values))

    features = {name: feature(values) for name, values in features.items()}
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString(deterministic=True)


def features_of(
    ids: Sequence[int],
    masked: Sequence[int],
    segment_b: int = 0,
    is_random_next: int = 0,
    length: int = LENGTH,
    predictions: int = PREDICTIONS,
) -> dict[str, list]:
    """The features of a text whose pieces at some positions are masked."""
    shown = [MASK if position in masked else piece for position, piece in enumerate(ids)]

    def padded(values: Iterable, size: int) -> list:
        values = list(values)
        return values + [type(values[0])(0)] * (size - len(values))

    return {
        "input_ids": padded(shown, length),
        "input_mask": padded([1] * len(ids), length),
        "segment_ids": padded([int(position >= segment_b > 0) for position in range(len(ids))], length),
        "masked_lm_positions": padded(masked, predictions),
        "masked_lm_ids": padded([ids[position] for position in masked], predictions),
        "masked_lm_weights": padded([1.0] * len(masked), predictions),
        "next_sentence_labels": [is_random_next],
    }


def random_features(count: int, seed: int = 0) -> list[dict[str, list]]:
    """Pairs of random texts of several lengths, with one to four masks."""
    random, found = np.random.default_rng(seed), []
    for number in range(count):
        first, second = random.integers(2, 14, 2).tolist()
        a, b = random.integers(WORDS[0], WORDS[-1], first), random.integers(WORDS[0], WORDS[-1], second)
        ids = [CLS, *a.tolist(), SEP, *b.tolist(), SEP]
        words = [position for position, piece in enumerate(ids) if piece >= WORDS[0]]
        masked = sorted(random.choice(words, random.integers(1, PREDICTIONS + 1), replace=False).tolist())
        found.append(features_of(ids, masked, first + 2, number % 2))
    return found


def write_records(path: Path, contents: Iterable[bytes | Mapping[str, Sequence]]) -> Path:
    with tf.io.TFRecordWriter(str(path)) as writer:
        for content in contents:
            writer.write(content if isinstance(content, bytes) else serialized(content))
    return path


def grammar_features(count: int, seed: int) -> list[dict[str, list]]:
    """Texts of a made-up grammar: eight pairs of a subject and its verb, which is the one that always follows it.

    Each text has four masks: a subject with its verb, which can be any of the four pairs, and two verbs alone, which
    follow from their subjects. So the smallest mean loss is (2 ln 4 + 2 ln 1) / 4 = ln 2, and the perplexity is 2.
    """
    random, found = np.random.default_rng(seed), []
    for _ in range(count):
        subjects = random.integers(0, 4, 8)
        ids = [CLS, *(WORDS[piece] for subject in subjects.tolist() for piece in (subject, subject + 4)), SEP]
        pair, *others = random.permutation(8)[:3].tolist()
        found.append(features_of(ids, sorted([2 * pair + 1, 2 * pair + 2, *(2 * other + 2 for other in others)])))
    return found
