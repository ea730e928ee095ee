"""SIGTERM in a program and in a library."""

import os
import signal
import threading
from collections.abc import Iterator

import pytest

from bert_tf.termination import Terminated, deferred, handled, is_requested


@pytest.fixture(autouse=True)
def default_handler() -> Iterator[None]:
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGTERM, before)


def terminate() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def test_sigterm_ends_the_block_and_no_handler_stays():
    with pytest.raises(Terminated), handled():
        terminate()
        raise AssertionError("continues after SIGTERM")
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL and not is_requested()


def test_handlers_of_errors_do_not_stop_it():
    with pytest.raises(Terminated), handled():
        try:
            terminate()
        except Exception:
            pytest.fail("was taken for an error")


def test_deferred_work_is_finished_first():
    done = []
    with pytest.raises(Terminated), handled(), deferred():
        terminate()
        terminate()
        done.append(is_requested())
    assert done == [True]


def test_an_error_in_deferred_work_is_the_one_that_is_reported():
    with pytest.raises(ValueError, match="broken"), handled(), deferred():
        terminate()
        raise ValueError("broken")


def test_a_second_one_does_not_disturb_the_cleaning_up():
    cleaned = []
    with pytest.raises(Terminated), handled():
        try:
            terminate()
        finally:
            terminate()
            cleaned.append(True)
    assert cleaned


def test_deferred_work_in_a_library_changes_no_handler():
    with deferred():
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
        assert not is_requested()


@pytest.mark.parametrize("theirs", [signal.SIG_IGN, lambda number, frame: None])
def test_a_handler_of_the_caller_stays(theirs):
    signal.signal(signal.SIGTERM, theirs)
    with handled():
        assert signal.getsignal(signal.SIGTERM) is theirs


def test_a_thread_gets_no_handler():
    seen = []

    def look() -> None:
        with handled():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [signal.SIG_DFL]
