"""The answer to a question. Needs no TensorFlow.

Answer("Ann", start=0, end=3, score=0.93)
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Answer:
    """The answer to a question on a context.

    Attributes:
        text: a part of the context, letter by letter; empty if it has no answer.
        start: the place of its first character in the context, `context[start:end] == text`.
        end: the place behind its last character.
        score: its probability between 0 and 1 among the `n_best_size` best answers, see
            `bert_tf.serving.answer_spans.choose`; 0 if nothing in the context can be an answer.

    Example:
        >>> answer = Answer("Ann", start=0, end=3, score=0.93)
        >>> "Ann came at noon."[answer.start : answer.end]
        'Ann'
    """

    text: str
    start: int
    end: int
    score: float
