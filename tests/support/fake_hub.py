"""A server on this machine with the few addresses of the Hugging Face hub that a download needs."""

import contextlib
import hashlib
import http.server
import json
import re
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

Models = Mapping[str, Mapping[str, bytes]]


def files_of(folder: Path) -> dict[str, bytes]:
    """The files of a folder by name."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def commit_of(files: Mapping[str, bytes]) -> str:
    """Forty digits that change with the files."""
    return hashlib.sha1(repr(sorted(files.items())).encode(), usedforsecurity=False).hexdigest()


@contextlib.contextmanager
def fake_hub(models: Models) -> Iterator[tuple[str, list[str]]]:
    """Serves models while the block runs; gives the address and a list to which each request is added.

    `org/name` has the files of `main`, and `org/name@v1` those of the revision v1.
    """
    requests: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(with_body=True)

        def do_HEAD(self) -> None:
            self._answer(with_body=False)

        def _answer(self, with_body: bool) -> None:
            path = self.path.partition("?")[0]
            requests.append(f"{self.command} {path}")
            found = _found(models, path)
            body, headers = found or (b"{}", {"X-Error-Code": _error_code(models, path)})
            self.send_response(200 if found else 404)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            if with_body:
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", requests
    finally:
        server.shutdown()
        server.server_close()


def _found(models: Models, path: str) -> tuple[bytes, dict[str, str]] | None:
    """The body and the headers of an answer; None if there is nothing at this path."""
    kinds = r"/api/models/(?P<repo>[^/]+/[^/]+)/(?P<what>revision|tree)/(?P<revision>[^/]+)"
    match = re.fullmatch(kinds, path) or re.fullmatch(
        r"/(?P<repo>[^/]+/[^/]+)/(?P<what>resolve)/(?P<revision>[^/]+)/(?P<file>.+)", path
    )
    files = match and _files(models, match["repo"], match["revision"])
    if not files:
        return None
    if match["what"] == "resolve":
        content = files.get(match["file"])
        etag = hashlib.sha1(content or b"", usedforsecurity=False).hexdigest()
        return None if content is None else (content, {"X-Repo-Commit": commit_of(files), "ETag": f'"{etag}"'})
    if match["what"] == "revision":
        return json.dumps({"id": match["repo"], "sha": commit_of(files)}).encode(), {}
    tree = [
        {"type": "file", "path": name, "size": len(data), "oid": commit_of({name: data})}
        for name, data in files.items()
    ]
    return json.dumps(tree).encode(), {}


def _error_code(models: Models, path: str) -> str:
    is_known = any(f"/{name.partition('@')[0]}/" in path for name in models)
    return "RevisionNotFound" if is_known else "RepoNotFound"


def _files(models: Models, repository: str, revision: str) -> Mapping[str, bytes] | None:
    """The files of a revision, which may be a branch, a tag or a commit."""
    commits = {commit_of(files): files for name, files in models.items() if name.partition("@")[0] == repository}
    named = models.get(repository if revision == "main" else f"{repository}@{revision}")
    return named or commits.get(revision)
