"""Finds the files of a model: its configuration, its vocabulary and its weights. Needs no TensorFlow."""

import dataclasses
import os
import re

from bert_tf.checkpoints.archives import unpack_zip
from bert_tf.checkpoints.download import fetch
from bert_tf.checkpoints.hub import fetch_from_hub
from bert_tf.checkpoints.shards import INDEX_NAME, is_index
from bert_tf.checkpoints.state_file import latest_checkpoint
from bert_tf.checkpoints.tokenizer_json import vocabulary_from
from bert_tf.errors import UserError, first_few, printable, user_error_for
from bert_tf.modeling.config import read_config_fields
from bert_tf.paths import checked_path, is_hub_name
from bert_tf.remote import AnyPath, as_path, is_remote

_CONFIG_NAMES = ("bert_config.json", "config.json")
# TensorFlow's files of a checkpoint; shells complete its name up to the dot.
_CHECKPOINT_FILE = re.compile(r"\.(index|meta|data-\d{5}-of-\d{5}|)$")
_SHARD = re.compile(r"model-\d{5}-of-\d{5}\.safetensors")
# The vocabularies of other tokenizers.
_OTHER_VOCABULARIES = ("merges.txt", "vocab.json", "spiece.model", "sentencepiece.bpe.model")
_PICKLED_SUFFIXES = (".bin", ".pt", ".pth", ".pkl")
_HUB_NAME = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*", re.ASCII)
# The same call in transformers 4 and 5, which writes model.safetensors.
_CONVERSION = (
    "make one model.safetensors of it with transformers: AutoModel.from_pretrained(DIR).save_pretrained(NEW), "
    "and copy the vocabulary to NEW"
)


@dataclasses.dataclass(frozen=True)
class CheckpointFiles:
    """The paths of the three parts of a model.

    Attributes:
        config_file: the original's `bert_config.json` or Hugging Face's `config.json`.
        vocab_file: the vocabulary, one word piece a line.
        checkpoint: the prefix of a TensorFlow checkpoint (`.../bert_model.ckpt`), a `.safetensors` file, or the
            `model.safetensors.index.json` of several; None to start from random weights.

    Example:
        files = resolve("uncased_L-12_H-768_A-12")
        arrays = read_checkpoint(files.checkpoint)
    """

    config_file: AnyPath
    vocab_file: AnyPath
    checkpoint: AnyPath | None


def resolve(path_or_name: str | os.PathLike) -> CheckpointFiles:
    """Finds configuration, vocabulary and weights of a pre-trained or fine-tuned model.

    Args:
        path_or_name: a folder (an unpacked official checkpoint, a folder around one, an output folder of a
            fine-tuning run, a Hugging Face folder), a zip file of an official checkpoint or a Hugging
            Face folder, a checkpoint in such a folder (its prefix or one of its files), or a name of `CATALOGUE`,
            which is downloaded if it is not in the cache; or `hf://ORGANIZATION/NAME`, see `fetch_from_hub`.

    Raises:
        UserError: there is no such folder or name, or a file is missing in the folder.

    Example:
        >>> resolve("all-MiniLM-L6-v2").vocab_file.name
        'vocab.txt'
    """
    with user_error_for(OSError, path_or_name, "cannot be read", "check the path and its permissions"):
        if is_hub_name(path_or_name):
            return _files_beside(checkpoint_in(fetch_from_hub(path_or_name)))
        checkpoint = checkpoint_prefix(_path(path_or_name))
        if _is_checkpoint(checkpoint):
            return _files_beside(checkpoint)
        folder = _folder_of(path_or_name)
        _refuse_other_models(folder)
        return _files_beside(checkpoint_in(folder))


def named_files(
    bert_config_file: str | os.PathLike, vocab_file: str | os.PathLike, init_checkpoint: str | os.PathLike | None
) -> CheckpointFiles:
    """Returns the files of a model that are named one by one, by the original's flags.

    Args:
        bert_config_file: the configuration.
        vocab_file: the vocabulary.
        init_checkpoint: a checkpoint, see `existing_checkpoint`; None to start from random weights.

    Raises:
        UserError: a file is missing.

    Example:
        >>> folder = resolve("all-MiniLM-L6-v2").vocab_file.parent
        >>> named_files(folder / "config.json", folder / "vocab.txt", folder).checkpoint.name
        'model.safetensors'
    """
    return CheckpointFiles(
        _existing_file(bert_config_file, "bert_config_file"),
        _existing_file(vocab_file, "vocab_file"),
        existing_checkpoint(_path(init_checkpoint)) if init_checkpoint else None,
    )


def _existing_file(path: str | os.PathLike, flag: str) -> AnyPath:
    path = _path(path)
    with user_error_for(OSError, path, "cannot be read", "check the path and its permissions"):
        if not path.is_file():
            raise UserError(f"{flag}: {printable(path)}: there is no such file; check the path")
    return path


def existing_checkpoint(path: str | os.PathLike) -> AnyPath:
    """Returns the checkpoint in a folder, or the one that is named by its prefix or one of its files.

    Raises:
        UserError: there is no checkpoint, or it is a pickled one.

    Example:
        >>> existing_checkpoint(resolve("all-MiniLM-L6-v2").vocab_file.parent).name
        'model.safetensors'
    """
    path = as_path(path)
    with user_error_for(OSError, path, "cannot be read", "check the path and its permissions"):
        path = checkpoint_in(path) if path.is_dir() else checkpoint_prefix(path)
        refuse_pickled(path)
        if not _is_checkpoint(path):
            file = path if is_safetensors(path) else as_path(f"{path}.index")
            raise UserError(
                f"{printable(path)}: there is no checkpoint ({printable(file.name)} is missing); check the path"
            )
    return path


def checkpoint_prefix(path: str | os.PathLike) -> AnyPath:
    """Returns the prefix of a TensorFlow checkpoint that is named by one of its files; other paths stay the same.

    A prefix is `.../bert_model.ckpt`; its files are `bert_model.ckpt.index` and `bert_model.ckpt.data-00000-of-00001`.
    One of several `.safetensors` files becomes their index.

    Example:
        >>> checkpoint_prefix("output/model.ckpt-343.index").name
        'model.ckpt-343'
    """
    path = as_path(path)
    if _SHARD.fullmatch(path.name) and (path.parent / INDEX_NAME).is_file():
        return path.parent / INDEX_NAME
    name = _CHECKPOINT_FILE.sub("", path.name)
    return path.with_name(name) if name and name != path.name and not path.is_dir() else path


def model_name(path_or_name: str | os.PathLike) -> str:
    """Returns what to call a model: the name of its folder, its zip file, or the name as it was given.

    Example:
        >>> model_name("models/mine/"), model_name("uncased_L-12_H-768_A-12")
        ('mine', 'uncased_L-12_H-768_A-12')
    """
    if is_hub_name(path_or_name):
        return path_or_name.partition("@")[0].rpartition("/")[2]
    # The folder's own name, also if it is a link; not pathlib's function, which keeps "..".
    absolute = path_or_name if is_remote(path_or_name) else os.path.abspath(path_or_name)  # noqa: PTH100
    path = checkpoint_prefix(absolute)
    return path.parent.name if _is_checkpoint(path) else path.name


def checkpoint_in(folder: AnyPath) -> AnyPath:
    """Finds the checkpoint in a folder.

    Returns:
        The prefix of a TensorFlow checkpoint or the path of a `.safetensors` file, or of the index of several. The
        first of these counts: the newest checkpoint that the file `checkpoint` names, `bert_model.ckpt`,
        `model.safetensors`, `model.safetensors.index.json`, the only TensorFlow checkpoint.

    Raises:
        UserError: there is no checkpoint, more than one, or only a pickled one.

    Example:
        >>> checkpoint_in(resolve("all-MiniLM-L6-v2").vocab_file.parent).name
        'model.safetensors'
    """
    if (folder / "checkpoint").is_file():
        return latest_checkpoint(folder)
    if (folder / "bert_model.ckpt.index").is_file():
        return folder / "bert_model.ckpt"
    for name in ("model.safetensors", INDEX_NAME):
        if (folder / name).is_file():
            return folder / name
    indexes = sorted(folder.glob("*.index"))
    if len(indexes) == 1:
        return indexes[0].with_suffix("")
    if indexes:
        names = first_few(path.stem for path in indexes)
        raise UserError(f"{printable(folder)}: has several checkpoints ({names}); choose one with --init_checkpoint")
    _refuse_parts_without_index(folder)
    for path in sorted(folder.iterdir()):
        refuse_pickled(path)
    raise UserError(
        f"{printable(folder)}: has no checkpoint (bert_model.ckpt.index or model.safetensors); give the folder of one"
    )


def _refuse_parts_without_index(folder: AnyPath) -> None:
    """Raises `UserError` if transformers has saved the weights in several files, and their index is missing."""
    parts = sorted(path.name for path in folder.glob("model-*-of-*.safetensors"))
    if parts:
        raise UserError(
            f"{printable(folder)}: has weights in several files ({first_few(parts)}), but no {INDEX_NAME}; "
            "copy it there"
        )


def is_safetensors(path: AnyPath) -> bool:
    """Returns True if a path is that of a `.safetensors` file, or of the index of several.

    Example:
        >>> is_safetensors(as_path("model.safetensors")), is_safetensors(as_path("bert_model.ckpt"))
        (True, False)
    """
    return path.suffix == ".safetensors" or is_index(path)


def refuse_pickled(path: AnyPath) -> None:
    """Raises `UserError` if the file's suffix is that of a pickled file, which may run any code when opened.

    Example:
        >>> refuse_pickled(as_path("model.safetensors"))
    """
    if path.suffix in _PICKLED_SUFFIXES:
        raise UserError(
            f"{printable(path)}: is a pickled file and may run any code when opened, so it is not read; {_CONVERSION}"
        )


def _path(path: str | os.PathLike) -> AnyPath:
    return as_path(checked_path(path, "model"))


def _is_checkpoint(path: AnyPath) -> bool:
    return as_path(f"{path}.index").is_file() or (is_safetensors(path) and path.is_file())


def _folder_of(path_or_name: str | os.PathLike) -> AnyPath:
    """Returns the folder that holds the model's files; downloads or unpacks them if necessary."""
    path = _path(path_or_name)
    if path.is_dir():
        return _inner_folder(path)
    if path.is_file():
        if path.suffix.lower() != ".zip":
            raise UserError(f"{printable(path)}: is a file; give the folder that holds it, or a zip file")
        return unpack_zip(path)
    if len(path.parts) != 1 or path.suffix.lower() == ".zip" or str(path_or_name).startswith((".", "~")):
        hub = (
            f", or hf://{printable(path)} for a model of the Hugging Face hub" if _HUB_NAME.fullmatch(str(path)) else ""
        )
        raise UserError(
            f"{printable(path)}: no such file or folder; give a checkpoint's folder, zip file or known name{hub}"
        )
    return fetch(str(path_or_name))


def _inner_folder(folder: AnyPath) -> AnyPath:
    """Returns the only subfolder of a folder that has no file of a model, as unzipping may leave it; else the folder.

    An output folder that lacks its configuration may hold an export, and must not be taken for that.
    """
    if any((folder / name).is_file() for name in _CONFIG_NAMES) or any(map(_is_weights, folder.iterdir())):
        return folder
    inner = [path for path in folder.iterdir() if path.is_dir() and not path.name.startswith((".", "__"))]
    return inner[0] if len(inner) == 1 else folder


def _is_weights(path: AnyPath) -> bool:
    return path.suffix in (".index", ".safetensors")


def _refuse_other_models(folder: AnyPath) -> None:
    """Raises `UserError` for the folder of a RoBERTa or its like, before it is said to lack files."""
    config_file = folder / "config.json"
    if config_file.is_file() and not (folder / "bert_config.json").is_file():
        read_config_fields(config_file)


def _files_beside(checkpoint: AnyPath) -> CheckpointFiles:
    """Returns the files of a model whose configuration and vocabulary are in the checkpoint's folder."""
    folder = checkpoint.parent
    # "gelu" means another function in Hugging Face's files, so weights need their own configuration.
    names = reversed(_CONFIG_NAMES) if is_safetensors(checkpoint) else _CONFIG_NAMES
    config_file = next((folder / name for name in names if (folder / name).is_file()), None)
    if config_file is None:
        raise UserError(
            f"{printable(folder)}: has neither bert_config.json nor config.json; copy the model's file there, or give "
            "--bert_config_file, --vocab_file and --init_checkpoint"
        )
    return CheckpointFiles(config_file, vocabulary_in(folder), checkpoint)


def vocabulary_in(folder: AnyPath) -> AnyPath:
    """Returns the vocabulary in a folder, or one in the cache that was made of a `tokenizer.json`.

    Raises:
        UserError: there is none, or that of another kind of tokenizer.

    Example:
        >>> vocabulary_in(resolve("all-MiniLM-L6-v2").vocab_file.parent).name
        'vocab.txt'
    """
    if (folder / "vocab.txt").is_file():
        return folder / "vocab.txt"
    others = [name for name in _OTHER_VOCABULARIES if (folder / name).is_file()]
    if others:
        raise UserError(
            f"{printable(folder)}: has {others[0]} and no vocab.txt: this is a model with another tokenizer, such as "
            "RoBERTa; give the folder of a BERT"
        )
    if (folder / "tokenizer.json").is_file():
        return vocabulary_from(folder / "tokenizer.json")
    raise UserError(f"{printable(folder)}: vocab.txt is missing; copy the model's vocabulary there")
