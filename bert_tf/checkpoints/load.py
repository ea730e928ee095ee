"""Weights go into an encoder, all of them or none."""

import os
import re
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from bert_tf.checkpoints.formats import read_checkpoint
from bert_tf.checkpoints.locate import resolve
from bert_tf.errors import UserError, some_of
from bert_tf.modeling.config import BertConfig
from bert_tf.modeling.encoder import BertEncoder
from bert_tf.modeling.names import original_shape

# What real checkpoints hold besides the encoder: heads, the optimizer's state, counters, constant buffers.
_OUTSIDE_ENCODER = re.compile(
    r"training/|(bert/)?cls[/.]|classifier[/.]|qa_outputs\.|sentence_prediction/|next_sentence/|predictions/"
    r"|(global_step|save_counter|beta[12]_power)$"
    r"|(.*/)?(output_weights|output_bias|adam_[mv]|Adam|Adam_1|position_ids|token_type_ids)$"
)


def load_encoder(path_or_name: str | os.PathLike) -> BertEncoder:
    """Builds the encoder of a pre-trained model and fills it with its weights.

    Args:
        path_or_name: what `resolve` takes.

    Raises:
        UserError: a file is missing or broken, or configuration and weights do not fit.

    Example:
        encoder = load_encoder("all-MiniLM-L6-v2")
    """
    files = resolve(path_or_name)
    encoder = BertEncoder(BertConfig.from_json_file(files.config_file))
    fill(encoder, read_checkpoint(files.checkpoint), files.checkpoint)
    return encoder


def fill(encoder: BertEncoder, arrays: Mapping[str, np.ndarray], origin: str | os.PathLike = "the checkpoint") -> None:
    """Sets every variable of an encoder, or none.

    Heads, optimizer state and counters among the arrays are passed over; everything else must fit.

    Args:
        encoder: the encoder, or anything else with `variables_by_name`.
        arrays: what `read_checkpoint` gives; each array in the original's or the Model Garden's shape.
        origin: what to call the arrays in an error.

    Raises:
        UserError: an array is missing, left over, of another shape or not finite; one line tells which. No
            variable has been changed then.

    Example:
        >>> encoder = BertEncoder(BertConfig(vocab_size=10, hidden_size=4, num_hidden_layers=1,
        ...                                  num_attention_heads=2, intermediate_size=8))
        >>> fill(encoder, {name: np.zeros(v.shape) for name, v in encoder.variables_by_name.items()})
    """
    variables = encoder.variables_by_name
    problems = [
        ("missing", [name for name in variables if name not in arrays]),
        (
            "left over",
            [name for name in arrays if name not in variables and not _OUTSIDE_ENCODER.match(name)],
        ),
        ("of another shape", _other_shapes(variables, arrays)),
    ]
    if not any(names for _, names in problems):
        # Only what fits is worth the pass over all numbers.
        values = {name: np.asarray(arrays[name], np.float32) for name in variables}
        problems.append(("not finite", [name for name, value in values.items() if not np.isfinite(value).all()]))
    told = [f"{kind}: {some_of(names)}" for kind, names in problems if names]
    if told:
        raise UserError(
            f"{origin}: does not fill the encoder; {'; '.join(told)}; "
            "check that the checkpoint is whole and belongs to the configuration"
        )
    for name, value in values.items():
        variables[name].assign(value.reshape(variables[name].shape))


def _other_shapes(variables: Mapping[str, tf.Variable], arrays: Mapping[str, np.ndarray]) -> list[str]:
    found = []
    for name in variables.keys() & arrays.keys():
        wanted, given = (original_shape(name, values[name].shape) for values in (variables, arrays))
        if wanted != given:
            found.append(f"{name} {list(given)} for {list(wanted)}")
    return sorted(found)
