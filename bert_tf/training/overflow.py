"""Numbers that are not finite: the model computed something larger than its type can hold."""

import numpy as np

from bert_tf.errors import UserError


class NotFiniteError(UserError):
    """Answers of a model are not finite."""


def check_finite(name: str, answers: np.ndarray, mixed_precision: str) -> None:
    """Raises `NotFiniteError` if an answer is not a number, because an operation of the model overflowed."""
    bad = int((~np.isfinite(answers)).reshape(len(answers), -1).any(axis=1).sum())
    if bad:
        raise NotFiniteError(
            f"{name}: the answers to {bad} of {len(answers)} examples are not finite with "
            f"--mixed_precision={mixed_precision}; {remedy_for_overflow(mixed_precision)}"
        )


def remedy_for_overflow(mixed_precision: str) -> str:
    """Returns what to do if the model computes numbers that are not finite.

    Example:
        >>> remedy_for_overflow("float16")
        'numbers above 65504 overflow in float16; use --mixed_precision=bfloat16 or none'
    """
    if mixed_precision == "float16":
        return "numbers above 65504 overflow in float16; use --mixed_precision=bfloat16 or none"
    return "the weights are too large or broken; use another checkpoint"
