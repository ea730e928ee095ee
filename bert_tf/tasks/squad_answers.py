"""Finds the answer to a question in the logits of its windows, as the original's `run_squad.write_predictions`.

Needs no TensorFlow. The steps, with the original's order for equal scores:

1. Of each window, the best starts and the best ends, and all pairs of the two that can be an answer (`_find_spans`).
2. The pairs of all windows, best first, and their texts in the original's casing (`_text_of`).
3. The best different texts, with probabilities among themselves.
4. In version 2.0, whether the best text or no answer is the answer.
"""

import dataclasses
import functools
import itertools
import json
import math
import operator
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from bert_tf.errors import printable
from bert_tf.tasks.final_text import get_final_text

if TYPE_CHECKING:
    from bert_tf.data.squad_examples import SquadExample
    from bert_tf.data.windows import Window
    from bert_tf.tasks.squad_metrics import QuestionScore


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
    """

    n_best_size: int = 20
    max_answer_length: int = 30
    version_2_with_negative: bool = False
    null_score_diff_threshold: float = 0.0
    do_lower_case: bool = True
    verbose_logging: bool = False


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
    """

    text: str
    nbest: tuple[Candidate, ...]
    score_diff: float | None

    @property
    def probability(self) -> float:
        """The probability of `text`; 0 if it is none of the candidates."""
        return next((candidate.probability for candidate in self.nbest if candidate.text == self.text), 0.0)

    @property
    def best_text(self) -> str:
        """The best text, also if the question is taken to have no answer; empty if there is no text."""
        return self.text or next((candidate.text for candidate in self.nbest if candidate.text), "")


class _Text(NamedTuple):
    """A text that may be the answer; empty for no answer."""

    text: str
    start_logit: float
    end_logit: float

    @property
    def score(self) -> float:
        return self.start_logit + self.end_logit


class _Spans(NamedTuple):
    """Pairs of a start and an end.

    Attributes:
        places: int [spans, 3], the number of the window, and the positions of start and end in its row. Both
            positions are 0, that of `[CLS]`, for no answer.
        logits: float64 [spans, 2], of start and end.
    """

    places: np.ndarray
    logits: np.ndarray


Windows = Sequence[tuple["Window", np.ndarray, np.ndarray]]

# The original's answer in version 1.1 if no span of a question can be one.
_NONCE = _Text("empty", 0.0, 0.0)


def find_answer(
    example: "SquadExample", windows: Windows, inv_vocab: Mapping[int, str], settings: AnswerSettings
) -> SpanAnswer:
    """Finds the answer to a question (the original's `write_predictions`, for one question).

    In version 2.0 the original stops with an AttributeError if no answer is the only candidate, which happens if
    `n_best_size` is small, and with an IndexError if the document is empty. Here the best text counts even if it is
    not among the candidates. If there is no text at all, the question has no answer, and `score_diff` is the score of
    that.

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
        nbest = _with_probabilities(best or [_NONCE])
        return SpanAnswer(nbest[0].text, nbest, None)
    best_text = next((text for text in itertools.chain(best, texts) if text.text), None)
    if all(text.text for text in best):
        best.append(no_answer)
    score_diff = _score_diff(no_answer, best_text)
    has_answer = best_text is not None and not score_diff > settings.null_score_diff_threshold
    return SpanAnswer(best_text.text if has_answer else "", _with_probabilities(best), score_diff)


def _score_diff(no_answer: _Text, best_text: _Text | None) -> float:
    if best_text is None:
        return no_answer.score
    # In the original's order, which decides the last bit.
    return no_answer.score - best_text.start_logit - best_text.end_logit


def _no_answer(windows: Windows) -> _Text:
    """Returns no answer with the logits of the window in which it has the lowest score."""
    logits = [(float(start_logits[0]), float(end_logits[0])) for _, start_logits, end_logits in windows]
    return _Text("", *min(logits, key=sum, default=(0.0, 0.0)))


def _different_texts(
    example: "SquadExample",
    windows: Windows,
    no_answer: _Text | None,
    inv_vocab: Mapping[int, str],
    settings: AnswerSettings,
) -> Iterator[_Text]:
    """Yields the texts that may be the answer, best first; of equal texts the best one."""
    spans = [_find_spans(number, *window, settings) for number, window in enumerate(windows)]
    if no_answer:
        spans.append(_Spans(np.zeros((1, 3), np.int64), np.array([no_answer[1:]])))
    seen = set()
    for (number, start, end), logits in _best_first(spans):
        text = _text_of(example, windows[number][0], start, end, inv_vocab, settings) if start else ""
        if text not in seen:
            seen.add(text)
            yield _Text(text, *logits)


def _best_first(spans: Sequence[_Spans]) -> Iterator[tuple[list[int], list[float]]]:
    """Yields place and logits of each span by falling score. Equal scores keep their order, as in the original."""
    if not spans:
        return iter(())
    places, logits = map(np.concatenate, zip(*spans, strict=True))
    order = np.argsort(-logits.sum(axis=1), kind="stable")
    return zip(places[order].tolist(), logits[order].tolist(), strict=True)


def _find_spans(
    number: int, window: "Window", start_logits: np.ndarray, end_logits: np.ndarray, settings: AnswerSettings
) -> _Spans:
    """Pairs the best starts of a window with its best ends, in the original's order.

    An answer starts at a piece that has its maximum context in this window, and is not too long.
    """
    starts = _in_document(_best_indexes(start_logits, settings.n_best_size), window)
    starts = starts[window.is_max_context[starts - window.first]]
    ends = _in_document(_best_indexes(end_logits, settings.n_best_size), window)
    lengths = ends - starts[:, np.newaxis] + 1
    of_start, of_end = np.nonzero((lengths > 0) & (lengths <= settings.max_answer_length))
    starts, ends = starts[of_start], ends[of_end]
    places = np.stack([np.full_like(starts, number), starts, ends], axis=1)
    return _Spans(places, np.stack([start_logits[starts], end_logits[ends]], axis=1).astype(np.float64))


def _in_document(positions: np.ndarray, window: "Window") -> np.ndarray:
    return positions[(positions >= window.first) & (positions < window.first + len(window.pieces))]


def _best_indexes(logits: np.ndarray, count: int) -> np.ndarray:
    """Returns the indices of the highest logits, the highest first; of equal ones the first (`_get_best_indexes`)."""
    falling = -logits
    indices = np.arange(len(falling))
    if 0 < count < len(falling):
        indices = np.flatnonzero(falling <= np.partition(falling, count - 1)[count - 1])
    return indices[np.argsort(falling[indices], kind="stable")][:count]


def _text_of(
    example: "SquadExample",
    window: "Window",
    start: int,
    end: int,
    inv_vocab: Mapping[int, str],
    settings: AnswerSettings,
) -> str:
    """Returns the text of a span in the original's casing and spacing."""
    first, last = start - window.first, end - window.first
    pieces = [inv_vocab[index] for index in window.pieces[first : last + 1].tolist()]
    pred_text = " ".join(" ".join(pieces).replace(" ##", "").replace("##", "").split())
    words = example.doc_tokens[window.words[first] : window.words[last] + 1]
    return get_final_text(pred_text, " ".join(words), settings.do_lower_case, settings.verbose_logging)


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


def prediction_files(
    answers: Sequence[SpanAnswer], examples: Sequence["SquadExample"], settings: AnswerSettings
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
        "predictions.json": _json_lines((name, answer.text) for name, answer in by_id.items()),
        "nbest_predictions.json": _json_lines(
            (name, [candidate._asdict() for candidate in answer.nbest]) for name, answer in by_id.items()
        ),
    }
    if settings.version_2_with_negative:
        files["null_odds.json"] = _json_lines((name, answer.score_diff) for name, answer in by_id.items())
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
    answers: Sequence[SpanAnswer], examples: Sequence["SquadExample"], scores: Sequence["QuestionScore"]
) -> Iterator[str]:
    """Yields the lines of eval_predictions.tsv: a header, then for each question scores, prediction and gold answers.

    The last two columns are JSON, so that no text can end a cell or a row.
    """
    yield "guid\texact_match\tf1\tprobability\tprediction\tanswers"
    for answer, example, score in zip(answers, examples, scores, strict=True):
        numbers = f"{score.exact_match}\t{score.f1}\t{answer.probability}"
        yield f"{printable(example.guid)}\t{numbers}\t{json.dumps(answer.text)}\t{json.dumps(example.answers)}"
