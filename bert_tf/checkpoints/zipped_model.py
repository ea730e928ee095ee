"""Finds the files of a model among the members of a zip file, by their names.

model_in(["biobert/bert_config.json", "biobert/vocab.txt", "biobert/model.ckpt-7.index", ...], "biobert.zip")
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from bert_tf.errors import UserError, first_few

_CONFIGS = ("bert_config.json", "config.json")
_VOCABULARIES = ("vocab.txt", "tokenizer.json")
_OTHERS = ("tokenizer_config.json",)
# A name begins with no dot: macOS adds a ._vocab.txt for each vocab.txt.
_TENSORFLOW = re.compile(r"([\w-][\w.-]*)\.(index|data-\d{5}-of-\d{5})", re.ASCII)
_SAFETENSORS = re.compile(r"model(-\d{5}-of-\d{5})?\.safetensors|model\.safetensors\.index\.json", re.ASCII)
_PICKLED = re.compile(r"[\w-][\w.-]*\.(bin|pt|pth|pkl)", re.ASCII)


def model_in(members: Iterable[str], origin: str) -> dict[str, str]:
    """Finds the one folder of a zip file that has configuration, vocabulary and weights.

    The weights are TensorFlow's, with any prefix (`bert_model.ckpt.index`, `model.ckpt-1000000.index`), or Hugging
    Face's `model.safetensors`, in one file or several. Other files do not matter, nor do other folders, such as the
    `1_Pooling` of a sentence transformer.

    Args:
        members: their names, with folders.
        origin: the zip file, for messages.

    Returns:
        The file names by the members' names.

    Raises:
        UserError: there is no model, more than one, or only one with pickled weights.
    """
    members = list(members)
    folders = defaultdict(dict)
    for member in members:
        path = PurePosixPath(member)
        if _belongs(path.name):
            folders[path.parent][member] = path.name
    complete = [files for files in folders.values() if not _missing(set(files.values()))]
    if len(complete) > 1 or any(len(_prefixes(files.values())) > 1 for files in complete):
        raise UserError(f"{origin}: has more than one checkpoint; unpack it and give --bert_model=DIR")
    if not complete:
        raise _nothing_complete(list(folders.values()), members, origin)
    return complete[0]


def _belongs(name: str) -> bool:
    return name in (*_CONFIGS, *_VOCABULARIES, *_OTHERS) or _is_of_weights(name)


def _is_of_weights(name: str) -> bool:
    return bool(_TENSORFLOW.fullmatch(name) or _SAFETENSORS.fullmatch(name))


def _prefixes(names: Iterable[str]) -> list[str]:
    """Returns the prefixes of the TensorFlow checkpoints among these files, each once."""
    return list(dict.fromkeys(match[1] for match in map(_TENSORFLOW.fullmatch, names) if match))


def _missing(names: set[str]) -> list[str]:
    """Returns the files that a model lacks."""
    is_huggingface = any(_SAFETENSORS.fullmatch(name) for name in names)
    missing = [] if names & set(_CONFIGS) else [_CONFIGS[is_huggingface]]
    if not names & set(_VOCABULARIES):
        missing.append(_VOCABULARIES[0])
    return missing if is_huggingface else missing + _missing_of_tensorflow(names)


def _missing_of_tensorflow(names: set[str]) -> list[str]:
    needed = [(f"{prefix}.index", f"{prefix}.data-") for prefix in _prefixes(sorted(names)) or ["bert_model.ckpt"]]
    missing = [index for index, _ in needed if index not in names]
    return missing + [f"{data}00000-of-00001" for _, data in needed if not any(name.startswith(data) for name in names)]


def _nothing_complete(folders: Sequence[dict[str, str]], members: Sequence[str], origin: str) -> UserError:
    pickled = [member for member in members if _PICKLED.fullmatch(PurePosixPath(member).name)]
    if pickled and not any(_is_of_weights(name) for files in folders for name in files.values()):
        return UserError(
            f"{origin}: has only pickled weights ({first_few(pickled)}), which may run any code when opened, so they "
            "are not read; give the zip file of a model with model.safetensors"
        )
    nearest = max((set(files.values()) for files in folders), key=len, default=set())
    return UserError(f"{origin}: has no {', '.join(_missing(nearest))}; give the zip file of a BERT checkpoint")
