#!/usr/bin/env python
"""Exports a model as a folder of Hugging Face's transformers; see --help."""

import sys

try:
    from bert_tf.programs import export_huggingface
except ModuleNotFoundError as error:
    problem = f"the package {error.name} is missing; install this project with: pip install -e ."
    sys.exit(f"export_huggingface.py: error: {problem}")
except KeyboardInterrupt:
    sys.exit(130)

# absl shows this above the flags.
__doc__ = export_huggingface.__doc__

if __name__ == "__main__":
    export_huggingface.run_main()
