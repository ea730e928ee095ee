"""Runs a command, and kills it with everything that it started when the process that started the guard ends.

    guard.py COMMAND...

The sweep holds the other end of the guard's standard input. The system closes it when the sweep ends, even by
kill -9, on Linux and on macOS. The guard then kills the command: all files are written whole or not at all, so the
next sweep can continue at once. The exit code is the command's, or 128 + N after signal N, as in a shell. If the guard
itself is killed, Linux kills the command.
"""

import contextlib
import ctypes
import select
import signal
import subprocess
import sys
from collections.abc import Sequence

import psutil

SECONDS_BETWEEN_LOOKS = 0.1
_PR_SET_PDEATHSIG = 1  # from Linux's sys/prctl.h


def main(command: Sequence[str]) -> int:
    """Runs the command and returns its exit code."""
    # Processes of Ray block SIGINT, and what they start inherits that.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    # Ctrl-C reaches the command by itself. It would inherit an ignored signal, but not this empty handler.
    signal.signal(signal.SIGINT, lambda number, frame: None)
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    end_with_guard = _end_with_parent if sys.platform == "linux" else None
    process = psutil.Popen(command, stdin=subprocess.DEVNULL, preexec_fn=end_with_guard)
    try:
        while process.poll() is None and not is_closed(sys.stdin.fileno()):
            pass
    finally:
        kill_tree(process)
    code = process.wait()
    return code if code >= 0 else 128 - code


def _end_with_parent() -> None:
    """Lets Linux kill this process when its parent ends: Ray kills the guard of a run together with its own process."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def is_closed(pipe: int) -> bool:
    """Returns True as soon as the other end of a pipe is closed, and False after a while."""
    readable, _, _ = select.select([pipe], [], [], SECONDS_BETWEEN_LOOKS)
    return bool(readable)  # nobody writes to it, so there is nothing to read but its end


def kill_tree(process: psutil.Process) -> None:
    """Kills a process and everything that it started."""
    with contextlib.suppress(psutil.NoSuchProcess):
        for member in [process, *process.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
