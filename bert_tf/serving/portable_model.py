"""Opens the folder that `export_litert.py` or `export_onnx.py` wrote. Needs no TensorFlow.

model = open_portable("litert")
model.engine.answers_of_pieces(ids, mask, types)
"""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from bert_tf import run_files
from bert_tf.data.vocabulary import MAX_VOCAB_BYTES
from bert_tf.errors import UserError, counted, printable, reading
from bert_tf.files import read_bytes
from bert_tf.models.facts import Facts
from bert_tf.serving.export_facts import read_facts
from bert_tf.serving.portable import Engine, model_file

_REMEDY = "export the model again"


class PortableModel(NamedTuple):
    """An opened model.

    Attributes:
        facts: what it says of itself.
        vocab_file: its vocabulary.
        engine: computes its answers.
    """

    facts: Facts
    vocab_file: Path
    engine: Engine


def is_portable(path: str | os.PathLike) -> bool:
    """Returns True if this is the folder of such an export, or a model file in one.

    Example:
        >>> is_portable("no-such-folder")
        False
    """
    path = Path(path)
    return (path.suffix in _OPENERS and path.is_file()) or (path / run_files.EXPORT).is_file()


def open_portable(path: str | os.PathLike) -> PortableModel:
    """Opens an exported model.

    Args:
        path: the folder of the export, whose float32 model is taken if it is there; or one of its model files, such as
            `litert/model_int8.tflite`.

    Raises:
        UserError: a file is missing or broken, or a package is not installed.
    """
    path = Path(path)
    file = path if path.suffix in _OPENERS else _find_file(path)
    facts, vocab_file = read_facts(file.parent), file.with_name(run_files.VOCAB)
    _check_vocabulary(vocab_file, facts)
    engine = _OPENERS[file.suffix](file)
    if engine.answer_shape != ((len(facts.labels),) if facts.labels else ()):
        described = counted(len(facts.labels), "label")
        raise UserError(f"{printable(file)}: does not fit {run_files.EXPORT}, which has {described}; {_REMEDY}")
    return PortableModel(facts, vocab_file, engine)


def _check_vocabulary(path: Path, facts: Facts) -> None:
    """Raises `UserError` if a vocabulary cannot be read, or is of another model."""
    with reading(path, _REMEDY):
        digest = hashlib.sha256(read_bytes(path, MAX_VOCAB_BYTES)).hexdigest()
    if digest != facts.vocab_sha256:
        raise UserError(f"{printable(path)}: is not the vocabulary of this model; {_REMEDY}")


def _find_file(folder: Path) -> Path:
    files = [folder / model_file(suffix, int8) for int8 in (False, True) for suffix in _OPENERS]
    found = next((file for file in files if file.is_file()), None)
    if found is None:
        names = ", ".join(file.name for file in files)
        raise UserError(f"{printable(folder)}: has no model, which is one of {names}; {_REMEDY}")
    return found


def _open_litert(file: Path) -> Engine:
    from bert_tf.serving.litert_model import LiteRTModel

    return LiteRTModel(file)


def _open_onnx(file: Path) -> Engine:
    try:
        from bert_tf.serving.onnx_model import OnnxModel
    except ModuleNotFoundError as error:
        raise UserError(f"the package {error.name} is missing; install it with: pip install 'bert-tf[onnx]'") from error
    return OnnxModel(file)


_OPENERS: dict[str, Callable[[Path], Engine]] = {".tflite": _open_litert, ".onnx": _open_onnx}
