"""The shape of a BERT model, read from the original's or Hugging Face's configuration file."""

import dataclasses
import json
from pathlib import Path

from bert_tf.errors import UserError
from bert_tf.modeling.operations import ACTIVATIONS

_HUGGING_FACE_ACTIVATIONS = {"gelu": "gelu_erf", "gelu_new": "gelu", "gelu_pytorch_tanh": "gelu"}


@dataclasses.dataclass(frozen=True)
class BertConfig:
    """The shape of a BERT model: the original's `modeling.BertConfig`, same fields and defaults.

    `layer_norm_eps` is new; it is 1e-12 in every official checkpoint. `hidden_act` is one of `operations.ACTIVATIONS`.

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
            UserError: the file cannot be read, is not a JSON object, or describes another kind of model.
        """
        try:
            fields = json.loads(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise UserError(f"{path}: cannot read the model's configuration: {error.strerror}") from error
        except ValueError as error:
            raise UserError(f"{path}: is not a JSON file: {' '.join(str(error).split())}") from error
        if not isinstance(fields, dict):
            raise UserError(f"{path}: is not a JSON object; a bert_config.json is needed")
        if any(key in fields for key in ("model_type", "architectures", "transformers_version")):
            fields = _from_hugging_face(fields, path)
        return _checked_config(cls, fields, path)

    def to_json_string(self) -> str:
        """Returns the content of a `bert_config.json`."""
        return json.dumps(dataclasses.asdict(self), indent=2, sort_keys=True) + "\n"


def _from_hugging_face(fields: dict, path: str | Path) -> dict:
    if fields.get("model_type", "bert") != "bert":
        raise UserError(f"{path}: is a {fields['model_type']!r} model; only BERT's architecture can be loaded")
    if fields.get("position_embedding_type", "absolute") != "absolute":
        raise UserError(f"{path}: has position_embedding_type {fields['position_embedding_type']!r}, not 'absolute'")
    activation = fields.get("hidden_act", "gelu")
    if isinstance(activation, str):
        activation = _HUGGING_FACE_ACTIVATIONS.get(activation, activation)
    return {"type_vocab_size": 2, **fields, "hidden_act": activation}


def _checked_config(cls: type[BertConfig], fields: dict, path: str | Path) -> BertConfig:
    known = {field.name: field.type for field in dataclasses.fields(cls)}
    fields = {name: value for name, value in fields.items() if name in known}
    for name, value in fields.items():
        wanted = (int, float) if known[name] is float else known[name]
        if not isinstance(value, wanted) or isinstance(value, bool):
            raise UserError(f"{path}: {name} is {value!r}; a value of type {known[name].__name__} is needed")
        if name.endswith("dropout_prob") and not 0 <= value < 1:
            raise UserError(f"{path}: {name} is {value}; it must be at least 0 and less than 1")
        if known[name] is int and value < 1:
            raise UserError(f"{path}: {name} is {value}; it must be at least 1")
    if "vocab_size" not in fields:
        raise UserError(f"{path}: has no vocab_size; a bert_config.json is needed")
    config = cls(**fields)
    if config.hidden_act not in ACTIVATIONS:
        raise UserError(f"{path}: hidden_act {config.hidden_act!r} is unknown; known: {', '.join(ACTIVATIONS)}")
    if config.hidden_size % config.num_attention_heads:
        raise UserError(
            f"{path}: hidden_size {config.hidden_size} is not a multiple of "
            f"num_attention_heads {config.num_attention_heads}"
        )
    return config
