"""A bucket of Google Cloud Storage on this machine: TensorFlow's own client talks to it through a proxy.

    with FakeBucket(tmp_path) as bucket:
        bucket.objects["data/train.tsv"] = b"..."
        Command(tmp_path, flags, **bucket.environment).result()  # flags with gs://bucket/data

It answers the requests of the JSON API that TensorFlow makes. Use it only from other processes: TensorFlow keeps
Python waiting while it sends some of them.
"""

import contextlib
import http.server
import json
import shutil
import socketserver
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pytest


class FakeBucket:
    """`gs://bucket`. There are no others.

    Attributes:
        objects: their contents by name; a folder is an object whose name ends with a slash.
        requests: method, name and range of each request.
        refused: the methods that are answered by 403, such as `("POST", "PUT", "DELETE")` if nothing can be written.
        environment: the variables that lead TensorFlow here.
    """

    def __init__(self, folder: Path):
        self.objects: dict[str, bytes] = {}
        self.requests: list[tuple[str, str, str]] = []
        self.refused: tuple[str, ...] = ()
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(*_certificate(folder))
        self._server = _Server(("127.0.0.1", 0), _proxy_to(self))
        self.environment = {
            "HTTPS_PROXY": f"http://127.0.0.1:{self._server.server_address[1]}",
            "NO_PROXY": "",
            "CURL_CA_BUNDLE": str(folder / "cert.pem"),
            "GOOGLE_AUTH_TOKEN_FOR_TESTING": "token",
            "GCS_STAT_CACHE_MAX_AGE": "0",
        }

    def __enter__(self) -> "FakeBucket":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def serve(self, connection, address) -> None:
        with contextlib.suppress(OSError):
            _Api(self, self._context.wrap_socket(connection, server_side=True), address)

    def names(self, folder: str) -> list[str]:
        return sorted(name.removeprefix(f"{folder}/") for name in self.objects if name.startswith(f"{folder}/"))


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True


def _proxy_to(bucket: FakeBucket) -> type:
    class Proxy(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            assert self.rfile.readline().startswith(b"CONNECT ")
            while self.rfile.readline().strip():
                pass
            self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
            bucket.serve(self.request, self.client_address)

    return Proxy


class _Api(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, bucket: FakeBucket, *arguments):
        self.bucket = bucket
        super().__init__(*arguments, server=None)

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        content = b"".join(self._body())
        if self.headers["Host"].startswith("storage."):
            name = unquote(url.path.removeprefix("/bucket/"))
        else:
            name = query.get("name") or unquote(url.path.partition("/b/bucket/o/")[2].partition("/rewriteTo/")[0])
        self.bucket.requests.append((self.command, name, self.headers.get("Range", "")))
        if self.command in self.bucket.refused:
            self._answer(403, {"error": {"code": 403, "message": "access is denied"}})
        elif not url.path.startswith(("/bucket/", "/storage/v1/b/bucket", "/upload/storage/v1/b/bucket")):
            self._answer(404)
        elif self.headers["Host"].startswith("storage."):
            self._send(name)
        elif url.path.startswith("/upload/"):
            self._take(query, content)
        else:
            self._manage(url.path, name, query)

    do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815

    def _body(self) -> Iterator[bytes]:
        if self.headers.get("Transfer-Encoding") != "chunked":
            yield self.rfile.read(int(self.headers.get("Content-Length") or 0))
            return
        while size := int(self.rfile.readline(), 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def _answer(self, code: int, content: bytes | dict = b"", **headers: str) -> None:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(code)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _send(self, name: str) -> None:
        content = self.bucket.objects.get(name)
        if content is None:
            return self._answer(404)
        first, last = map(int, self.headers["Range"].removeprefix("bytes=").split("-"))
        return self._answer(206, content[first : last + 1]) if first < len(content) else self._answer(416)

    def _take(self, query: dict[str, str], content: bytes) -> None:
        """An upload: at once, or first its name and then its content; only then is there an object."""
        if query.get("uploadType") == "resumable":
            return self._answer(
                200, Location=f"https://www.googleapis.com{self.path.partition('?')[0]}?name={query['name']}"
            )
        self.bucket.objects[query["name"]] = content
        return self._answer(200, {})

    def _manage(self, path: str, name: str, query: dict[str, str]) -> None:
        objects = self.bucket.objects
        if path.endswith("/b/bucket"):
            return self._answer(200, {"name": "bucket"})
        if path.endswith("/o"):
            return self._answer(200, self._listed(query.get("prefix", ""), query.get("delimiter")))
        if name not in objects:
            return self._answer(404)
        if "/rewriteTo/" in path:
            objects[unquote(path.rpartition("/o/")[2])] = objects[name]
            return self._answer(200, {"done": True})
        if self.command == "DELETE":
            del objects[name]
            return self._answer(204)
        facts = {"size": str(len(objects[name])), "generation": "1", "updated": "2026-01-01T00:00:00.000Z"}
        return self._answer(200, {"name": name, **facts})

    def _listed(self, prefix: str, delimiter: str | None) -> dict[str, list]:
        ends = [name.removeprefix(prefix) for name in sorted(self.bucket.objects) if name.startswith(prefix)]
        if not delimiter:
            return {"items": [{"name": prefix + end} for end in ends]}
        folders = dict.fromkeys(end.partition("/")[0] for end in ends if "/" in end)
        return {
            "items": [{"name": prefix + end} for end in ends if "/" not in end],
            "prefixes": [f"{prefix}{folder}/" for folder in folders],
        }


def _certificate(folder: Path) -> tuple[Path, Path]:
    if not shutil.which("openssl"):
        pytest.skip("needs the command openssl")
    files = folder / "cert.pem", folder / "key.pem"
    command = (
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=fake -addext subjectAltName=DNS:*.googleapis.com"
    )
    subprocess.run([*command.split(), "-out", files[0], "-keyout", files[1]], check=True, capture_output=True)
    return files
