import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator

import psutil
import pytest
from support.paths import SCRIPTS
from support.sweep_project import wait_for

# Starts a process in a session of its own, where no signal for the group reaches it, and prints its id.
FAMILY = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"], start_new_session=True)
print(child.pid, flush=True)
time.sleep(300)
"""
INTERRUPTED = """
import sys, time
try:
    print("ready", flush=True)
    time.sleep(300)
except KeyboardInterrupt:
    sys.exit(7)
"""

pytestmark = pytest.mark.slow


class Guarded:
    """A Python program behind a guard whose standard input is a pipe from this process."""

    def __init__(self, program: str):
        command = [sys.executable, str(SCRIPTS / "sweep" / "guard.py"), sys.executable, "-c", program]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self.guard = subprocess.Popen(command, start_new_session=True, text=True, **pipes)

    def line(self) -> str:
        return self.guard.stdout.readline().strip()


@pytest.fixture
def guarded() -> Iterator[Callable[[str], Guarded]]:
    started: list[Guarded] = []

    def start(program: str) -> Guarded:
        started.append(Guarded(program))
        return started[-1]

    yield start
    for each in started:
        each.guard.stdin.close()
        each.guard.wait()
        each.guard.stdout.close()


@pytest.mark.parametrize(
    ("program", "code"),
    [("", 0), ("raise SystemExit(3)", 3), ("import os; os.kill(os.getpid(), 9)", 128 + signal.SIGKILL)],
)
def test_the_exit_code_is_that_of_the_command(program, code, guarded):
    assert guarded(program).guard.wait() == code


def test_the_command_and_all_that_it_started_are_killed_when_the_pipe_is_closed(guarded):
    family = guarded(FAMILY)
    child = psutil.Process(int(family.line()))
    (parent,) = psutil.Process(family.guard.pid).children()
    family.guard.stdin.close()
    assert family.guard.wait() == 128 + signal.SIGKILL
    assert not parent.is_running()
    wait_for(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)


def test_the_command_is_killed_when_its_guard_is_terminated(guarded):
    family = guarded(FAMILY)
    family.line()
    (parent,) = psutil.Process(family.guard.pid).children()
    family.guard.terminate()
    assert family.guard.wait() == 128 + signal.SIGTERM
    wait_for(lambda: not parent.is_running() or parent.status() == psutil.STATUS_ZOMBIE)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a process with its parent")
def test_the_command_ends_with_a_guard_that_is_killed(guarded):
    family = guarded(FAMILY)
    child = psutil.Process(int(family.line()))
    (parent,) = psutil.Process(family.guard.pid).children()
    family.guard.kill()
    wait_for(lambda: not parent.is_running() or parent.status() == psutil.STATUS_ZOMBIE)
    child.kill()


def test_an_interrupt_is_for_the_command_and_not_for_its_guard(guarded):
    interrupted = guarded(INTERRUPTED)
    assert interrupted.line() == "ready"
    os.killpg(interrupted.guard.pid, signal.SIGINT)
    assert interrupted.guard.wait() == 7
