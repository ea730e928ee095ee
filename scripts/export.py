#!/usr/bin/env python
r"""Exports a fine-tuned model as a SavedModel that takes raw texts.

    python scripts/export.py output/MRPC/all-MiniLM-L6-v2
    python scripts/export.py output/MRPC/all-MiniLM-L6-v2 /srv/models/mrpc

The first argument is the output folder of a finished run. The SavedModel goes into the next numbered folder below the
second one, by default the folder `export` of the first, as TensorFlow Serving wants it. A folder whose newest export is
of the same model stays as it is.
"""

import sys

try:
    from bert_tf.programs.export import run_main
except ModuleNotFoundError as error:
    sys.exit(f"export.py: error: the package {error.name} is missing; install this project with: pip install -e .")
except KeyboardInterrupt:
    sys.exit(130)

if __name__ == "__main__":
    run_main()
