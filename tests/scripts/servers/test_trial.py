"""The trial of a serving engine finds answers that are wrong and answers that are lost."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import trial
from bert_tf.errors import UserError

TEXTS = [(f"text {number}", f"other {number}") for number in range(20)]


def answer(text: object, text_pair: object) -> dict:
    return {"label": str(len(text) % 2), "probabilities": [len(text) / 200_000, len(text_pair) / 200_000]}


def ask(texts, others) -> list[dict]:
    return [
        {name: value if isinstance(value, list) else [value] for name, value in answer(*pair).items()}
        for pair in zip(texts, others, strict=True)
    ]


def right(body: bytes) -> tuple[int, bytes]:
    """A server as it should be."""
    try:
        inputs = json.loads(body)
        texts = [inputs[name].encode() and inputs[name] for name in ("text", "text_pair")]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return 422, b"{}"
    return 200, json.dumps(answer(*texts)).encode()


def all_the_same(body: bytes) -> tuple[int, bytes]:
    code, content = right(body)
    return code, b'{"label": "0", "probabilities": [0.5, 0.5]}' if code == 200 else content


def no_json(body: bytes) -> tuple[int, bytes]:
    return right(body)[0], b"<html>"


def accepting(body: bytes) -> tuple[int, bytes]:
    """Answers what is no request."""
    code, content = right(body)
    return 200, content if code == 200 else json.dumps(answer("", "")).encode()


def failing(body: bytes) -> tuple[int, bytes]:
    code, content = right(body)
    return (500, b"Internal Server Error") if code != 200 else (code, content)


def busy(body: bytes) -> tuple[int, bytes]:
    code, content = right(body)
    return (503, b"") if code == 200 else (code, content)


def silent(body: bytes) -> None:
    """Closes the connection."""


@pytest.fixture
def serve() -> Iterator[Callable[..., int]]:
    servers = []

    def serve(behavior: Callable) -> int:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # An answer in two packets would wait for an acknowledgment between them.

            def do_POST(self) -> None:
                answered = behavior(self.rfile.read(int(self.headers["Content-Length"])))
                if answered is None:
                    self.close_connection = True
                    return
                self.send_response(answered[0])
                self.send_header("Content-Length", str(len(answered[1])))
                self.end_headers()
                self.wfile.write(answered[1])

            def log_message(self, *_: object) -> None:
                pass

        servers.append(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return servers[-1].server_port

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def tried(port: int, count: int = 400, clients: int = 4) -> trial.Record:
    record = trial.Record()
    questions = trial.mixed(*trial.make_questions(ask, trial.PLAIN.encode, TEXTS), count)
    trial.ask_all(port, trial.PLAIN, questions, clients, record)
    return record


@pytest.mark.parametrize("clients", [1, 4])
def test_a_server_that_answers_right_and_refuses_what_is_no_request_passes(serve, clients):
    record = tried(serve(right), clients=clients)
    assert set(record.outcomes) == {"right", "refused"} and sum(record.outcomes.values()) == 400
    assert record.outcomes["refused"] > 5 and len(record.seconds) == 400 and not record.failures


@pytest.mark.parametrize(
    ("behavior", "outcome"),
    [
        (all_the_same, "wrong"),
        (no_json, "wrong"),
        (accepting, "wrong"),
        (failing, "lost"),
        (busy, "lost"),
        (silent, "lost"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_each_failure_of_a_server_is_found(serve, behavior, outcome):
    record = tried(serve(behavior))
    assert record.outcomes[outcome] > 5 and sum(record.outcomes.values()) == 400
    assert all(line.startswith(outcome) for line in record.failures)


def test_one_of_eight_requests_is_hostile_and_the_order_is_always_the_same():
    normal, hostile = trial.make_questions(ask, trial.PLAIN.encode, TEXTS)
    assert len(hostile) == 2 * len(trial.ODD_TEXTS) + len(trial.WRONG_INPUTS) + len(trial.WRONG_BODIES)
    found = trial.mixed(normal, hostile, 400)
    assert sum(question in hostile for question in found) == 50
    assert found == trial.mixed(normal, hostile, 400) != found[::-1]


def test_the_v2_protocol_names_each_tensor():
    protocol = trial.ENGINES["mlserver"]
    assert protocol.encode({"text": "a"}) == {
        "inputs": [{"name": "text", "datatype": "BYTES", "shape": [1], "data": ["a"]}]
    }
    assert protocol.decode({"outputs": [{"name": "label", "data": ["1"]}]}) == {"label": ["1"]}


def test_a_line_says_what_was_measured():
    record = trial.Record(runtime=2.0, memory=[800.0, 810.4, 811.0])
    for milliseconds in (10, 20, 30, 40):
        record.add("right", milliseconds / 1000, "")
    assert trial.line_of("litserve", 8, record) == (
        "litserve, 8 clients: 4 right, 0 refused, 0 wrong, 0 lost; p50 25.0 ms, p95 38.5 ms, 2 requests/s; "
        "memory 800, 810, 811 MB"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give the name of an engine (fastapi, litserve, mlserver) and the folder"),
        (["torchserve", "x"], "give the name of an engine"),
        (["litserve", "no/such/folder"], "no/such/folder: is no exported SavedModel"),
    ],
)
def test_mistakes_are_one_line(arguments, message):
    with pytest.raises(UserError) as error:
        trial.main(arguments)
    assert message in str(error.value) and "\n" not in str(error.value)


def test_a_server_that_does_not_start_is_one_line_with_its_last_words(tmp_path):
    with pytest.raises(UserError, match=r"^the server did not start: it printed nothing; check --python"):
        start("/bin/false", tmp_path)
    with pytest.raises(UserError, match=r"^python: no/such/python: cannot be started"):
        start("no/such/python", tmp_path)


def start(python: str, folder: Path) -> None:
    with trial.serving(python, "fastapi", folder):
        pass
