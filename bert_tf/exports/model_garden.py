"""Writes a model as a checkpoint of TensorFlow's Model Garden (`official.nlp`)."""

from pathlib import Path

import numpy as np
import tensorflow as tf
import tf_keras
from official.nlp.modeling import models, networks

from bert_tf import run_files
from bert_tf.errors import UserError, user_error_for
from bert_tf.exports.assets import write_labels
from bert_tf.files import write_json
from bert_tf.modeling.config import BertConfig
from bert_tf.modeling.construction import float32_policy
from bert_tf.modeling.names import GARDEN_HEAD, original_name
from bert_tf.modeling.operations import ACTIVATIONS
from bert_tf.modeling.shapes import POOLER_SCOPE
from bert_tf.models.pretrained import Model
from bert_tf.streams import hidden_start_up_messages

# The name that the Garden's own checkpoints have.
CHECKPOINT = "bert_model.ckpt"
# The Garden's encoder has it fixed.
_LAYER_NORM_EPS = 1e-12


def write_model_garden(folder: Path, model: Model) -> None:
    """Writes checkpoint, configuration, vocabulary, and the labels of a fine-tuned model into a folder.

    `tf.train.Checkpoint(encoder=...)`, as the Garden's tasks read their `init_checkpoint`, gets a `BertEncoder` or a
    `BertEncoderV2`; of a fine-tuned model `tf.train.Checkpoint(model=...)` gets a `BertClassifier`.

    Args:
        folder: it must exist.
        model: the result of `read_model`.

    Raises:
        UserError: the Garden cannot compute what the model computes, or the disk is full.
    """
    _write_checkpoint(folder / CHECKPOINT, model)
    (folder / run_files.CONFIG).write_text(model.config.to_json_string(), encoding="utf-8")
    (folder / run_files.VOCAB).write_bytes(model.vocab_file.read_bytes())
    # Nothing of the Garden's says it; other readers of BERT's folders look here.
    write_json(folder / "tokenizer_config.json", {"do_lower_case": model.do_lower_case})
    if model.kind is not None:
        write_json(folder / run_files.TASK, {"kind": model.kind})
    write_labels(folder, model.labels)


def _write_checkpoint(prefix: Path, model: Model) -> None:
    if not np.isclose(model.config.layer_norm_eps, _LAYER_NORM_EPS, rtol=1e-3, atol=0):
        raise UserError(
            f"the model has layer_norm_eps {model.config.layer_norm_eps:g}, but the Model Garden's encoder has "
            f"{_LAYER_NORM_EPS:g} fixed and would compute other numbers; export it to another format"
        )
    if f"{POOLER_SCOPE}/dense/kernel" not in model.arrays:
        raise UserError(
            "the model has no pooler, which the Model Garden's encoder has; fine-tune it first, or pre-train it with "
            "next sentences"
        )
    with float32_policy():
        encoder = _make_encoder(model.config)
        # A classifier's checkpoint has its encoder a second time, as the part that pre-training and tasks share.
        whole = {} if model.kind is None else {"model": _make_classifier(encoder, len(model.labels) or 1)}
    _fill(whole.get("model", encoder), model)
    remedy = "make room or name another folder"
    with user_error_for(tf.errors.OpError, prefix, "cannot be written", remedy), hidden_start_up_messages():
        tf.train.Checkpoint(encoder=encoder, **whole).write(str(prefix))


def _make_encoder(config: BertConfig) -> networks.BertEncoder:
    return networks.BertEncoder(
        vocab_size=config.vocab_size,
        hidden_size=config.hidden_size,
        num_layers=config.num_hidden_layers,
        num_attention_heads=config.num_attention_heads,
        intermediate_size=config.intermediate_size,
        activation=ACTIVATIONS[config.hidden_act],
        dropout_rate=config.hidden_dropout_prob,
        attention_dropout_rate=config.attention_probs_dropout_prob,
        max_sequence_length=config.max_position_embeddings,
        type_vocab_size=config.type_vocab_size,
        initializer=tf_keras.initializers.Zeros(),
    )


def _make_classifier(encoder: networks.BertEncoder, num_outputs: int) -> models.BertClassifier:
    return models.BertClassifier(encoder, num_outputs, initializer=tf_keras.initializers.Zeros())


def _fill(made: tf_keras.Model, model: Model) -> None:
    """Sets all variables of an encoder or a classifier."""
    variables = {original_name(variable.name.partition(":")[0]): variable for variable in made.variables}
    for name, variable in variables.items():
        array = model.arrays[GARDEN_HEAD.get(name, name)]
        variable.assign((array.T if name in GARDEN_HEAD else array).reshape(variable.shape))
