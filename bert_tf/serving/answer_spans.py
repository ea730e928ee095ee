"""The best answers among the spans of contexts, inside a graph: the original's `run_squad.write_predictions`.

spans = best_spans(start_logits, end_logits, rows, settings)
choice = choose(spans_of_questions, null_score, threshold)
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from bert_tf.models.question_settings import QuestionSettings
from bert_tf.serving.question_windows import Rows

_NONE = -np.inf


class Spans(NamedTuple):
    """Candidates for an answer, the best ones first.

    Attributes:
        scores: float64 [rows, candidates], the sum of both logits; minus infinity where there is no candidate.
        first: int32 [rows, candidates], the first piece in the context.
        last: int32 [rows, candidates], the last piece.
    """

    scores: tf.Tensor
    first: tf.Tensor
    last: tf.Tensor


class Choice(NamedTuple):
    """The answers to questions.

    Attributes:
        is_span: bool [questions]; False if there is no answer in the context.
        first: int32 [questions], the first piece of the answer in the context.
        last: int32 [questions], the last piece.
        probability: float64 [questions]; see `choose`.
    """

    is_span: tf.Tensor
    first: tf.Tensor
    last: tf.Tensor
    probability: tf.Tensor


def best_spans(start_logits: tf.Tensor, end_logits: tf.Tensor, rows: Rows, settings: QuestionSettings) -> Spans:
    """Finds the best spans of each row among its best starts and its best ends.

    As in the original, the best starts and ends are chosen among all pieces of the row, the question's included; those
    that are no possible answer are left out after that. Of equal ones the first counts.

    Args:
        start_logits: float32 [rows, length].
        end_logits: float32 [rows, length].
        rows: the row of each logit.
        settings: of the model.
    """
    count, longest = settings.n_best_size, settings.max_answer_length
    start, start_score = _best_positions(start_logits, rows.is_real, count)
    end, end_score = _best_positions(end_logits, rows.is_real, count)
    first, last = (tf.gather(_padded(rows.pieces, count, -1), each, batch_dims=1) for each in (start, end))
    may_start = tf.gather(_padded(rows.may_start, count, False), start, batch_dims=1)[:, :, None]
    size = last[:, None, :] - first[:, :, None] + 1
    is_possible = may_start & (last[:, None, :] >= 0) & (size >= 1) & (size <= longest)
    scores = tf.where(is_possible, start_score[:, :, None] + end_score[:, None, :], _NONE)
    scores, chosen = tf.math.top_k(tf.reshape(scores, [-1, count * count]), count)
    return Spans(
        scores,
        tf.gather(first, chosen // count, batch_dims=1),
        tf.gather(last, chosen % count, batch_dims=1),
    )


def _best_positions(logits: tf.Tensor, is_real: tf.Tensor, count: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the positions of the largest logits, int32 [rows, count], and these as float64."""
    scores, positions = tf.math.top_k(_padded(tf.where(is_real, logits, _NONE), count, _NONE), count)
    # The original adds Python's numbers; in float32 sums could be equal that are not.
    return positions, tf.cast(scores, tf.float64)


def _padded(values: tf.Tensor, least: int, filler: float | bool | tf.Tensor) -> tf.Tensor:
    """Makes rows so long that there are `least` values to choose from."""
    missing = tf.maximum(least - tf.shape(values)[1], 0)
    return tf.pad(values, [[0, 0], [0, missing]], constant_values=tf.cast(filler, values.dtype))


def best_of_questions(spans: Spans, counts: tf.Tensor) -> Spans:
    """Finds the best spans of questions among those of their windows.

    Args:
        spans: of all windows, [windows, candidates].
        counts: int32 [questions], the number of windows of each.
    """
    num_candidates = spans.scores.shape[1]

    def joined(values: tf.Tensor, filler: float) -> tf.Tensor:
        filler = tf.constant(filler, values.dtype)
        of_question = tf.RaggedTensor.from_row_lengths(values, counts, validate=False).to_tensor(filler)
        num_values = num_candidates * tf.reduce_max(tf.concat([counts, [0]], axis=0))
        return _padded(tf.reshape(of_question, [tf.size(counts), num_values]), num_candidates, filler)

    scores, chosen = tf.math.top_k(joined(spans.scores, _NONE), num_candidates)
    first, last = (tf.gather(joined(each, 0), chosen, batch_dims=1) for each in (spans.first, spans.last))
    return Spans(scores, first, last)


def choose(spans: Spans, null_score: tf.Tensor, threshold: tf.Tensor) -> Choice:
    """Chooses the answer to each question: its best span, or none.

    The probability is the original's: the softmax of the scores on the n-best list, which are the best
    `n_best_size` spans and, if there may be no answer, the score of that. The original leaves out a span whose text is
    that of a better one; here each place counts.

    Args:
        spans: of the questions.
        null_score: float64 [questions], the score of having no answer: the smallest of any window.
        threshold: float32 [questions]; there is no answer if that has a score larger by more than this. Infinity says
            that each question has an answer.
    """
    may_be_null = threshold < np.inf
    best = spans.scores[:, 0]
    is_span = best > _NONE
    wins = may_be_null & (null_score - best > tf.cast(threshold, tf.float64))
    null_score = tf.where(may_be_null, null_score, _NONE)
    # The list has no room for the last span if having no answer is better.
    last = spans.scores[:, -1]
    last = tf.where(null_score > last, tf.cast(_NONE, tf.float64), last)
    listed = tf.concat([spans.scores[:, :-1], last[:, None], null_score[:, None]], axis=1)
    probabilities = _softmax(listed)
    is_answered = is_span & ~wins
    probability = tf.where(is_answered, probabilities[:, 0], probabilities[:, -1])
    return Choice(is_answered, spans.first[:, 0], spans.last[:, 0], probability)


def _softmax(scores: tf.Tensor) -> tf.Tensor:
    """Returns probabilities, all 0 where nothing is listed."""
    largest = tf.reduce_max(scores, axis=1, keepdims=True)
    shares = tf.exp(scores - tf.maximum(largest, tf.float64.min))
    return tf.math.divide_no_nan(shares, tf.reduce_sum(shares, axis=1, keepdims=True))
