#!/usr/bin/env python
"""Writes hidden layers of BERT for texts; see --help."""

import sys

try:
    from bert_tf.programs import extract_features
except ModuleNotFoundError as error:
    problem = f"the package {error.name} is missing; install this project with: pip install -e ."
    sys.exit(f"extract_features.py: error: {problem}")
except KeyboardInterrupt:
    sys.exit(130)

# absl shows this above the flags.
__doc__ = extract_features.__doc__

if __name__ == "__main__":
    extract_features.run_main()
