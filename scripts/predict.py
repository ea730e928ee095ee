#!/usr/bin/env python
r"""Predicts with a fine-tuned model: a text or a pair, lines of standard input, or a file of any size.

    python scripts/predict.py output/MRPC/all-MiniLM-L6-v2 "It rains ." "Rain falls ."
    printf 'It rains .\tRain falls .\n' | python scripts/predict.py output/MRPC/all-MiniLM-L6-v2 --format=jsonl
    python scripts/predict.py output/reviews/all-MiniLM-L6-v2 --input_file=new.csv --output_file=predicted.csv

The first argument is the output folder of a finished run. Without texts behind it and without --input_file, each line
of standard input is a text, or a pair with a tab between. A text that begins with - comes after a -- of its own.
"""

import sys

try:
    from bert_tf.programs.predict import run_main
except ModuleNotFoundError as error:
    problem = f"the package {error.name} is missing; install this project with: pip install -e ."
    sys.exit(f"predict.py: error: {problem}")
except KeyboardInterrupt:
    sys.exit(130)

if __name__ == "__main__":
    run_main()
