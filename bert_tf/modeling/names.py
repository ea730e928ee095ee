"""Names of variables: the Model Garden's become the original's."""

import math
import re
from collections.abc import Iterable

# The Model Garden's names of scopes, and the original's.
_ORIGINAL_SCOPES = {
    "self_attention/query": "attention/self/query",
    "self_attention/key": "attention/self/key",
    "self_attention/value": "attention/self/value",
    "self_attention/attention_output": "attention/output/dense",
    "self_attention_layer_norm": "attention/output/LayerNorm",
    "intermediate": "intermediate/dense",
    "output": "output/dense",
    "output_layer_norm": "output/LayerNorm",
    "embeddings/layer_norm": "embeddings/LayerNorm",
    "pooler_transform": "pooler/dense",
}
_ORIGINAL_EMBEDDINGS = {
    "word_embeddings": "word_embeddings",
    "position_embedding": "position_embeddings",
    "type_embeddings": "token_type_embeddings",
}
_GARDEN_NAME = re.compile(
    r"(?:.*/)?(?:transformer/(?P<layer>layer_\d+)/(?P<part>.+)|(?P<scope>embeddings/layer_norm|pooler_transform)"
    r"|(?P<embedding>word_embeddings|position_embedding|type_embeddings))/(?P<leaf>\w+)"
)


def original_name(name: str) -> str:
    """The original's name of a variable of the Model Garden's encoder.

    All shapes agree up to a reshape. Scopes that stand before belong to models around the encoder and are left
    out. A name that is none of the encoder's stays as it is.

    Example:
        >>> original_name("bert_encoder_v2/transformer/layer_0/intermediate/kernel")
        'bert/encoder/layer_0/intermediate/dense/kernel'
    """
    match = _GARDEN_NAME.fullmatch(name)
    if not match:
        return name
    if match["embedding"]:
        return f"bert/embeddings/{_ORIGINAL_EMBEDDINGS[match['embedding']]}"
    if match["scope"]:
        return f"bert/{_ORIGINAL_SCOPES[match['scope']]}/{match['leaf']}"
    part = _ORIGINAL_SCOPES.get(match["part"], match["part"])
    return f"bert/encoder/{match['layer']}/{part}/{match['leaf']}"


def original_shape(name: str, shape: Iterable[int]) -> tuple[int, ...]:
    """The shape without the Model Garden's axis of attention heads; a shape without one stays as it is."""
    shape = tuple(shape)
    if "/attention/self/" in name:
        return (*shape[:1], math.prod(shape[1:])) if "/kernel" in name else (math.prod(shape),)
    if "/attention/output/dense/kernel" in name:
        return (math.prod(shape[:-1]), *shape[-1:])
    return shape
