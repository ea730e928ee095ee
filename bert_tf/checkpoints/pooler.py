"""Makes the pooler of a model that was saved without one.

arrays = with_pooler(arrays, config, seed=0, checkpoint=files.checkpoint)
"""

from collections.abc import Mapping

import numpy as np
from absl import logging

from bert_tf.checkpoints.locate import is_safetensors
from bert_tf.errors import printable
from bert_tf.modeling.config import BertConfig
from bert_tf.modeling.construction import initial_value
from bert_tf.modeling.shapes import variable_shapes
from bert_tf.remote import AnyPath

_SCOPE = "bert/pooler/"


def with_pooler(
    arrays: Mapping[str, np.ndarray], config: BertConfig, seed: int, checkpoint: AnyPath, warns: bool = True
) -> Mapping[str, np.ndarray]:
    """Adds a new pooler to the arrays of a Hugging Face model without one.

    Models that predict words or label tokens have none, such as a `BertForMaskedLM`. The new pooler is that of a model
    from scratch: a pure function of the seed. A TensorFlow checkpoint without a pooler is not complete, and stays so.

    Args:
        arrays: the result of `read_checkpoint`.
        config: of the model.
        seed: of the new weights.
        checkpoint: whose arrays these are.
        warns: whether a new pooler is a warning; False for a model whose answers do not depend on it.
    """
    if not is_safetensors(checkpoint) or any(name.startswith(_SCOPE) for name in arrays):
        return arrays
    if warns:
        logging.warning(
            "%s: has no pooler, as a model that predicts words; a new one is made, which only training gives a "
            "meaning.",
            printable(checkpoint),
        )
    shapes = {name: shape for name, shape in variable_shapes(config).items() if name.startswith(_SCOPE)}
    new = {name: initial_value(name, shape, seed, config.initializer_range) for name, shape in shapes.items()}
    return {**arrays, **{name: value.numpy() for name, value in new.items()}}
