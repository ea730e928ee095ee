"""Fills encoders with the weights of checkpoints."""

import os
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from bert_tf.checkpoints.casing import check_casing, find_casing
from bert_tf.checkpoints.fit import check_sizes, fitting_arrays
from bert_tf.checkpoints.formats import read_checkpoint
from bert_tf.checkpoints.locate import resolve
from bert_tf.checkpoints.pooler import with_pooler
from bert_tf.data.tokenization import FullTokenizer
from bert_tf.modeling.config import BertConfig
from bert_tf.modeling.encoder import BertEncoder

_POOLER_SEED = 0  # the default of --seed


def load_encoder(path_or_name: str | os.PathLike) -> BertEncoder:
    """Builds the encoder of a model and fills it with its weights.

    A Hugging Face model without a pooler gets a new one, with a warning; the outputs of its layers do not depend on it.

    Args:
        path_or_name: a folder, a zip file or a name of the catalogue (see `resolve`).

    Raises:
        UserError: a file is missing or broken, or the weights do not fit the configuration.

    Example:
        encoder = load_encoder("all-MiniLM-L6-v2")
    """
    files = resolve(path_or_name)
    config, arrays = BertConfig.from_json_file(files.config_file), read_checkpoint(files.checkpoint)
    check_sizes(config, arrays, files)
    encoder = BertEncoder(config, initializer="zeros")
    arrays = with_pooler(arrays, config, _POOLER_SEED, files.checkpoint)
    fill(encoder, arrays, files.checkpoint)
    return encoder


def load_tokenizer(path_or_name: str | os.PathLike, do_lower_case: bool | None = None) -> FullTokenizer:
    """Loads the tokenizer of a model.

    Args:
        path_or_name: a folder, a zip file or a name of the catalogue (see `resolve`).
        do_lower_case: whether to lowercase; None asks the files beside the model, its name and its vocabulary, see
            `find_casing`.

    Raises:
        UserError: the vocabulary is missing or broken, or `do_lower_case` contradicts an official checkpoint.

    Example:
        >>> load_tokenizer("all-MiniLM-L6-v2").tokenize("It rains.")
        ['it', 'rains', '.']
    """
    files = resolve(path_or_name)
    if do_lower_case is None:
        do_lower_case = find_casing(files, path_or_name).do_lower_case
    check_casing(do_lower_case, files, path_or_name)
    return FullTokenizer(files.vocab_file, do_lower_case)


def fill(encoder: BertEncoder, arrays: Mapping[str, np.ndarray], origin: str | os.PathLike = "the checkpoint") -> None:
    """Sets all variables of an encoder, or none if anything does not fit.

    Heads, optimizer state and counters among the arrays are ignored; all other arrays must fit. Optimizers of
    TensorFlow 1 keep their state below the name of its variable, such as `bert/pooler/dense/bias/Momentum`.

    Args:
        encoder: the encoder, or another model with `variables_by_name`.
        arrays: the result of `read_checkpoint`; each array in the original's or the Model Garden's shape.
        origin: the path of the arrays, for messages.

    Raises:
        UserError: an array is missing, unknown, of another shape, of integers or not finite. The message lists the
            arrays, and no variable has been changed.

    Example:
        >>> encoder = BertEncoder(BertConfig(vocab_size=10, hidden_size=4, num_hidden_layers=1,
        ...                                  num_attention_heads=2, intermediate_size=8))
        >>> fill(encoder, {name: np.zeros(v.shape) for name, v in encoder.variables_by_name.items()})
    """
    fill_variables(encoder.variables_by_name, arrays, origin)


def fill_variables(
    variables: Mapping[str, tf.Variable], arrays: Mapping[str, np.ndarray], origin: str | os.PathLike
) -> None:
    """Sets variables by name, or none if anything does not fit; see `fill`."""
    shapes = {name: variable.shape for name, variable in variables.items()}
    for name, value in fitting_arrays(shapes, arrays, origin).items():
        variables[name].assign(value.reshape(variables[name].shape))
