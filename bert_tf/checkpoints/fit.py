"""Holds the arrays of a checkpoint and a vocabulary against the configuration of a model.

check_sizes(config, arrays, files)
fitting_arrays(variable_shapes(config), arrays, files.checkpoint)
"""

import os
import re
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf
from absl import logging

from bert_tf.checkpoints.completeness import check_pieces, room_for
from bert_tf.checkpoints.locate import CheckpointFiles
from bert_tf.errors import UserError, first_few, printable
from bert_tf.modeling.config import BertConfig
from bert_tf.modeling.names import original_shape

# Real checkpoints also contain heads, the optimizer's state, counters and constant buffers.
_OUTSIDE_ENCODER = re.compile(
    r"training/|(bert/)?cls[/.]|classifier[/.]|qa_outputs\.|sentence_prediction/|next_sentence/|predictions/"
    r"|(global_step|save_counter|beta[12]_power)$"
    r"|(.*/)?(output_weights|output_bias|adam_[mv]|Adam|Adam_1|position_ids|token_type_ids)$"
)
# The arrays that show the sizes of a model: the configuration's field, the array and its axis.
_SIZES = {
    "vocab_size": ("bert/embeddings/word_embeddings", 0),
    "hidden_size": ("bert/embeddings/word_embeddings", 1),
    "max_position_embeddings": ("bert/embeddings/position_embeddings", 0),
    "type_vocab_size": ("bert/embeddings/token_type_embeddings", 0),
    "intermediate_size": ("bert/encoder/layer_0/intermediate/dense/kernel", 1),
}
# A model may have rows without a piece: up to 7, or up to a tenth of its rows, but at most 1024.
_ROUNDING, _LARGE_ROUNDING = 7, 1024
_LAYER = re.compile(r"bert/encoder/layer_\d+/")
# The weights behind the masks' pieces in a Hugging Face model whose output layer is not the word embeddings.
_UNTIED = "cls.predictions.decoder.weight"


def check_vocabulary(vocab: Mapping[str, int], config: BertConfig, files: CheckpointFiles) -> None:
    """Raises `UserError` if a vocabulary lacks a piece that every text needs, or the model has no room for it.

    Much more room than pieces is a warning.

    Args:
        vocab: the ids of the pieces.
        config: the configuration.
        files: where both come from, for messages.
    """
    check_pieces(vocab, config, files)
    pieces, rows = max(vocab.values()) + 1, config.vocab_size
    # Some models have a few rows more, up to a round number: NVIDIA's 30528 for 30522 pieces.
    if rows - pieces > max(_ROUNDING, min(_LARGE_ROUNDING, rows // 10)):
        described = room_for(vocab, config, files)
        logging.warning("%s: %s; check that it is the vocabulary of this model.", files.vocab_file, described)


def check_sizes(config: BertConfig, arrays: Mapping[str, np.ndarray], files: CheckpointFiles) -> None:
    """Raises `UserError` if a configuration has other sizes than the weights. Call it before building the encoder.

    An encoder of 2^31 word pieces, which a damaged configuration can ask for, would take all memory.

    Args:
        config: the configuration.
        arrays: the result of `read_checkpoint`.
        files: where both come from, for messages.
    """
    names = dict.fromkeys(name for name, _ in _SIZES.values())
    missing = [name for name in names if name not in arrays]
    no_matrix = [name for name in names if name in arrays and arrays[name].ndim != 2]
    _check({"missing": missing, "not a matrix": no_matrix}, files.checkpoint)
    others = [
        f"{field} is {getattr(config, field)}, but the weights have {size}"
        for field, size in _sizes(arrays).items()
        if getattr(config, field) != size
    ]
    if others:
        raise UserError(
            f"{printable(files.config_file)}: does not fit {printable(files.checkpoint)}: {'; '.join(others)}; "
            "give the configuration of this checkpoint"
        )


def _sizes(arrays: Mapping[str, np.ndarray]) -> dict[str, int]:
    """Returns the sizes of a model as its weights have them, by the configuration's field."""
    sizes = {field: arrays[name].shape[axis] for field, (name, axis) in _SIZES.items()}
    return sizes | {"num_hidden_layers": len({match[0] for match in map(_LAYER.match, arrays) if match})}


def check_tied(arrays: Mapping[str, np.ndarray], origin: str | os.PathLike) -> None:
    """Raises `UserError` if a model finds the pieces for masks with another matrix than its word embeddings.

    Args:
        arrays: the result of `read_checkpoint`.
        origin: the path of the arrays, for messages.
    """
    if _UNTIED in arrays and not np.array_equal(arrays[_UNTIED], arrays["bert/embeddings/word_embeddings"]):
        raise UserError(
            f"{printable(origin)}: its {_UNTIED} is not the matrix of the word embeddings, as it is in BERT; give "
            "another model"
        )


def fitting_arrays(
    shapes: Mapping[str, Sequence[int]], arrays: Mapping[str, np.ndarray], origin: str | os.PathLike
) -> dict[str, np.ndarray]:
    """Returns the arrays of a model, in float32.

    Heads, optimizer state and counters among the arrays are left out; all other arrays must fit. Optimizers of
    TensorFlow 1 keep their state below the name of its variable, such as `bert/pooler/dense/bias/Momentum`.

    Args:
        shapes: of the model's variables, by name, in the original's or the Model Garden's form.
        arrays: the result of `read_checkpoint`.
        origin: the path of the arrays, for messages.

    Raises:
        UserError: an array is missing, unknown, of another shape, of integers or not finite. The message lists them.

    Example:
        >>> fitting_arrays({"output_bias": [2]}, {"output_bias": np.zeros(2), "global_step": np.int64(3)}, "example")
        {'output_bias': array([0., 0.], dtype=float32)}
    """
    _check(_misfits(shapes, arrays), origin)
    values = {name: np.asarray(arrays[name], np.float32) for name in shapes}
    _check({"not finite": [name for name, value in values.items() if not np.isfinite(value).all()]}, origin)
    return values


def _misfits(shapes: Mapping[str, Sequence[int]], arrays: Mapping[str, np.ndarray]) -> dict[str, list[str]]:
    """Lists the names of arrays that do not fit, by the kind of problem."""
    return {
        "missing": [name for name in shapes if name not in arrays],
        "unknown": [name for name in arrays if name not in shapes and not _is_outside(name, shapes, arrays)],
        "of another shape": _other_shapes(shapes, arrays),
        # Integers are quantized weights, which need factors that the original does not have.
        "not floating-point": [
            f"{name} ({arrays[name].dtype})"
            for name in shapes
            if name in arrays and not tf.as_dtype(arrays[name].dtype).is_floating
        ],
    }


def _is_outside(name: str, shapes: Mapping[str, Sequence[int]], arrays: Mapping[str, np.ndarray]) -> bool:
    """Returns True for heads, the state of optimizers, and single numbers, such as counters and loss scales."""
    is_slot = name.rpartition("/")[0] in shapes
    return is_slot or arrays[name].ndim == 0 or _OUTSIDE_ENCODER.match(name) is not None


def _other_shapes(shapes: Mapping[str, Sequence[int]], arrays: Mapping[str, np.ndarray]) -> list[str]:
    found = []
    for name in shapes.keys() & arrays.keys():
        needed, given = original_shape(name, shapes[name]), original_shape(name, arrays[name].shape)
        if needed != given:
            found.append(f"{name} {list(given)} instead of {list(needed)}")
    return sorted(found)


def _check(problems: Mapping[str, list[str]], origin: str | os.PathLike) -> None:
    """Raises `UserError` if there are names under any of the problems."""
    found = [f"{problem}: {first_few(names)}" for problem, names in problems.items() if names]
    if found:
        raise UserError(
            f"{printable(origin)}: does not fit the model; {'; '.join(found)}; "
            "check that the checkpoint is complete and belongs to the configuration"
        )
