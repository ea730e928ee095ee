"""The development set that is held out of a training set."""

import random
from collections import Counter

import pytest

from bert_tf.data.examples import InputExample
from bert_tf.data.splitting import hold_out, text_key


def make_examples(sizes: dict[object, int]) -> list[InputExample]:
    labels = [label for label, size in sizes.items() for _ in range(size)]
    random.Random(0).shuffle(labels)
    return [InputExample(f"train-{i}", f"text {i}", None, label) for i, label in enumerate(labels)]


def texts(examples: list[InputExample]) -> list[str]:
    return [example.text_a for example in examples]


@pytest.mark.parametrize("share", [0.05, 0.1, 0.25, 0.5])
def test_each_class_gives_its_share_and_all_of_them_the_whole_share(share):
    sizes = {"a": 500, "b": 90, "c": 11, "d": 3}
    examples = make_examples(sizes)
    train, dev = hold_out(examples, share, seed=0)
    assert len(dev) == round(share * len(examples))
    assert sorted(texts(train + dev)) == sorted(texts(examples))
    counts = Counter(example.label for example in dev)
    assert all(abs(counts[label] - share * size) < 1 for label, size in sizes.items())
    assert {example.label for example in train} == set(sizes)


def test_both_parts_keep_the_order_of_the_examples():
    examples = make_examples({"a": 40, "b": 40})
    for part in hold_out(examples, 0.2, seed=0):
        numbers = [int(example.guid.removeprefix("train-")) for example in part]
        assert numbers == sorted(numbers)


def test_the_same_texts_are_held_out_whatever_the_order_of_the_rows_and_others_with_another_seed():
    examples = make_examples({"a": 60, "b": 40})
    held_out = set(texts(hold_out(examples, 0.1, seed=0)[1]))
    for seed in range(3):
        shuffled = random.Random(seed).sample(examples, len(examples))
        assert set(texts(hold_out(shuffled, 0.1, seed=0)[1])) == held_out
    assert set(texts(hold_out(examples, 0.1, seed=1)[1])) != held_out
    # Changes neither with Python's hashing of the process nor with NumPy's version.
    assert min(held_out) == "text 11"


def test_equal_texts_are_on_the_same_side_also_with_other_capitals_spaces_and_labels():
    examples = [
        InputExample(f"train-{i}", [f"Good {i // 3}", f"good  {i // 3}", f"GOOD {i // 3} "][i % 3], None, str(i % 2))
        for i in range(300)
    ]
    train, dev = hold_out(examples, 0.2, seed=0)
    assert not set(map(text_key, train)) & set(map(text_key, dev))
    assert abs(len(dev) - 60) <= 4


def test_the_second_text_counts_as_well():
    examples = [InputExample(f"train-{i}", "same", f"text {i}", str(i % 2)) for i in range(100)]
    assert len(hold_out(examples, 0.1, seed=0)[1]) == 10


def test_a_class_with_one_text_stays_to_train_on():
    examples = make_examples({"a": 20, "b": 20, "rare": 1, "rarer": 1})
    for seed in range(20):
        train, dev = hold_out(examples, 0.3, seed)
        assert {example.label for example in train} == {"a", "b", "rare", "rarer"}
        assert {example.label for example in dev} == {"a", "b"} and len(dev) == 13


@pytest.mark.parametrize(("sizes", "count"), [({"a": 2, "b": 1}, 1), ({"a": 1, "b": 1}, 0), ({"a": 3}, 1)])
def test_few_examples_give_one_if_they_can(sizes, count):
    assert len(hold_out(make_examples(sizes), 0.1, seed=0)[1]) == count


def test_numbers_are_held_out_over_their_whole_range():
    examples = [InputExample(f"train-{i}", f"text {i}", None, i / 10) for i in range(200)]
    _, dev = hold_out(examples, 0.1, seed=0)
    assert len(dev) == 20 and all(Counter(int(example.label / 2) for example in dev)[part] == 2 for part in range(10))


def test_of_many_labels_each_is_in_both_parts():
    pick = random.Random(0)
    examples = [
        InputExample(f"train-{i}", f"text {i}", None, tuple(name for name in "abcd" if pick.random() < 0.3))
        for i in range(200)
    ]
    for part in hold_out(examples, 0.1, seed=0):
        assert {name for example in part for name in example.label} == set("abcd")
