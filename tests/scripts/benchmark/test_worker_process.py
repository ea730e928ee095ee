import os
import shutil
import sys
import time
from pathlib import Path

import pytest
from support.paths import SCRIPTS

from bert_tf.errors import UserError
from machine import usable_cores
from worker_process import WorkerProcess


def worker_of(program: str, folder: Path) -> WorkerProcess:
    """A worker whose program serves a `prepare`, with nothing but serving.py next to it."""
    shutil.copy(SCRIPTS / "benchmark" / "serving.py", folder)
    script = folder / "program.py"
    script.write_text(f"import sys\nfrom serving import serve\n{program}")
    return WorkerProcess("fake", [sys.executable, str(script)], {"step": 2}, folder / "fake.log")


def test_a_worker_answers_once_for_each_repetition_and_ends_with_its_input(tmp_path):
    program = """
def prepare(job):
    print("noise")
    numbers = iter(range(0, 100, job["step"]))
    return {"examples": 7}, lambda: {"number": next(numbers)}
serve(prepare)
open(PATH, "w").close()
""".replace("PATH", repr(str(tmp_path / "ended")))
    with worker_of(program, tmp_path) as worker:
        assert worker.start() == {"examples": 7}
        answers = [worker.measure() for _ in range(3)]
    assert [answer["number"] for answer in answers] == [0, 2, 4]
    assert all(answer["others"] >= 0 for answer in answers)
    assert (tmp_path / "ended").exists()
    assert "noise" in (tmp_path / "fake.log").read_text()


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("raise RuntimeError('out of luck')", "fake: RuntimeError: out of luck"),
        ("sys.exit(3)", "fake: ended with exit code 3"),
        ("def prepare(job):\n    raise OSError('data: is missing')\nserve(prepare, (OSError,))", "data: is missing"),
    ],
)
def test_a_worker_that_fails_is_reported_in_one_line(tmp_path, program, message):
    with pytest.raises(UserError) as error, worker_of(program, tmp_path) as worker:
        worker.start()
    assert str(error.value) == message


def test_a_worker_that_computes_is_ended_when_the_benchmark_is_interrupted(tmp_path):
    program = "import os, time\nserve(lambda job: ({'pid': os.getpid()}, lambda: time.sleep(60)))"
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt), worker_of(program, tmp_path) as worker:
        pid = worker.start()["pid"]
        worker.ask()
        raise KeyboardInterrupt
    assert time.monotonic() - started < 9
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.skipif(usable_cores() < os.cpu_count(), reason="others compute on the cores that this process may not use")
def test_what_the_worker_computes_itself_does_not_count_as_taken_by_others(tmp_path):
    program = """
import hashlib, os, threading, time
def compute():
    end = time.monotonic() + 0.5
    while time.monotonic() < end:
        hashlib.sha256(bytes(2**20)).digest()  # leaves the interpreter to other threads
def measure():
    started, own = time.perf_counter(), time.process_time()
    threads = [threading.Thread(target=compute) for _ in range(os.cpu_count())]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    return {"own": (time.process_time() - own) / (time.perf_counter() - started) / os.cpu_count()}
serve(lambda job: ({}, measure))
"""
    with worker_of(program, tmp_path) as worker:
        worker.start()
        answer = worker.measure()
    assert answer["own"] > 0.1 and answer["own"] + answer["others"] < 1.1
