"""Examples become batches: the original's features, orders that are functions, padding that changes nothing."""

import os
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from bert_tf.data import features
from bert_tf.data.batches import (
    BUCKET_LENGTHS,
    batch_dataset,
    batch_lengths,
    batch_row_counts,
    evaluation_order,
    grouped_by_length,
    row_count,
    training_order,
)
from bert_tf.data.examples import InputExample
from bert_tf.data.features import Features, convert_examples_to_features, truncated_lengths
from bert_tf.data.processors import MrpcProcessor
from bert_tf.data.tokenization import FullTokenizer

VOCAB = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "b", "c", "d", "##e")
CLS, SEP, A, B, C, D, E = 2, 3, 4, 5, 6, 7, 8


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory) -> FullTokenizer:
    """Of a vocabulary of five pieces."""
    path = tmp_path_factory.mktemp("vocabulary") / "vocab.txt"
    path.write_text("".join(f"{piece}\n" for piece in VOCAB))
    return FullTokenizer(path, do_lower_case=True)


@pytest.fixture(scope="module")
def real_tokenizer(vocab_file) -> FullTokenizer:
    return FullTokenizer(vocab_file, do_lower_case=True)


@pytest.fixture(scope="module")
def glue_dir() -> Path:
    if not os.environ.get("GLUE_DIR"):
        pytest.skip("GLUE_DIR is not set: it names the folder that holds GLUE's MRPC")
    return Path(os.environ["GLUE_DIR"])


def make_features(lengths: list[int], max_seq_length: int = 100) -> Features:
    """Examples of given lengths, each of its own pieces; the second half of each is the second text."""
    rows = [[1000 * row + column + 1 for column in range(length)] for row, length in enumerate(lengths)]
    types = [[int(column >= length // 2) for column in range(length)] for length in lengths]
    return Features(
        input_ids=tf.ragged.constant(rows, tf.int32, ragged_rank=1),
        type_ids=tf.ragged.constant(types, tf.int32, ragged_rank=1),
        targets={"label_ids": tf.range(1, len(lengths) + 1)},
        max_seq_length=max_seq_length,
    )


def convert(tokenizer: FullTokenizer, text_a: str, text_b: str | None, max_seq_length: int = 16) -> tuple[list, list]:
    found = convert_examples_to_features([InputExample("x", text_a, text_b, "0")], ["0"], max_seq_length, tokenizer)
    return found.input_ids[0].numpy().tolist(), found.type_ids[0].numpy().tolist()


def batches_of(dataset: tf.data.Dataset) -> list[dict[str, np.ndarray]]:
    return list(dataset.as_numpy_iterator())


# The original's features


def assert_golden(found: Features, path: Path, max_seq_length: int) -> None:
    order = np.arange(len(found)).reshape(1, -1)
    (batch,) = batches_of(batch_dataset(found, order, static_length=True))
    with np.load(path) as data:
        assert data["input_ids"].shape == (408, max_seq_length)
        np.testing.assert_array_equal(batch["input_word_ids"], data["input_ids"])
        np.testing.assert_array_equal(batch["input_mask"], data["input_mask"])
        np.testing.assert_array_equal(batch["input_type_ids"], data["segment_ids"])
        np.testing.assert_array_equal(batch["label_ids"], data["label_ids"])


@pytest.mark.slow
@pytest.mark.parametrize("max_seq_length", [128, 32])
@pytest.mark.parametrize("folder", ["MRPC", "../notebook_export"])
def test_mrpc_gives_the_originals_features_in_either_form(golden, glue_dir, real_tokenizer, folder, max_seq_length):
    data_dir = glue_dir / folder
    if not data_dir.is_dir():
        pytest.skip(f"{folder} is not in GLUE_DIR")
    examples = MrpcProcessor().get_dev_examples(data_dir)
    found = convert_examples_to_features(examples, ["0", "1"], max_seq_length, real_tokenizer)
    assert_golden(found, golden / f"features_mrpc_dev_{max_seq_length}.npz", max_seq_length)


@pytest.mark.parametrize("room", [5, 6, 7, 8, 9, 30])
def test_an_example_is_truncated_if_the_original_would_cut_it(tokenizer, room):
    texts = [("a " * first, "b " * second or None) for first in range(4) for second in range(4)] * 2
    examples = [InputExample("x", text_a, text_b, "0") for text_a, text_b in texts]
    # The original's convert_single_example: three special pieces for a pair, two for a single text.
    wanted = [len(a.split()) + len((b or "").split()) + (3 if b else 2) > room for a, b in texts]
    assert convert_examples_to_features(examples, ["0"], room, tokenizer).num_truncated == sum(wanted)


def test_a_pair_is_joined_with_types(tokenizer):
    assert convert(tokenizer, "a b", "c De") == ([CLS, A, B, SEP, C, D, E, SEP], [0, 0, 0, 0, 1, 1, 1, 1])


@pytest.mark.parametrize("text_b", [None, "", " \t", "\u200b\u0301"])
def test_a_second_text_without_pieces_is_none(tokenizer, text_b):
    assert convert(tokenizer, "a b", text_b) == ([CLS, A, B, SEP], [0, 0, 0, 0])


def test_a_first_text_without_pieces_stays_empty(tokenizer):
    assert convert(tokenizer, "\u200b", "a") == ([CLS, SEP, A, SEP], [0, 0, 1, 1])


def test_a_single_text_is_cut_at_its_end(tokenizer):
    assert convert(tokenizer, "a b c d", None, max_seq_length=5) == ([CLS, A, B, C, SEP], [0] * 5)
    assert convert(tokenizer, "a b c d", None, max_seq_length=6) == ([CLS, A, B, C, D, SEP], [0] * 6)


def test_the_longer_of_a_pair_is_cut_first(tokenizer):
    assert convert(tokenizer, "a b c d", "d c", max_seq_length=8)[0] == [CLS, A, B, C, SEP, D, C, SEP]
    assert convert(tokenizer, "a b", "d c b a", max_seq_length=7)[0] == [CLS, A, B, SEP, D, C, SEP]
    assert convert(tokenizer, "a b c", "d c b", max_seq_length=6)[0] == [CLS, A, B, SEP, D, SEP]


@pytest.mark.parametrize("max_seq_length", [3, 4, 5])
def test_a_second_text_that_is_cut_to_nothing_has_no_end_mark(tokenizer, max_seq_length):
    # The original asks `if tokens_b` once more after it has truncated.
    ids, types = convert(tokenizer, "a", "b", max_seq_length)
    expected = {3: [CLS, SEP], 4: [CLS, A, SEP], 5: [CLS, A, SEP, B, SEP]}[max_seq_length]
    assert ids == expected
    assert types == [0] * min(3, len(ids)) + [1] * (len(ids) - 3)


def original_loop(length_a: int, length_b: int, max_seq_length: int) -> tuple[int, int]:
    """The rule of the original's convert_single_example, one piece at a time."""
    if not length_b:
        return min(length_a, max_seq_length - 2), 0
    while length_a + length_b > max_seq_length - 3:
        if length_a > length_b:
            length_a -= 1
        else:
            length_b -= 1
    return length_a, length_b


def test_truncation_leaves_what_the_originals_loop_leaves():
    lengths = np.array([(a, b) for a in range(25) for b in range(25)])
    for max_seq_length in range(3, 54):
        kept = truncated_lengths(tf.constant(lengths[:, 0]), tf.constant(lengths[:, 1]), max_seq_length)
        expected = [original_loop(a, b, max_seq_length) for a, b in lengths]
        np.testing.assert_array_equal(np.stack(kept, axis=1), expected, err_msg=str(max_seq_length))


def test_examples_keep_their_order_however_they_are_cut_into_calls(tokenizer, monkeypatch):
    texts = ["a", "b c", "", "d e d", "c", "a b", "d"]
    examples = [InputExample(str(i), text or "a", text, str(i % 3)) for i, text in enumerate(texts)]
    whole = convert_examples_to_features(examples, ["2", "0", "1"], 16, tokenizer)
    monkeypatch.setattr(features, "_EXAMPLES_PER_CALL", 3)
    parts = convert_examples_to_features(examples, ["2", "0", "1"], 16, tokenizer)
    assert whole.targets["label_ids"].numpy().tolist() == [1, 2, 0, 1, 2, 0, 1]
    assert len(whole) == 7
    for found in (whole, parts):
        assert found.input_ids.to_list() == whole.input_ids.to_list()
        assert found.type_ids.to_list() == whole.type_ids.to_list()
        assert found.lengths.tolist() == [len(row) for row in found.input_ids.to_list()]
    assert whole.input_ids[1].numpy().tolist() == [CLS, B, C, SEP, B, C, SEP]


# Orders


@pytest.mark.parametrize("num_examples, batch_size, epochs", [(100, 10, 3), (101, 8, 3), (7, 16, 4), (1, 3, 2)])
def test_every_epoch_takes_each_example_once(num_examples, batch_size, epochs):
    steps = -(-num_examples * epochs // batch_size)
    order = training_order(num_examples, batch_size, steps, seed=3)
    assert order.shape == (steps, batch_size)
    for epoch in range(epochs):
        part = order.ravel()[epoch * num_examples : (epoch + 1) * num_examples]
        assert sorted(part) == list(range(num_examples))
    rest = order.ravel()[epochs * num_examples :]
    assert num_examples == 1 or len(set(rest)) == len(rest)


def test_the_order_is_a_function_of_its_arguments():
    order = training_order(1000, 10, 100, seed=3)
    np.testing.assert_array_equal(order, training_order(1000, 10, 100, seed=3))
    np.testing.assert_array_equal(order, training_order(1000, 10, 250, seed=3)[:100])


def test_epochs_and_seeds_have_other_orders():
    orders = [training_order(1000, 10, 200, seed).reshape(2, 1000) for seed in (0, 1, 2)]
    epochs = [epoch for order in orders for epoch in order]
    for i, one in enumerate(epochs):
        assert np.mean(one == np.arange(1000)) < 0.02
        for other in epochs[:i]:
            assert np.mean(one == other) < 0.02


def test_the_order_is_shuffled_over_the_whole_set():
    order = training_order(10_000, 100, 100, seed=0)
    # A first tenth that came from the first tenth of the file, as a small shuffle buffer gives, would be near 500.
    assert order[:10].mean() == pytest.approx(5000, abs=500)


def test_evaluation_takes_each_example_once_by_length():
    lengths = np.array([9, 3, 7, 3, 8, 1, 2])
    order = evaluation_order(lengths, 3)
    assert order.tolist() == [[5, 6, 1], [3, 2, 4], [-1, -1, 0]]
    assert evaluation_order(lengths[:6], 3).tolist() == [[5, 1, 3], [2, 4, 0]]
    assert evaluation_order(lengths, 100).tolist() == [[-1] * 93 + [5, 6, 1, 3, 2, 4, 0]]


# Batches


def test_a_batch_is_as_long_as_the_first_bucket_that_holds_its_longest():
    lengths = np.arange(200)
    order = np.array([[length, 0, -1] for length in range(1, 200)])
    found = batch_lengths(lengths, order, 200)
    assert set(found) <= {*BUCKET_LENGTHS, 200}
    for longest, length in zip(range(1, 200), found, strict=True):
        assert longest <= length
        smaller = [bucket for bucket in BUCKET_LENGTHS if bucket < length]
        assert not smaller or max(smaller) < longest


def test_no_batch_is_longer_than_max_seq_length():
    lengths = np.array([5, 33, 40, 40])
    assert batch_lengths(lengths, np.array([[0, 0], [1, 0], [2, 3]]), 40).tolist() == [16, 40, 40]
    assert batch_lengths(lengths, np.array([[0, 0]]), 10).tolist() == [10]
    assert batch_lengths(np.array([512]), np.array([[0]]), 512).tolist() == [512]


def test_a_row_of_padding_has_no_length():
    # The last example, which -1 would take from the end, is the longest.
    assert batch_lengths(np.array([3, 90]), np.array([[0, -1]]), 100).tolist() == [16]


def test_batches_hold_the_examples_of_their_rows():
    found = make_features([3, 20, 7, 33, 16])
    order = np.array([[4, 0], [3, 1], [2, 2]])
    batches = batches_of(batch_dataset(found, order))
    assert [batch["input_word_ids"].shape for batch in batches] == [(2, 16), (2, 48), (2, 16)]
    ids, types = found.input_ids.to_list(), found.type_ids.to_list()
    for rows, batch in zip(order, batches, strict=True):
        assert {name: array.dtype.name for name, array in batch.items()} == dict.fromkeys(batch, "int32")
        for place, row in enumerate(rows):
            length = len(ids[row])
            assert batch["input_word_ids"][place].tolist()[:length] == ids[row]
            assert batch["input_type_ids"][place].tolist()[:length] == types[row]
            assert (batch["input_mask"][place] == (np.arange(batch["input_mask"].shape[1]) < length)).all()
            assert not batch["input_word_ids"][place][length:].any()
            assert not batch["input_type_ids"][place][length:].any()
            assert batch["label_ids"][place] == row + 1


def test_a_row_of_padding_is_all_zeros():
    (batch,) = batches_of(batch_dataset(make_features([3, 5]), np.array([[1, -1, 0, -1]])))
    for name in ("input_word_ids", "input_mask", "input_type_ids", "label_ids"):
        assert batch[name][[0, 2]].any()
        assert not batch[name][[1, 3]].any()


def test_token_rows_are_where_the_tokens_stand_and_the_first_position_of_each_row():
    (batch,) = batches_of(batch_dataset(make_features([3, 5]), np.array([[1, -1, 0, -1]])))
    assert batch["token_rows"].dtype == np.int32
    assert batch["token_rows"].tolist() == [0, 1, 2, 3, 4, 16, 32, 33, 34, 48]


def test_numbers_of_rows_are_few_and_hold_all_tokens():
    tokens = np.arange(1, 5000)
    counts = row_count(tokens)
    assert (counts >= tokens).all()
    assert (counts <= tokens * (1 + 1 / 16)).all()
    assert np.mean(counts / tokens) < 1.025
    # In each octave as many, whatever the size of a batch.
    assert [len(set(counts[(tokens > low) & (tokens <= 2 * low)])) for low in (64, 512, 2048)] == [16, 16, 16]


def test_few_numbers_of_rows_take_padded_positions_with_the_tokens():
    found, order = make_features([3, 20, 7, 33, 16]), np.array([[4, 0], [3, 1], [2, -1], [1, 3]])
    exact = batches_of(batch_dataset(found, order))
    few = batches_of(batch_dataset(found, order, few_row_counts=True))
    assert [len(batch["token_rows"]) for batch in exact] == [19, 53, 8, 53]
    assert [len(batch["token_rows"]) for batch in few] == [19, 54, 8, 54]
    assert batch_row_counts(found.lengths, order, 100, few_sizes=True).tolist() == [19, 54, 8, 54]
    for ours, expected in zip(few, exact, strict=True):
        rows = ours["token_rows"]
        assert (np.diff(rows) > 0).all()
        assert set(rows) >= set(expected["token_rows"])
        assert rows.max() < ours["input_mask"].size
        for name in ("input_word_ids", "input_mask", "input_type_ids", "label_ids"):
            np.testing.assert_array_equal(ours[name], expected[name])


def test_there_are_no_more_rows_than_positions():
    found = make_features([33, 33], max_seq_length=33)
    (batch,) = batches_of(batch_dataset(found, np.array([[0, 1]]), few_row_counts=True))
    assert row_count(np.array([66])) == [68]
    assert batch["token_rows"].tolist() == list(range(66))


def test_batches_of_a_static_length_have_one_shape():
    dataset = batch_dataset(make_features([3, 20, 7], 40), np.array([[0, 2], [1, 0]]), static_length=True)
    assert {name: spec.shape for name, spec in dataset.element_spec.items()} == {
        **dict.fromkeys(("input_word_ids", "input_mask", "input_type_ids"), (2, 40)),
        "label_ids": (2,),
    }
    assert [batch["input_mask"].sum() for batch in batches_of(dataset)] == [10, 23]


@pytest.mark.parametrize("num_replicas", [1, 2, 3])
def test_the_replicas_parts_put_together_are_the_batch(num_replicas):
    found = make_features([3, 20, 7, 33, 16, 5, 9])
    order = np.array([[0, 1, 2, 3, 4, 5], [6, 5, 0, 2, -1, -1]])
    whole = batches_of(batch_dataset(found, order))
    parts = batches_of(batch_dataset(found, order, num_replicas=num_replicas, replicas=range(num_replicas)))
    assert len(parts) == 2 * num_replicas
    for number, batch in enumerate(whole):
        shares = parts[number * num_replicas : (number + 1) * num_replicas]
        for name in ("input_word_ids", "input_mask", "input_type_ids", "label_ids"):
            np.testing.assert_array_equal(np.concatenate([share[name] for share in shares]), batch[name])


def test_workers_feed_their_own_replicas():
    found = make_features([3, 20, 7, 33, 16, 5, 9])
    order = np.array([[0, 1, 2, 3], [6, 5, 4, -1]])
    everything = batches_of(batch_dataset(found, order, num_replicas=4, replicas=range(4)))
    workers = [batches_of(batch_dataset(found, order, num_replicas=4, replicas=range(i, i + 2))) for i in (0, 2)]
    expected = [[everything[i] for i in places] for places in ((0, 1, 4, 5), (2, 3, 6, 7))]
    for found_parts, wanted in zip(workers, expected, strict=True):
        assert len(found_parts) == len(wanted)
        for found_part, wanted_part in zip(found_parts, wanted, strict=True):
            for name in wanted_part:
                np.testing.assert_array_equal(found_part[name], wanted_part[name])


# Groups of similar length, in which attention is computed


@pytest.mark.parametrize("size, groups, count", [(8, 4, 4), (6, 4, 2), (7, 4, 1), (2, 4, 2), (12, 4, 4), (8, 1, 1)])
def test_a_batch_is_cut_into_as_many_groups_of_one_size_as_it_can_be(size, groups, count):
    lengths = np.random.default_rng(size).integers(1, 100, 50)
    order = training_order(50, size, steps=5, seed=0)
    found = grouped_by_length(lengths, order, groups)
    assert [group.shape for group in found] == [(5, size // count)] * count
    for batch, *parts in zip(order, *found, strict=True):
        wanted = batch if count == 1 else sorted(batch, key=lambda row: lengths[row])
        assert np.concatenate(parts).tolist() == list(wanted)


def test_rows_of_padding_are_the_shortest_of_a_batch():
    # The last example, which -1 would take from the end, is the longest.
    found = grouped_by_length(np.array([3, 1, 90]), np.array([[0, -1, 1, -1], [2, 1, 0, -1]]), groups=2)
    assert [group.tolist() for group in found] == [[[-1, -1], [-1, 1]], [[1, 0], [0, 2]]]


@pytest.mark.parametrize("few_row_counts", [False, True])
@pytest.mark.parametrize("num_replicas, batch_size", [(1, 8), (2, 8), (2, 12), (3, 6), (1, 5)])
def test_groups_hold_all_examples_of_each_part_of_a_batch(num_replicas, batch_size, few_row_counts):
    lengths = np.random.default_rng(0).integers(1, 100, 40).tolist()
    found = make_features(lengths)
    order = training_order(40, batch_size, steps=6, seed=0)
    order[-1, -3:] = -1
    settings = {"num_replicas": num_replicas, "replicas": range(num_replicas), "few_row_counts": few_row_counts}
    plain = batches_of(batch_dataset(found, order, **settings))
    grouped = batches_of(batch_dataset(found, order, **settings, attention_groups=4))
    counts = batch_row_counts(found.lengths, order.reshape(len(plain), -1), 100, few_row_counts, 4).tolist()
    for batch, whole, count in zip(grouped, plain, counts, strict=True):
        assert sorted(batch["label_ids"]) == sorted(whole["label_ids"])
        assert len(batch["token_rows"]) == count
        num_rows, length = batch["input_mask"].shape
        widths = batch.get("attention_lengths", np.array([length]))
        if batch_size // num_replicas % 2 == 0:
            assert widths.dtype == np.int32 and len(widths) > 1 and max(widths) <= length
        computed = np.zeros(num_rows * length, bool)
        computed[batch["token_rows"]] = True
        computed = computed.reshape(num_rows, length)
        assert computed[:, 0].all() and computed[batch["input_mask"] == 1].all()
        attended = np.arange(length) < np.repeat(widths, num_rows // len(widths))[:, np.newaxis]
        assert not (computed & ~attended).any()


def test_groups_have_no_more_rows_than_positions():
    found, order = make_features([33, 16, 33, 16], max_seq_length=33), np.array([[0, 1, 2, 3]])
    (batch,) = batches_of(batch_dataset(found, order, few_row_counts=True, attention_groups=2))
    assert row_count(np.array([98])) == [100]
    assert batch_row_counts(found.lengths, order, 33, few_sizes=True, attention_groups=2) == [98]
    assert len(batch["token_rows"]) == 98


def test_the_groups_of_a_static_length_are_one():
    batches = batches_of(batch_dataset(make_features([3, 20]), np.array([[0, 1]]), True, attention_groups=2))
    assert [sorted(batch) for batch in batches] == [["input_mask", "input_type_ids", "input_word_ids", "label_ids"]]
