#!/usr/bin/env python
"""Makes the examples of pre-training from texts; see --help."""

import sys

try:
    from bert_tf.programs import create_pretraining_data
except ModuleNotFoundError as error:
    problem = f"the package {error.name} is missing; install this project with: pip install -e ."
    sys.exit(f"create_pretraining_data.py: error: {problem}")
except KeyboardInterrupt:
    sys.exit(130)

# absl shows this above the flags.
__doc__ = create_pretraining_data.__doc__

if __name__ == "__main__":
    create_pretraining_data.run_main()
