"""Fills encoders with the weights of checkpoints."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf

from bert_tf import run_files
from bert_tf.checkpoints.catalogue import CATALOGUE
from bert_tf.checkpoints.formats import read_checkpoint
from bert_tf.checkpoints.locate import resolve
from bert_tf.data.tokenization import FullTokenizer
from bert_tf.errors import UserError, first_few
from bert_tf.files import read_json_or_empty
from bert_tf.modeling.config import BertConfig
from bert_tf.modeling.encoder import BertEncoder
from bert_tf.modeling.names import original_shape

# Real checkpoints also contain heads, the optimizer's state, counters and constant buffers.
_OUTSIDE_ENCODER = re.compile(
    r"training/|(bert/)?cls[/.]|classifier[/.]|qa_outputs\.|sentence_prediction/|next_sentence/|predictions/"
    r"|(global_step|save_counter|beta[12]_power)$"
    r"|(.*/)?(output_weights|output_bias|adam_[mv]|Adam|Adam_1|position_ids|token_type_ids)$"
)


def load_encoder(path_or_name: str | os.PathLike) -> BertEncoder:
    """Builds the encoder of a model and fills it with its weights.

    Args:
        path_or_name: a folder, a zip file or a name of the catalogue (see `resolve`).

    Raises:
        UserError: a file is missing or broken, or the weights do not fit the configuration.

    Example:
        encoder = load_encoder("all-MiniLM-L6-v2")
    """
    files = resolve(path_or_name)
    encoder = BertEncoder(BertConfig.from_json_file(files.config_file), initializer="zeros")
    fill(encoder, read_checkpoint(files.checkpoint), files.checkpoint)
    return encoder


def load_tokenizer(path_or_name: str | os.PathLike, do_lower_case: bool | None = None) -> FullTokenizer:
    """Loads the tokenizer of a model.

    Args:
        path_or_name: a folder, a zip file or a name of the catalogue (see `resolve`).
        do_lower_case: whether to lowercase; None asks the run that fine-tuned the model, or the catalogue.

    Raises:
        UserError: the vocabulary is missing or broken.

    Example:
        >>> load_tokenizer("all-MiniLM-L6-v2").tokenize("It rains.")
        ['it', 'rains', '.']
    """
    files = resolve(path_or_name)
    if do_lower_case is None:
        do_lower_case = _lowercases(Path(path_or_name), files.vocab_file.parent)
    return FullTokenizer(files.vocab_file, do_lower_case)


def _lowercases(path_or_name: Path, folder: Path) -> bool:
    run = read_json_or_empty(folder / run_files.RUN).get("training")
    if isinstance(run, dict) and isinstance(run.get("do_lower_case"), bool):
        return run["do_lower_case"]
    entry = CATALOGUE.get(path_or_name.name) or CATALOGUE.get(folder.name)
    return entry.do_lower_case if entry else True


def fill(encoder: BertEncoder, arrays: Mapping[str, np.ndarray], origin: str | os.PathLike = "the checkpoint") -> None:
    """Sets all variables of an encoder, or none if anything does not fit.

    Heads, optimizer state and counters among the arrays are ignored; all other arrays must fit.

    Args:
        encoder: the encoder, or another model with `variables_by_name`.
        arrays: the result of `read_checkpoint`; each array in the original's or the Model Garden's shape.
        origin: the path of the arrays, for messages.

    Raises:
        UserError: an array is missing, unknown, of another shape or not finite. The message lists the arrays, and
            no variable has been changed.

    Example:
        >>> encoder = BertEncoder(BertConfig(vocab_size=10, hidden_size=4, num_hidden_layers=1,
        ...                                  num_attention_heads=2, intermediate_size=8))
        >>> fill(encoder, {name: np.zeros(v.shape) for name, v in encoder.variables_by_name.items()})
    """
    variables = encoder.variables_by_name
    _check(_misfits(variables, arrays), origin)
    values = {name: np.asarray(arrays[name], np.float32) for name in variables}
    _check({"not finite": [name for name, value in values.items() if not np.isfinite(value).all()]}, origin)
    for name, value in values.items():
        variables[name].assign(value.reshape(variables[name].shape))


def _misfits(variables: Mapping[str, tf.Variable], arrays: Mapping[str, np.ndarray]) -> dict[str, list[str]]:
    """Lists the names of arrays that do not fit, by the kind of problem."""
    return {
        "missing": [name for name in variables if name not in arrays],
        "unknown": [name for name in arrays if name not in variables and not _OUTSIDE_ENCODER.match(name)],
        "of another shape": _other_shapes(variables, arrays),
    }


def _other_shapes(variables: Mapping[str, tf.Variable], arrays: Mapping[str, np.ndarray]) -> list[str]:
    found = []
    for name in variables.keys() & arrays.keys():
        needed, given = (original_shape(name, values[name].shape) for values in (variables, arrays))
        if needed != given:
            found.append(f"{name} {list(given)} instead of {list(needed)}")
    return sorted(found)


def _check(problems: Mapping[str, list[str]], origin: str | os.PathLike) -> None:
    """Raises `UserError` if there are names under any of the problems."""
    found = [f"{problem}: {first_few(names)}" for problem, names in problems.items() if names]
    if found:
        raise UserError(
            f"{origin}: does not fit the model; {'; '.join(found)}; "
            "check that the checkpoint is complete and belongs to the configuration"
        )
