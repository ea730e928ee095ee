"""TensorFlow computes sums in one order while a run lasts, and only then."""

import contextlib
import threading
from collections.abc import Iterator

# TensorFlow has no public function that switches determinism off or asks for it.
from tensorflow.python.framework import config as tensorflow_config

_lock = threading.Lock()
_blocks = 0
_is_ours = False


@contextlib.contextmanager
def deterministic_operations() -> Iterator[None]:
    """Makes TensorFlow's operations deterministic inside the block, in all threads, and restores the setting after it.

    Blocks in several threads may overlap: the last one to end restores the setting.

    Example:
        >>> with deterministic_operations():
        ...     tensorflow_config.is_op_determinism_enabled()
        True
        >>> tensorflow_config.is_op_determinism_enabled()
        False
    """
    _enter()
    try:
        yield
    finally:
        _leave()


def _enter() -> None:
    global _blocks, _is_ours
    with _lock:
        if not _blocks:
            _is_ours = not tensorflow_config.is_op_determinism_enabled()
            tensorflow_config.enable_op_determinism()
        _blocks += 1


def _leave() -> None:
    global _blocks
    with _lock:
        _blocks -= 1
        if not _blocks and _is_ours:
            tensorflow_config.disable_op_determinism()
