"""The shape of a BERT model, read from the original's or Hugging Face's configuration file. Needs no TensorFlow."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path

from bert_tf.errors import UserError, printable, reading, shown
from bert_tf.files import read_json

# The names of `operations.ACTIVATIONS`, which needs TensorFlow.
ACTIVATION_NAMES = ("gelu", "gelu_erf", "relu", "tanh", "linear")
# A configuration has 1 kB; one with the names of 20,000 labels has 1 MB.
MAX_CONFIG_BYTES = 8 << 20
# BERT-large has 0.3 billion parameters and 24 layers, the largest BERT (Megatron) 4 billion.
MAX_PARAMETERS = 10_000_000_000
MAX_LAYERS = 1000
_HUGGINGFACE_ACTIVATIONS = {"gelu": "gelu_erf", "gelu_new": "gelu", "gelu_pytorch_tanh": "gelu"}
# With other values the same weights compute other things.
_HUGGINGFACE_NEEDS = {"position_embedding_type": "absolute", "is_decoder": False}
# The positive normal numbers of float32, in which layer norm is computed.
_SMALLEST_FLOAT, _LARGEST_FLOAT = 1.2e-38, 3.4e38


@dataclasses.dataclass(frozen=True)
class BertConfig:
    """The shape of a BERT model: the original's `modeling.BertConfig`, same fields and defaults.

    `layer_norm_eps` is new; it is 1e-12 in every official checkpoint. `hidden_act` is one of `ACTIVATION_NAMES`.

    Example:
        >>> BertConfig(vocab_size=1000, hidden_size=48, num_attention_heads=4).intermediate_size
        3072
    """

    vocab_size: int
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    hidden_act: str = "gelu"
    hidden_dropout_prob: float = 0.1
    attention_probs_dropout_prob: float = 0.1
    max_position_embeddings: int = 512
    type_vocab_size: int = 16
    initializer_range: float = 0.02
    layer_norm_eps: float = 1e-12

    @classmethod
    def from_json_file(cls, path: str | Path) -> "BertConfig":
        """Reads the original's `bert_config.json` or Hugging Face's `config.json`.

        Hugging Face's file is recognized by its `model_type`, `architectures` or `transformers_version`. Only in
        such a file `"gelu"` means the exact form. Fields that do not shape the encoder are ignored.

        Raises:
            UserError: the file cannot be read, is not a JSON object, describes another kind of model, or has values
                that no BERT has.
        """
        fields = read_config_fields(path)
        if any(key in fields for key in ("model_type", "architectures", "transformers_version")):
            fields = _from_huggingface(fields, printable(path))
        return _checked_config(cls, fields, printable(path))

    def num_parameters(self) -> int:
        """Counts the weights of the encoder, with its pooler and without a head.

        Example:
            >>> BertConfig(vocab_size=30522, type_vocab_size=2).num_parameters()
            109482240
        """
        width, inner = self.hidden_size, self.intermediate_size
        embeddings = (self.vocab_size + self.max_position_embeddings + self.type_vocab_size + 2) * width
        attention = 4 * (width * width + width) + 2 * width
        feed_forward = 2 * width * inner + inner + width + 2 * width
        pooler = width * width + width
        return embeddings + self.num_hidden_layers * (attention + feed_forward) + pooler

    def to_json_string(self) -> str:
        """Returns the content of a `bert_config.json`."""
        return json.dumps(dataclasses.asdict(self), indent=2, sort_keys=True) + "\n"


def read_config_fields(path: str | Path) -> dict:
    """Reads the JSON object of a configuration file, and refuses that of another kind of model.

    Raises:
        UserError: the file cannot be read, is not a JSON object, or its `model_type` is not `bert`.
    """
    with reading(path, "give the bert_config.json of a BERT", "cannot read the model's configuration"):
        fields = read_json(path, MAX_CONFIG_BYTES)
    if fields.get("model_type") not in (None, "bert"):
        kind = shown(fields["model_type"])
        raise UserError(f"{printable(path)}: is a {kind} model; only BERT's architecture can be loaded")
    return fields


def _from_huggingface(fields: dict, origin: str) -> dict:
    for name, needed in _HUGGINGFACE_NEEDS.items():
        if fields.get(name, needed) != needed:
            raise UserError(f"{origin}: has {name} {shown(fields[name])}; only {needed!r} can be loaded")
    activation = fields.get("hidden_act", "gelu")
    if isinstance(activation, str):
        activation = _HUGGINGFACE_ACTIVATIONS.get(activation, activation)
    return {"type_vocab_size": 2, **fields, "hidden_act": activation}


def _checked_config(cls: type[BertConfig], fields: Mapping[str, object], origin: str) -> BertConfig:
    kinds = {field.name: field.type for field in dataclasses.fields(cls)}
    fields = {name: value for name, value in fields.items() if name in kinds}
    for name, value in fields.items():
        problem = _problem(name, value, kinds[name])
        if problem:
            raise UserError(f"{origin}: {name} is {shown(value)}; {problem}")
    if "vocab_size" not in fields:
        raise UserError(f"{origin}: has no vocab_size; a bert_config.json is needed")
    config = cls(**fields)
    _check_size(config, origin)
    return config


def _problem(name: str, value: object, kind: type) -> str | None:
    """Returns what a field needs that has a value that no BERT can have; None for the others."""
    if not isinstance(value, (int, float) if kind is float else kind) or isinstance(value, bool):
        return f"a value of type {kind.__name__} is needed"
    if kind is int and value < 1:
        return "it must be at least 1"
    most = MAX_LAYERS if name == "num_hidden_layers" else MAX_PARAMETERS
    if kind is int and value > most:
        return f"it must be at most {most}"
    if name == "hidden_act" and value not in ACTIVATION_NAMES:
        return f"known are {', '.join(ACTIVATION_NAMES)}"
    if name.endswith("dropout_prob") and not 0 <= value < 1:
        return "it must be at least 0 and less than 1"
    if name == "layer_norm_eps" and not _SMALLEST_FLOAT <= value <= _LARGEST_FLOAT:
        return "it must be positive and finite, as a number of 32 bits"
    if name == "initializer_range" and not 0 <= value <= _LARGEST_FLOAT:
        return "it must be at least 0 and finite"
    return None


def _check_size(config: BertConfig, origin: str) -> None:
    if config.hidden_size % config.num_attention_heads:
        raise UserError(
            f"{origin}: hidden_size {config.hidden_size} is not a multiple of "
            f"num_attention_heads {config.num_attention_heads}"
        )
    if config.num_parameters() > MAX_PARAMETERS:
        sizes = ("vocab_size", "hidden_size", "intermediate_size", "max_position_embeddings", "type_vocab_size")
        listed = ", ".join(f"{name} {getattr(config, name)}" for name in sizes)
        raise UserError(f"{origin}: describes a model of more than {MAX_PARAMETERS:,} parameters; check {listed}")
