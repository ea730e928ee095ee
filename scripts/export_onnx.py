#!/usr/bin/env python
"""Exports a fine-tuned model to ONNX; see --help."""

import sys

try:
    from bert_tf.programs import export_onnx
except ModuleNotFoundError as error:
    problem = f"the package {error.name} is missing; install this project with: pip install -e ."
    sys.exit(f"export_onnx.py: error: {problem}")
except KeyboardInterrupt:
    sys.exit(130)

# absl shows this above the flags.
__doc__ = export_onnx.__doc__

if __name__ == "__main__":
    export_onnx.run_main()
