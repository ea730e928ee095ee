"""What a program may change in its process and a function may not."""

import tensorflow as tf

from bert_tf.modeling.fusion import hide_start_up_message


def prepare_process() -> None:
    """Prepares the process of a program: TensorFlow computes sums in one order, and XLA's start-up message is hidden.

    Everything random has a seed of its own. Call this before other TensorFlow operations.
    """
    tf.config.experimental.enable_op_determinism()
    hide_start_up_message()
