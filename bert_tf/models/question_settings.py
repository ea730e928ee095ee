"""The settings of a model that answers questions: how contexts become windows, and answers are chosen. No TensorFlow.

QuestionSettings(doc_stride=64).fitting(max_seq_length=128)
"""

import dataclasses
import math
from collections.abc import Mapping

from bert_tf.data.spans import SPECIAL_PIECES, WindowSettings
from bert_tf.tasks.squad_answers import AnswerSettings

# Of each setting; numbers far larger do not fit the arrays that count pieces.
LARGEST = 2**20 - 1


@dataclasses.dataclass(frozen=True)
class QuestionSettings:
    """The flags of the original's run_squad.py that decide about answers, with its defaults.

    Attributes:
        doc_stride: how many pieces of the context lie between the beginnings of two windows.
        max_query_length: longer questions are truncated.
        version_2_with_negative: whether a question may have no answer, as in SQuAD 2.0.
        n_best_size: how many answers are compared.
        max_answer_length: the most pieces of an answer.
    """

    doc_stride: int = WindowSettings.doc_stride
    max_query_length: int = WindowSettings.max_query_length
    version_2_with_negative: bool = False
    n_best_size: int = AnswerSettings.n_best_size
    max_answer_length: int = AnswerSettings.max_answer_length

    @classmethod
    def from_training(cls, training: Mapping[str, object]) -> "QuestionSettings":
        """Takes the settings of a training in run.json that are possible; the others keep their defaults.

        Example:
            >>> QuestionSettings.from_training({"doc_stride": 64, "max_query_length": "x"}).doc_stride
            64
        """
        known = {field.name: training.get(field.name) for field in dataclasses.fields(cls)}
        return cls(**{name: value for name, value in known.items() if cls.is_possible(name, value)})

    @classmethod
    def is_possible(cls, name: str, value: object) -> bool:
        """Returns True if a setting can have this value."""
        kind = type(getattr(cls, name))
        return type(value) is kind and (kind is bool or 1 <= value <= LARGEST)

    @property
    def default_threshold(self) -> float:
        """The `null_score_diff_threshold` for a user who gives none: infinite if every question has an answer."""
        return 0.0 if self.version_2_with_negative else math.inf

    def fitting(self, max_seq_length: int) -> "QuestionSettings":
        """Returns the settings with questions so short that each window has room for a piece of the context.

        Example:
            >>> QuestionSettings().fitting(max_seq_length=24).max_query_length
            20
        """
        longest = max(max_seq_length - SPECIAL_PIECES - 1, 0)
        return dataclasses.replace(self, max_query_length=min(self.max_query_length, longest))
