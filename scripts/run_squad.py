#!/usr/bin/env python
"""Answers questions about texts with BERT; see --help."""

import sys

try:
    from bert_tf.programs import run_squad
except ModuleNotFoundError as error:
    problem = f"the package {error.name} is missing; install this project with: pip install -e ."
    sys.exit(f"run_squad.py: error: {problem}")
except KeyboardInterrupt:
    sys.exit(130)

# absl shows this above the flags.
__doc__ = run_squad.__doc__

if __name__ == "__main__":
    run_squad.run_main()
