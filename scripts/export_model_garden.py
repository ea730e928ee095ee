#!/usr/bin/env python
"""Exports a model as a checkpoint of the Model Garden; see --help."""

import sys

try:
    from bert_tf.programs import export_model_garden
except ModuleNotFoundError as error:
    problem = f"the package {error.name} is missing; install this project with: pip install -e ."
    sys.exit(f"export_model_garden.py: error: {problem}")
except KeyboardInterrupt:
    sys.exit(130)

# absl shows this above the flags.
__doc__ = export_model_garden.__doc__

if __name__ == "__main__":
    export_model_garden.run_main()
