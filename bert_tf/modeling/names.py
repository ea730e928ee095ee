"""The names of a model's inputs; translates the Model Garden's variable names and shapes to the original's."""

import math
import re
from collections.abc import Iterable

# What a model takes, as the Model Garden names it: int32 [rows, length] each.
INPUTS = ("input_word_ids", "input_mask", "input_type_ids")
# From the Model Garden's names of scopes to the original's.
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
# The layer on the pooled output of the Garden's BertClassifier. Its kernel is [hidden, labels], the original's weights
# are [labels, hidden].
GARDEN_HEAD = {"sentence_prediction/logits/kernel": "output_weights", "sentence_prediction/logits/bias": "output_bias"}
_GARDEN_NAME = re.compile(
    r"(?:.*/)?(?:transformer/(?P<layer>layer_\d+)/(?P<part>.+)|(?P<scope>embeddings/layer_norm|pooler_transform)"
    r"|(?P<embedding>word_embeddings|position_embedding|type_embeddings))/(?P<leaf>\w+)"
)


def original_name(name: str) -> str:
    """Returns the original's name of a variable of the Model Garden's encoder.

    Scopes in front of the encoder's belong to models around it and are left out. A name that is not one of the
    encoder's is returned unchanged. The shapes of both variables agree up to a reshape, see `original_shape`.

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
    """Returns a variable's shape in the original, which has no axis of attention heads.

    Args:
        name: the original's name of the variable.
        shape: its shape in the Model Garden or in the original.

    Example:
        >>> original_shape("bert/encoder/layer_0/attention/self/query/kernel", [768, 12, 64])
        (768, 768)
    """
    shape = tuple(shape)
    if "/attention/self/" in name:
        return (*shape[:1], math.prod(shape[1:])) if "/kernel" in name else (math.prod(shape),)
    if "/attention/output/dense/kernel" in name:
        return (math.prod(shape[:-1]), *shape[-1:])
    return shape
