"""Measures the time of training without that of evaluations in between.

stopwatch = Stopwatch(seconds=0.0)
with stopwatch.paused():
    evaluate()
stopwatch.seconds
"""

import contextlib
import time
from collections.abc import Iterator


class Stopwatch:
    """Measures time, without that of pauses.

    Args:
        seconds: what it shows at the start.
    """

    def __init__(self, seconds: float):
        self._started = time.perf_counter() - seconds

    @property
    def seconds(self) -> float:
        """The time that it shows."""
        return time.perf_counter() - self._started

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Stops the time inside the block."""
        before = self.seconds
        yield
        self._started = time.perf_counter() - before
