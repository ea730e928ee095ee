#!/usr/bin/env python
"""Finds names and other entities in sentences with BERT; see --help."""

import sys

try:
    from bert_tf.programs import run_ner
except ModuleNotFoundError as error:
    problem = f"the package {error.name} is missing; install this project with: pip install -e ."
    sys.exit(f"run_ner.py: error: {problem}")
except KeyboardInterrupt:
    sys.exit(130)

# absl shows this above the flags.
__doc__ = run_ner.__doc__

if __name__ == "__main__":
    run_ner.run_main()
