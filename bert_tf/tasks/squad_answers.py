"""Finds the answer to a question in the logits of its windows, as the original's `run_squad.write_predictions`.

Needs no TensorFlow. The steps:

1. The spans of all windows that can be an answer, best first (`squad_spans.py`).
2. Their texts in the original's casing (`final_text.py`); of equal texts the best one.
3. The probabilities of the best texts among themselves.
4. In version 2.0 the choice between the best text and no answer.
"""

import dataclasses
import functools
import itertools
import json
import math
import operator
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from bert_tf import run_files
from bert_tf.data.spans import Window
from bert_tf.data.squad_examples import Document, SquadExample
from bert_tf.errors import printable
from bert_tf.tasks.final_text import find_final_text
from bert_tf.tasks.squad_metrics import QuestionScore
from bert_tf.tasks.squad_spans import Span, Windows, best_spans


@dataclasses.dataclass(frozen=True)
class AnswerSettings:
    """The flags of the original that decide how answers are found.

    Attributes:
        n_best_size: the number of starts and ends of a window that are combined, and of texts that are kept.
        max_answer_length: the largest number of word pieces of an answer.
        version_2_with_negative: True if there are questions without an answer.
        null_score_diff_threshold: a question has no answer if the score of that is higher by more than this.
        do_lower_case: True if the word pieces are those of an uncased model.
        verbose_logging: True to log why a text could not be found in the original text.
        exact_answer_text: True to take the characters that the word pieces come from, which windows must know. False to
            look for the pieces in the original text, as the original does, see `final_text.py`.
    """

    n_best_size: int = 20
    max_answer_length: int = 30
    version_2_with_negative: bool = False
    null_score_diff_threshold: float = 0.0
    do_lower_case: bool = True
    verbose_logging: bool = False
    exact_answer_text: bool = False


class Candidate(NamedTuple):
    """A possible answer: an entry of nbest_predictions.json.

    Attributes:
        text: the answer; empty if there is none.
        probability: among the candidates of the question.
        start_logit: of its first word piece.
        end_logit: of its last one.
    """

    text: str
    probability: float
    start_logit: float
    end_logit: float


class SpanAnswer(NamedTuple):
    """The answer to a question.

    Attributes:
        text: the answer; empty if there is none.
        nbest: the candidates, best first.
        score_diff: the score of no answer minus that of the best text; None in version 1.1.
        span: start and end of the answer in the context, in characters; None if there is no answer. The context may
            have other white space between the words than the text has.

    Example:
        >>> nbest = (Candidate("", 0.6, 1.0, 1.0), Candidate("Ann", 0.4, 0.8, 0.8))
        >>> answer = SpanAnswer("", nbest, score_diff=0.4)
        >>> answer.probability, answer.best_text
        (0.6, 'Ann')
    """

    text: str
    nbest: tuple[Candidate, ...]
    score_diff: float | None
    span: tuple[int, int] | None = None

    @property
    def probability(self) -> float:
        """The probability of `text`."""
        return next(candidate.probability for candidate in self.nbest if candidate.text == self.text)

    @property
    def best_text(self) -> str:
        """The best text, also if the question is taken to have no answer; empty if there is no text."""
        return self.text or next((candidate.text for candidate in self.nbest if candidate.text), "")


class _Text(NamedTuple):
    """A text that may be the answer.

    Attributes:
        text: the text; empty for no answer.
        start_logit: of its first piece.
        end_logit: of its last piece.
        first_word: the doc token with the first piece; None if the text is not from the document.
        first_letter: the start of the text in the doc tokens from there on, joined by spaces.
    """

    text: str
    start_logit: float
    end_logit: float
    first_word: int | None = None
    first_letter: int = 0

    @property
    def score(self) -> float:
        return self.start_logit + self.end_logit


# The original's answer in version 1.1 if no span of a question can be one.
_NONCE = _Text("empty", 0.0, 0.0)


def find_answer(
    example: SquadExample, windows: Windows, inv_vocab: Mapping[int, str], settings: AnswerSettings
) -> SpanAnswer:
    """Finds the answer to a question (the original's `write_predictions`, for one question).

    Sometimes no span at all can be an answer: `n_best_size` is small, or the document is empty. Then the answer is the
    word "empty" in version 1.1, as in the original. In version 2.0, where the original stops with an AttributeError or
    IndexError, the question has no answer, and `score_diff` is the score of that.

    Args:
        example: the question.
        windows: each of its windows, with the logits of starts and ends, float32 [positions of the row]. Each of these
            positions can be among the best starts and ends, as in the original, but only one in the document can be
            part of an answer.
        inv_vocab: the word piece of each id.
        settings: how answers are found.

    Returns:
        The answer.
    """
    no_answer = _no_answer(windows) if settings.version_2_with_negative else None
    texts = _different_texts(example, windows, no_answer, inv_vocab, settings)
    best = list(itertools.islice(texts, settings.n_best_size))
    if no_answer is None:
        best = best or [_NONCE]
        return _make_answer(example, best[0], best, None)
    best_text = next((text for text in best if text.text), None)
    score_diff = _score_diff(no_answer, best_text)
    has_answer = best_text is not None and not score_diff > settings.null_score_diff_threshold
    if no_answer not in best:
        best.append(no_answer)
    return _make_answer(example, best_text if has_answer else no_answer, best, score_diff)


def _no_answer(windows: Windows) -> _Text:
    """Returns no answer with the logits of the window in which it has the lowest score."""
    logits = [(float(start_logits[0]), float(end_logits[0])) for _, start_logits, end_logits in windows]
    return _Text("", *min(logits, key=sum, default=(0.0, 0.0)))


def _score_diff(no_answer: _Text, best_text: _Text | None) -> float:
    if best_text is None:
        return no_answer.score
    return no_answer.score - best_text.start_logit - best_text.end_logit


def _different_texts(
    example: SquadExample,
    windows: Windows,
    no_answer: _Text | None,
    inv_vocab: Mapping[int, str],
    settings: AnswerSettings,
) -> Iterator[_Text]:
    """Yields the texts that may be the answer, best first; of equal texts the best one."""
    logits = no_answer and (no_answer.start_logit, no_answer.end_logit)
    seen = set()
    for span in best_spans(windows, settings.n_best_size, settings.max_answer_length, logits):
        found = _find_text(example, windows[span.window][0], span, inv_vocab, settings) if span.start else no_answer
        if found.text not in seen:
            seen.add(found.text)
            yield found


def _find_text(
    example: SquadExample, window: Window, span: Span, inv_vocab: Mapping[int, str], settings: AnswerSettings
) -> _Text:
    """Finds the text of a span in the original's casing."""
    first, last = span.start - window.first, span.end - window.first
    first_word, last_word = int(window.words[first]), int(window.words[last])
    words = example.doc_tokens[first_word : last_word + 1]
    orig_text = " ".join(words)
    if settings.exact_answer_text:
        start, end = window.places[first, 0], len(orig_text) - len(words[-1]) + window.places[last, 1]
    else:
        pred_text = _join_pieces(window.pieces[first : last + 1], inv_vocab)
        start, end = find_final_text(pred_text, orig_text, settings.do_lower_case, settings.verbose_logging)
    return _Text(orig_text[start:end], span.start_logit, span.end_logit, first_word, int(start))


def _join_pieces(ids: np.ndarray, inv_vocab: Mapping[int, str]) -> str:
    """Returns the text of word pieces as the original puts it together."""
    pieces = " ".join([inv_vocab[index] for index in ids.tolist()])
    return " ".join(pieces.replace(" ##", "").replace("##", "").split())


def _make_answer(
    example: SquadExample, chosen: _Text, candidates: Sequence[_Text], score_diff: float | None
) -> SpanAnswer:
    return SpanAnswer(chosen.text, _with_probabilities(candidates), score_diff, _find_in_context(example, chosen))


def _with_probabilities(texts: Sequence[_Text]) -> tuple[Candidate, ...]:
    """Adds the softmax of the scores."""
    highest = max(text.score for text in texts)
    exponentials = [math.exp(text.score - highest) for text in texts]
    # `sum` rounds in another way since Python 3.12, and the original adds one after the other.
    total = functools.reduce(operator.add, exponentials)
    return tuple(
        Candidate(text.text, exponential / total, text.start_logit, text.end_logit)
        for text, exponential in zip(texts, exponentials, strict=True)
    )


def _find_in_context(example: SquadExample, text: _Text) -> tuple[int, int] | None:
    """Returns start and end of a text in the context of its question."""
    if text.first_word is None:
        return None
    last_letter = text.first_letter + len(text.text) - 1
    offsets = [
        _context_offset(example.document, text.first_word, letter) for letter in (text.first_letter, last_letter)
    ]
    return offsets[0], offsets[1] + 1


def _context_offset(document: Document, word: int, letter: int) -> int:
    """Returns the place in the context of a letter of the doc tokens from `word` on, joined by spaces."""
    while letter >= len(document.doc_tokens[word]):
        letter -= len(document.doc_tokens[word]) + 1
        word += 1
    return int(document.token_starts[word]) + letter


def prediction_files(
    answers: Sequence[SpanAnswer], examples: Sequence[SquadExample], settings: AnswerSettings
) -> Mapping[str, Iterable[str]]:
    """Returns the lines of the original's files, by file name.

    As in the original, the last of several questions with one id counts.

    Args:
        answers: of each example.
        examples: the questions.
        settings: null_odds.json is a file of version 2.0 only.
    """
    by_id = {example.qas_id: answer for example, answer in zip(examples, answers, strict=True)}
    files = {
        run_files.PREDICTIONS: _json_lines((name, answer.text) for name, answer in by_id.items()),
        run_files.NBEST_PREDICTIONS: _json_lines(
            (name, [candidate._asdict() for candidate in answer.nbest]) for name, answer in by_id.items()
        ),
    }
    if settings.version_2_with_negative:
        files[run_files.NULL_ODDS] = _json_lines((name, answer.score_diff) for name, answer in by_id.items())
    return files


def _json_lines(items: Iterable[tuple[str, object]]) -> Iterator[str]:
    """Yields the lines of `json.dumps(dict(items), indent=4)`, without ever having all of them in memory."""
    entries = ("\n".join(json.dumps({name: value}, indent=4).split("\n")[1:-1]) for name, value in items)
    entry = next(entries, None)
    if entry is None:
        yield "{}"
        return
    yield "{"
    for following in entries:
        yield f"{entry},"
        entry = following
    yield entry
    yield "}"


def evaluation_lines(
    answers: Sequence[SpanAnswer], examples: Sequence[SquadExample], scores: Sequence[QuestionScore]
) -> Iterator[str]:
    """Yields the lines of eval_predictions.tsv: a header, then for each question scores, prediction and gold answers.

    The last two columns are JSON, so that no text can end a cell or a row.
    """
    yield "guid\texact_match\tf1\tprobability\tprediction\tanswers"
    for answer, example, score in zip(answers, examples, scores, strict=True):
        numbers = f"{score.exact_match}\t{score.f1}\t{answer.probability}"
        yield f"{printable(example.guid)}\t{numbers}\t{json.dumps(answer.text)}\t{json.dumps(example.answers)}"
