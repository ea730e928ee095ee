"""The names of BERT's variables as Hugging Face has them, and the original's for them. Needs no TensorFlow."""

from collections.abc import Iterable

from bert_tf.modeling.shapes import MASKED_LM_SCOPE, NEXT_SENTENCE_SCOPE, SPAN_BIAS, SPAN_WEIGHTS

# The layer on the pooled output of a `BertForSequenceClassification`, or on all outputs of a
# `BertForTokenClassification`, which has no pooler.
_ORIGINAL_HEAD = {"classifier.weight": "output_weights", "classifier.bias": "output_bias"}
# The layer on all outputs of a `BertForQuestionAnswering`, which has no pooler.
_ORIGINAL_SPAN_HEAD = {"qa_outputs.weight": SPAN_WEIGHTS, "qa_outputs.bias": SPAN_BIAS}
# The layers of a `BertForMaskedLM`, which has no pooler. A `BertForPreTraining` has the last two as well, and a pooler.
# The matrix that belongs to `cls.predictions.bias` is that of the word embeddings.
_TRANSFORM = f"{MASKED_LM_SCOPE}/transform"
_ORIGINAL_PRETRAINING_HEAD = {
    "cls.predictions.bias": f"{MASKED_LM_SCOPE}/output_bias",
    "cls.predictions.transform.dense.weight": f"{_TRANSFORM}/dense/kernel",
    "cls.predictions.transform.dense.bias": f"{_TRANSFORM}/dense/bias",
    "cls.predictions.transform.LayerNorm.weight": f"{_TRANSFORM}/LayerNorm/gamma",
    "cls.predictions.transform.LayerNorm.bias": f"{_TRANSFORM}/LayerNorm/beta",
    "cls.seq_relationship.weight": f"{NEXT_SENTENCE_SCOPE}/output_weights",
    "cls.seq_relationship.bias": f"{NEXT_SENTENCE_SCOPE}/output_bias",
}
# Files that were made of the original's checkpoints have these.
_OLD_NAMES = {
    "cls.predictions.transform.LayerNorm.gamma": f"{_TRANSFORM}/LayerNorm/gamma",
    "cls.predictions.transform.LayerNorm.beta": f"{_TRANSFORM}/LayerNorm/beta",
}
_ORIGINAL_HEADS = _ORIGINAL_HEAD | _ORIGINAL_SPAN_HEAD | _ORIGINAL_PRETRAINING_HEAD
_HEAD = {original: name for name, original in _ORIGINAL_HEADS.items()}
_LEAVES = {"kernel": "weight", "gamma": "weight", "beta": "bias", "bias": "bias"}


def original_name(name: str) -> str:
    """Returns the original's name of a variable of Hugging Face's `BertModel`; other names stay the same.

    Example:
        >>> original_name("bert.encoder.layer.0.output.LayerNorm.weight")
        'bert/encoder/layer_0/output/LayerNorm/gamma'
    """
    bare = name.removeprefix("bert.")
    if not bare.startswith(("embeddings.", "encoder.", "pooler.")):
        return name
    scope, _, leaf = bare.rpartition(".")
    scope = "bert/" + scope.replace(".", "/").replace("encoder/layer/", "encoder/layer_")
    if scope.endswith("_embeddings"):
        return scope
    if scope.endswith("/LayerNorm"):
        leaf = {"weight": "gamma", "bias": "beta"}.get(leaf, leaf)
    return f"{scope}/{leaf.replace('weight', 'kernel')}"


def original_head_names(names: Iterable[str]) -> dict[str, str]:
    """Returns the original's names of the heads among variables of a Hugging Face model.

    Example:
        >>> original_head_names(["cls.predictions.bias", "bert.pooler.dense.bias"])
        {'cls.predictions.bias': 'cls/predictions/output_bias'}
    """
    heads = _ORIGINAL_HEADS | _OLD_NAMES
    return {name: heads[name] for name in names if name in heads}


def has_head(names: Iterable[str]) -> bool:
    """Returns True if a head is among variables with the original's names."""
    return not _HEAD.keys().isdisjoint(names)


def huggingface_name(name: str, scope: str) -> str:
    """Returns Hugging Face's name of a variable.

    Args:
        name: the original's.
        scope: of the encoder: `"bert."` in a model with a head, empty in a `BertModel`.

    Example:
        >>> huggingface_name("bert/encoder/layer_0/output/LayerNorm/gamma", "bert.")
        'bert.encoder.layer.0.output.LayerNorm.weight'
    """
    if name in _HEAD:
        return _HEAD[name]
    parts, _, leaf = name.removeprefix("bert/").replace("layer_", "layer.").replace("/", ".").rpartition(".")
    return f"{scope}{parts}.{_LEAVES[leaf]}" if leaf in _LEAVES else f"{scope}{parts}.{leaf}.weight"
