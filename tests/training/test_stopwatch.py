"""The time of training, without that of evaluations."""

import time

from bert_tf.training.stopwatch import Stopwatch


def test_time_in_a_pause_does_not_count_and_earlier_time_does():
    stopwatch = Stopwatch(seconds=100.0)
    with stopwatch.paused():
        time.sleep(0.2)
    assert 100.0 <= stopwatch.seconds < 100.2
    time.sleep(0.01)
    assert stopwatch.seconds >= 100.01
