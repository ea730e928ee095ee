import os
import subprocess
import sys
import time

from machine import busy_seconds, describe_machine, process_seconds, usable_cores


def test_a_machine_has_a_cpu_with_cores_and_memory():
    facts = describe_machine()
    assert isinstance(facts["cpu"], str)
    assert 1 <= facts["cores"] == usable_cores() <= os.cpu_count()
    assert facts["memory_gib"] >= 1


def test_computing_is_counted_for_the_process_and_for_the_machine():
    busy, own = busy_seconds(), process_seconds(os.getpid())
    end = time.process_time() + 0.5
    while time.process_time() < end:
        pass
    assert process_seconds(os.getpid()) - own > 0.4
    assert busy_seconds() - busy > 0.4


def test_a_process_that_has_ended_computes_nothing():
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert process_seconds(ended.pid) == 0.0
