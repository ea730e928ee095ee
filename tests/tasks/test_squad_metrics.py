"""SQuAD's official scores."""

import gzip
import json

import numpy as np
import pytest

from bert_tf.tasks.squad_metrics import (
    QuestionScore,
    best_threshold,
    normalize_answer,
    official_best_threshold,
    score_question,
    squad_2_scores,
    squad_scores,
    threshold_advice,
)


@pytest.fixture(scope="module")
def squad(golden):
    return golden / "squad_programs"


def read_json(path):
    return json.loads((gzip.decompress if path.suffix == ".gz" else bytes)(path.read_bytes()))


def gold_answers(squad, version):
    data = read_json(squad / f"inputs/squad{version}_dev.json")["data"]
    questions = (q for article in data for paragraph in article["paragraphs"] for q in paragraph["qas"])
    return {question["id"]: [answer["text"] for answer in question["answers"]] for question in questions}


def in_percent(scores):
    return {name.removeprefix("eval_"): v if name.endswith("_thresh") else 100 * v for name, v in scores.items()}


def test_every_golden_pair_has_the_official_scores(squad):
    content = (squad / "squad_metrics/cases.jsonl.gz").read_bytes()
    cases = list(map(json.loads, gzip.decompress(content).splitlines()))
    assert len(cases) == 220
    for case in cases:
        assert normalize_answer(case["prediction"]) == case["normalized_prediction"]
        pair = case["prediction"], case["gold_answers"]
        assert score_question(*pair, version_2_with_negative=True) == tuple(case["v2.0"].values()), case
        if pair[1]:  # Without a gold answer the official script of version 1.1 stops.
            assert score_question(*pair, version_2_with_negative=False) == tuple(case["v1.1"].values()), case


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("mixed_11_predictions.json", "squad_metrics/mixed_11_predictions.json"),
        ("../squad_predictions/L1_1_predictions.json.gz", "squad_predictions/L1_1_predictions.json.gz"),
        ("../squad_predictions/L1_2_predictions.json.gz", "squad_predictions/L1_2_predictions.json.gz"),
    ],
)
def test_whole_files_of_version_11_have_the_official_scores(squad, name, file):
    predictions, official = read_json(squad / file), read_json(squad / "squad_metrics/whole_files.json")["v1.1"][name]
    scores = squad_scores([score_question(predictions[q], gold, False) for q, gold in gold_answers(squad, 11).items()])
    expected = {"exact_match": official["exact_match"], "f1": official["f1"]}
    assert in_percent(scores) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("name", "threshold"),
    [
        ("mixed, no null odds", np.inf),
        ("mixed, mixed_20_null_odds.json, threshold 1.0 (default)", 1.0),
        ("mixed, mixed_20_null_odds.json, threshold -0.5", -0.5),
    ],
)
def test_whole_files_of_version_20_have_the_official_scores(squad, name, threshold):
    official = read_json(squad / "squad_metrics/whole_files.json")["v2.0"][name]
    gold = gold_answers(squad, 20)
    odds = read_json(squad / "squad_metrics/mixed_20_null_odds.json")
    predictions = read_json(squad / "squad_metrics/mixed_20_predictions.json")
    # The official script has its own threshold, but finds the best one without.
    texts = [predictions[q] for q in gold]
    shown = ["" if odds[q] > threshold else predictions[q] for q in gold]
    has_answer, diffs = [bool(answers) for answers in gold.values()], [odds[q] for q in gold]
    scores, best = (
        in_percent(squad_2_scores(scores_of(predicted, gold), has_answer, predicted, diffs))
        for predicted in (shown, texts)
    )
    found = {**scores, **{name: value for name, value in best.items() if name.startswith("best_")}}
    found["exact"] = found.pop("exact_match")
    expected = {name: value for name, value in official.items() if not name.endswith("total")}
    assert expected == pytest.approx({name: found[name] for name in expected}, rel=1e-12)


def scores_of(predictions, gold):
    return [
        score_question(*pair, version_2_with_negative=True) for pair in zip(predictions, gold.values(), strict=True)
    ]


def test_gold_answers_that_are_there_twice_change_nothing():
    assert score_question("a red fox", ["red", "fox", "fox"], False) == score_question(
        "a red fox", ["red", "fox"], False
    )


@pytest.mark.parametrize("version_2_with_negative", [False, True])
def test_without_gold_answers_only_no_answer_is_right(version_2_with_negative):
    assert score_question("", (), version_2_with_negative).exact_match == 1.0
    assert score_question("fox", (), version_2_with_negative) == (0.0, 0.0)


def test_scores_of_no_question_are_left_out():
    one = [QuestionScore(1.0, 1.0)]
    answerable, impossible = squad_2_scores(one, [True], ["x"], [-1.0]), squad_2_scores(one, [False], [""], [1.0])
    best = {"eval_best_exact", "eval_best_exact_thresh", "eval_best_f1", "eval_best_f1_thresh"}
    always = {"eval_exact_match", "eval_f1"} | best
    assert answerable.keys() == always | {"eval_HasAns_exact", "eval_HasAns_f1"}
    assert impossible.keys() == always | {"eval_NoAns_exact", "eval_NoAns_f1"}


def test_the_official_threshold_can_be_between_questions_with_one_score_and_ours_cannot():
    scores, answerable, diffs = np.array([1.0, 0.0]), np.array([True, False]), [2.0, 2.0]
    assert official_best_threshold(scores, answerable, ["right", "wrong"], diffs) == (1.0, 2.0)
    assert best_threshold(scores, answerable, diffs) == (0.5, 1.5)


def test_the_best_threshold_gives_the_score_that_it_promises():
    rng = np.random.default_rng(5)
    for count in range(1, 60):
        answerable = rng.random(count) < 0.6
        diffs = rng.normal(size=count).round(1)
        scores = np.where(answerable, rng.random(count), 0.0)

        def mean_with(threshold, scores=scores, answerable=answerable, diffs=diffs):
            return np.mean(np.where(diffs > threshold, ~answerable, scores))

        best = best_threshold(scores, answerable, diffs)
        assert best.score == pytest.approx(mean_with(best.value))
        assert best.score == pytest.approx(max(map(mean_with, [*diffs, -np.inf])))
        assert len(str(best.value)) <= 5


def test_the_best_threshold_is_no_advice():
    questions = ["red", "fox"], [["red"], []], [-4.0, -2.0]
    assert "is -3.0 (F1 1.0000 instead of 0.5000)" in threshold_advice(*questions, threshold=-1.0)
    assert threshold_advice(*questions, threshold=-2.5) is None
