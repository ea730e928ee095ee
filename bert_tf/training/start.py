"""Before a run computes anything: which model it starts from, and whether the output folder allows it."""

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path

from absl import logging

from bert_tf.checkpoints.casing import check_casing
from bert_tf.checkpoints.formats import read_checkpoint
from bert_tf.checkpoints.load import check_sizes, fill
from bert_tf.checkpoints.locate import CheckpointFiles, named_files, resolve
from bert_tf.data.tokenization import FullTokenizer
from bert_tf.devices import Devices
from bert_tf.errors import UserError, printable
from bert_tf.modeling.config import BertConfig
from bert_tf.modeling.encoder import BertEncoder
from bert_tf.modeling.heads import Head
from bert_tf.tasks.task import Task
from bert_tf.training.config import RunConfig, resume_differences
from bert_tf.training.output_dir import OutputDir

_ROUNDING, _LARGE_ROUNDING = 7, 1024
POLICIES = {"none": "float32", "bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}


def check_earlier_run(config: RunConfig, train_data: str, output_dir: OutputDir) -> None:
    """Raises `UserError` if the output folder holds a run that this one cannot resume.

    Args:
        config: of this run, settled.
        train_data: the digest of the training set.
        output_dir: of this run.
    """
    earlier = output_dir.read_run()
    if earlier is None:
        if output_dir.latest_step():
            raise UserError(
                f"output_dir: {output_dir.path}: holds a checkpoint of something else; "
                "name another folder, or pass --overwrite_output_dir"
            )
        return
    differences = resume_differences(config, earlier["training"])
    if earlier["training"].get("train_data") != train_data:
        differences.append(f"train_data was {earlier['training'].get('train_data')!r}, is {train_data!r}")
    if differences:
        raise UserError(
            f"output_dir: {output_dir.path}: was started with other settings: {'; '.join(differences)}; "
            "name another folder, or pass --overwrite_output_dir"
        )


def find_model(config: RunConfig, output_dir: OutputDir, step: int, description: Mapping[str, str]) -> CheckpointFiles:
    """Returns the fine-tuned model's files if there are any, else the pre-trained model's.

    Args:
        config: of this run.
        output_dir: of this run.
        step: of the output folder's checkpoint, or 0.
        description: the task's, see `Task.describe`.

    Raises:
        UserError: there is no such model, or it belongs to another task.
    """
    if step:
        output_dir.check_description(description)
        return CheckpointFiles(output_dir.config_file, output_dir.vocab_file, output_dir.checkpoint(step))
    if not config.do_train and not config.init_checkpoint:
        raise UserError(
            f"output_dir: {output_dir.path}: holds no fine-tuned checkpoint; pass --do_train, or --init_checkpoint"
        )
    files = resolve(config.model) if config.model else _named_files(config)
    folders = {Path(file).resolve().parent for file in dataclasses.astuple(files) if file}
    if config.do_train and output_dir.path.resolve() in folders:
        raise UserError(f"output_dir: {output_dir.path}: is the folder of the model to start from; name another")
    return files


def _named_files(config: RunConfig) -> CheckpointFiles:
    return named_files(config.bert_config_file, config.vocab_file, config.init_checkpoint)


def build_head(
    task: Task, config: RunConfig, files: CheckpointFiles, tokenizer: FullTokenizer, devices: Devices
) -> Head:
    """Creates encoder and head and fills them with the checkpoint's weights.

    The head keeps its initial weights if the checkpoint has no head of the same shape.

    Raises:
        UserError: configuration, vocabulary and checkpoint do not fit; or the checkpoint has no head to evaluate or
            predict with.
    """
    check_casing(config.do_lower_case, files, config.model)
    bert_config = BertConfig.from_json_file(files.config_file)
    _check_fit(config, bert_config, files, tokenizer)
    if files.checkpoint is None:
        _check_memory(bert_config, files.config_file)
        logging.warning("No --init_checkpoint: training starts from random weights.")
        return _new_head(task, config, bert_config, devices, "random")
    arrays = read_checkpoint(files.checkpoint)
    check_sizes(bert_config, arrays, files)
    head = _new_head(task, config, bert_config, devices, "zeros")
    has_head = _has_head(head, arrays)
    if not has_head and not config.do_train:
        raise UserError(f"{files.checkpoint}: has no head for {task.name} to evaluate or predict with; pass --do_train")
    fill(head if has_head else head.encoder, arrays, files.checkpoint)
    return head


def _new_head(task: Task, config: RunConfig, bert_config: BertConfig, devices: Devices, initializer: str) -> Head:
    with devices.scope():
        dtype = POLICIES[config.mixed_precision]
        return task.make_head(BertEncoder(bert_config, dtype, seed=config.seed, initializer=initializer), config.seed)


def _has_head(head: Head, arrays: Mapping) -> bool:
    own = head.own_variables_by_name.items()
    return all(name in arrays and tuple(arrays[name].shape) == tuple(v.shape) for name, v in own)


def _check_fit(config: RunConfig, bert_config: BertConfig, files: CheckpointFiles, tokenizer: FullTokenizer) -> None:
    if config.max_seq_length > bert_config.max_position_embeddings:
        raise UserError(
            f"max_seq_length: {config.max_seq_length} is more than the {bert_config.max_position_embeddings} "
            f"positions of {files.config_file}"
        )
    missing = {"[CLS]", "[SEP]"} - tokenizer.vocab.keys()
    if missing:
        raise UserError(f"{printable(files.vocab_file)}: lacks {min(missing)}; give the vocabulary of a BERT")
    pieces, rows = max(tokenizer.vocab.values()) + 1, bert_config.vocab_size
    described = f"has {pieces} pieces, but {printable(files.config_file)} has room for {rows}"
    if pieces > rows:
        raise UserError(f"{printable(files.vocab_file)}: {described}; give the vocabulary of this model")
    # Some models have a few rows more, up to a round number: NVIDIA's 30528 for 30522 pieces.
    if rows - pieces > max(_ROUNDING, min(_LARGE_ROUNDING, rows // 10)):
        logging.warning("%s: %s; check that it is the vocabulary of this model.", files.vocab_file, described)


def _check_memory(bert_config: BertConfig, config_file: Path) -> None:
    """Raises `UserError` if the weights, their gradients and Adam's two moments, in float32, do not fit in memory."""
    needed, memory = 16 * bert_config.num_parameters(), os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if needed > memory:
        raise UserError(
            f"{printable(config_file)}: describes a model of {bert_config.num_parameters():,} parameters, which takes "
            f"{needed / 1e9:.0f} GB in training, but this machine has {memory / 1e9:.0f} GB; check its sizes"
        )
