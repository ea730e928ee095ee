"""Says from which step of a training a checkpoint is. Needs no Keras.

warn_if_unfinished(checkpoint, arrays, num_train_steps=343)
"""

from collections.abc import Mapping

import numpy as np
from absl import logging

from bert_tf.errors import reading
from bert_tf.remote import AnyPath


def saved_step(arrays: Mapping[str, np.ndarray], checkpoint: AnyPath) -> int:
    """Returns the step at which a checkpoint was saved; 0 if it does not say.

    Args:
        arrays: the result of `read_checkpoint`.
        checkpoint: whose arrays these are.

    Raises:
        UserError: the checkpoint has a step that is no number.

    Example:
        >>> saved_step({"global_step": np.int64(343)}, "model.ckpt-343")
        343
    """
    with reading(checkpoint, "copy or download it again", "its global_step is no number"):
        return int(np.asarray(arrays.get("global_step", 0)).item())


def warn_if_unfinished(checkpoint: AnyPath, arrays: Mapping, num_train_steps: int | None) -> None:
    """Warns of a training that was stopped: only its last checkpoint has no state of the optimizer.

    Args:
        checkpoint: whose arrays these are.
        arrays: the result of `read_checkpoint`.
        num_train_steps: of the training; None if that is unknown.
    """
    if "training/loss_scale" in arrays:
        of_total = f" of {num_train_steps}" if num_train_steps else ""
        logging.warning(
            "%s: is from step %d%s of a training that is not finished; the command that started it resumes it.",
            checkpoint,
            saved_step(arrays, checkpoint),
            of_total,
        )
