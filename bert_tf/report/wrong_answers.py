"""The wrong answers to questions of which a model is surest, with the texts that they are from."""

import collections
import dataclasses
from collections.abc import Sequence

import numpy as np

from bert_tf import run_files
from bert_tf.errors import UserError
from bert_tf.report.excerpt import Part, Span, excerpt, find
from bert_tf.report.inventory import Run
from bert_tf.report.predictions import AnswerPredictions
from bert_tf.report.questions import FoundQuestion, find_questions

# The kinds of wrong answers.
WRONG, NEEDLESS, MISSING = "wrong", "needless", "missing"
GOLD, PREDICTION = "gold", "prediction"
_MAX_GOLD_ANSWERS = 20  # that are marked


@dataclasses.dataclass(frozen=True)
class WrongAnswer:
    """A question with a wrong answer.

    Attributes:
        guid: of the question.
        answers: the gold answers; none if the text has no answer.
        predicted: the answer; empty if the model says that there is none.
        probability: of the answer, the mean over seeds.
        f1: of the answer.
        question: with its text; None if it cannot be read.
    """

    guid: str
    answers: tuple[str, ...]
    predicted: str
    probability: float
    f1: float
    question: FoundQuestion | None = None

    @property
    def kind(self) -> str:
        """`WRONG`, `NEEDLESS` where there is no answer, or `MISSING` where there is one."""
        if not self.answers:
            return NEEDLESS
        return WRONG if self.predicted else MISSING

    @property
    def excerpt(self) -> list[Part]:
        """The context around gold answers and prediction, both marked; empty if it cannot be read."""
        if self.question is None:
            return []
        context = self.question.context
        texts = set(self.answers)
        answers = [answer for answer in self.question.answers if answer.text in texts]
        gold = [span for answer in answers[:_MAX_GOLD_ANSWERS] if (span := _find_gold(context, *answer))]
        predicted = find(context, self.predicted, near=[start for start, _ in gold])
        return excerpt(context, {GOLD: gold, PREDICTION: [predicted] if predicted else []})


def _find_gold(context: str, answer: str, start: object) -> Span | None:
    """Returns the place of a gold answer; not every file's offsets fit its texts."""
    if type(start) is not int:
        return find(context, answer)
    if start >= 0 and answer and context.startswith(answer, start):
        return start, start + len(answer)
    return find(context, answer, near=[start])


@dataclasses.dataclass(frozen=True)
class WrongAnswers:
    """The wrong answers of one kind.

    Attributes:
        kind: as in `WrongAnswer`.
        number: of all of them.
        worst: some of them, the surest first.
    """

    kind: str
    number: int
    worst: Sequence[WrongAnswer]


def worst_answers(runs: Sequence[Run], count: int = 10) -> tuple[list[WrongAnswers], str | None]:
    """Finds the wrong answers with the highest probability times 1 - F1, for each kind of them.

    Args:
        runs: of one configuration, all with answers. The answer of several seeds is the one with the highest mean
            probability; that of a seed with another answer counts as 0.
        count: the largest number for each kind.

    Returns:
        The kinds that there are, and the reason if the texts of the questions are missing, else None.
    """
    answers = _mean_wrong_answers([run.predictions for run in runs])
    answers.sort(key=lambda answer: -answer.probability * (1 - answer.f1))
    groups = [[answer for answer in answers if answer.kind == kind] for kind in (WRONG, NEEDLESS, MISSING)]
    shown = [answer for group in groups for answer in group[:count]]
    questions, reason = _read_questions(runs[0], shown) if shown else ({}, None)
    return [
        WrongAnswers(group[0].kind, len(group), [_with_question(answer, questions) for answer in group[:count]])
        for group in groups
        if group
    ], reason


def _mean_wrong_answers(predictions: Sequence[AnswerPredictions]) -> list[WrongAnswer]:
    first = predictions[0]
    wrong = np.flatnonzero(~np.all([each.correct for each in predictions], axis=0))
    found = (_mean_answer(predictions, row) for row in wrong.tolist())
    return [
        WrongAnswer(first.guids[row], first.answers[row], each.predicted[row], probability, float(each.f1[row]))
        for row, (each, probability) in zip(wrong.tolist(), found, strict=True)
        if not each.correct[row]
    ]


def _mean_answer(predictions: Sequence[AnswerPredictions], row: int) -> tuple[AnswerPredictions, float]:
    """Returns the first seed that gives the answer with the highest mean probability, and that probability."""
    sums = collections.defaultdict(float)
    for each in predictions:
        sums[each.predicted[row]] += float(each.confidence[row])
    answer = max(sums, key=sums.get)
    seed = next(each for each in predictions if each.predicted[row] == answer)
    return seed, sums[answer] / len(predictions)


def _read_questions(run: Run, answers: Sequence[WrongAnswer]) -> tuple[dict[str, FoundQuestion], str | None]:
    path = run.predict_file
    if path is None:
        return {}, f"{run_files.RESULTS} does not name their file"
    try:
        questions = find_questions(path, {answer.guid for answer in answers})
    except UserError as error:
        return {}, str(error)
    for answer in answers:
        question = questions.get(answer.guid)
        if question is None or not set(answer.answers) <= {text for text, _ in question.answers}:
            return {}, f"the questions in {path} are not those that were predicted"
    return questions, None


def _with_question(answer: WrongAnswer, questions: dict[str, FoundQuestion]) -> WrongAnswer:
    return dataclasses.replace(answer, question=questions.get(answer.guid))
