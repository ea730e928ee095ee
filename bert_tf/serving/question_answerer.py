"""Answers questions with a fine-tuned model. `bert_tf.load` makes its objects.

model = load("output/SQuAD/all-MiniLM-L6-v2")
model.answer("Who came?", "Ann came at noon.")  # Answer(text='Ann', start=0, end=3, score=0.93)
"""

import dataclasses
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import NoReturn, Protocol

import numpy as np
import tensorflow as tf

from bert_tf.data.lists import elements_of
from bert_tf.errors import UserError, shown
from bert_tf.models.facts import Facts
from bert_tf.serving.answer import Answer
from bert_tf.serving.call_checks import check_batch_size, check_characters, check_process
from bert_tf.serving.length_batches import batches_by_length
from bert_tf.training.overflow import check_finite

_LARGEST_FLOAT32 = float(np.finfo(np.float32).max)


class QuestionModel(Protocol):
    """Computes answers to questions, in whatever way."""

    def answers(
        self, question: tf.Tensor, context: tf.Tensor, null_score_diff_threshold: tf.Tensor
    ) -> Mapping[str, tf.Tensor]:
        """Computes the answers; see `QuestionGraph.answers`."""


class QuestionAnswerer:
    """A model that answers questions; `load` makes one. It can be called from several threads at a time.

    It cannot be called in a process that was forked after it was loaded; there TensorFlow would wait forever.

    Args:
        facts: of the model.
        model: computes its answers; safe in threads.

    Attributes:
        kind: `"question_answering"`.
        labels: empty.
        pairs: None.
        scores: such as `eval_f1`; empty without an evaluation.
        settings: such as `doc_stride`.
    """

    def __init__(self, facts: Facts, model: QuestionModel):
        self.kind = facts.kind
        self.labels = facts.labels
        self.pairs = facts.pairs
        self.scores = dict(facts.scores)
        self.settings = facts.questions
        self._mixed_precision = facts.compute_dtype.replace("float32", "none")
        self._model = model
        self._process = os.getpid()

    def __repr__(self) -> str:
        scores = "".join(f", {name}={score:.4g}" for name, score in self.scores.items())
        return f"QuestionAnswerer({self.kind}{scores})"

    def answer(self, question: str, context: str, null_score_diff_threshold: float | None = None) -> Answer:
        """Answers a question. The first call takes about a second, later calls do not.

        Args:
            question: longer ones are truncated to the `max_query_length` of the training.
            context: the text that the answer is a part of, of any length.
            null_score_diff_threshold: the answer is empty if having none has a score larger by more than this. The
                default is 0 for a model that was trained with `version_2_with_negative`; others always answer, unless
                there is a number here.

        Raises:
            UserError: an argument is no text or no number, a number overflows, or this is a fork of the process that
                loaded the model.
        """
        return self._answers("answer", [(question, context)], 1, null_score_diff_threshold)[0]

    def answers(
        self,
        questions: Iterable[tuple[str, str]],
        batch_size: int = 32,
        null_score_diff_threshold: float | None = None,
    ) -> list[Answer]:
        """Answers many questions.

        Args:
            questions: each a question and its context.
            batch_size: how many to compute at a time, or fewer if their contexts are long; it does not change the
                answers.
            null_score_diff_threshold: see `answer`.

        Returns:
            One answer for each question, in their order.

        Raises:
            UserError: see `answer`.
        """
        pairs = elements_of(questions)
        if pairs is None:
            raise UserError("answers: needs a list; give pairs of a question and its context, or call answer")
        check_batch_size("answers", batch_size)
        return self._answers("answers", pairs, int(batch_size), null_score_diff_threshold)

    def predict(self, *_: object, **__: object) -> NoReturn:
        """Raises `UserError`: this model predicts no labels."""
        raise UserError("predict: this model answers questions and predicts no labels; call answer(question, context)")

    def tag(self, *_: object, **__: object) -> NoReturn:
        """Raises `UserError`: this model tags no words."""
        raise UserError("tag: this model answers questions and tags no words; call answer(question, context)")

    tag_all = tag

    def fill_mask(self, *_: object, **__: object) -> NoReturn:
        """Raises `UserError`: this model fills no masks."""
        raise UserError("fill_mask: this model answers questions and fills no masks; call answer(question, context)")

    def _answers(self, method: str, questions: Sequence, batch_size: int, threshold: float | None) -> list[Answer]:
        check_process(method, self._process)
        threshold = self._threshold(method, threshold)
        pairs = [_pair(method, pair) for pair in questions]
        found: dict[int, Answer] = {}
        for batch in batches_by_length([sum(map(len, pair)) for pair in pairs], batch_size):
            found |= zip(batch, self._computed(method, [pairs[number] for number in batch], threshold), strict=True)
        return [found[number] for number in range(len(pairs))]

    def _threshold(self, method: str, threshold: float | None) -> float:
        if threshold is None:
            return self.settings.default_threshold
        is_number = isinstance(threshold, (int, float, np.integer, np.floating)) and not isinstance(threshold, bool)
        # A comparison with not a number is False. Whole numbers may be too large for `math.isinf`.
        if not is_number or not (abs(threshold) <= _LARGEST_FLOAT32 or abs(threshold) == math.inf):
            described = f"null_score_diff_threshold is {shown(threshold)}; it must be a number, infinite or a float32"
            raise UserError(f"{method}: {described}")
        return float(threshold)

    def _computed(self, method: str, pairs: Sequence[tuple[str, str]], threshold: float) -> list[Answer]:
        question, context = (tf.constant(column) for column in zip(*pairs, strict=True))
        outputs = self._model.answers(question, context, tf.fill([len(pairs)], tf.cast(threshold, tf.float32)))
        text, start, end, score = (outputs[field.name].numpy().tolist() for field in dataclasses.fields(Answer))
        check_finite(method, np.array(score), self._mixed_precision)
        texts = [each.decode() for each in text]
        return [Answer(*each) for each in zip(texts, start, end, score, strict=True)]


def _pair(method: str, pair: object) -> tuple[str, str]:
    is_pair = isinstance(pair, (tuple, list, np.ndarray)) and len(pair) == 2
    if not is_pair or not all(isinstance(part, str) for part in pair):
        raise UserError(f"{method}: {shown(pair)} is no question with its context; give two strings")
    check_characters(method, *pair)
    return pair[0], pair[1]
