"""Opens the folder that `export_litert.py` or `export_onnx.py` wrote. Needs no TensorFlow.

description, engine = open_portable("litert")
engine.answers_of_pieces(ids, mask, types)
"""

import os
from collections.abc import Callable
from pathlib import Path

from bert_tf import run_files
from bert_tf.errors import UserError, counted, printable
from bert_tf.serving.portable import DESCRIPTION, Engine, PortableModel, model_file, read_portable


def is_portable(path: str | os.PathLike) -> bool:
    """Returns True if this is the folder of such an export, or a model file in one.

    Example:
        >>> is_portable("no-such-folder")
        False
    """
    path = Path(path)
    return (path.suffix in _OPENERS and path.is_file()) or (path / DESCRIPTION).is_file()


def open_portable(path: str | os.PathLike) -> tuple[PortableModel, Engine]:
    """Opens an exported model.

    Args:
        path: the folder of the export, whose float32 model is taken if it is there; or one of its model files, such as
            `litert/model_int8.tflite`.

    Raises:
        UserError: a file is missing or broken, or a package is not installed.
    """
    path = Path(path)
    file = path if path.suffix in _OPENERS else _find_file(path)
    description = read_portable(file.parent)
    engine = _OPENERS[file.suffix](file)
    if engine.answer_shape != ((len(description.labels),) if description.labels else ()):
        described = counted(len(description.labels), "label")
        raise UserError(f"{printable(file)}: does not fit {run_files.LABELS}, which has {described}; export it again")
    return description, engine


def _find_file(folder: Path) -> Path:
    files = [folder / model_file(suffix, int8) for int8 in (False, True) for suffix in _OPENERS]
    found = next((file for file in files if file.is_file()), None)
    if found is None:
        names = ", ".join(file.name for file in files)
        raise UserError(f"{printable(folder)}: has no model, which is one of {names}; export it again")
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
