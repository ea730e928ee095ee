"""Checks vocabulary and weights of a model as far as it is possible without TensorFlow, which takes seconds to load.

check_files(files, config)
"""

from collections.abc import Mapping

from bert_tf.checkpoints.locate import CheckpointFiles, is_safetensors
from bert_tf.checkpoints.safetensors_format import BROKEN, check_header
from bert_tf.checkpoints.shards import is_index, shard_files
from bert_tf.checkpoints.table import read_table
from bert_tf.data.vocabulary import load_vocab
from bert_tf.errors import UserError, printable, reading
from bert_tf.files import read_bytes
from bert_tf.modeling.config import BertConfig
from bert_tf.remote import AnyPath, as_path

_MAX_INDEX_BYTES = 64 << 20


def check_files(files: CheckpointFiles, config: BertConfig) -> None:
    """Raises `UserError` if the vocabulary does not fit the model, or its weights are clearly broken.

    Args:
        files: of the model.
        config: its configuration.
    """
    check_pieces(load_vocab(files.vocab_file), config, files)
    if files.checkpoint is not None and is_safetensors(files.checkpoint):
        _check_safetensors(files.checkpoint)
    index = files.checkpoint and as_path(f"{files.checkpoint}.index")
    if index and index.is_file():
        _check_index(as_path(files.checkpoint), index)


def _check_safetensors(checkpoint: AnyPath) -> None:
    for file in shard_files(checkpoint) if is_index(checkpoint) else [checkpoint]:
        with reading(file, *BROKEN):
            check_header(file)


def _check_index(prefix: AnyPath, index: AnyPath) -> None:
    with reading(prefix, *BROKEN):
        read_table(read_bytes(index, _MAX_INDEX_BYTES))
    if not any(prefix.parent.glob(f"{prefix.name}.data-*-of-*")):
        raise UserError(f"{printable(prefix)}: its file .data-00000-of-00001 is missing; copy or download it again")


def check_pieces(vocab: Mapping[str, int], config: BertConfig, files: CheckpointFiles) -> None:
    """Raises `UserError` if a vocabulary lacks a piece that every text needs, or the model has no room for it.

    Args:
        vocab: the ids of the pieces.
        config: the configuration.
        files: where both come from, for messages.
    """
    missing = {"[CLS]", "[SEP]"} - vocab.keys()
    if missing:
        raise UserError(f"{printable(files.vocab_file)}: lacks {min(missing)}; give the vocabulary of a BERT")
    if max(vocab.values()) >= config.vocab_size:
        described = room_for(vocab, config, files)
        raise UserError(f"{printable(files.vocab_file)}: {described}; give the vocabulary of this model")


def room_for(vocab: Mapping[str, int], config: BertConfig, files: CheckpointFiles) -> str:
    """Says how many pieces there are and how many the model has room for, for a message."""
    pieces = max(vocab.values()) + 1
    return f"has {pieces} pieces, but {printable(files.config_file)} has room for {config.vocab_size}"
