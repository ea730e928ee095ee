"""Long documents become windows: the original's, to the last position."""

import json
import re
import time

import numpy as np
import pytest
import tensorflow as tf

from bert_tf.data.batches import batch_dataset
from bert_tf.data.spans import improve_answer_span, is_max_context
from bert_tf.data.squad_examples import Document, SquadExample, read_squad_examples
from bert_tf.data.tokenization import FullTokenizer
from bert_tf.data.windows import WindowFeatures, convert_examples_to_features
from bert_tf.errors import UserError

FEATURES = [
    "v11_dev_len384_stride128_query64_lower",
    "v11_train_len96_stride32_query24_cased",
    "v20_dev_len96_stride128_query24_lower",
    "v20_train_len32_stride7_query12_lower",
    "v20_train_len96_stride32_query64_lower",
]


@pytest.fixture(scope="module")
def tokenizers(squad_golden) -> dict[str, FullTokenizer]:
    path = squad_golden / "inputs" / "vocab.txt"
    return {casing: FullTokenizer(path, do_lower_case=casing == "lower") for casing in ("lower", "cased")}


def convert(examples, tokenizer, length=32, stride=8, query=8, is_training=False, pad=True) -> WindowFeatures:
    return convert_examples_to_features(examples, tokenizer, length, stride, query, is_training, pad)


def question(context: str, text: str = "Who lit it?", qas_id: str = "q1") -> SquadExample:
    return SquadExample(qas_id, text, Document.of(context))


def grid(features: WindowFeatures, length: int | None = None) -> dict[str, np.ndarray]:
    """All rows as one batch."""
    rows = tf.range(len(features), dtype=tf.int64)
    batch = features.padded_batch(rows, features.max_seq_length if length is None else length)
    return {name: values.numpy() for name, values in batch.items()}


# The original's features


@pytest.mark.parametrize("name", FEATURES)
def test_windows_are_the_originals(squad_golden, tokenizers, name):
    pattern = r"v(\d+)_(\w+)_len(\d+)_stride(\d+)_query(\d+)_(\w+)"
    version, split, length, stride, query, casing = re.fullmatch(pattern, name).groups()
    path = squad_golden / "inputs" / f"squad{version}_{split}.json"
    examples = read_squad_examples(path, split == "train", version == "20").examples
    found = convert(examples, tokenizers[casing], int(length), int(stride), int(query), split == "train")
    with np.load(squad_golden / "squad_features" / f"{name}.npz") as data:
        wanted = dict(data)
    batch = grid(found)
    np.testing.assert_array_equal(batch["input_word_ids"], wanted["input_ids"])
    np.testing.assert_array_equal(batch["input_mask"], wanted["input_mask"])
    np.testing.assert_array_equal(batch["input_type_ids"], wanted["segment_ids"])
    np.testing.assert_array_equal(found.example_index, wanted["example_index"])
    if split == "train":
        np.testing.assert_array_equal(batch["ends"], np.stack([wanted["start_position"], wanted["end_position"]], 1))
    else:
        assert "ends" not in batch
    for row in range(len(found)):
        assert_window(found, row, {key: wanted[key][row] for key in wanted})


def assert_window(found: WindowFeatures, row: int, wanted: dict[str, np.ndarray]) -> None:
    window = found.window(row)
    (positions,) = np.nonzero(wanted["token_to_orig_map"] >= 0)
    assert (window.example_index, window.doc_span_index) == (wanted["example_index"], wanted["doc_span_index"])
    np.testing.assert_array_equal(window.first + np.arange(len(window.pieces)), positions)
    np.testing.assert_array_equal(window.pieces, wanted["input_ids"][positions])
    np.testing.assert_array_equal(window.words, wanted["token_to_orig_map"][positions])
    np.testing.assert_array_equal(window.is_max_context, wanted["token_is_max_context"][positions])


def test_where_the_original_computes_something_of_an_odd_file_the_windows_are_the_same(
    squad_golden, tokenizers, tmp_path
):
    checked = 0
    for case in json.loads((squad_golden / "edge_cases" / "run_squad.json").read_text()):
        if case["kind"] not in ("train", "dev") or not case.get("result", {}).get("examples"):
            continue
        path = tmp_path / "squad.json"
        path.write_text(json.dumps(case["input"]))
        is_training = case["kind"] == "train"
        examples = read_squad_examples(path, is_training, case["version_2_with_negative"]).examples
        settings = {"L": 32, "S": 8, "Qn": 8, **case["settings"]}
        tokenizer = tokenizers["lower"]
        found = convert(examples, tokenizer, settings["L"], settings["S"], settings["Qn"], is_training)
        assert [as_golden(found, row, tokenizer) for row in range(len(found))] == case["result"]["features"]
        checked += 1
    assert checked == 12


def as_golden(found: WindowFeatures, row: int, tokenizer: FullTokenizer) -> dict:
    batch, window = {name: values[row] for name, values in grid(found).items()}, found.window(row)
    start, end = batch["ends"].tolist() if "ends" in batch else (None, None)
    return {
        "unique_id": 1000000000 + row,
        "doc_span_index": window.doc_span_index,
        "tokens": tokenizer.convert_ids_to_tokens(batch["input_word_ids"][: batch["input_mask"].sum()].tolist()),
        "start_position": start,
        "end_position": end,
        "token_is_max_context": {
            str(window.first + index): bool(value) for index, value in enumerate(window.is_max_context)
        },
    }


def originals_max_context(spans: list[tuple[int, int]], position: int) -> int:
    """The original's `_check_is_max_context`: the window that it says True for."""
    best_score, best = None, None
    for index, (start, length) in enumerate(spans):
        if not start <= position < start + length:
            continue
        score = min(position - start, start + length - 1 - position) + 0.01 * length
        if best_score is None or score > best_score:
            best_score, best = score, index
    return best


@pytest.mark.parametrize(
    ("rooms", "lengths"), [(range(1, 14), range(1, 34)), ([250], [100, 250, 251, 400, 499, 500, 501])]
)
def test_the_maximum_context_is_the_originals_for_documents_of_all_lengths(rooms, lengths):
    for room in rooms:
        for step in {*range(1, min(room, 13) + 1), room - room // 3, room}:
            for num_pieces in lengths:
                count = 1 + -(-max(num_pieces - room, 0) // step)
                spans = [(span * step, min(room, num_pieces - span * step)) for span in range(count)]
                best = [originals_max_context(spans, position) for position in range(num_pieces)]
                for span in {0, count // 2, max(count - 2, 0), count - 1}:
                    start, length = spans[span]
                    wanted = [best[position] == span for position in range(start, start + length)]
                    assert is_max_context(num_pieces, room, step, count, span).tolist() == wanted


def test_the_answer_is_found_where_the_original_finds_it():
    random = np.random.default_rng(0)
    for _ in range(2000):
        pieces = random.choice([1, 256, 65536, 257], size=8).astype(np.int32)
        start, end = random.integers(0, 8, 2).tolist()
        answer = random.choice([1, 256, 65536, 257], size=random.integers(0, 4)).astype(np.int32)
        assert improve_answer_span(pieces, start, end, answer) == originals_span(pieces, start, end, answer)


def originals_span(pieces: np.ndarray, start: int, end: int, answer: np.ndarray) -> tuple[int, int]:
    """The original's `_improve_answer_span`."""
    for new_start in range(start, end + 1):
        for new_end in range(end, new_start - 1, -1):
            if pieces[new_start : new_end + 1].tolist() == answer.tolist():
                return new_start, new_end
    return start, end


# Rows


def test_padding_is_counted_only_where_it_is_to_be_computed(tokenizers):
    examples = [question("The lamp burned oil."), question("The lamp", "Who?", "q2")]
    padded, real = (convert(examples, tokenizers["lower"], pad=pad) for pad in (True, False))
    assert padded.lengths.tolist() == [32, 32]
    assert real.lengths.tolist() == grid(real)["input_mask"].sum(1).tolist() == [14, 7]
    for name, values in grid(padded).items():
        np.testing.assert_array_equal(values, grid(real)[name])


def test_rows_of_padding_are_zeros_in_batches_of_a_data_set(tokenizers):
    answer = SquadExample("q1", "Who lit it?", Document.of("The lamp burned oil. " * 9), "lamp", 1, 1)
    features = convert([answer], tokenizers["lower"], is_training=True, pad=False)
    first, second = batch_dataset(features, np.array([[1, -1], [0, 2]])).as_numpy_iterator()
    whole = grid(features)
    assert whole["ends"][0].tolist() == [7, 7]
    for name in ("input_word_ids", "input_mask", "input_type_ids", "ends"):
        assert not first[name][1].any()
        np.testing.assert_array_equal(first[name][0], whole[name][1])
        np.testing.assert_array_equal(second[name], whole[name][[0, 2]])


def test_a_batch_shorter_than_the_longest_row_has_all_of_its_own_pieces(tokenizers):
    features = convert([question("The lamp")], tokenizers["lower"])
    np.testing.assert_array_equal(grid(features, 16)["input_word_ids"], grid(features)["input_word_ids"][:, :16])


# Odd texts


def test_a_context_without_pieces_gives_no_row_and_one_warning(tokenizers, caplog):
    examples = [question("", qas_id="none"), question("The lamp"), question("\u200b \u0007", qas_id="controls")]
    features = convert(examples, tokenizers["lower"])
    assert features.example_index.tolist() == [1]
    (line,) = caplog.messages
    assert line == "2 of 3 questions: the context has no word piece, and no answer: none, controls."


def test_contexts_without_a_single_piece_are_refused(tokenizers):
    with pytest.raises(UserError, match="no context has a word piece"):
        convert([question(""), question(" \n")], tokenizers["lower"])


@pytest.mark.parametrize(("length", "stride", "query"), [(11, 4, 8), (32, 0, 8), (32, 4, -1)])
def test_settings_that_would_never_end_are_refused(tokenizers, length, stride, query):
    with pytest.raises(UserError):
        convert([question("The lamp")], tokenizers["lower"], length, stride, query)


def test_each_document_is_stored_once_for_all_of_its_questions(tokenizers):
    document = Document.of("The lamp burned oil. " * 50)
    examples = [SquadExample(f"q{index}", "Who lit it?", document) for index in range(100)]
    features = convert(examples, tokenizers["lower"])
    assert len(features.documents.words) == 50 * 7


@pytest.mark.slow
@pytest.mark.parametrize("word", ["lamp ", "\u706f", "x", "\u200b "])
def test_a_context_of_a_megabyte_takes_seconds(tokenizers, word):
    context = "The lamp. " + word * (1_000_000 // len(word)) + " oil"
    document = Document.of(context)
    end = len(document.doc_tokens) - 1
    examples = [
        SquadExample(f"q{index}", "Who lit it?", document, "oil", end, end, answers=("oil",)) for index in range(4)
    ]
    began = time.perf_counter()
    features = convert(examples, tokenizers["lower"], 384, 1, 64, is_training=True, pad=False)
    for row in range(0, len(features), len(features) // 50 + 1):
        features.window(row)
    # The original needs hours for stride 1.
    assert time.perf_counter() - began < 30
    last, (start, end) = features.window(len(features) - 1), features.targets["ends"][-1].numpy()
    found = last.pieces[start - last.first : end + 1 - last.first].tolist()
    assert tokenizers["lower"].convert_ids_to_tokens(found) == ["o", "##i", "##l"]
