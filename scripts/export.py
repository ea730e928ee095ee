#!/usr/bin/env python
"""Exports a fine-tuned model as a SavedModel; see --help."""

import sys

try:
    from bert_tf.programs import export
except ModuleNotFoundError as error:
    problem = f"the package {error.name} is missing; install this project with: pip install -e ."
    sys.exit(f"export.py: error: {problem}")
except KeyboardInterrupt:
    sys.exit(130)

# absl shows this above the flags.
__doc__ = export.__doc__

if __name__ == "__main__":
    export.run_main()
