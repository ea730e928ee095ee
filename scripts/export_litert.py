#!/usr/bin/env python
"""Exports a fine-tuned model to LiteRT (TensorFlow Lite), for phones and small machines: float32 and int8.

    python scripts/export_litert.py output/MRPC/all-MiniLM-L6-v2 litert

The new folder has model.tflite and model_int8.tflite, which take word pieces, vocabulary and labels beside them, and in
check.md the size, score and speed of both.
"""

import sys

try:
    from bert_tf.programs.export_litert import run_main
except ModuleNotFoundError as error:
    sys.exit(
        f"export_litert.py: error: the package {error.name} is missing; install this project with: pip install -e ."
    )
except KeyboardInterrupt:
    sys.exit(130)

if __name__ == "__main__":
    run_main()
