"""Questions give the windows, logits and training of the original's `run_squad.py`, and its scores and files."""

import random

import numpy as np
import pytest
import tensorflow as tf
from support.paths import GOLDEN
from support.questions import write_questions

from bert_tf.checkpoints.formats import read_checkpoint
from bert_tf.checkpoints.load import fill
from bert_tf.data.spans import WindowSettings
from bert_tf.data.squad_examples import Document, SquadExample, read_squad_examples
from bert_tf.data.tokenization import FullTokenizer
from bert_tf.data.windows import WindowFeatures
from bert_tf.devices import Devices, one_device
from bert_tf.modeling.config import BertConfig
from bert_tf.modeling.encoder import BertEncoder
from bert_tf.modeling.heads import SpanHead
from bert_tf.tasks.question_answering import QuestionAnsweringTask
from bert_tf.tasks.squad_answers import AnswerSettings, SpanAnswer
from bert_tf.training.config import TrainingConfig
from bert_tf.training.inference import predict
from bert_tf.training.loop import Training

FILES = GOLDEN / "squad_programs"
INPUTS = FILES / "inputs"


def make_task(version_2: bool = False, **windows) -> QuestionAnsweringTask:
    settings = {"doc_stride": 32, "max_query_length": 24} | windows
    return QuestionAnsweringTask("SQuAD", WindowSettings(**settings), AnswerSettings(version_2_with_negative=version_2))


@pytest.fixture(scope="module")
def tokenizer() -> FullTokenizer:
    return FullTokenizer(INPUTS / "vocab.txt")


@pytest.fixture(scope="module")
def config() -> BertConfig:
    return BertConfig.from_json_file(INPUTS / "bert_config.json")


def golden_head(task: QuestionAnsweringTask, config: BertConfig) -> SpanHead:
    head = task.make_head(BertEncoder(config), seed=0)
    fill(head, read_checkpoint(GOLDEN / "squad" / "golden.ckpt"))
    return head


@pytest.fixture(scope="module")
def questions() -> list[SquadExample]:
    return read_squad_examples(INPUTS / "squad11_dev.json", False, False).examples


@pytest.fixture(scope="module")
def training_set(tokenizer) -> WindowFeatures:
    """The windows of the original's `main()`, which shuffles the questions first."""
    examples = read_squad_examples(INPUTS / "squad20_train.json", True, True).examples
    random.Random(12345).shuffle(examples)
    return make_task(version_2=True).featurize(examples, tokenizer, 96)


@pytest.mark.slow
@pytest.mark.parametrize(("version", "version_2"), [("11", False), ("20", True)])
def test_logits_are_those_of_the_original_also_at_padding(version, version_2, tokenizer, config):
    task = make_task(version_2)
    examples = read_squad_examples(INPUTS / f"squad{version}_dev.json", False, version_2).examples
    features = task.featurize(examples, tokenizer, 96)
    logits = predict(golden_head(task, config), features, 32, one_device())
    with np.load(FILES / "squad_model" / f"predict_{version}_logits.npz") as golden:
        np.testing.assert_array_equal(1_000_000_000 + np.arange(96), golden["unique_ids"])
        expected = np.stack([golden["start_logits"], golden["end_logits"]], axis=1)
    np.testing.assert_allclose(logits[:96], expected, rtol=0, atol=5e-5)


def test_the_windows_of_training_are_those_of_the_original(training_set):
    batch = training_set.padded_batch(tf.range(len(training_set), dtype=tf.int64), 96)
    with np.load(GOLDEN / "squad" / "train_features.npz") as golden:
        np.testing.assert_array_equal(batch["input_word_ids"], golden["input_ids"])
        np.testing.assert_array_equal(batch["input_mask"], golden["input_mask"])
        np.testing.assert_array_equal(batch["input_type_ids"], golden["segment_ids"])
        ends = np.stack([golden["start_positions"], golden["end_positions"]], axis=1)
        np.testing.assert_array_equal(batch["ends"], ends)


@pytest.mark.slow
def test_training_has_the_losses_of_the_originals_main(training_set, config):
    settings = {"train_batch_size": 8, "learning_rate": 5e-4, "warmup_steps": 4, "adam_bias_correction": False}
    training = Training(golden_head(make_task(True), config), TrainingConfig(**settings), 20, one_device())
    with np.load(GOLDEN / "squad" / "training.npz") as golden:
        batches = training.batches(training_set, golden["batches"].astype(np.int64))
        losses = [training.train_step(batches).numpy() for _ in range(20)]
        np.testing.assert_allclose(losses, golden["losses"], rtol=0, atol=1e-3)


@pytest.mark.slow
def test_padding_that_is_not_computed_is_no_answer(questions, tokenizer, config):
    exact, fast = make_task(), make_task(pad_to_max_length=False)
    answers = {}
    for task in (exact, fast):
        features = task.featurize(questions, tokenizer, 384)
        logits = predict(golden_head(task, config), features, 32, one_device())
        answers[task] = logits, features
    (padded, _), (cut, features) = answers[exact], answers[fast]
    for row in range(len(features)):
        length = features.lengths[row]
        np.testing.assert_allclose(cut[row, :, :length], padded[row, :, :length], rtol=0, atol=2e-5)
    texts = [[answer.text for answer in task.combine(*answers[task], questions)] for task in (exact, fast)]
    assert np.mean(np.equal(*texts)) > 0.9


@pytest.mark.slow
def test_groups_of_windows_give_the_loss_of_the_whole_batch(monkeypatch, tokenizer, config):
    task = make_task(pad_to_max_length=False)
    examples = read_squad_examples(INPUTS / "squad11_train.json", True, False).examples
    features = task.featurize(examples, tokenizer, 384)
    settings = TrainingConfig(train_batch_size=16, learning_rate=5e-4, warmup_steps=0)
    assert one_device().attention_groups(384) > 1 and len(set(features.lengths)) > 16
    losses = []
    for groups in (one_device().attention_groups(384), 1):
        training = Training(golden_head(task, config), settings, 4, one_device())
        monkeypatch.setattr(Devices, "attention_groups", lambda devices, length, groups=groups: groups)
        batches = training.batches(features, training.order(len(features)))
        losses.append([training.train_step(batches).numpy() for _ in range(4)])
    np.testing.assert_allclose(*losses, rtol=1e-4)


@pytest.mark.parametrize(("version_2", "expected"), [(False, ["empty", "b", "empty"]), (True, ["", "b", ""])])
def test_a_question_without_windows_takes_none_from_its_neighbors(version_2, expected, tokenizer):
    contexts = ["", "a b c", "\x01"]
    examples = [SquadExample(str(number), "d", Document.of(context)) for number, context in enumerate(contexts)]
    task = make_task(version_2)
    features = task.featurize(examples, tokenizer, 96)
    assert features.example_index.tolist() == [1]
    # [CLS] d [SEP] a b c [SEP]
    logits = np.zeros([1, 2, 96], np.float32)
    logits[0, :, 4] = 9.0
    assert [found.text for found in task.combine(logits, features, examples)] == expected


def answer(text: str, score_diff: float | None = None) -> SpanAnswer:
    return SpanAnswer(text, (), score_diff)


def test_the_value_of_a_question_is_its_f1(questions):
    golds = [question.answers[0] for question in questions]
    evaluation = make_task().evaluate([answer(gold) for gold in golds], questions, 8)
    assert evaluation.scores == {"eval_exact_match": 1.0, "eval_f1": 1.0}
    evaluation = make_task().evaluate([answer("zzz"), *map(answer, golds[1:])], questions, 8)
    assert evaluation.values.tolist() == [0.0] + [1.0] * (len(golds) - 1)
    assert evaluation.scores["eval_f1"] == pytest.approx(np.mean(evaluation.values))


def test_all_named_scores_are_computed(tmp_path):
    folder = write_questions(tmp_path / "data", {"dev-v2.0": 9}, version_2=True)
    task = make_task(version_2=True)
    examples = task.read("dev", str(folder))
    found = task.evaluate([answer("", 1.0) for _ in examples], examples, 8)
    assert tuple(found.scores) == task.score_names
    assert found.scores["eval_NoAns_exact"] == 1.0 and found.scores["eval_HasAns_f1"] == 0.0


def test_the_model_is_described_by_kind_and_version():
    assert make_task().describe() == {"task.json": '{"kind": "question_answering", "version_2_with_negative": false}\n'}
