#!/usr/bin/env python
"""Pre-trains BERT on masked words and next sentences; see --help."""

import sys

try:
    from bert_tf.programs import run_pretraining
except ModuleNotFoundError as error:
    problem = f"the package {error.name} is missing; install this project with: pip install -e ."
    sys.exit(f"run_pretraining.py: error: {problem}")
except KeyboardInterrupt:
    sys.exit(130)

# absl shows this above the flags.
__doc__ = run_pretraining.__doc__

if __name__ == "__main__":
    run_pretraining.run_main()
