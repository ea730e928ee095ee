"""Writes configuration and weights as Hugging Face's transformers reads them: `config.json` and `model.safetensors`."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import save_file

from bert_tf.errors import user_error_for
from bert_tf.files import give_usual_permissions
from bert_tf.modeling.config import BertConfig

# The original computes "gelu" by tanh. transformers has several names for that formula; this one is nearest to the
# original's golden numbers (1.3e-6, "gelu_new" 1.4e-6) and the fastest. Its "gelu" is the exact form.
_ACTIVATIONS = {"gelu": "gelu_pytorch_tanh", "gelu_erf": "gelu"}
_PROBLEM_TYPES = {
    "classification": "single_label_classification",
    "multi_label": "multi_label_classification",
    "regression": "regression",
}
# The original's run_classifier.create_model has it fixed.
_CLASSIFIER_DROPOUT = 0.1
_HEAD = {"output_weights": "classifier.weight", "output_bias": "classifier.bias"}
_LEAVES = {"kernel": "weight", "gamma": "weight", "beta": "bias", "bias": "bias"}


def config_json(config: BertConfig, pad_id: int, kind: str | None = None, labels: Sequence[str] = ()) -> dict:
    """Returns the content of a `config.json`: of a `BertModel`, or with a `kind` of a classifier.

    Args:
        config: the shape of the encoder.
        pad_id: the id of the word piece for padding.
        kind: of the labels: `"classification"`, `"multi_label"`, `"regression"`, or None for an encoder alone.
        labels: in the order of the head's outputs; empty for a regression.

    Example:
        >>> found = config_json(BertConfig(vocab_size=100), pad_id=0, kind="classification", labels=["bad", "good"])
        >>> found["hidden_act"], found["id2label"]
        ('gelu_pytorch_tanh', {'0': 'bad', '1': 'good'})
    """
    encoder = {
        "architectures": ["BertModel" if kind is None else "BertForSequenceClassification"],
        "model_type": "bert",
        "dtype": "float32",
        "vocab_size": config.vocab_size,
        "hidden_size": config.hidden_size,
        "num_hidden_layers": config.num_hidden_layers,
        "num_attention_heads": config.num_attention_heads,
        "intermediate_size": config.intermediate_size,
        "hidden_act": _ACTIVATIONS.get(config.hidden_act, config.hidden_act),
        "hidden_dropout_prob": config.hidden_dropout_prob,
        "attention_probs_dropout_prob": config.attention_probs_dropout_prob,
        "max_position_embeddings": config.max_position_embeddings,
        "type_vocab_size": config.type_vocab_size,
        "initializer_range": config.initializer_range,
        "layer_norm_eps": config.layer_norm_eps,
        "position_embedding_type": "absolute",
        "pad_token_id": pad_id,
    }
    return encoder if kind is None else encoder | _classifier_fields(kind, labels)


def _classifier_fields(kind: str, labels: Sequence[str]) -> dict:
    # transformers calls the only output of a regression so.
    names = labels or ["LABEL_0"]
    return {
        "problem_type": _PROBLEM_TYPES[kind],
        "classifier_dropout": _CLASSIFIER_DROPOUT,
        "id2label": {str(index): name for index, name in enumerate(names)},
        "label2id": {name: index for index, name in enumerate(names)},
    }


def write_safetensors(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Writes the weights of a `BertForSequenceClassification`, or of a `BertModel` if there is no head among them.

    Args:
        path: the file.
        arrays: float32, under the original's names and in its shapes.

    Raises:
        UserError: it cannot be written, for instance because the disk is full.
    """
    # In a BertModel the encoder is not an attribute of another model.
    scope = "bert." if _HEAD.keys() <= arrays.keys() else ""
    tensors = {_name(name, scope): _as_in_pytorch(name, array) for name, array in arrays.items()}
    with user_error_for((OSError, SafetensorError), path, "cannot be written", "make room or name another folder"):
        # transformers refuses a file that does not say whose form its arrays have.
        save_file(tensors, path, {"format": "pt"})
        give_usual_permissions(path)


def _name(name: str, scope: str) -> str:
    """Returns Hugging Face's name of a variable.

    Example:
        >>> _name("bert/encoder/layer_0/output/LayerNorm/gamma", "bert.")
        'bert.encoder.layer.0.output.LayerNorm.weight'
    """
    if name in _HEAD:
        return _HEAD[name]
    parts, _, leaf = name.removeprefix("bert/").replace("layer_", "layer.").replace("/", ".").rpartition(".")
    return f"{scope}{parts}.{_LEAVES[leaf]}" if leaf in _LEAVES else f"{scope}{parts}.{leaf}.weight"


def _as_in_pytorch(name: str, array: np.ndarray) -> np.ndarray:
    """Transposes the matrix of a linear layer; the head's is [labels, hidden] in the original already."""
    return np.ascontiguousarray(array.T if name.endswith("/kernel") else array, np.float32)
