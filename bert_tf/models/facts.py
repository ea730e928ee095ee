"""Describes a model that answers texts: the content of an `export.json`. Needs no TensorFlow."""

import dataclasses
from collections.abc import Mapping

FORMAT = 1  # of an export.json


@dataclasses.dataclass(frozen=True)
class Facts:
    """The facts about a model that answers texts, wherever it comes from.

    Attributes:
        kind: of the labels: `"classification"`, `"regression"` or `"multi_label"`.
        labels: in the order of the answers; empty for a regression.
        pairs: whether it was trained on pairs of texts; None if nothing says so.
        do_lower_case: whether text is lowercased.
        max_seq_length: longer texts are truncated.
        compute_dtype: in which products are computed, such as `"float32"`.
        scores: of its evaluation, such as `eval_accuracy`; empty without one.
        vocab_sha256: the SHA-256 of its vocabulary's bytes.
        digest: 16 hexadecimal digits that stand for all that its answers depend on.
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

    def to_json(self) -> dict[str, object]:
        """Returns the content of an `export.json`.

        Example:
            >>> facts = Facts("regression", (), False, True, 128, "float32", {}, vocab_sha256="", digest="")
            >>> facts.to_json()["format"], facts.to_json()["kind"]
            (1, 'regression')
        """
        return {"format": FORMAT, **dataclasses.asdict(self)}
