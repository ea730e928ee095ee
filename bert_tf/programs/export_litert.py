"""Exports a fine-tuned model to LiteRT (TensorFlow Lite), for phones and small machines: float32 and int8.

    python scripts/export_litert.py output/MRPC/all-MiniLM-L6-v2 litert

The new folder has model.tflite and model_int8.tflite, which take word pieces, vocabulary and labels beside them, and in
check.md the size, score and speed of both.
"""

from bert_tf.flags import run_program
from bert_tf.programs.portable_export import PortableExportConfig, export_portable


def main(arguments: list[str]) -> None:
    """Exports the model of the first argument to the folder of the second."""
    export_portable("LiteRT", arguments, _export)


def _export(*model_folder_shape_texts: object) -> str:
    from bert_tf.exports.litert_graph import write_litert
    from bert_tf.exports.portable import Runtime, export
    from bert_tf.serving.litert_model import LiteRTModel

    return export(Runtime(".tflite", write_litert, LiteRTModel), *model_folder_shape_texts)


def run_main() -> None:
    """Starts the program."""
    run_program(main, PortableExportConfig, takes_arguments=True)
