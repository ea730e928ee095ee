"""Questions answered by a loaded model: of a run, of the original, of transformers, and of an export."""

import json
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
from support.fine_tuned import write_fine_tuned
from support.question_models import write_question_model
from support.saved_models import HOSTILE, Request, ask_elsewhere

import bert_tf
from bert_tf.checkpoints.formats import read_checkpoint, write_checkpoint
from bert_tf.errors import UserError
from bert_tf.exports.saved_model import export
from bert_tf.models.fine_tuned import read_fine_tuned
from bert_tf.serving.question_answerer import Answer, QuestionAnswerer

pytestmark = pytest.mark.slow

PAIR = ("w1 w2", "w5 w7 w8, w9 w5! W10 w11 w12 w13 w14 w15 w16 w17 w18 w19")


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "run"
    return write_question_model(folder, {"eval_exact_match": 0.25, "eval_f1": 0.5}, version_2_with_negative=True)


@pytest.fixture(scope="module")
def model(run) -> QuestionAnswerer:
    return bert_tf.load(run)


@pytest.fixture(scope="module")
def exported(run, tmp_path_factory) -> Path:
    return export(read_fine_tuned(run), tmp_path_factory.mktemp("export"))


def test_an_answer_is_a_part_of_its_context(model):
    answer = model.answer(*PAIR, null_score_diff_threshold=1e9)
    assert answer.text and PAIR[1][answer.start : answer.end] == answer.text and 0 < answer.score < 1


def test_the_model_shows_its_scores(model):
    assert repr(model) == "QuestionAnswerer(question_answering, eval_exact_match=0.25, eval_f1=0.5)"
    assert (model.kind, model.labels, model.settings.doc_stride) == ("question_answering", (), 6)


def test_many_questions_have_the_answers_of_each(model):
    pairs = [(f"w{n} w4", " ".join(f"w{(n * n + 3 * k) % 90}" for k in range(n))) for n in range(0, 28, 3)]
    for batch_size in (1, 4, 32):
        for answer, pair in zip(model.answers(pairs, batch_size=batch_size), pairs, strict=True):
            alone = model.answer(*pair)
            assert (answer.text, answer.start) == (alone.text, alone.start)
            assert answer.score == pytest.approx(alone.score, abs=1e-5)
    assert model.answers([]) == []


def test_a_question_may_have_no_answer_if_the_model_or_the_threshold_says_so(model, run, tmp_path):
    empty = Answer("", 0, 0, pytest.approx(0.5, abs=0.5))
    assert model.answer(*PAIR, null_score_diff_threshold=-1e9) == empty
    other = bert_tf.load(write_question_model(tmp_path / "run"))
    assert other.answer(*PAIR).text and other.answer(*PAIR, null_score_diff_threshold=-1e9) == empty
    assert model.answer("w1", "") == Answer("", 0, 0, 1.0) and other.answer("w1", "") == Answer("", 0, 0, 0.0)


def test_an_export_has_the_answers_of_its_run_also_with_a_threshold(model, exported):
    loaded, pairs = bert_tf.load(exported.parent), [PAIR, ("w3", "w1"), ("", "w4 w5"), ("w1", "")]
    assert repr(loaded) == repr(model)
    for threshold in (None, -3, 0.0, 1e9, np.float32(2), float("inf")):
        options = {"null_score_diff_threshold": threshold}
        assert loaded.answers(pairs, **options) == model.answers(pairs, **options)


def test_a_process_without_anything_of_ours_answers_with_an_export(model, exported):
    contexts = [PAIR[1].encode(), *HOSTILE]
    questions = [b"w1 w2"] * len(contexts)
    texts = {"question": questions, "context": contexts}
    thresholds = {"null_score_diff_threshold": [1e9] * len(contexts)}
    plain, always, nothing = ask_elsewhere(
        [
            Request(exported, texts),
            Request(exported, texts | thresholds, "with_threshold"),
            Request(exported, {"question": [], "context": []}),
        ]
    )
    contexts = [context.decode(errors="ignore") for context in contexts]
    for found, options in ((plain, {}), (always, {"null_score_diff_threshold": 1e9})):
        rows = list(zip(*(found[name] for name in ("text", "start", "end", "score")), strict=True))
        for row, context in zip(rows, contexts, strict=True):
            assert context[row[1] : row[2]] == row[0]
        expected = model.answers([("w1 w2", context) for context in contexts], **options)
        assert [row[:3] for row in rows] == [(each.text, each.start, each.end) for each in expected]
        np.testing.assert_allclose([row[3] for row in rows], [each.score for each in expected], atol=1e-5)
    assert nothing == {"text": [], "start": [], "end": [], "score": []}


def test_an_export_says_how_it_answers(exported):
    said = json.loads((exported / "assets/export.json").read_text())
    assert said["kind"] == "question_answering" and said["questions"] == {
        "doc_stride": 6,
        "max_query_length": 8,
        "version_2_with_negative": True,
        "n_best_size": 20,
        "max_answer_length": 30,
    }
    assert (exported / "assets.extra/tf_serving_warmup_requests").is_file()
    assert not (exported / "assets/labels.txt").exists()


@pytest.mark.parametrize(
    "questions", [None, {}, {"doc_stride": 0}, {"doc_stride": "6"}, {"version_2_with_negative": 1}, {"other": 1}, [1]]
)
def test_broken_settings_of_an_export_are_one_line(exported, tmp_path, questions):
    copy = shutil.copytree(exported, tmp_path / "1")
    path = copy / "assets/export.json"
    content = json.loads(path.read_text())
    changed = content["questions"] | questions if isinstance(questions, dict) and questions else questions
    path.write_text(json.dumps(content | {"questions": changed}))
    if questions == {}:
        assert bert_tf.load(copy).settings.doc_stride == 128
        return
    with pytest.raises(UserError, match=r"export\.json: cannot be read \(.*\); export the model again"):
        bert_tf.load(copy)


def test_a_context_of_a_megabyte_is_answered(model):
    context = " ".join(f"w{number % 90}" for number in range(40_000))
    found = model.answers([("w3 w4", context), ("w1", "w2 w3")], null_score_diff_threshold=1e9)
    assert found[0].text and context[found[0].start : found[0].end] == found[0].text
    assert found[1].text == model.answer("w1", "w2 w3", null_score_diff_threshold=1e9).text


def test_threads_get_their_own_answers(model):
    pairs = [("w1", f"w{number} w{number + 1} w{number + 2}") for number in range(16)]
    expected, found = [model.answer(*pair) for pair in pairs], {}
    threads = [threading.Thread(target=lambda n=n: found.update({n: model.answer(*pairs[n])})) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[number] for number in range(16)] == expected


@pytest.mark.parametrize("pairs", ["w1", b"w1", None, 3, {"w1": "w2"}, np.array("w1")])
def test_something_else_than_questions_is_refused_in_one_line(model, pairs):
    with pytest.raises(UserError, match=r"answers: needs a list; give pairs of a question and its context"):
        model.answers(pairs)


@pytest.mark.parametrize("pair", [("w1",), ("w1", "w2", "w3"), ("w1", None), (b"w1", "w2"), "w1", 7])
def test_something_else_than_two_texts_is_refused_in_one_line(model, pair):
    with pytest.raises(UserError, match=r"answers: .* is no question with its context; give two strings") as error:
        model.answers([PAIR, pair])
    assert "\n" not in str(error.value)


def test_half_a_character_is_refused(model):
    with pytest.raises(UserError, match=r"answer: .* has half of a surrogate pair"):
        model.answer("w1", "w2 \ud800")


@pytest.mark.parametrize("threshold", ["1", float("nan"), True, [0.0], 1e300, -(10**400)])
def test_a_threshold_that_is_no_number_is_refused(model, threshold):
    with pytest.raises(UserError, match=r"answer: null_score_diff_threshold is .*; it must be a number"):
        model.answer(*PAIR, null_score_diff_threshold=threshold)


@pytest.mark.parametrize("batch_size", [0, -1, 2.5, "3"])
def test_a_batch_size_that_is_no_number_is_refused(model, batch_size):
    with pytest.raises(UserError, match=r"answers: batch_size is .*; it must be a whole number, at least 1"):
        model.answers([PAIR], batch_size=batch_size)


def test_a_model_of_questions_predicts_no_labels_and_one_of_labels_answers_none(model, tmp_path):
    with pytest.raises(UserError, match=r"predict: this model answers questions .*; call answer\(question, context\)"):
        model.predict(["w1"])
    classifier = bert_tf.load(write_fine_tuned(tmp_path / "run"))
    for call in (lambda: classifier.answer(*PAIR), lambda: classifier.answers([PAIR])):
        with pytest.raises(UserError, match=r"this model predicts labels and answers no questions; call predict"):
            call()


def test_an_overflow_is_one_line(run, tmp_path):
    copy = shutil.copytree(run, tmp_path / "run")
    arrays = read_checkpoint(copy)
    arrays["cls/squad/output_weights"] = arrays["cls/squad/output_weights"] + np.float32(3e38)
    write_checkpoint(copy / "model.ckpt-3", arrays)
    with pytest.raises(UserError, match=r"answer: the answers to 1 of 1 examples are not finite"):
        bert_tf.load(copy).answer(*PAIR)


def test_answers_of_transformers_are_found_again(golden):
    written = golden / "huggingface"
    model = bert_tf.load(written / "question_answering")
    for case in json.loads((written / "answers.json").read_text())["question_answering"]:
        answer = model.answer(case["question"], case["context"])
        spans = sorted(
            (
                (start_logit + end_logit, first[0], last[1])
                for start_logit, first in zip(case["start"], case["places"], strict=True)
                for end_logit, last in zip(case["end"], case["places"], strict=True)
                if first and last and first[0] < last[1]
            ),
            key=lambda span: -span[0],
        )[:20]
        shares = np.exp([score - spans[0][0] for score, _, _ in spans])
        assert (answer.start, answer.end) == spans[0][1:]
        assert answer.score == pytest.approx(shares[0] / shares.sum(), abs=1e-6)
