"""Builds the model of a run: encoder and head, filled with the weights that the run starts from.

head, step = build_head(task, start, tokenizer, devices)
"""

import os
from collections.abc import Mapping, Sequence

import tensorflow as tf
from absl import logging

from bert_tf.checkpoints.fit import check_sizes, check_tied, check_vocabulary
from bert_tf.checkpoints.formats import read_checkpoint
from bert_tf.checkpoints.load import fill_variables
from bert_tf.checkpoints.locate import CheckpointFiles
from bert_tf.checkpoints.pooler import with_pooler
from bert_tf.data.tokenization import FullTokenizer
from bert_tf.devices import Devices
from bert_tf.errors import UserError, first_few, printable
from bert_tf.modeling.config import BertConfig
from bert_tf.modeling.construction import initial_value
from bert_tf.modeling.encoder import BertEncoder
from bert_tf.modeling.heads import Head
from bert_tf.modeling.shapes import MASKED_LM_SCOPE
from bert_tf.remote import AnyPath
from bert_tf.tasks.task import Task
from bert_tf.training.config import RunConfig
from bert_tf.training.early_checks import check_length, check_reinit_layers
from bert_tf.training.foreign_head import fit_head
from bert_tf.training.start import Start
from bert_tf.training.unfinished import saved_step, warn_if_unfinished

# The policy of Keras for each --mixed_precision.
POLICIES = {"none": "float32", "bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}


def build_head(task: Task, start: Start, tokenizer: FullTokenizer, devices: Devices) -> tuple[Head, int]:
    """Creates encoder and head and fills them with the checkpoint's weights.

    In training the head keeps its initial weights if the checkpoint has no head of the same shape.

    Returns:
        The head, and the step at which its weights were saved; 0 if they were not fine-tuned.

    Raises:
        UserError: configuration, vocabulary and checkpoint do not fit; or the checkpoint has no head to evaluate or
            predict with.
    """
    config, files = start.config, start.files
    bert_config = BertConfig.from_json_file(files.config_file)
    _check_fit(config, bert_config, files, tokenizer)
    if files.checkpoint is None:
        _check_memory(bert_config, files.config_file)
        logging.warning("No --init_checkpoint: training starts from random weights.")
        return _new_head(task, config, bert_config, devices, "random"), 0
    arrays = read_checkpoint(files.checkpoint)
    check_sizes(bert_config, arrays, files)
    arrays = fit_head(arrays, files, task.describe(), is_needed=not config.do_train)
    head = _new_head(task, config, bert_config, devices, "zeros")
    if f"{MASKED_LM_SCOPE}/output_bias" in head.own_variables_by_name:
        check_tied(arrays, files.checkpoint)
    # A head on the outputs of all pieces needs no pooler, and transformers saves none with it.
    if config.do_train or not head.uses_pooler:
        arrays = with_pooler(arrays, bert_config, config.seed, files.checkpoint, warns=head.uses_pooler)
    missing = _missing_parts(head, arrays)
    if missing and not config.do_train:
        raise UserError(f"{files.checkpoint}: has no head for {task.name} to evaluate or predict with; pass --do_train")
    fill_variables(_variables_without(missing, head), arrays, files.checkpoint)
    if config.do_train and not start.step:
        reinitialize(head.encoder, config.reinit_layers, config.seed)
        _say_where_the_head_comes_from(head, arrays, missing, files)
    if not config.do_train:
        warn_if_unfinished(files.checkpoint, arrays, start.num_train_steps)
    return head, saved_step(arrays, files.checkpoint)


def _new_head(task: Task, config: RunConfig, bert_config: BertConfig, devices: Devices, initializer: str) -> Head:
    with devices.scope():
        dtype = POLICIES[config.mixed_precision]
        encoder = BertEncoder(bert_config, dtype, seed=config.seed, initializer=initializer, recompute=config.recompute)
        return task.make_head(encoder, config.seed)


def reinitialize(encoder: BertEncoder, num_layers: int, seed: int) -> None:
    """Gives the top layers and the pooler new weights (Zhang et al. 2021, arXiv 2006.05987, section 5).

    They are those of a model from scratch with the same seed.

    Args:
        encoder: whose weights change.
        num_layers: the number of layers; with 0 the pooler keeps its weights, too.
        seed: of the new weights.
    """
    if not num_layers:
        return
    total = encoder.config.num_hidden_layers
    scopes = ("bert/pooler/", *(f"bert/encoder/layer_{layer}/" for layer in range(total - num_layers, total)))
    for name, variable in encoder.variables_by_name.items():
        if name.startswith(scopes):
            variable.assign(initial_value(name, variable.shape, seed, encoder.config.initializer_range))


def _missing_parts(head: Head, arrays: Mapping) -> list[str]:
    return [part for part, variables in head.parts().items() if not _are_in(arrays, variables)]


def _are_in(arrays: Mapping, variables: Mapping[str, tf.Variable]) -> bool:
    return all(name in arrays and tuple(arrays[name].shape) == tuple(v.shape) for name, v in variables.items())


def _variables_without(missing: Sequence[str], head: Head) -> dict[str, tf.Variable]:
    """Returns the variables of the encoder, and those of the head that are in no missing part."""
    left_out = {name for part in missing for name in head.parts()[part]}
    return {name: variable for name, variable in head.variables_by_name.items() if name not in left_out}


def _say_where_the_head_comes_from(head: Head, arrays: Mapping, missing: Sequence[str], files: CheckpointFiles) -> None:
    if not missing:
        logging.info("The head is that of %s, trained further.", files.checkpoint)
    elif len(missing) < len(head.parts()):
        logging.warning("%s: has no head for %s; it starts with new weights.", files.checkpoint, first_few(missing))
    elif head.own_variables_by_name.keys() & arrays.keys():
        logging.info("The head is new: that of %s has another shape.", files.checkpoint)


def _check_fit(config: RunConfig, bert_config: BertConfig, files: CheckpointFiles, tokenizer: FullTokenizer) -> None:
    check_length(config, bert_config, files.config_file)
    check_reinit_layers(config, bert_config, files.config_file)
    check_vocabulary(tokenizer.vocab, bert_config, files)


def _check_memory(bert_config: BertConfig, config_file: AnyPath) -> None:
    """Raises `UserError` if the weights, their gradients and Adam's two moments, in float32, do not fit in memory."""
    needed, memory = 16 * bert_config.num_parameters(), os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if needed > memory:
        raise UserError(
            f"{printable(config_file)}: describes a model of {bert_config.num_parameters():,} parameters, which takes "
            f"{needed / 1e9:.0f} GB in training, but this machine has {memory / 1e9:.0f} GB; check its sizes"
        )
