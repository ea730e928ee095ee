"""Where the parts of a model are: a name, a folder or a zip file becomes three paths."""

import dataclasses
import os
from pathlib import Path

import tensorflow as tf

from bert_tf.checkpoints import download
from bert_tf.errors import UserError, some_of

_CONFIG_NAMES = ("bert_config.json", "config.json")
PICKLED_SUFFIXES = (".bin", ".pt", ".pth", ".pkl")


@dataclasses.dataclass(frozen=True)
class CheckpointFiles:
    """Where the three parts of a pre-trained model are.

    Attributes:
        config_file: the original's `bert_config.json` or Hugging Face's `config.json`.
        vocab_file: the vocabulary, one word piece a line.
        checkpoint: the prefix of a TensorFlow checkpoint (`.../bert_model.ckpt`), or a `.safetensors` file.

    Example:
        files = resolve("uncased_L-12_H-768_A-12")
        arrays = read_checkpoint(files.checkpoint)
    """

    config_file: Path
    vocab_file: Path
    checkpoint: Path


def resolve(path_or_name: str | os.PathLike) -> CheckpointFiles:
    """Finds configuration, vocabulary and weights of a pre-trained or fine-tuned model.

    Args:
        path_or_name: a folder (an unpacked official checkpoint, a folder around one, an output folder of a
            fine-tuning run, a Hugging Face folder), a zip file of an official checkpoint, or a name of
            `CATALOGUE`, which is downloaded if it is not in the cache.

    Raises:
        UserError: there is no such folder or name, or something is missing in it.

    Example:
        >>> resolve("all-MiniLM-L6-v2").vocab_file.name
        'vocab.txt'
    """
    path = Path(path_or_name).expanduser()
    if path.is_dir():
        return _files_in(_inner_folder(path))
    if path.is_file():
        if path.suffix != ".zip":
            raise UserError(f"{path}: is a file; give the folder that holds it, or a zip file")
        return _files_in(download.unpack_zip(path))
    if len(path.parts) != 1 or path.suffix == ".zip" or str(path_or_name).startswith((".", "~")):
        raise UserError(f"{path}: no such folder; give the folder of a checkpoint, or a name of the catalogue")
    return _files_in(download.fetch(str(path_or_name)))


def _files_in(folder: Path) -> CheckpointFiles:
    checkpoint = checkpoint_in(folder)
    # "gelu" means another function in Hugging Face's files, so weights go with their own configuration.
    configs = reversed(_CONFIG_NAMES) if checkpoint.suffix == ".safetensors" else _CONFIG_NAMES
    found = [folder / name for name in configs if (folder / name).is_file()]
    if not found:
        raise UserError(f"{folder}: neither bert_config.json nor config.json is there; put the model's beside it")
    if not (folder / "vocab.txt").is_file():
        raise UserError(f"{folder}: vocab.txt is missing; put the vocabulary of the model there")
    return CheckpointFiles(config_file=found[0], vocab_file=folder / "vocab.txt", checkpoint=checkpoint)


def _inner_folder(folder: Path) -> Path:
    """The only subfolder of a folder without a configuration, as unzipping there leaves it; or the folder."""
    if any((folder / name).is_file() for name in _CONFIG_NAMES):
        return folder
    inner = [path for path in folder.iterdir() if path.is_dir() and not path.name.startswith((".", "__"))]
    return inner[0] if len(inner) == 1 else folder


def checkpoint_in(folder: Path) -> Path:
    """Finds the checkpoint of a folder: a prefix, or a `.safetensors` file."""
    if (folder / "checkpoint").is_file():
        return _latest_checkpoint(folder)
    if (folder / "bert_model.ckpt.index").is_file():
        return folder / "bert_model.ckpt"
    if (folder / "model.safetensors").is_file():
        return folder / "model.safetensors"
    indexes = sorted(folder.glob("*.index"))
    if len(indexes) == 1:
        return indexes[0].with_suffix("")
    if indexes:
        raise UserError(f"{folder}: holds {some_of([path.stem for path in indexes])}; name one with --init_checkpoint")
    for path in sorted(path for path in folder.iterdir() if path.suffix in PICKLED_SUFFIXES):
        raise pickled_file(path)
    raise UserError(f"{folder}: no checkpoint there (bert_model.ckpt.index or model.safetensors); give its folder")


def _latest_checkpoint(folder: Path) -> Path:
    state = tf.train.get_checkpoint_state(str(folder))
    if state is None:
        raise UserError(f"{folder / 'checkpoint'}: cannot be read; remove it or name a checkpoint")
    # The state file may hold the absolute path of where the folder was before it was moved.
    checkpoint = folder / Path(state.model_checkpoint_path).name
    if not Path(f"{checkpoint}.index").is_file():
        raise UserError(f"{folder / 'checkpoint'}: names {checkpoint.name}, which is not there; restore or remove it")
    return checkpoint


def pickled_file(path: Path) -> UserError:
    """Returns the error that refuses a pickled file."""
    return UserError(
        f"{path}: is a pickled file and may run any code when opened, so it is not read; convert it to "
        "model.safetensors (in transformers: model.save_pretrained(DIR, safe_serialization=True))"
    )
