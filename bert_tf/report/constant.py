"""The score of giving every example the same answer: what can be had without reading one."""

import dataclasses
import functools
from collections.abc import Callable

import numpy as np
from sklearn import metrics

from bert_tf.data.tag_schemes import OUTSIDE
from bert_tf.report.predictions import (
    AnswerPredictions,
    ClassPredictions,
    LabelSetPredictions,
    NumberPredictions,
    Predictions,
    TagPredictions,
)
from bert_tf.report.scores import ACCURACY

_TOLERANCE = 1e-3  # of values made of predictions that were written with the digits of float32
_f1 = functools.partial(metrics.f1_score, zero_division=0.0)


@dataclasses.dataclass(frozen=True)
class Constant:
    """The answer that is most often right if it is given to every example.

    Attributes:
        answer: the most frequent label or set of labels; for a regression the mean label; for questions no answer;
            for words O, no entity.
        share: of the dev examples that have it; None for a regression.
        score: the headline that it gets; None if it has none, or if the headline is not known here.
        values: float [1, examples], comparable with those of the runs; None if those have another meaning.
    """

    answer: str
    share: float | None
    score: float | None
    values: np.ndarray | None


def constant(predictions: Predictions, headline: str, values: np.ndarray | None) -> Constant | None:
    """Finds the best constant answer; None for questions that all have an answer, which no constant gives.

    Args:
        predictions: of a run; they have the labels.
        headline: the name of the main score.
        values: of the same run per example; None if there are none.
    """
    find = {
        ClassPredictions: _most_frequent_class,
        LabelSetPredictions: _most_frequent_set,
        NumberPredictions: _mean,
        AnswerPredictions: _no_answer,
        TagPredictions: _no_entity,
    }
    return find[type(predictions)](predictions, headline, values)


def _most_frequent_class(predictions: ClassPredictions, headline: str, values: np.ndarray | None) -> Constant:
    counts = np.bincount(predictions.label_ids)
    answer = int(counts.argmax())
    share = float(counts.max() / counts.sum())
    score = _class_scores(len(predictions.classes)).get(headline)
    labels, answers = predictions.label_ids, np.full_like(predictions.label_ids, answer)
    return Constant(
        answer=predictions.classes[answer],
        share=share,
        score=share if headline == ACCURACY else score and float(score(labels, answers)),
        values=_comparable(values, predictions.correct, labels == answer),
    )


def _class_scores(num_classes: int) -> dict[str, Callable[[np.ndarray, np.ndarray], float]]:
    scores = {
        "eval_matthews": metrics.matthews_corrcoef,
        "eval_macro_f1": functools.partial(_f1, average="macro"),
        "eval_micro_f1": functools.partial(_f1, average="micro"),
    }
    # F1 of two classes is that of the second, as in GLUE. No threshold tells equal probabilities apart: AUC is 1/2.
    two = {"eval_f1": functools.partial(_f1, pos_label=1), "eval_auc": lambda labels, answers: 0.5}
    return {**scores, **two} if num_classes == 2 else scores


def _most_frequent_set(predictions: LabelSetPredictions, headline: str, values: np.ndarray | None) -> Constant:
    sets, counts = np.unique(predictions.labels, axis=0, return_counts=True)
    answer = sets[counts.argmax()]
    scores = {
        "eval_micro_f1": functools.partial(_f1, average="micro"),
        "eval_macro_f1": functools.partial(_f1, average="macro"),
        "eval_subset_accuracy": metrics.accuracy_score,
    }
    score = scores.get(headline)
    answers = np.tile(answer, (len(predictions.labels), 1))
    compared = [_f1_of_examples(predictions.labels, each) for each in (predictions.predicted, answers)]
    return Constant(
        answer=", ".join(np.array(predictions.classes)[answer]) or "none of the labels",
        share=float(counts.max() / counts.sum()),
        score=score and float(score(predictions.labels, answers)),
        values=_comparable(values, *compared),
    )


def _f1_of_examples(labels: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Returns F1 of the labels of each example, float [examples]; 1 if there are none and none is predicted."""
    both, total = (labels & predicted).sum(axis=1), labels.sum(axis=1) + predicted.sum(axis=1)
    return np.where(total == 0, 1.0, 2 * both / np.maximum(total, 1))


def _mean(predictions: NumberPredictions, headline: str, values: np.ndarray | None) -> Constant:
    labels = predictions.labels
    own, constant = (-np.square(answers - labels) for answers in (predictions.predicted, labels.mean()))
    return Constant(f"{labels.mean():.3g}", None, None, _comparable(values, own, constant))


def _no_answer(predictions: AnswerPredictions, headline: str, values: np.ndarray | None) -> Constant | None:
    """Returns the scores of an empty answer to every question: exact match and F1 are 1 where there is no answer."""
    if not predictions.has_no_answer.any():
        return None
    share, own = float(predictions.has_no_answer.mean()), predictions.values.get(headline)
    return Constant(
        answer="no answer",
        share=share,
        score=None if own is None else share,
        values=None if own is None else _comparable(values, own, predictions.has_no_answer),
    )


def _no_entity(predictions: TagPredictions, headline: str, values: np.ndarray | None) -> Constant:
    """Returns the share of sentences without an entity. F1 has no place in figures: it is 0 in any task."""
    has_none = np.array([not entities for entities in predictions.gold_entities])
    share = float(has_none.mean())
    return Constant(OUTSIDE, share, None, _comparable(values, predictions.f1, has_none))


def _comparable(values: np.ndarray | None, expected: np.ndarray, constant: np.ndarray) -> np.ndarray | None:
    """Returns the values of the constant answer if those of the run are what they are thought to be."""
    if values is None or not np.allclose(values, expected, rtol=_TOLERANCE, atol=_TOLERANCE):
        return None
    return constant.astype(float)[None]
