"""Describes a model that answers texts: the content of an `export.json`. Needs no TensorFlow."""

import dataclasses
from collections.abc import Mapping

from bert_tf.models.question_settings import QuestionSettings
from bert_tf.models.tagging_settings import TaggingSettings

FORMAT = 1  # of an export.json


@dataclasses.dataclass(frozen=True)
class Facts:
    """The facts about a model that answers texts, wherever it comes from.

    Attributes:
        kind: of the labels: `"classification"`, `"regression"` or `"multi_label"`; or `"question_answering"` or
            `"token_classification"`.
        labels: in the order of the answers, tags for words included; empty for a regression and for answers to
            questions.
        pairs: whether it was trained on pairs of texts; None if nothing says so.
        do_lower_case: whether text is lowercased.
        max_seq_length: longer texts are truncated.
        compute_dtype: in which products are computed, such as `"float32"`.
        scores: of its evaluation, such as `eval_accuracy`; empty without one.
        vocab_sha256: the SHA-256 of its vocabulary's bytes.
        digest: 16 hexadecimal digits that stand for all that its answers depend on.
        questions: how it answers questions; None if it does not.
        tagging: how it tags words; None if it does not.
    """

    kind: str
    labels: tuple[str, ...]
    pairs: bool | None
    do_lower_case: bool
    max_seq_length: int
    compute_dtype: str
    scores: Mapping[str, float]
    vocab_sha256: str
    digest: str
    questions: QuestionSettings | None = None
    tagging: TaggingSettings | None = None

    def to_json(self) -> dict[str, object]:
        """Returns the content of an `export.json`.

        Example:
            >>> facts = Facts("regression", (), False, True, 128, "float32", {}, vocab_sha256="", digest="")
            >>> facts.to_json()["format"], facts.to_json()["kind"]
            (1, 'regression')
        """
        content = {"format": FORMAT, **dataclasses.asdict(self)}
        missing = [name for name in ("questions", "tagging") if content[name] is None]
        return {name: value for name, value in content.items() if name not in missing}
