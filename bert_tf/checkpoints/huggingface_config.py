"""Reads what the head of a Hugging Face model is for, from its `config.json`, and writes such files. No TensorFlow.

described_head(Path("my-model/config.json"), num_outputs=2)
# DescribedHead(kind='classification', labels=('negative', 'positive'))
"""

import dataclasses
from collections.abc import Sequence

from bert_tf.data.label_names import label_problem
from bert_tf.data.tag_schemes import OUTSIDE, is_tag
from bert_tf.errors import UserError, counted, first_few, printable, reading, shown
from bert_tf.files import read_json
from bert_tf.modeling.config import BertConfig, read_config_fields
from bert_tf.remote import AnyPath

TOKENIZER_CONFIG = "tokenizer_config.json"
_ARCHITECTURE = "BertForSequenceClassification"
_SPAN_ARCHITECTURE = "BertForQuestionAnswering"
_TOKEN_ARCHITECTURE = "BertForTokenClassification"  # noqa: S105 - no password
_MASKED_LM_ARCHITECTURE, _PRETRAINING_ARCHITECTURE = "BertForMaskedLM", "BertForPreTraining"
# The kinds of labels, as task.json names them, by transformers' names.
_CLASSIFICATION, _REGRESSION, _QUESTION_ANSWERING = "classification", "regression", "question_answering"
_TOKEN_CLASSIFICATION = "token_classification"  # noqa: S105 - no password
_MASKED_LM, _PRETRAINING = "masked_lm", "pretraining"
_KINDS = {
    "single_label_classification": _CLASSIFICATION,
    "multi_label_classification": "multi_label",
    "regression": _REGRESSION,
}
_ARCHITECTURES = {
    None: "BertModel",
    _QUESTION_ANSWERING: _SPAN_ARCHITECTURE,
    _TOKEN_CLASSIFICATION: _TOKEN_ARCHITECTURE,
    _MASKED_LM: _MASKED_LM_ARCHITECTURE,
    _PRETRAINING: _PRETRAINING_ARCHITECTURE,
}
_PROBLEM_TYPES = {kind: problem_type for problem_type, kind in _KINDS.items()}
# The original computes "gelu" by tanh. transformers has several names for that formula; this one is nearest to the
# original's golden numbers (1.3e-6, "gelu_new" 1.4e-6) and the fastest. Its "gelu" is the exact form.
_ACTIVATIONS = {"gelu": "gelu_pytorch_tanh", "gelu_erf": "gelu"}
# The original's run_classifier.create_model has it fixed.
_CLASSIFIER_DROPOUT = 0.1
_MAX_JSON_BYTES = 8 << 20


@dataclasses.dataclass(frozen=True)
class DescribedHead:
    """The kind and the labels of a head.

    Attributes:
        kind: of the labels: `"classification"`, `"regression"` or `"multi_label"`; or `"question_answering"` or
            `"token_classification"`.
        labels: in the order of the head's outputs, tags for words included; empty for a regression and for answers to
            questions.
    """

    kind: str
    labels: tuple[str, ...]


def described_head(config_file: AnyPath, num_outputs: int | None) -> DescribedHead:
    """Reads the kind of the labels from `architectures` and `problem_type`, and their names from `id2label`.

    Without `problem_type` one output is a regression and more are a classification, as in transformers. Without
    `id2label` the labels are `LABEL_0`, `LABEL_1` and so on: transformers leaves out the names that it gave itself.

    Args:
        config_file: Hugging Face's `config.json`.
        num_outputs: of the head; None for one that finds the ends of an answer.

    Raises:
        UserError: the file is broken or describes another model, or the labels do not fit the head.
    """
    fields = read_config_fields(config_file)
    where, architectures = printable(config_file), fields.get("architectures")
    if num_outputs is None:
        _check_architecture(architectures, _SPAN_ARCHITECTURE, where)
        return DescribedHead(_QUESTION_ANSWERING, ())
    if isinstance(architectures, list) and _TOKEN_ARCHITECTURE in architectures:
        return DescribedHead(_TOKEN_CLASSIFICATION, _labels(fields.get("id2label"), num_outputs, where))
    _check_architecture(architectures, _ARCHITECTURE, where)
    kind = _kind(fields.get("problem_type"), num_outputs, where)
    if kind == _REGRESSION:
        return DescribedHead(kind, ())
    return DescribedHead(kind, _labels(fields.get("id2label"), num_outputs, where))


def _check_architecture(architectures: object, needed: str, where: str) -> None:
    if isinstance(architectures, list) and architectures and needed not in architectures:
        raise UserError(
            f"{where}: is a {shown(architectures[0])}; only the head of a {needed} can be used without training"
        )


def _kind(problem_type: object, num_outputs: int, where: str) -> str:
    if problem_type is None:
        return _REGRESSION if num_outputs == 1 else _CLASSIFICATION
    if not isinstance(problem_type, str) or problem_type not in _KINDS:
        raise UserError(f"{where}: problem_type is {shown(problem_type)}; known are {', '.join(_KINDS)}")
    kind = _KINDS[problem_type]
    if (kind == _REGRESSION and num_outputs > 1) or (kind == _CLASSIFICATION and num_outputs == 1):
        raise UserError(
            f"{where}: problem_type is {shown(problem_type)}, but the head has {counted(num_outputs, 'output')}; "
            "a regression has one output, and a classification has more"
        )
    return kind


def _labels(id2label: object, num_outputs: int, where: str) -> tuple[str, ...]:
    if id2label is None:
        return tuple(f"LABEL_{number}" for number in range(num_outputs))
    if not isinstance(id2label, dict):
        raise UserError(f"{where}: id2label is {shown(id2label)}; the names of the labels by their ids are needed")
    ids = [str(number) for number in range(num_outputs)]
    if set(id2label) != set(ids):
        raise UserError(
            f"{where}: the head has {counted(num_outputs, 'output')}, but the ids in id2label are "
            f"{first_few(id2label) or 'none'}; they must be 0 to {num_outputs - 1}"
        )
    labels = [id2label[number] for number in ids]
    for number, label in enumerate(labels):
        problem = label_problem(label, labels[:number])
        if problem:
            raise UserError(f"{where}: the label {number} in id2label is {shown(label)}, {problem}; repair it")
    return tuple(labels)


def check_tags(labels: Sequence[str], where: str) -> None:
    """Checks the labels of a model for words. Others use it for parts of speech and the like, which are no entities.

    Args:
        labels: in the order of the head's outputs.
        where: the file or the argument that has them, for messages.

    Raises:
        UserError: a label is no tag of an entity, or `O` is not among them.

    Example:
        >>> check_tags(["O", "B-PER", "I-PER"], "config.json")
    """
    form = "tags of entities are O, and B- or I- and a type, such as B-PER; give such names, if the labels mean that"
    for number, label in enumerate(labels):
        if not is_tag(label):
            raise UserError(f"{where}: the label {number} is {shown(label)}, which is no tag; {form}")
    if OUTSIDE not in labels:
        raise UserError(f"{where}: no label is O, the tag of words outside of entities; {form}")


def model_max_length(folder: AnyPath) -> int | None:
    """Returns the longest text of a model in word pieces, as its `tokenizer_config.json` says; None if it does not.

    transformers writes a number of 31 digits for no limit.

    Raises:
        UserError: the file is broken.
    """
    path = folder / TOKENIZER_CONFIG
    with reading(path, "repair or remove it"):
        if not path.is_file():
            return None
        length = read_json(path, _MAX_JSON_BYTES).get("model_max_length")
    return length if type(length) is int else None


def config_json(config: BertConfig, pad_id: int, kind: str | None = None, labels: Sequence[str] = ()) -> dict:
    """Returns the content of a `config.json`: of a `BertModel`, or with a `kind` of a model with a head.

    Args:
        config: the shape of the encoder.
        pad_id: the id of the word piece for padding.
        kind: of the labels: `"classification"`, `"multi_label"`, `"regression"`; `"question_answering"`,
            `"token_classification"`; `"pretraining"` or `"masked_lm"`, see `PretrainedModel`; or None for an encoder
            alone.
        labels: in the order of the head's outputs; empty for a regression.

    Example:
        >>> found = config_json(BertConfig(vocab_size=100), pad_id=0, kind="classification", labels=["bad", "good"])
        >>> found["hidden_act"], found["id2label"]
        ('gelu_pytorch_tanh', {'0': 'bad', '1': 'good'})
    """
    encoder = {
        "architectures": [_ARCHITECTURES.get(kind, _ARCHITECTURE)],
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
    if kind in _PROBLEM_TYPES:
        return encoder | {"problem_type": _PROBLEM_TYPES[kind]} | _classifier_fields(labels)
    return encoder | _classifier_fields(labels) if kind == _TOKEN_CLASSIFICATION else encoder


def _classifier_fields(labels: Sequence[str]) -> dict:
    # transformers calls the only output of a regression so.
    names = labels or ["LABEL_0"]
    return {
        "classifier_dropout": _CLASSIFIER_DROPOUT,
        "id2label": {str(index): name for index, name in enumerate(names)},
        "label2id": {name: index for index, name in enumerate(names)},
    }
