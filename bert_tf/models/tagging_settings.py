"""The settings of a model that tags words: how long texts become windows, and tags become entities. No TensorFlow.

TaggingSettings(doc_context=64).fitting(max_seq_length=128)
"""

import dataclasses
from collections.abc import Mapping

from bert_tf.data.sentence_spans import DOC_CONTEXT, SPECIAL_PIECES, fitting_context
from bert_tf.data.tag_schemes import CONLL, REPAIRS
from bert_tf.models.question_settings import LARGEST


@dataclasses.dataclass(frozen=True)
class TaggingSettings:
    """The flags of run_ner.py that decide about the tags of a text, with its defaults.

    Attributes:
        doc_context: how many pieces each window of a long text has on both sides for context only.
        repair: the rule for an `I-` that cannot continue an entity, see `bert_tf.data.tag_schemes.entities`.
    """

    doc_context: int = DOC_CONTEXT
    repair: str = CONLL

    @classmethod
    def from_task(cls, facts: Mapping[str, object]) -> "TaggingSettings":
        """Takes the settings in a task.json that are possible; the others keep their defaults.

        Example:
            >>> TaggingSettings.from_task({"doc_context": 8, "repair": "x"})
            TaggingSettings(doc_context=8, repair='conll')
        """
        known = {field.name: facts.get(field.name) for field in dataclasses.fields(cls)}
        return cls(**{name: value for name, value in known.items() if cls.is_possible(name, value)})

    @staticmethod
    def is_possible(name: str, value: object) -> bool:
        """Returns True if a setting can have this value."""
        if name == "repair":
            return isinstance(value, str) and value in REPAIRS
        return name == "doc_context" and type(value) is int and 0 <= value <= LARGEST

    def fitting(self, max_seq_length: int) -> "TaggingSettings":
        """Returns the settings with so little context that a third of each window counts.

        Example:
            >>> TaggingSettings().fitting(max_seq_length=24).doc_context
            7
        """
        room = max_seq_length - SPECIAL_PIECES
        return dataclasses.replace(self, doc_context=fitting_context(self.doc_context, room))
