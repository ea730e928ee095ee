#!/usr/bin/env python
"""Exports a fine-tuned model to ONNX, for ONNX Runtime and its like: float32 and int8.

    pip install 'bert-tf[onnx]'
    python scripts/export_onnx.py output/MRPC/all-MiniLM-L6-v2 onnx

The new folder has model.onnx and model_int8.onnx, which take word pieces, vocabulary and labels beside them, and in
check.md the size, score and speed of both.
"""

import sys

try:
    from bert_tf.programs.export_onnx import run_main
except ModuleNotFoundError as error:
    sys.exit(f"export_onnx.py: error: the package {error.name} is missing; install this project with: pip install -e .")
except KeyboardInterrupt:
    sys.exit(130)

if __name__ == "__main__":
    run_main()
