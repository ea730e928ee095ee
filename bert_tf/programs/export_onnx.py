"""Exports a fine-tuned model to ONNX, for ONNX Runtime and its like: float32 and int8.

    pip install 'bert-tf[onnx]'
    python scripts/export_onnx.py output/MRPC/all-MiniLM-L6-v2 onnx

The new folder has model.onnx and model_int8.onnx, which take word pieces, vocabulary and labels beside them, and in
check.md the size, score and speed of both.
"""

import importlib.util

from bert_tf.errors import UserError
from bert_tf.flags import run_program
from bert_tf.programs.portable_export import PortableExportConfig, export_portable


def main(arguments: list[str]) -> None:
    """Exports the model of the first argument to the folder of the second."""
    _check_extra()
    export_portable("ONNX", arguments, _export)


def _check_extra() -> None:
    missing = [name for name in ("onnx", "onnxruntime") if importlib.util.find_spec(name) is None]
    if missing:
        raise UserError(f"the package {missing[0]} is missing; install it with: pip install -e '.[onnx]'")


def _export(*model_folder_shape_texts: object) -> str:
    from bert_tf.exports.onnx_graph import write_onnx
    from bert_tf.exports.portable import Runtime, export
    from bert_tf.serving.onnx_model import OnnxModel

    return export(Runtime(".onnx", write_onnx, OnnxModel), *model_folder_shape_texts)


def run_main() -> None:
    """Starts the program."""
    run_program(main, PortableExportConfig, takes_arguments=True)
