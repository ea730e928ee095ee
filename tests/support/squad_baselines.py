"""Answers that need no model: what the scores of a corpus of questions must be compared with. Needs no TensorFlow."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from bert_tf.tasks.squad_metrics import normalize_answer, score_question, squad_scores

_SENTENCE_END = re.compile(r'(?<=[.!?"])\s+(?=["A-Z])')
_ARTICLES = {"a", "an", "the"}
_VERBS = {
    "is",
    "are",
    "was",
    "were",
    "has",
    "had",
    "have",
    "may",
    "must",
    "stands",
    "lies",
    "lives",
    "carries",
    "began",
}


class Question(NamedTuple):
    """A question of a SQuAD file with its paragraph and gold answers."""

    text: str
    context: str
    answers: tuple[str, ...]


def questions_of(squad: dict) -> Iterator[Question]:
    """Returns the questions of a SQuAD file's content that have an answer."""
    for article in squad["data"]:
        for paragraph in article["paragraphs"]:
            for entry in paragraph["qas"]:
                if entry["answers"]:
                    answers = tuple(answer["text"] for answer in entry["answers"])
                    yield Question(entry["question"], paragraph["context"], answers)


def score(questions: Sequence[Question], answers: Sequence[str]) -> tuple[float, float]:
    """Returns exact match and F1."""
    pairs = zip(questions, answers, strict=True)
    scores = squad_scores([score_question(answer, question.answers, False) for question, answer in pairs])
    return scores["eval_exact_match"], scores["eval_f1"]


def first_name(question: Question) -> str:
    """Returns the first run of words with a capital letter in the first sentence, without an article before it.

    Example:
        >>> first_name(Question("Who?", "The mill at Noorderlak grinds. It is old.", ()))
        'mill'
        >>> first_name(Question("Who?", "Torvald Mill grinds.", ()))
        'Torvald Mill'
    """
    words = _without_article(_sentences(question.context)[0].split())
    return " ".join(_leading_names(words) or words[:1])


def first_subject(question: Question) -> str:
    """Returns the words of the first sentence before its first verb: one of a short list, or a word in -ed.

    Example:
        >>> first_subject(Question("Who?", "The old mill of Noorderlak was built in 1743.", ()))
        'old mill of Noorderlak'
    """
    words = _without_article(_sentences(question.context)[0].split())
    verb = next((at for at, word in enumerate(words) if at and _is_verb(word)), len(words))
    return " ".join(words[:verb])


def name_in_most_similar_sentence(question: Question) -> str:
    """Returns the longest run of names and numbers in the sentence that shares most words with the question.

    Words that are in the question are no answer. Of two sentences or runs that are equally good the first is taken.

    Example:
        >>> context = "The mill burned. It was built by Cornelis Haak in 1743."
        >>> name_in_most_similar_sentence(Question("Who built it?", context, ()))
        'Cornelis Haak'
    """
    asked = _words(question.text)
    sentence = max(_sentences(question.context), key=lambda text: len(_words(text) & asked))
    runs = [run for run in _runs(sentence.split(), asked) if run]
    return " ".join(max(runs, key=len, default=[]))


def constant_span(questions: Sequence[Question], start: int, length: int) -> list[str]:
    """Returns the words of each paragraph at the same place."""
    return [" ".join(question.context.split()[start : start + length]) for question in questions]


def best_constant_span(questions: Sequence[Question], longest: int = 6) -> tuple[int, int]:
    """Returns first word and number of words of the span with the highest F1."""
    words = max(len(question.context.split()) for question in questions)
    spans = [(start, length) for start in range(words) for length in range(1, longest + 1)]
    f1 = [score(questions, constant_span(questions, *span))[1] for span in spans]
    return spans[int(np.argmax(f1))]


def _sentences(context: str) -> list[str]:
    return _SENTENCE_END.split(context)


def _words(text: str) -> set[str]:
    return set(normalize_answer(text).split())


def _without_article(words: list[str]) -> list[str]:
    return words[1:] if words[0].lower() in _ARTICLES else words


def _is_name(word: str) -> bool:
    return bool(re.match(r'["(]?[A-Z0-9]', word))


def _leading_names(words: Sequence[str]) -> list[str]:
    end = next((at for at, word in enumerate(words) if not _is_name(word)), len(words))
    return list(words[:end])


def _is_verb(word: str) -> bool:
    return word.lower() in _VERBS or word.endswith("ed")


def _runs(words: Sequence[str], asked: set[str]) -> list[list[str]]:
    """Splits at words that are in the question and at words that are neither names nor numbers."""
    runs: list[list[str]] = [[]]
    for word in words:
        if _is_name(word) and not _words(word) & asked:
            runs[-1].append(word)
        else:
            runs.append([])
    return runs
