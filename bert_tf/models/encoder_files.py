"""Reads the encoder of any model, pre-trained or fine-tuned. Needs no Keras.

config, variables = read_encoder(resolve("all-MiniLM-L6-v2"))
"""

import numpy as np
import tensorflow as tf

from bert_tf.checkpoints.fit import check_sizes, check_vocabulary, fitting_arrays
from bert_tf.checkpoints.formats import read_checkpoint
from bert_tf.checkpoints.locate import CheckpointFiles
from bert_tf.data.vocabulary import load_vocab
from bert_tf.modeling.config import BertConfig
from bert_tf.modeling.shapes import variable_shapes


def read_encoder(files: CheckpointFiles) -> tuple[BertConfig, dict[str, tf.Variable]]:
    """Reads configuration and weights. Heads are left out; a missing pooler, which no layer needs, is zeros.

    The weights are variables: as arrays they would be constants of each graph, which may have no 2 GB of them.

    Args:
        files: of the model.

    Raises:
        UserError: something is missing, broken or does not fit.
    """
    config, arrays = BertConfig.from_json_file(files.config_file), read_checkpoint(files.checkpoint)
    check_sizes(config, arrays, files)
    check_vocabulary(load_vocab(files.vocab_file), config, files)
    shapes = variable_shapes(config)
    pooler = {name: np.zeros(shape, np.float32) for name, shape in shapes.items() if name.startswith("bert/pooler/")}
    fitting = fitting_arrays(shapes, {**pooler, **arrays}, files.checkpoint)
    return config, {name: tf.Variable(value, trainable=False, name=name) for name, value in fitting.items()}
