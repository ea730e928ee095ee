"""Downloads from servers on this machine that break off, drip, change their file and lie."""

import email.utils
import http.server
import io
import json
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.checkpoint_files import content_of

from bert_tf.checkpoints.transfer import MAX_BYTES, Patience, download
from bert_tf.errors import UserError

CONTENT = bytes(range(256)) * 16
HALF = len(CONTENT) // 2
AT_ONCE = Patience(seconds=5, min_bytes=1000, pauses=(0, 0))


class Server(http.server.ThreadingHTTPServer):
    """Answers the first requests as `answers` say, and all others with the file or the part that is asked for."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: list[Callable[[Handler], None]] = []
        self.ranges: list[str | None] = []
        self.versions: list[str | None] = []
        self.content = CONTENT
        self.etag: str | None = '"1"'
        self.date: str | None = None

    def handle_error(self, request: object, client_address: object) -> None:
        """Says nothing about clients that gave up."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/model.zip"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self):
        self.server.ranges.append(self.headers["Range"])
        self.server.versions.append(self.headers["If-Range"])
        if self.server.answers:
            self.server.answers.pop(0)(self)
        else:
            answer_well(self)

    def start(self, status: int, size: int | None, **headers: str) -> None:
        """Sends the headers."""
        self.send_response(status)
        versions = {"ETag": self.server.etag, "Last-Modified": self.server.date, "Content-Length": size}
        for name, value in (versions | headers).items():
            if value is not None:
                self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        self.wfile.flush()

    def log_message(self, *args):
        del args


def answer_well(handler: Handler) -> None:
    content, asked = handler.server.content, re.match(r"bytes=(\d+)-$", handler.headers["Range"] or "")
    is_same = handler.headers["If-Range"] in (None, handler.server.etag, handler.server.date)
    if asked and is_same and int(asked[1]) >= len(content):
        handler.start(416, 0, Content_Range=f"bytes */{len(content)}")
    elif asked and is_same:
        place = f"bytes {asked[1]}-{len(content) - 1}/{len(content)}"
        handler.start(206, len(content) - int(asked[1]), Content_Range=place)
        handler.wfile.write(content[int(asked[1]) :])
    else:
        answer_whole(handler)


def answer_whole(handler: Handler) -> None:
    handler.start(200, len(handler.server.content))
    handler.wfile.write(handler.server.content)


def break_off(handler: Handler) -> None:
    handler.start(200, len(CONTENT))
    handler.wfile.write(CONTENT[:HALF])


def answer_part(place: str, content: bytes, **headers: str) -> Callable[[Handler], None]:
    def answer(handler: Handler) -> None:
        handler.start(206, len(content), Content_Range=place, **headers)
        handler.wfile.write(content)

    return answer


def refuse(status: int, reason: str = "Busy", **headers: str) -> Callable[[Handler], None]:
    def answer(handler: Handler) -> None:
        handler.send_response(status, reason)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()

    return answer


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


def fetch(server: Server, folder: Path, patience: Patience = AT_ONCE) -> bytes:
    return download(server.url, folder, "model", patience).read_bytes()


def break_down(server: Server, folder: Path) -> None:
    """Leaves half of the file in the folder."""
    server.answers = [break_off]
    with pytest.raises(UserError, match=f"the connection ended after {HALF} of {len(CONTENT)} bytes"):
        fetch(server, folder, Patience(pauses=()))


def test_a_connection_that_breaks_off_is_resumed_at_once(server, tmp_path, caplog):
    server.answers = [break_off]
    assert fetch(server, tmp_path) == CONTENT
    assert server.ranges == [None, f"bytes={HALF}-"]
    assert f"{server.url}: the connection ended after 2048 of 4096 bytes; trying again in 0 s" in caplog.text
    assert content_of(tmp_path) == ["archive.zip"]


def test_a_later_download_asks_for_the_rest_of_the_same_version(server, tmp_path):
    break_down(server, tmp_path)
    assert fetch(server, tmp_path) == CONTENT
    assert server.ranges == [None, f"bytes={HALF}-"]
    assert server.versions == [None, '"1"']


def test_the_progress_starts_at_the_resumed_place(server, tmp_path, capfd):
    def answer_slowly(handler: Handler) -> None:
        time.sleep(0.6)
        answer_well(handler)

    break_down(server, tmp_path)
    capfd.readouterr()
    server.answers = [answer_slowly]
    fetch(server, tmp_path)
    assert re.findall(r"(\d+)%", capfd.readouterr().err)[0] == "50"


@pytest.mark.parametrize("etag", ['W/"1"', None])
def test_the_date_of_the_file_is_compared_if_there_is_no_strong_etag(server, tmp_path, etag):
    server.etag, server.date = etag, "Wed, 01 Jan 2025 00:00:00 GMT"
    break_down(server, tmp_path)
    assert fetch(server, tmp_path) == CONTENT
    assert server.ranges == [None, f"bytes={HALF}-"]


def test_a_file_that_changed_is_downloaded_from_its_beginning(server, tmp_path):
    break_down(server, tmp_path)
    server.content, server.etag = bytes(reversed(CONTENT)), '"2"'
    assert fetch(server, tmp_path) == server.content


def test_a_server_that_ignores_ranges_sends_the_whole_file_again(server, tmp_path):
    break_down(server, tmp_path)
    server.answers = [answer_whole]
    assert fetch(server, tmp_path) == CONTENT


@pytest.mark.parametrize("etag", ['W/"1"', "1", '"a"b"', None])
def test_without_a_version_to_compare_nothing_is_resumed(server, tmp_path, etag):
    server.etag = etag
    break_down(server, tmp_path)
    assert content_of(tmp_path) == ["archive.zip"]
    assert fetch(server, tmp_path) == CONTENT
    assert server.ranges == [None, None]


def answer_too_much(handler: Handler) -> None:
    place = f"bytes {HALF}-{len(CONTENT) - 1}/{len(CONTENT)}"
    handler.start(206, None, Content_Range=place)
    handler.wfile.write(CONTENT[HALF:] + b"more")


def test_a_part_that_is_longer_than_announced_is_not_used(server, tmp_path):
    break_down(server, tmp_path)
    server.answers = [answer_too_much]
    assert fetch(server, tmp_path) == CONTENT
    assert server.ranges == [None, f"bytes={HALF}-", None]


WRONG_PARTS = {
    "another place": answer_part(f"bytes 0-{HALF - 1}/{len(CONTENT)}", CONTENT[:HALF]),
    "another size": answer_part(f"bytes {HALF}-{HALF + 9}/{HALF + 10}", bytes(10)),
    "an unknown size": answer_part(f"bytes {HALF}-{len(CONTENT) - 1}/*", bytes(HALF)),
    "no place": answer_part("\x1b[31m", bytes(HALF)),
    "another version": answer_part(f"bytes {HALF}-{len(CONTENT) - 1}/{len(CONTENT)}", bytes(HALF), ETag='"2"'),
    "none": lambda handler: handler.start(416, 0, Content_Range="bytes */7"),
}


@pytest.mark.parametrize("kind", WRONG_PARTS)
def test_a_part_that_was_not_asked_for_is_not_used(server, tmp_path, caplog, kind):
    break_down(server, tmp_path)
    server.answers = [WRONG_PARTS[kind]]
    assert fetch(server, tmp_path) == CONTENT
    assert server.ranges == [None, f"bytes={HALF}-", None]
    assert f"the server sent another part than bytes {HALF} to the end" in caplog.text
    assert "\x1b" not in caplog.text


def test_a_part_that_nobody_asked_for_is_refused(server, tmp_path):
    server.answers = [answer_part(f"bytes 0-{HALF - 1}/{len(CONTENT)}", CONTENT[:HALF])] * 3
    with pytest.raises(UserError, match="the server sent another part"):
        fetch(server, tmp_path)


@pytest.mark.parametrize(
    "origin", ["", "[]", '{"size": 4096}', '{"size": "4096", "version": "1"}', '{"size": 9, "version": "x\\r\\nA: b"}']
)
def test_a_damaged_record_of_a_broken_download_is_no_matter(server, tmp_path, origin):
    break_down(server, tmp_path)
    (tmp_path / "origin.json").write_text(origin)
    assert fetch(server, tmp_path) == CONTENT


def test_a_file_that_is_longer_than_announced_begins_again(server, tmp_path):
    break_down(server, tmp_path)
    (tmp_path / "archive.zip").write_bytes(CONTENT + b"more")
    assert fetch(server, tmp_path) == CONTENT


def test_a_process_that_was_killed_after_the_last_byte_needs_no_server(server, tmp_path):
    break_down(server, tmp_path)
    (tmp_path / "archive.zip").write_bytes(CONTENT)
    assert fetch(server, tmp_path) == CONTENT
    assert server.ranges == [None]


def test_a_content_of_unknown_size_is_read_to_its_end(server, tmp_path):
    server.answers = [lambda handler: (handler.start(200, None), handler.wfile.write(CONTENT))]
    assert fetch(server, tmp_path) == CONTENT


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_server_is_asked_again(server, tmp_path, caplog, status):
    server.answers = [refuse(status), refuse(status, Retry_After="0")]
    assert fetch(server, tmp_path) == CONTENT
    assert f"HTTP Error {status}: Busy; trying again in 0 s" in caplog.text


def test_the_time_that_a_server_asks_to_wait_is_waited(server, tmp_path):
    server.answers = [refuse(503, Retry_After="1")]
    start = time.monotonic()
    assert fetch(server, tmp_path) == CONTENT
    assert time.monotonic() - start >= 1


@pytest.mark.parametrize("is_date", [False, True])
def test_nobody_waits_an_hour_for_a_server(server, tmp_path, is_date):
    when = email.utils.formatdate(time.time() + 3600, usegmt=True) if is_date else "3600"
    server.answers = [refuse(429, "Too Many", Retry_After=when)]
    with pytest.raises(UserError, match=r"HTTP Error 429: Too Many; asks to wait 3[56][0-9][0-9] s"):
        fetch(server, tmp_path)
    assert len(server.ranges) == 1


@pytest.mark.parametrize("when", ["soon", "-1", "1e9", "Mon, 99 Foo 2025", email.utils.formatdate(0), "9" * 5000])
def test_an_odd_time_to_wait_is_no_matter(server, tmp_path, when):
    server.answers = [refuse(503, Retry_After=when)]
    assert fetch(server, tmp_path) == CONTENT


def test_what_will_not_pass_is_not_tried_again(server, tmp_path):
    server.answers = [refuse(404, "Not\tFound \x1b[31m")]
    with pytest.raises(UserError, match=r"HTTP Error 404: Not Found \\x1b\[31m\); check the network") as error:
        fetch(server, tmp_path)
    assert str(error.value).isprintable()
    assert len(server.ranges) == 1


def test_a_connection_without_an_answer_is_tried_again(server, tmp_path):
    server.answers = [lambda handler: handler.connection.close()]
    assert fetch(server, tmp_path) == CONTENT


def test_a_server_that_speaks_no_http_is_one_line(server, tmp_path):
    server.answers = [lambda handler: handler.wfile.write(b"220 \x1b[31m smtp\r\n" * 3)] * 3
    with pytest.raises(UserError, match="cannot be downloaded") as error:
        fetch(server, tmp_path)
    assert str(error.value).isprintable()


@pytest.mark.parametrize(
    "url", ["no address", "http://", "http://[::1", "http://a b/", "nothing://x", "http://\ud800/"]
)
def test_an_address_that_is_none_is_one_line(tmp_path, url):
    with pytest.raises(UserError, match="cannot be downloaded") as error:
        download(url, tmp_path, "model", AT_ONCE)
    assert str(error.value).isprintable()


def drip(handler: Handler, content: bytes) -> None:
    for place in range(len(content)):
        handler.wfile.write(content[place : place + 1])
        handler.wfile.flush()
        time.sleep(0.02)


def drip_headers(handler: Handler) -> None:
    drip(handler, b"HTTP/1.0 200 OK\r\nX: " + bytes(CONTENT).hex().encode())


def drip_content(handler: Handler) -> None:
    handler.start(200, len(CONTENT))
    drip(handler, CONTENT)


def drip_chunk_size(handler: Handler) -> None:
    handler.protocol_version = "HTTP/1.1"
    handler.start(200, None, Transfer_Encoding="chunked")
    drip(handler, b"0" * len(CONTENT))


@pytest.mark.parametrize("answer", [drip_headers, drip_content, drip_chunk_size, lambda handler: time.sleep(2)])
def test_a_server_that_drips_is_given_up(server, tmp_path, answer):
    server.answers = [answer] * 2
    start = time.monotonic()
    with pytest.raises(UserError, match=r"the server sent less than 1000 bytes in 0.3 seconds\); check the network"):
        fetch(server, tmp_path, Patience(seconds=0.3, min_bytes=1000, pauses=(0,)))
    assert time.monotonic() - start < 2
    assert len(server.ranges) == 2


def test_a_server_that_is_slow_but_steady_is_waited_for(server, tmp_path):
    def answer_steadily(handler: Handler) -> None:
        handler.start(200, len(CONTENT))
        for place in range(0, len(CONTENT), 512):
            handler.wfile.write(CONTENT[place : place + 512])
            handler.wfile.flush()
            time.sleep(0.1)

    server.answers = [answer_steadily]
    assert fetch(server, tmp_path, Patience(seconds=0.5, min_bytes=600, pauses=())) == CONTENT


def test_a_connection_that_stays_open_after_the_last_byte_is_no_matter(server, tmp_path):
    def stay(handler: Handler) -> None:
        answer_whole(handler)
        handler.wfile.flush()
        time.sleep(3)

    server.answers = [stay]
    start = time.monotonic()
    assert fetch(server, tmp_path) == CONTENT
    assert time.monotonic() - start < 2


def test_a_file_that_is_announced_to_be_too_large_is_refused_at_once(server, tmp_path):
    server.answers = [lambda handler: handler.start(200, MAX_BYTES + 1)]
    with pytest.raises(UserError, match="is larger than any checkpoint"):
        fetch(server, tmp_path)
    assert content_of(tmp_path) == []


@pytest.mark.parametrize("stream", [None, io.StringIO()])
def test_a_progress_bar_that_cannot_be_written_is_no_matter(server, tmp_path, monkeypatch, stream):
    def answer_slowly(handler: Handler) -> None:
        time.sleep(0.6)
        answer_well(handler)

    if stream is not None:
        stream.close()
    monkeypatch.setattr(sys, "stderr", stream)
    server.answers = [answer_slowly]
    assert fetch(server, tmp_path) == CONTENT


def test_a_resumed_download_keeps_the_record_until_it_is_complete(server, tmp_path):
    break_down(server, tmp_path)
    assert json.loads((tmp_path / "origin.json").read_text()) == {"size": len(CONTENT), "version": '"1"'}
    server.answers = [refuse(503)]
    with pytest.raises(UserError, match="503"):
        fetch(server, tmp_path, Patience(pauses=()))
    assert content_of(tmp_path) == ["archive.zip", "origin.json"]
