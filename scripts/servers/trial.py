#!/usr/bin/env python
r"""Tries a serving engine with an exported model: asks it from several clients and checks every answer.

    python -m venv /tmp/engine && /tmp/engine/bin/pip install tensorflow tensorflow-text litserve
    python scripts/servers/trial.py litserve output/MRPC/all-MiniLM-L6-v2/export/1 --python=/tmp/engine/bin/python

The engines are `fastapi` (with uvicorn), `litserve` and `mlserver`, each in an environment of its own. It needs nothing
of this project. For each number in --clients the server is started and gets --requests requests, all on this machine;
one of eight is hostile: a text that is empty, very long or full of control characters must be answered like any other,
and what is no request must be refused with a code of 400 to 499. Answers are compared with those that the SavedModel
gives to each text alone, to 2e-5: in batches of other sizes float32 rounds otherwise. The exit code is 1 if an answer
was wrong or lost.
"""

import contextlib
import csv
import dataclasses
import http.client
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from absl import flags

from bert_tf.data.folders import sample_dir
from bert_tf.errors import UserError, printable
from bert_tf.flags import run_program

FLAGS = flags.FLAGS
RIGHT, REFUSED, WRONG, LOST = "right", "refused", "wrong", "lost"
_WARM_UP, _HOSTILE_SHARE = 50, 8
_START_SECONDS, _ANSWER_SECONDS, _END_SECONDS = 180, 60, 20
_TOLERANCE = 2e-5
_HERE = Path(__file__).parent
# What our programs set for themselves; a server does not need this project.
_OUR_VARIABLES = ("PYTHONPATH", "TF_USE_LEGACY_KERAS", "KERAS_HOME")

# Texts that are unusual, and must be answered.
ODD_TEXTS = (
    "",
    " \t\r\n ",
    "It rains . " * 9_000,
    "x" * 100_000,
    "It\0rains",
    "\u202e\u05e9\u05dc\u05d5\u05dd\u202c \U0001f327 \U0010ffff",
    "[CLS] It rains . [SEP]",
    "\u0130STANBUL \u03a3\u03a3 e\u0301\u0327 \u6f22\u5b57",
)
# Inputs that are no texts, and must be refused.
WRONG_INPUTS = (
    {},
    {"text": None, "text_pair": "It rains ."},
    {"text": 3, "text_pair": "It rains ."},
    {"text": {"a": "It rains ."}, "text_pair": "It rains ."},
    {"text": ["It", ["rains"]], "text_pair": "It rains ."},
    {"text": "It \ud800 rains", "text_pair": "It rains ."},
    {"text": float("nan"), "text_pair": "It rains ."},
)
# Bodies that are no JSON at all, and must be refused.
WRONG_BODIES = (b"", b"{", b'{"text": "\xff\xfe It rains ."}', b"[]", b"\x00" * 1000, b'{"text": ' * 1000)


class Protocol(NamedTuple):
    """The form of an engine's requests and answers.

    Attributes:
        ready: the path that answers with 200 when the model is loaded.
        path: the path of requests.
        encode: makes the body of a request of inputs by name.
        decode: returns the outputs by name, given the content of an answer.
    """

    ready: str
    path: str
    encode: Callable[[Mapping[str, object]], object]
    decode: Callable[[dict], dict[str, list]]


def _as_tensors(inputs: Mapping[str, object]) -> dict:
    tensors = [{"name": name, "datatype": "BYTES", "shape": [1], "data": [value]} for name, value in inputs.items()]
    return {"inputs": tensors}


PLAIN = Protocol("/docs", "/predict", dict, lambda answer: {name: np.ravel(x).tolist() for name, x in answer.items()})
ENGINES = {
    "fastapi": PLAIN,
    "litserve": PLAIN._replace(ready="/health"),
    "mlserver": Protocol(
        "/v2/models/bert/ready",
        "/v2/models/bert/infer",
        _as_tensors,
        lambda answer: {each["name"]: each["data"] for each in answer["outputs"]},
    ),
}


class Question(NamedTuple):
    """A request and what must follow.

    Attributes:
        body: of the request.
        answer: the outputs by name; None if the request must be refused.
    """

    body: bytes
    answer: dict[str, list] | None


@dataclasses.dataclass
class Record:
    """The outcome of one trial.

    Attributes:
        outcomes: how many were right, refused, wrong and lost.
        seconds: of each request.
        memory: the server's megabytes at the begin, at the middle and at the end.
        runtime: in seconds.
        failures: the first lines about answers that were wrong or lost.
    """

    outcomes: Counter = dataclasses.field(default_factory=Counter)
    seconds: list[float] = dataclasses.field(default_factory=list)
    memory: list[float] = dataclasses.field(default_factory=list)
    runtime: float = 0.0
    failures: list[str] = dataclasses.field(default_factory=list)

    def add(self, outcome: str, seconds: float, detail: str) -> None:
        """Adds a request."""
        self.outcomes[outcome] += 1
        self.seconds.append(seconds)
        if outcome in (WRONG, LOST):
            self.failures.append(f"{outcome}: {detail}"[:300])


def make_questions(
    ask: Callable[[Sequence[str], Sequence[str]], list[dict]], encode: Callable, texts: Sequence[tuple[str, str]]
) -> tuple[list[Question], list[Question]]:
    """Makes normal and hostile questions.

    Args:
        ask: answers texts and second texts.
        encode: see `Protocol`.
        texts: the normal pairs.

    Returns:
        Normal questions; hostile ones.
    """
    odd = [(text, "It rains .") for text in ODD_TEXTS] + [("It rains .", text) for text in ODD_TEXTS]
    pairs = [*texts, *odd]
    answers = ask(*zip(*pairs, strict=True))
    bodies = [_json(encode({"text": text, "text_pair": other})) for text, other in pairs]
    answered = list(itertools.starmap(Question, zip(bodies, answers, strict=True)))
    wrong = [*(_json(encode(inputs)) for inputs in WRONG_INPUTS), *WRONG_BODIES]
    return answered[: len(texts)], [*answered[len(texts) :], *(Question(body, None) for body in wrong)]


def _json(content: object) -> bytes:
    return json.dumps(content).encode()


def mixed(normal: Sequence[Question], hostile: Sequence[Question], count: int) -> list[Question]:
    """Returns questions in a random order that is always the same; one of eight is hostile."""
    sources = itertools.cycle(normal), itertools.cycle(hostile)
    questions = [next(sources[number % _HOSTILE_SHARE == 0]) for number in range(count)]
    return [questions[index] for index in np.random.default_rng(0).permutation(count)]


def agrees(found: Mapping[str, list], expected: Mapping[str, list]) -> bool:
    """Returns True if outputs are equal, numbers up to rounding.

    Example:
        >>> agrees({"label": ["1"], "value": [0.25]}, {"label": ["1"], "value": [0.2500001]})
        True
    """
    if found.keys() != expected.keys():
        return False
    for name, values in expected.items():
        is_text = isinstance(values[0], str)
        same = found[name] == values if is_text else np.allclose(found[name], values, rtol=0, atol=_TOLERANCE)
        if not same:
            return False
    return True


class Client:
    """Asks a server on this machine over one connection, which is opened again when the server closes it."""

    def __init__(self, port: int, protocol: Protocol):
        self._port, self._protocol = port, protocol
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_ANSWER_SECONDS)

    def ask(self, question: Question) -> tuple[str, str]:
        """Returns the outcome and the server's answer in a few words."""
        headers = {"Content-Type": "application/json"}
        try:
            self._connection.request("POST", self._protocol.path, question.body, headers)
            response = self._connection.getresponse()
            code, content = response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            return LOST, f"{type(error).__name__}: {error} after {question.body[:80]!r}"
        return self._outcome(code, content, question), f"{code} {content[:100]!r} after {question.body[:80]!r}"

    def _outcome(self, code: int, content: bytes, question: Question) -> str:
        if question.answer is None:
            return REFUSED if 400 <= code < 500 else WRONG if code == 200 else LOST
        if code != 200:
            return LOST
        try:
            return RIGHT if agrees(self._protocol.decode(json.loads(content)), question.answer) else WRONG
        except (ValueError, KeyError, TypeError, AttributeError):
            return WRONG


def ask_all(port: int, protocol: Protocol, questions: Sequence[Question], clients: int, record: Record) -> None:
    """Asks all questions once from several clients at a time."""
    remaining, lock = iter(questions), threading.Lock()

    def work() -> None:
        client = Client(port, protocol)
        while True:
            with lock:
                question = next(remaining, None)
            if question is None:
                return
            started = time.perf_counter()
            outcome, detail = client.ask(question)
            with lock:
                record.add(outcome, time.perf_counter() - started, detail)

    threads = [threading.Thread(target=work) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@dataclasses.dataclass(frozen=True)
class Server:
    """A running server."""

    port: int
    process: subprocess.Popen

    def memory(self) -> float:
        """Returns the resident memory of all its processes in megabytes."""
        listed = subprocess.run(["ps", "-eo", "pgid=,rss="], capture_output=True, text=True, check=True).stdout
        sizes = (line.split() for line in listed.splitlines())
        return sum(int(size) for group, size in sizes if int(group) == self.process.pid) / 1024


@contextlib.contextmanager
def serving(python: str, engine: str, folder: Path) -> Iterator[Server]:
    """Starts a server in a process group of its own, waits until it is ready, and ends it after the block.

    Raises:
        UserError: it does not start.
    """
    port = _free_port()
    command = [python, str(_HERE / f"{engine}_app.py"), str(folder.absolute()), str(port)]
    environment = {name: value for name, value in os.environ.items() if name not in _OUR_VARIABLES}
    with tempfile.TemporaryDirectory(prefix="server.") as own, Path(own, "log").open("wb") as log:
        try:
            process = subprocess.Popen(
                command, cwd=own, env=environment, stdout=log, stderr=log, start_new_session=True
            )
        except OSError as error:
            raise UserError(
                f"python: {printable(python)}: cannot be started ({error.strerror}); check the path"
            ) from error
        try:
            _wait_until_ready(port, ENGINES[engine].ready, process, Path(own, "log"))
            yield Server(port, process)
        finally:
            _end(process)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def _wait_until_ready(port: int, path: str, process: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        with contextlib.suppress(OSError, http.client.HTTPException), contextlib.closing(connection):
            connection.request("GET", path)
            if connection.getresponse().status == 200:
                return
        time.sleep(0.2)
    lines = log.read_text(errors="replace").strip().splitlines() or ["it printed nothing"]
    raise UserError(f"the server did not start: {printable(lines[-1])}; check --python and the folder")


def _end(process: subprocess.Popen) -> None:
    """Ends all processes of the group, which this program started."""
    for signum in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signum)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_END_SECONDS)


def try_engine(
    engine: str, python: str, folder: Path, questions: tuple[list, list], clients: int, count: int
) -> Record:
    """Starts a server, asks all questions, and ends it."""
    protocol, record = ENGINES[engine], Record()
    with serving(python, engine, folder) as server:
        ask_all(server.port, protocol, mixed(*questions, _WARM_UP), clients, Record())
        asked = mixed(*questions, count)
        record.memory.append(server.memory())
        for half in (asked[: count // 2], asked[count // 2 :]):
            started = time.perf_counter()
            ask_all(server.port, protocol, half, clients, record)
            record.runtime += time.perf_counter() - started
            record.memory.append(server.memory())
    return record


def line_of(engine: str, clients: int, record: Record) -> str:
    """Returns the line of a trial."""
    p50, p95 = np.percentile(np.multiply(record.seconds, 1e3), (50, 95))
    outcomes = ", ".join(f"{record.outcomes[name]} {name}" for name in (RIGHT, REFUSED, WRONG, LOST))
    memory = ", ".join(f"{each:.0f}" for each in record.memory)
    speed = f"p50 {p50:.1f} ms, p95 {p95:.1f} ms, {len(record.seconds) / record.runtime:.0f} requests/s"
    return f"{engine}, {clients} clients: {outcomes}; {speed}; memory {memory} MB"


def saved_model(folder: Path) -> Callable[[Sequence[str], Sequence[str]], list[dict]]:
    """Returns a function that answers texts with a SavedModel, each alone.

    Raises:
        UserError: it cannot be loaded.
    """
    import tensorflow as tf
    import tensorflow_text  # noqa: F401 - registers the operations of the tokenizer

    try:
        model = tf.saved_model.load(str(folder))
        signature = model.signatures["serving_default"]
    except (OSError, KeyError, ValueError) as error:
        raise UserError(
            f"{printable(folder)}: is no exported model ({printable(error)}); see scripts/export.py"
        ) from error
    names = signature.structured_input_signature[1]

    def answer(text: str, text_pair: str) -> dict[str, list]:
        inputs = {"text": tf.constant([text]), "text_pair": tf.constant([text_pair])}
        outputs = signature(**{name: inputs[name] for name in names})
        return {name: [_plain(each) for each in np.ravel(output.numpy())] for name, output in outputs.items()}

    # The object must live as long as its functions.
    answer.model = model
    return lambda texts, others: [answer(*pair) for pair in zip(texts, others, strict=True)]


def _plain(value: object) -> object:
    return value.decode() if isinstance(value, bytes) else float(value)


def _sample_pairs() -> list[tuple[str, str]]:
    with (Path(sample_dir("MRPC")) / "dev.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file, delimiter="\t"))
    return [(text, other) for text, other, _ in rows]


def main(arguments: list[str]) -> None:
    """Tries the engine that `arguments` name first with the SavedModel that they name second."""
    if len(arguments) != 2 or arguments[0] not in ENGINES:
        raise UserError(f"give the name of an engine ({', '.join(ENGINES)}) and the folder of an exported SavedModel")
    engine, folder = arguments[0], Path(arguments[1])
    if not (folder / "saved_model.pb").is_file():
        raise UserError(f"{printable(folder)}: is no exported SavedModel; give a folder such as OUTPUT_DIR/export/1")
    questions = make_questions(saved_model(folder), ENGINES[engine].encode, _sample_pairs())
    failed = 0
    for clients in map(int, FLAGS.clients):
        record = try_engine(engine, FLAGS.python, folder, questions, clients, FLAGS.requests)
        print(line_of(engine, clients, record), flush=True)
        print("".join(f"{printable(each)}\n" for each in record.failures[:5]), end="", file=sys.stderr)
        failed += len(record.failures)
    if failed:
        raise UserError(f"{failed} answers were wrong or lost")


if __name__ == "__main__":
    flags.DEFINE_string("python", sys.executable, "The Python of the environment that has the engine.")
    flags.DEFINE_integer("requests", 500, "The number of requests for each number of clients.", lower_bound=1)
    flags.DEFINE_list("clients", ["1", "8"], "Numbers of clients that ask at the same time.")
    run_program(main, takes_arguments=True)
