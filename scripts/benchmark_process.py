"""How benchmark.py and its workers speak: a line asks for a repetition, a line of JSON answers.

The workers of both sides import this, in environments of their own: it needs nothing that is not Python's.
"""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from bert_tf.errors import UserError  # noqa: E402

SECONDS_TO_STOP = 10


def serve(prepare: Callable[[dict], tuple[dict, Callable[[], dict]]]) -> None:
    """The worker's end: does the job of the command line, and measures once for each line that it reads.

    Args:
        prepare: makes of a job what to tell of it at once, and what measures.
    """
    # What libraries print must not stand between the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def answer(content: dict) -> None:
        print(json.dumps(content), file=answers, flush=True)

    try:
        facts, measure = prepare(json.loads(sys.argv[1]))
        answer(facts)
        for _ in sys.stdin:
            started = time.process_time()
            found = measure()
            answer({**found, "cpu_seconds": time.process_time() - started})
    except UserError as error:
        answer({"error": str(error)})


class Worker:
    """A process that measures; it computes only while `start` or `measure` waits for it.

    Args:
        label: what to call it in messages.
        command: its command line, without the job.
        job: what it is to do.
        log: the file for what it prints besides.

    Attributes:
        started: when, in seconds since 1970.
    """

    def __init__(self, label: str, command: Sequence[str], job: Mapping, log: Path):
        self._label = label
        self._log = log
        self.started = time.time()
        with log.open("wb") as stderr:
            self._process = subprocess.Popen(
                [*command, json.dumps(job)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, text=True
            )

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *error: object) -> None:
        """Ends it: at the end of its input, by force after an error or if it does not listen."""
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
        """Waits until it is prepared; what it tells of itself.

        Raises:
            UserError: it has ended.
        """
        line = self._process.stdout.readline()
        answer = json.loads(line) if line else {"error": f"{self._label}: {self._last_words()}"}
        if "error" in answer:
            raise UserError(answer["error"])
        return answer

    def measure(self) -> dict:
        """One repetition: what the worker measured and `others`, the share of the cores that it did not get.

        Raises:
            UserError: it has ended.
        """
        started, busy = time.perf_counter(), busy_seconds()
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write("go\n")
            self._process.stdin.flush()
        answer = self.start()
        others = busy_seconds() - busy - answer["cpu_seconds"]
        return answer | {"others": max(0.0, others / (time.perf_counter() - started) / usable_cores())}

    def _last_words(self) -> str:
        code = self._process.wait()
        lines = self._log.read_text(encoding="utf-8", errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), f"ended with exit code {code}")


def usable_cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def busy_seconds() -> float:
    """How long all cores together have computed since the machine started; 0 where only Linux would tell."""
    file = Path("/proc/stat")
    if not file.exists():
        return 0.0
    user, nice, system, _, _, irq, softirq, steal, *_ = map(int, file.read_text().split("\n")[0].split()[1:])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")
