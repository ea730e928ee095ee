"""SQuAD's official scores: exact match and F1, of versions 1.1 and 2.0. Needs no TensorFlow.

The numbers are those of the official scripts `evaluate-v1.1.py` and `evaluate-v2.0.py` (rajpurkar.github.io), as
fractions instead of percent.
"""

import collections
import re
import string
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

# The names of the scores of version 1.1, and of 2.0.
SCORES = ("eval_exact_match", "eval_f1")
SCORES_2 = (
    *SCORES,
    *("eval_HasAns_exact", "eval_HasAns_f1", "eval_NoAns_exact", "eval_NoAns_f1"),
    *("eval_best_exact", "eval_best_exact_thresh", "eval_best_f1", "eval_best_f1_thresh"),
)

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)
# A smaller difference cannot be seen in four digits.
_SMALLEST_GAIN = 1e-4


class QuestionScore(NamedTuple):
    """The scores of one question, from 0 to 1.

    Attributes:
        exact_match: 1 if the prediction equals a gold answer after normalization, else 0.
        f1: of the words of the prediction and of the gold answer that fits best.
    """

    exact_match: float
    f1: float


class Threshold(NamedTuple):
    """The best threshold on a dev set: questions whose `score_diff` is higher have no answer.

    Attributes:
        score: the mean score with it.
        value: the threshold.
    """

    score: float
    value: float


def normalize_answer(text: str) -> str:
    """Lowercases a text and removes ASCII punctuation, English articles and unnecessary white space.

    Example:
        >>> normalize_answer("The  U.S. (an ally)")
        'us ally'
    """
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def score_question(prediction: str, answers: Sequence[str], version_2_with_negative: bool) -> QuestionScore:
    """Compares a prediction with the gold answers; of several the best one counts.

    Args:
        prediction: the predicted text; empty for no answer.
        answers: the gold answers. Without any, only an empty prediction is right; the official script of
            version 1.1 stops there.
        version_2_with_negative: True to score as version 2.0 does. It disregards gold answers of which normalization
            leaves nothing, and F1 of two texts of which it leaves nothing is 1; in version 1.1 it is 0.

    Example:
        >>> score_question("the brown fox", ["fox", "a red fox"], version_2_with_negative=False)
        QuestionScore(exact_match=0.0, f1=0.6666666666666666)
        >>> score_question("", [], version_2_with_negative=True)
        QuestionScore(exact_match=1.0, f1=1.0)
    """
    golds = [normalize_answer(answer) for answer in answers]
    if version_2_with_negative:
        golds = [gold for gold in golds if gold]
    golds = golds or [""]
    found = normalize_answer(prediction)
    is_exact = found in golds
    if version_2_with_negative and not found:
        return QuestionScore(float(is_exact), float(is_exact))
    return QuestionScore(float(is_exact), max(_f1(found.split(), gold.split()) for gold in golds))


def _f1(found: Sequence[str], gold: Sequence[str]) -> float:
    common = (collections.Counter(found) & collections.Counter(gold)).total()
    if not common:
        return 0.0
    precision, recall = common / len(found), common / len(gold)
    return 2 * precision * recall / (precision + recall)


def squad_scores(scores: Sequence[QuestionScore]) -> dict[str, float]:
    """Returns the scores of version 1.1: the means over the questions.

    Example:
        >>> squad_scores([QuestionScore(1.0, 1.0), QuestionScore(0.0, 0.5)])
        {'eval_exact_match': 0.5, 'eval_f1': 0.75}
    """
    exact_match, f1 = np.mean(scores, axis=0).tolist()
    return {"eval_exact_match": exact_match, "eval_f1": f1}


def squad_2_scores(
    scores: Sequence[QuestionScore],
    has_answer: Sequence[bool],
    predictions: Sequence[str],
    score_diffs: Sequence[float],
) -> dict[str, float]:
    """Returns the scores of version 2.0, which also has those of questions with and without an answer.

    F1 equals exact match for questions without an answer. Scores of no question are left out.

    Args:
        scores: of each question.
        has_answer: True for each question with a gold answer.
        predictions: the predicted texts; empty for no answer.
        score_diffs: the content of null_odds.json.
    """
    answerable = np.array(has_answer, bool)
    named = squad_scores(scores)
    if answerable.any():
        exact_match, f1 = np.mean(np.array(scores)[answerable], axis=0).tolist()
        named |= {"eval_HasAns_exact": exact_match, "eval_HasAns_f1": f1}
    if not answerable.all():
        exact_match, f1 = np.mean(np.array(scores)[~answerable], axis=0).tolist()
        named |= {"eval_NoAns_exact": exact_match, "eval_NoAns_f1": f1}
    for name, column in (("exact", 0), ("f1", 1)):
        best = official_best_threshold(np.array(scores)[:, column], answerable, predictions, score_diffs)
        named |= {f"eval_best_{name}": best.score, f"eval_best_{name}_thresh": best.value}
    return named


def official_best_threshold(
    scores: np.ndarray, answerable: np.ndarray, predictions: Sequence[str], score_diffs: Sequence[float]
) -> Threshold:
    """Returns the best threshold of the official script (`find_best_thresh`).

    It starts from no answer for all questions and the threshold 0, and answers one question after the other by rising
    `score_diff`. A question whose prediction is empty keeps it, so predictions of a high threshold say more.

    Args:
        scores: of the predictions, float [questions].
        answerable: True for each question with a gold answer, bool [questions].
        predictions: the predicted texts.
        score_diffs: the content of null_odds.json.
    """
    losses = np.where([text != "" for text in predictions], -1.0, 0.0)
    totals, order = _totals(np.where(answerable, scores, losses), answerable, score_diffs)
    best = int(np.argmax(totals))
    return Threshold(float(totals[best]) / len(scores), float(score_diffs[order[best - 1]]) if best else 0.0)


def best_threshold(scores: np.ndarray, answerable: np.ndarray, score_diffs: Sequence[float]) -> Threshold:
    """Returns the best value of `--null_score_diff_threshold` for a dev set.

    It differs from the official one in three ways: it knows the text of questions that were predicted to have no
    answer, questions with the same `score_diff` are answered together, and it is a short number.

    Args:
        scores: of the best texts, also where no answer was predicted, float [questions].
        answerable: True for each question with a gold answer, bool [questions].
        score_diffs: the content of null_odds.json.

    Example:
        >>> best_threshold(np.array([1.0, 0.5, 0.0]), np.array([True, True, False]), [-4.1, -2.3, 1.7])
        Threshold(score=0.8333333333333334, value=0.0)
    """
    totals, order = _totals(scores - ~answerable, answerable, score_diffs)
    rising = np.asarray(score_diffs, np.float64)[order]
    bounds = np.concatenate([[rising[0] - 1], rising, [rising[-1] + 1]])
    possible = np.flatnonzero(bounds[:-1] < bounds[1:])
    best = possible[np.argmax(totals[possible])]
    return Threshold(float(totals[best]) / len(scores), _short_number(*bounds[best : best + 2].tolist()))


def threshold_advice(
    best_texts: Sequence[str], answers: Sequence[Sequence[str]], score_diffs: Sequence[float], threshold: float
) -> str | None:
    """Returns a sentence on a better `--null_score_diff_threshold`; None if the current one is the best.

    Args:
        best_texts: the best text of each question, also where no answer was predicted.
        answers: the gold answers of each question; empty if it has none.
        score_diffs: the content of null_odds.json.
        threshold: the current one.

    Example:
        >>> print(threshold_advice(["red", "fox"], [["red"], []], [-4.0, -2.0], threshold=0.0))
        The best --null_score_diff_threshold on this dev set is -3.0 (F1 1.0000 instead of 0.5000).
    """
    answerable = np.array([bool(golds) for golds in answers])
    f1 = np.array([score_question(*pair, True).f1 for pair in zip(best_texts, answers, strict=True)])
    best = best_threshold(f1, answerable, score_diffs)
    current = float(np.mean(np.where(np.asarray(score_diffs) > threshold, ~answerable, f1)))
    if best.score - current < _SMALLEST_GAIN:
        return None
    scores = f"F1 {best.score:.4f} instead of {current:.4f}"
    return f"The best --null_score_diff_threshold on this dev set is {best.value} ({scores})."


def _totals(gains: np.ndarray, answerable: np.ndarray, score_diffs: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """Returns the sum of scores if the first 0, 1, 2, ... questions by rising `score_diff` are answered, and the order.

    Args:
        gains: the difference that answering makes to the score of each question.
        answerable: a question without an answer has the score 1 if it is not answered.
        score_diffs: the content of null_odds.json.
    """
    order = np.argsort(score_diffs, kind="stable")
    return np.cumsum(np.concatenate([[np.sum(~answerable)], gains[order]])), order


def _short_number(lower: float, upper: float) -> float:
    """Returns a number with few digits from `lower` on, but below `upper`."""
    middle = (lower + upper) / 2
    rounded = (round(middle, digits) + 0.0 for digits in range(16))  # The sum makes 0.0 of -0.0.
    return next((number for number in rounded if lower <= number < upper), lower)
