"""The predictions of a run for its dev examples, one class for each kind of task."""

import dataclasses
import functools
import hashlib
from typing import ClassVar

import numpy as np

from bert_tf.data.tag_schemes import Entity, entities
from bert_tf.data.targets import Number, OneLabel, SomeLabels
from bert_tf.report.scores import ACCURACY, EXACT_MATCH, F1, PRECISION, RECALL, TOKEN_ACCURACY

# The kinds of tasks in task.json; a run without that file is a classification.
CLASSIFICATION, REGRESSION, MULTI_LABEL = OneLabel.kind, Number.kind, SomeLabels.kind

# A regression has collapsed if its predictions spread less than this share of the spread of the labels.
_LEAST_SPREAD = 0.01
# A label of a task with many labels is predicted if its probability is at least this: `MultiLabelHead.threshold`.
THRESHOLD = 0.5


def digest(*parts: object) -> str:
    """Returns a short digest of values: 16 hexadecimal digits."""
    return hashlib.sha256(repr(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]


@dataclasses.dataclass(frozen=True, eq=False)
class ClassPredictions:
    """A probability for each class, for a task where one class is right.

    Attributes:
        guids: of the dev examples, in file order.
        label_ids: int [examples].
        classes: the names of the labels.
        probabilities: float [examples, classes].
        answer: the name of a prediction in a sentence.
        share_correct: the name of the share of correct predictions.
    """

    guids: tuple[str, ...]
    label_ids: np.ndarray
    classes: tuple[str, ...]
    probabilities: np.ndarray

    answer: ClassVar[str] = "predicted class"
    share_correct: ClassVar[str] = "accuracy"

    @functools.cached_property
    def predicted(self) -> np.ndarray:
        """The class with the highest probability, int [examples]."""
        return self.probabilities.argmax(axis=1)

    @property
    def correct(self) -> np.ndarray:
        """True where the predicted class is the label, bool [examples]."""
        return self.predicted == self.label_ids

    @property
    def confidence(self) -> np.ndarray:
        """The probability of the predicted class, float [examples]."""
        return self.probabilities.max(axis=1)

    @property
    def collapsed(self) -> bool:
        """True if all examples got the same class although their labels differ."""
        return len(np.unique(self.predicted)) == 1 < len(np.unique(self.label_ids))

    @property
    def values(self) -> dict[str, np.ndarray]:
        """The scores that are means over examples: their values, float [examples], by their names."""
        return {ACCURACY: self.correct.astype(float)}

    @functools.cached_property
    def dev_set(self) -> str:
        """A digest of guids, labels and classes. Runs with the same digest can be compared example by example."""
        return digest(self.guids, self.label_ids.tolist(), self.classes)


@dataclasses.dataclass(frozen=True, eq=False)
class NumberPredictions:
    """A number for each example, for a regression.

    Attributes:
        guids: of the dev examples, in file order.
        labels: float [examples].
        predicted: float [examples].
    """

    guids: tuple[str, ...]
    labels: np.ndarray
    predicted: np.ndarray

    values: ClassVar[dict[str, np.ndarray]] = {}

    @property
    def collapsed(self) -> bool:
        """True if all examples got nearly the same number although their labels differ."""
        return float(np.std(self.predicted)) < _LEAST_SPREAD * float(np.std(self.labels))

    @functools.cached_property
    def dev_set(self) -> str:
        """A digest of guids and labels."""
        return digest(self.guids, self.labels.tolist())


@dataclasses.dataclass(frozen=True, eq=False)
class LabelSetPredictions:
    """A probability for each label, for a task where any number of labels may be right.

    Attributes:
        guids: of the dev examples, in file order.
        labels: bool [examples, classes].
        classes: the names of the labels.
        probabilities: float [examples, classes].
    """

    guids: tuple[str, ...]
    labels: np.ndarray
    classes: tuple[str, ...]
    probabilities: np.ndarray

    values: ClassVar[dict[str, np.ndarray]] = {}

    @functools.cached_property
    def predicted(self) -> np.ndarray:
        """True for each label that is predicted, bool [examples, classes]."""
        return self.probabilities >= THRESHOLD

    @property
    def collapsed(self) -> bool:
        """True if all examples got the same labels although theirs differ."""
        return len(np.unique(self.predicted, axis=0)) == 1 < len(np.unique(self.labels, axis=0))

    @functools.cached_property
    def dev_set(self) -> str:
        """A digest of guids, labels and classes."""
        return digest(self.guids, self.labels.tolist(), self.classes)


@dataclasses.dataclass(frozen=True, eq=False)
class AnswerPredictions:
    """An answer for each question, for question answering.

    Attributes:
        guids: of the questions, in file order.
        answers: the gold answers of each question; none if its text has no answer.
        predicted: a text for each question; empty if the model says that there is no answer.
        confidence: the probability of each predicted answer, float [questions].
        exact_match: 1 if it is a gold answer, else 0, float [questions].
        f1: of its words and those of a gold answer, float [questions].
        answer: the name of a prediction in a sentence.
        share_correct: the name of the share of correct predictions.
    """

    guids: tuple[str, ...]
    answers: tuple[tuple[str, ...], ...]
    predicted: tuple[str, ...]
    confidence: np.ndarray
    exact_match: np.ndarray
    f1: np.ndarray

    answer: ClassVar[str] = "answer"
    share_correct: ClassVar[str] = "exact match"

    @property
    def correct(self) -> np.ndarray:
        """True where the answer is a gold answer, bool [questions]."""
        return self.exact_match == 1

    @functools.cached_property
    def has_no_answer(self) -> np.ndarray:
        """True for each question that its text does not answer, bool [questions]."""
        return np.array([not answers for answers in self.answers])

    @property
    def collapsed(self) -> bool:
        """True if all questions got the same answer although their gold answers differ."""
        return len(set(self.predicted)) == 1 < len(set(self.answers))

    @property
    def values(self) -> dict[str, np.ndarray]:
        """The scores that are means over questions: their values, float [questions], by their names."""
        return {F1: self.f1, EXACT_MATCH: self.exact_match}

    @functools.cached_property
    def dev_set(self) -> str:
        """A digest of guids and gold answers."""
        return digest(self.guids, self.answers)


@dataclasses.dataclass(frozen=True, eq=False)
class TagPredictions:
    """A tag for each word of a sentence, for token classification.

    Attributes:
        guids: of the sentences, in file order.
        words: of each sentence.
        gold: the right tags of each sentence, in BIO.
        predicted: the predicted tags of each sentence, in BIO.
        confidence: the probability of all tags of a sentence together, float [sentences].
        answer: the name of a prediction in a sentence.
        share_correct: the name of the share of correct predictions.
    """

    guids: tuple[str, ...]
    words: tuple[tuple[str, ...], ...]
    gold: tuple[tuple[str, ...], ...]
    predicted: tuple[tuple[str, ...], ...]
    confidence: np.ndarray

    answer: ClassVar[str] = "tags of a sentence"
    share_correct: ClassVar[str] = "sentence accuracy"
    values: ClassVar[dict[str, np.ndarray]] = {}

    @functools.cached_property
    def correct(self) -> np.ndarray:
        """True where all entities of a sentence are right and no other one is predicted, bool [sentences]."""
        pairs = zip(self.gold_entities, self.predicted_entities, strict=True)
        return np.array([gold == predicted for gold, predicted in pairs])

    @functools.cached_property
    def gold_entities(self) -> list[frozenset[Entity]]:
        """The entities of each sentence."""
        return [frozenset(entities(tags)) for tags in self.gold]

    @functools.cached_property
    def predicted_entities(self) -> list[frozenset[Entity]]:
        """The predicted entities of each sentence."""
        return [frozenset(entities(tags)) for tags in self.predicted]

    @functools.cached_property
    def f1(self) -> np.ndarray:
        """F1 of the entities of each sentence, float [sentences]; 1 if it has none and none is predicted."""
        right, predicted, gold = self._counts.T
        return np.where(predicted + gold == 0, 1.0, 2 * right / np.maximum(predicted + gold, 1))

    @property
    def scores(self) -> dict[str, float]:
        """Precision, recall and F1 of all entities, and the share of words with the right tag, by their names."""
        right, predicted, gold = self._counts.sum(axis=0).tolist()
        tags = (pair for row in zip(self.gold, self.predicted, strict=True) for pair in zip(*row, strict=True))
        return {
            PRECISION: right / max(predicted, 1),
            RECALL: right / max(gold, 1),
            F1: 2 * right / max(predicted + gold, 1),
            TOKEN_ACCURACY: float(np.mean([a == b for a, b in tags])),
        }

    @functools.cached_property
    def _counts(self) -> np.ndarray:
        """The numbers of right, predicted and gold entities of each sentence, int [sentences, 3]."""
        pairs = zip(self.gold_entities, self.predicted_entities, strict=True)
        return np.array([(len(gold & predicted), len(predicted), len(gold)) for gold, predicted in pairs])

    @property
    def collapsed(self) -> bool:
        """True if all words got the same type, or are all in no entity, although their gold tags differ."""
        return len(_types(self.predicted)) == 1 < len(_types(self.gold))

    @functools.cached_property
    def dev_set(self) -> str:
        """A digest of guids, words and gold tags."""
        return digest(self.guids, self.words, self.gold)


def _types(sentences: tuple[tuple[str, ...], ...]) -> set[str]:
    """Returns the types of tags; that of `O` is empty."""
    return {tag[2:] for tags in sentences for tag in tags}


Predictions = ClassPredictions | NumberPredictions | LabelSetPredictions | AnswerPredictions | TagPredictions
# Those with the probability of each answer, whose calibration can be shown.
WITH_CONFIDENCE = (ClassPredictions, AnswerPredictions, TagPredictions)


def values_of_examples(predictions: Predictions, headline: str) -> np.ndarray | None:
    """Returns the value of each example that paired tests compare; None if only `eval_values.tsv` has them."""
    return predictions.f1 if isinstance(predictions, TagPredictions) else predictions.values.get(headline)
