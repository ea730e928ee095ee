"""Predicting brings little into a process beside TensorFlow."""

import subprocess
import sys

import pytest
from support.tiny import write_tiny_model

from bert_tf import run_files
from bert_tf.checkpoints.formats import read_checkpoint, write_checkpoint

# Prints the packages that loading and predicting bring beside those that TensorFlow and its text operations bring.
PREDICT = """
import sys
import tensorflow, tensorflow_text
before = set(sys.modules)
import bert_tf
bert_tf.load(sys.argv[1]).predict(["w1 w2"])
print(*sorted({name.partition(".")[0] for name in set(sys.modules) - before}))
"""
LARGE = {"tf_keras", "keras", "official", "sklearn", "scipy", "pandas", "matplotlib", "tensorflow_datasets", "IPython"}


@pytest.mark.slow
def test_loading_and_predicting_import_neither_keras_nor_scikit_learn(tmp_path):
    folder = write_tiny_model(tmp_path / "model")
    arrays = read_checkpoint(folder / "bert_model.ckpt")
    head = {
        "output_weights": arrays["bert/pooler/dense/kernel"][:2],
        "output_bias": arrays["bert/pooler/dense/bias"][:2],
    }
    write_checkpoint(folder / "bert_model.ckpt", arrays | head)
    (folder / run_files.LABELS).write_text("no\nyes\n")
    (folder / run_files.TASK).write_text('{"kind": "classification"}')
    done = subprocess.run([sys.executable, "-c", PREDICT, str(folder)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "bert_tf" in done.stdout.split()
    assert not LARGE & set(done.stdout.split())
