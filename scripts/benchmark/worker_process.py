"""The benchmark's end of the conversation with a worker, see serving.py for the other end."""

import contextlib
import json
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from bert_tf.errors import UserError
from bert_tf.files import last_lines
from machine import busy_seconds, process_seconds, usable_cores

SECONDS_TO_STOP = 10


class WorkerProcess:
    """A process that measures; it computes only while `start` or `measure` waits for it.

    It ends at the latest after its current measurement when this process ends, because its standard input is closed.

    Args:
        label: its name in messages.
        command: its command line, without the job.
        job: what it is to do.
        log: the file for everything else that it prints.

    Attributes:
        started: when it was started, in seconds since 1970.
    """

    def __init__(self, label: str, command: Sequence[str], job: Mapping, log: Path):
        self._label = label
        self._log = log
        self.started = time.time()
        with log.open("wb") as stderr:
            self._process = subprocess.Popen(
                [*command, json.dumps(job)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, text=True
            )

    def __enter__(self) -> "WorkerProcess":
        return self

    def __exit__(self, *error: object) -> None:
        """Ends the process: by closing its input, or by force after an error or if it does not react."""
        if error[0] is not None:
            self._process.kill()
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def start(self) -> dict:
        """Waits until the job is prepared, and returns its facts.

        Raises:
            UserError: the process has ended.
        """
        return self._read_answer()

    def measure(self) -> dict:
        """Measures once.

        Returns:
            The worker's answer, and `others`: the share of the cores that other processes took.

        Raises:
            UserError: the process has ended.
        """
        started, busy, own = time.perf_counter(), busy_seconds(), process_seconds(self._process.pid)
        self.ask()
        answer = self._read_answer()
        others = (busy_seconds() - busy) - (process_seconds(self._process.pid) - own)
        return answer | {"others": max(0.0, others / (time.perf_counter() - started) / usable_cores())}

    def ask(self) -> None:
        """Asks for a measurement without waiting for it."""
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write("go\n")
            self._process.stdin.flush()

    def _read_answer(self) -> dict:
        line = self._process.stdout.readline()
        answer = json.loads(line) if line else {"error": f"{self._label}: {self._last_words()}"}
        if "error" in answer:
            raise UserError(answer["error"])
        return answer

    def _last_words(self) -> str:
        code = self._process.wait()
        lines = last_lines(self._log, 1)
        return lines[0].strip() if lines else f"ended with exit code {code}"
