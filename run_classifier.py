#!/usr/bin/env python
r"""Fine-tunes BERT on a text classification task: Google's run_classifier.py on TensorFlow 2.

    python run_classifier.py --task_name=MRPC --do_train --do_eval

trains a small pre-trained BERT and prints loss, accuracy and F1. Own texts, in a CSV, TSV or JSON lines file:

    python run_classifier.py --train_file=reviews.csv --do_train --do_eval

As in the original:

    python run_classifier.py --task_name=MRPC --do_train --do_eval --data_dir=$GLUE_DIR/MRPC \
        --vocab_file=$BERT_BASE_DIR/vocab.txt --bert_config_file=$BERT_BASE_DIR/bert_config.json \
        --init_checkpoint=$BERT_BASE_DIR/bert_model.ckpt --output_dir=/tmp/mrpc_output
"""

import sys

try:
    from bert_tf.programs.run_classifier import run_main
except ModuleNotFoundError as error:
    problem = f"the package {error.name} is missing; install this project with: pip install -e ."
    sys.exit(f"run_classifier.py: error: {problem}")
except KeyboardInterrupt:
    sys.exit(130)

if __name__ == "__main__":
    run_main()
