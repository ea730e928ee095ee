"""Finds the step after which training stops at SIGTERM: the same one in all processes that train together."""

import contextlib
import threading
from collections.abc import Iterator
from typing import Protocol

import tensorflow as tf

from bert_tf.devices import Devices
from bert_tf.errors import UserError
from bert_tf.termination import deferred, is_requested


class Stop(Protocol):
    """Knows when training stops."""

    def is_after(self, step: int) -> bool:
        """Returns True if training stops after `step`. Ask after each step but the last one."""


@contextlib.contextmanager
def stop_at_sigterm(devices: Devices, next_step: int) -> Iterator[Stop]:
    """Lets training finish its step at SIGTERM, in this process or in another one that trains along.

    Args:
        devices: of the training.
        next_step: the first step inside the block.
    """
    with deferred():
        if devices.cluster is None:
            yield _StopAlone()
        else:
            with _StopTogether(devices, next_step) as stop:
                yield stop


class _StopAlone:
    def is_after(self, step: int) -> bool:
        return is_requested()


class _StopTogether:
    """Stops all processes after the same step: the last one that any of them has started.

    A process may wait in a step for the others, so a thread answers for it.
    """

    def __init__(self, devices: Devices, next_step: int):
        self._devices = devices
        self._topic = devices.new_topic()
        self._lock = threading.Lock()
        self._started = next_step
        self._is_asked = False
        self._agreed = threading.Event()
        self._last = 0
        self._error: UserError | None = None
        self._ended = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "_StopTogether":
        self._watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._watcher.join()

    def is_after(self, step: int) -> bool:
        with self._lock:
            if not self._is_asked:
                self._started = step + 1
                return False
        self._agreed.wait()
        if self._error:
            raise self._error
        return step >= self._last

    def _watch(self) -> None:
        # Without the store, which ends with the first process, nothing can be asked. The next step reports that.
        with contextlib.suppress(tf.errors.OpError):
            while not self._ended.is_set():
                if self._hears():
                    self._agree()
                    return

    def _hears(self) -> bool:
        if is_requested():
            self._devices.tell(self._topic, "stop")
            return True
        return self._devices.hear(self._topic) is not None

    def _agree(self) -> None:
        with self._lock:
            self._is_asked = True
            self._devices.tell(f"{self._topic}/{self._devices.cluster.own_number}", str(self._started))
        try:
            self._last = max(self._started_by(number) for number in range(len(self._devices.cluster.members)))
        except UserError as error:
            self._error = error
        finally:
            self._agreed.set()

    def _started_by(self, number: int) -> int:
        while not self._ended.is_set():
            message = self._devices.hear(f"{self._topic}/{number}")
            if message is not None:
                return int(message)
            self._devices.check_none_lost()
        return 0
