#!/usr/bin/env python
"""Predicts with a fine-tuned model; see --help."""

import sys

try:
    from bert_tf.programs import predict
except ModuleNotFoundError as error:
    problem = f"the package {error.name} is missing; install this project with: pip install -e ."
    sys.exit(f"predict.py: error: {problem}")
except KeyboardInterrupt:
    sys.exit(130)

# absl shows this above the flags.
__doc__ = predict.__doc__

if __name__ == "__main__":
    predict.run_main()
