"""Reads the index of weights that Hugging Face has split into several files. Needs no TensorFlow.

`model.safetensors.index.json` says which of the files `model-00001-of-00002.safetensors` and so on has which array:

    read_index(Path("my-model/model.safetensors.index.json"))
    # {'bert.pooler.dense.bias': 'model-00002-of-00002.safetensors', ...}
"""

import json
import re

from bert_tf.errors import UserError, printable, reading, shown
from bert_tf.files import read_text
from bert_tf.remote import AnyPath

INDEX_NAME = "model.safetensors.index.json"
# An index has about 100 bytes for each array.
_MAX_INDEX_BYTES = 8 << 20
_MAX_FILES = 1000
# A name without a folder: an index must not lead out of its own.
_FILE_NAME = re.compile(r"[\w-][\w.-]*\.safetensors")


def is_index(path: AnyPath) -> bool:
    """Returns True if a path has the name of an index.

    Example:
        >>> from pathlib import Path
        >>> is_index(Path("my-model/model.safetensors.index.json")), is_index(Path("model.safetensors"))
        (True, False)
    """
    return path.name.endswith(".safetensors.index.json")


def shard_files(index: AnyPath) -> list[AnyPath]:
    """Returns the files that an index names, sorted.

    Raises:
        UserError: the index is broken, or a file is missing.
    """
    files = [index.parent / name for name in sorted(set(read_index(index).values()))]
    for file in files:
        with reading(file, "check the path and its permissions"):
            if not file.is_file():
                raise UserError(
                    f"{printable(index.parent)}: {file.name} is missing, which {index.name} names; "
                    "copy or download it again"
                )
    return files


def read_index(path: AnyPath) -> dict[str, str]:
    """Reads which file has which array.

    Returns:
        The names of files by the names of arrays.

    Raises:
        UserError: the file cannot be read, or it is no index.
    """
    with reading(path, "copy or download it again", "cannot be read, it is broken or cut off"):
        places = parse_json(read_text(path, _MAX_INDEX_BYTES))["weight_map"]
        if not isinstance(places, dict) or not places:
            raise ValueError("its weight_map names no arrays")
        for name in places.values():
            if not isinstance(name, str) or not _FILE_NAME.fullmatch(name):
                raise ValueError(f"it names {shown(name)}, which is no .safetensors file of its folder")
        if len(set(places.values())) > _MAX_FILES:
            raise ValueError(f"it names more than {_MAX_FILES} files")
    return places


def check_places(names: set[str], file: AnyPath, places: dict[str, str]) -> None:
    """Raises an exception if a file has other arrays than the index says: then one of them is of another model.

    Args:
        names: of the arrays that the file has.
        file: its path.
        places: the result of `read_index`.
    """
    listed = {array for array, name in places.items() if name == file.name}
    for name in sorted(names - listed):
        raise ValueError(f"it has {shown(name)}, which the index places in {places.get(name, 'no file')}")
    for name in sorted(listed - names):
        raise ValueError(f"it lacks {shown(name)}, which the index places in it")


def parse_json(text: str | bytes) -> dict:
    """Parses a JSON object, and refuses one that has a name twice: readers differ in which of the two counts.

    Example:
        >>> parse_json('{"a": 1, "a": 2}')
        Traceback (most recent call last):
        ...
        ValueError: it has a name twice
    """
    return json.loads(text, object_pairs_hook=_without_duplicates)


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict:
    if len({name for name, _ in pairs}) < len(pairs):
        raise ValueError("it has a name twice")
    return dict(pairs)
