"""Checks what a program of others gives to a loaded model. Each message begins with the method that was called.

check_batch_size("predict", 32)
"""

import os

import numpy as np

from bert_tf.data.examples import is_unicode
from bert_tf.errors import UserError, shown


def check_process(method: str, process: int) -> None:
    """Raises `UserError` in a fork of the process that loaded the model, where TensorFlow would wait forever.

    Args:
        method: that was called.
        process: the id of that process.
    """
    if os.getpid() != process:
        raise UserError(
            f"{method}: this process was forked from the one that loaded the model, and TensorFlow does not compute "
            "in a fork; load the model in each process, with multiprocessing's start method spawn"
        )


def check_batch_size(method: str, batch_size: object) -> None:
    """Raises `UserError` if this is no number of texts."""
    if not isinstance(batch_size, (int, np.integer)) or batch_size < 1:
        raise UserError(f"{method}: batch_size is {batch_size!r:.60}; it must be a whole number, at least 1")


def check_characters(method: str, *texts: str) -> None:
    """Raises `UserError` if a text has half of a surrogate pair."""
    for text in texts:
        if not is_unicode(text):
            raise UserError(
                f"{method}: {shown(text)} has half of a surrogate pair, which is no character; decode it again"
            )
