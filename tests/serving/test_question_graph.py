"""Answers from the graph are those of run_squad, with its windows, spans and thresholds, on every kind of text."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from support.paths import GOLDEN
from support.question_models import write_question_model

from bert_tf.checkpoints.load import fill
from bert_tf.data.squad_examples import read_squad_examples
from bert_tf.data.windows import convert_examples_to_features
from bert_tf.devices import one_device
from bert_tf.modeling.encoder import BertEncoder
from bert_tf.modeling.heads import SpanHead
from bert_tf.models.fine_tuned import FineTunedModel, read_fine_tuned
from bert_tf.serving.question_graph import QuestionGraph
from bert_tf.serving.question_windows import Windows
from bert_tf.tasks.squad_answers import AnswerSettings, find_answer
from bert_tf.training.inference import predict

INPUTS = GOLDEN / "squad_programs/inputs"
LENGTH, STRIDE, QUERY = 96, 32, 24


@pytest.fixture(scope="module")
def model() -> FineTunedModel:
    """The original's checkpoint as what its run_squad.py leaves, with the settings of the golden data."""
    files = {"bert_config_file": INPUTS / "bert_config.json", "vocab_file": INPUTS / "vocab.txt"}
    read = read_fine_tuned(GOLDEN / "squad", **files)
    settings = dataclasses.replace(read.questions, doc_stride=STRIDE, max_query_length=QUERY)
    return dataclasses.replace(read, do_lower_case=True, max_seq_length=LENGTH, questions=settings)


def run_squad_answers(model: FineTunedModel, examples: list, version_2: bool) -> list:
    """Predicts as run_squad.py does without padding: Keras, windows and spans in Python."""
    features = convert_examples_to_features(examples, model.tokenizer(), LENGTH, STRIDE, QUERY, False, False)
    head = SpanHead(BertEncoder(model.config), masks_padding=True)
    width = model.config.hidden_size
    pooler = {"bert/pooler/dense/kernel": np.zeros([width, width]), "bert/pooler/dense/bias": np.zeros(width)}
    fill(head, {**model.arrays, **pooler})
    logits, found = predict(head, features, 64, one_device()), []
    for number, example in enumerate(examples):
        rows = np.flatnonzero(features.example_index == number)
        windows = [(features.window(row), *logits[row][:, : features.lengths[row]]) for row in rows]
        settings = AnswerSettings(version_2_with_negative=version_2)
        found.append(find_answer(example, windows, features.tokenizer.inv_vocab, settings))
    return found


def ask(graph: QuestionGraph, pairs: list, threshold: float) -> list[dict]:
    question, context = zip(*pairs, strict=True)
    outputs = graph.answers(tf.constant(question), tf.constant(context), tf.fill([len(pairs)], np.float32(threshold)))
    columns = {name: value.numpy().tolist() for name, value in outputs.items()}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


@pytest.mark.slow
@pytest.mark.parametrize("version_2", [False, True])
def test_answers_are_those_of_run_squad(model, version_2):
    file = INPUTS / ("squad20_dev.json" if version_2 else "squad11_dev.json")
    examples = read_squad_examples(file, False, version_2).examples[:100]
    pairs = [(example.question_text, example.document.context) for example in examples]
    found = ask(QuestionGraph(model), pairs, 0.0 if version_2 else np.inf)
    expected = run_squad_answers(model, examples, version_2)
    near = []
    for example, answer, wanted in zip(examples, found, expected, strict=True):
        document, start, end = example.document, answer["start"], answer["end"]
        assert document.context[start:end].encode() == answer["text"] != b""
        # The original joins words with single spaces, and returns whole words where it cannot find a text again.
        whole_words = " ".join(document.doc_tokens[document.word_at(start) : document.word_at(end - 1) + 1])
        assert wanted.text in (" ".join(document.context[start:end].split()), whole_words)
        # It merges places with the same text, so that others come onto the list, which are less probable.
        assert answer["score"] < wanted.probability + 1e-5
        near.append(answer["score"] > wanted.probability - 1e-5)
    assert np.mean(near) >= 0.5


def full_windows(num_pieces: int, room: int, stride: int) -> list[tuple[int, int]]:
    """The original's `doc_spans`: start and length."""
    spans, start = [], 0
    while start < num_pieces:
        length = min(num_pieces - start, room)
        spans.append((start, length))
        if start + length == num_pieces:
            break
        start += min(length, stride)
    return spans


def has_max_context(spans: list[tuple[int, int]], current: int, position: int) -> bool:
    """The original's `_check_is_max_context`."""
    best_score = best = None
    for index, (start, length) in enumerate(spans):
        end = start + length - 1
        if start <= position <= end:
            score = min(position - start, end - position) + 0.01 * length
            if best_score is None or score > best_score:
                best_score, best = score, index
    return best == current


@pytest.mark.parametrize(("length", "stride"), [(16, 1), (16, 5), (24, 8), (24, 100), (12, 3), (40, 7)])
def test_windows_are_those_of_the_original(length, stride):
    sizes = [(query, pieces) for query in (0, 3, 6) for pieces in (0, 1, 5, 6, 7, 13, 30, 61)]
    question = tf.ragged.constant([[7] * query for query, _ in sizes], tf.int32, ragged_rank=1)
    context = tf.ragged.constant([list(range(100, 100 + pieces)) for _, pieces in sizes], tf.int32, ragged_rank=1)
    windows = Windows(question, context, length, stride)
    expected = [full_windows(pieces, length - query - 3, stride) for query, pieces in sizes]
    assert windows.counts.numpy().tolist() == list(map(len, expected))
    rows = windows.rows(tf.range(windows.count), 1, 2)
    index = 0
    for (query, _), spans in zip(sizes, expected, strict=True):
        for current, (start, size) in enumerate(spans):
            inside = list(range(start, start + size))
            ids = [1, *[7] * query, 2, *(100 + piece for piece in inside), 2]
            padding = [0] * (rows.ids.shape[1] - len(ids))
            assert rows.ids[index].numpy().tolist() == ids + padding
            assert rows.is_real[index].numpy().tolist() == [True] * len(ids) + [False] * len(padding)
            assert rows.types[index].numpy().tolist() == [0] * (query + 2) + [1] * (size + 1) + padding
            place = slice(query + 2, query + 2 + size)
            assert rows.pieces[index].numpy()[place].tolist() == inside
            assert (rows.pieces[index].numpy() >= 0).sum() == rows.may_start[index, place].shape[0] == size
            wanted = [has_max_context(spans, current, piece) for piece in inside]
            assert rows.may_start[index].numpy()[place].tolist() == wanted
            index += 1


@pytest.fixture(scope="module")
def tiny(tmp_path_factory) -> QuestionGraph:
    return QuestionGraph(read_fine_tuned(write_question_model(tmp_path_factory.mktemp("tiny") / "run")))


@pytest.mark.slow
def test_many_windows_are_computed_as_each_alone(tiny):
    random = np.random.default_rng(0)
    contexts = [" ".join(f"w{word}" for word in random.permutation(90)[: number * 3]) for number in range(30)]
    pairs = [("w3 w4", context) for context in contexts]
    together, alone = ask(tiny, pairs, np.inf), [ask(tiny, [pair], np.inf)[0] for pair in pairs]
    for one, other in zip(together, alone, strict=True):
        assert (one["text"], one["start"]) == (other["text"], other["start"])
        assert one["score"] == pytest.approx(other["score"], abs=1e-5)
    assert len({one["text"] for one in together}) > 15


@pytest.mark.slow
def test_a_threshold_decides_whether_there_is_an_answer(tiny):
    pair = ("w1 w2", "w5 w6 w7 w8")
    answered, empty = ask(tiny, [pair], 1e9)[0], ask(tiny, [pair], -1e9)[0]
    assert answered["text"] and (empty["text"], empty["start"], empty["end"]) == (b"", 0, 0)
    always = ask(tiny, [pair], np.inf)[0]
    # Having no answer is on the list of the other two.
    assert always["text"] == answered["text"] and always["score"] > answered["score"]
    assert answered["score"] + empty["score"] < 1


@pytest.mark.slow
@pytest.mark.parametrize(("threshold", "score"), [(np.inf, 0.0), (0.0, 1.0)])
def test_a_context_without_pieces_has_no_answer(tiny, threshold, score):
    for context in ("", " \n", "\u200b\ufeff", b"\xff\xfe"):
        found = ask(tiny, [("w1", context)], threshold)[0]
        assert found == {"text": b"", "start": 0, "end": 0, "score": score}


@pytest.mark.slow
def test_bytes_that_are_no_text_do_not_count(tiny):
    found = ask(tiny, [("w1", b"\xff\xc3 w5\xed\xa0\x80 \x80w6 w7")], np.inf)[0]
    assert " w5 w6 w7"[found["start"] : found["end"]].encode() == found["text"] != b""


@pytest.mark.slow
def test_no_questions_have_no_answers(tiny):
    none, numbers = tf.constant([], tf.string), tf.constant([], tf.float32)
    assert all(value.shape == [0] for value in tiny.answers(none, none, numbers).values())


@pytest.mark.slow
def test_inputs_of_different_sizes_are_refused(tiny):
    texts = tf.constant(["w1", "w2"])
    for context, thresholds in ((texts[:1], [0.0, 0.0]), (texts, [0.0])):
        with pytest.raises(tf.errors.InvalidArgumentError):
            tiny.answers(texts, context, tf.constant(thresholds))
