"""Downloads a file by HTTP: resumes broken downloads, tries again after errors that pass, gives up on slow servers.

A folder keeps what has arrived (`archive.zip`) and, if the server can send the rest of it, what the server said about
the file (`origin.json`): its total size and its ETag or date. The next download into the folder asks for the rest.
"""

import contextlib
import dataclasses
import datetime
import email.message
import email.utils
import http.client
import queue
import re
import ssl
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from absl import logging
from tqdm import tqdm

from bert_tf.errors import UserError, printable, reason_of
from bert_tf.files import read_json_or_empty, write_json

# BERT-large has 1.3 GB; no checkpoint of the catalogue is nearly as large as this.
MAX_BYTES = 4 << 30
ORIGIN = "origin.json"
_ARCHIVE = "archive.zip"
_CHUNK_BYTES = 1 << 16
_CHUNKS_AHEAD = 64
# A failure after this many new bytes counts as the first one.
_PROGRESS_BYTES = 1 << 20
_MAX_WAIT_SECONDS = 60
_PARTIAL_CONTENT = 206
_NO_SUCH_PART = 416
_PASSING_STATUSES = (408, 425, 429, 500, 502, 503, 504)
# A connection that is refused and a name without an address are not here: waiting a few seconds rarely helps.
_PASSING_ERRORS = (
    TimeoutError,
    ConnectionResetError,
    ConnectionAbortedError,
    BrokenPipeError,
    http.client.IncompleteRead,
    http.client.BadStatusLine,
    ssl.SSLEOFError,
)
_PASSING_SSL_ERRORS = ("UNEXPECTED_EOF_WHILE_READING",)


@dataclasses.dataclass(frozen=True)
class Patience:
    """Limits for slow and failing servers.

    Attributes:
        seconds: each `min_bytes` must arrive within this time, and so must the headers. By default, a server
            that sends less than 64 KiB in 30 seconds is given up four times, so for good after two minutes.
        min_bytes: see `seconds`.
        pauses: seconds before each further try, unless the server asks for another time.
    """

    seconds: float = 30
    min_bytes: int = 1 << 16
    pauses: tuple[float, ...] = (1, 2, 4)


class _PassingError(Exception):
    """An error after which another try may succeed.

    Args:
        reason: the reason, for messages.
        seconds: the time that the server asked to wait, if it did.
    """

    def __init__(self, reason: str, seconds: float | None = None):
        super().__init__(reason)
        self.seconds = seconds


def download(url: str, folder: Path, name: str, patience: Patience = Patience()) -> Path:
    """Downloads a file and shows a progress bar.

    Args:
        url: an http(s) address.
        folder: a folder that no other process uses. If the download fails, it keeps what can be resumed.
        name: the label of the progress bar.
        patience: limits for slow and failing servers.

    Returns:
        The file, in `folder`.

    Raises:
        UserError: the server cannot be reached, is too slow, breaks off several times, or refuses.
        OSError: the file cannot be written.

    Example:
        archive = download("https://example.org/model.zip", Path("folder"), "model")
    """
    archive = folder / _ARCHIVE
    with contextlib.closing(_Bar(name)) as bar:
        failures, farthest = 0, _size(archive)
        while True:
            try:
                _download_rest(url, archive, bar, patience)
                # Only a broken download has an origin.
                _forget_origin(archive)
                return archive
            except _PassingError as error:
                failures = 1 if _size(archive) >= farthest + _PROGRESS_BYTES else failures + 1
                farthest = max(farthest, _size(archive))
                if failures > len(patience.pauses):
                    raise _download_error(url, str(error)) from error
                _pause(url, error, patience.pauses[failures - 1])
            except OSError:
                _forget_origin(archive)  # A full disk does not keep what filled it.
                raise


def _pause(url: str, error: _PassingError, seconds: float) -> None:
    seconds = seconds if error.seconds is None else error.seconds
    logging.warning("%s: %s; trying again in %g s", printable(url), error, seconds)
    time.sleep(seconds)


def _download_rest(url: str, archive: Path, bar: "_Bar", patience: Patience) -> None:
    """Appends the rest of the file to what has arrived, or begins again if the server does not send a rest."""
    origin = read_json_or_empty(archive.with_name(ORIGIN))
    start = _resumed_size(archive, origin)
    if start and start == origin["size"]:
        return
    headers = {"Range": f"bytes={start}-", "If-Range": origin["version"]} if start else {}
    with contextlib.closing(_answers(url, headers, patience)) as answers:
        head = next(answers)
        if head.status in (_PARTIAL_CONTENT, _NO_SUCH_PART):
            _check_rest(archive, head.headers, start, origin)
        else:
            start, origin = 0, _new_origin(url, archive, head.headers)
        _append(url, answers, archive, start, origin.get("size"), bar)


def _append(url: str, chunks: Iterator[bytes], archive: Path, start: int, size: int | None, bar: "_Bar") -> None:
    """Writes what arrives into the file from byte `start` on."""
    received = start
    bar.start(start, size)
    with archive.open("ab" if start else "wb") as file:
        for chunk in chunks:
            received += len(chunk)
            if received > MAX_BYTES:
                raise _too_large(url)
            file.write(chunk)
            bar.show(received)
            if size is not None and received >= size:
                break  # Some servers do not close the connection, or send more than they announced.
    if size not in (None, received):
        raise _PassingError(f"the connection ended after {received} of {size} bytes")


def _resumed_size(archive: Path, origin: dict) -> int:
    """Returns how many bytes of the file need not be asked for again; 0 if the server cannot send a rest."""
    size, version = origin.get("size"), origin.get("version")
    if not isinstance(version, str) or not version.isprintable() or type(size) is not int:
        return 0
    return _size(archive) if _size(archive) <= size else 0


def _new_origin(url: str, archive: Path, headers: email.message.Message) -> dict:
    """Returns what the server says about the file, and keeps it if the server can send a rest later."""
    _forget_origin(archive)
    archive.unlink(missing_ok=True)
    announced = headers.get("Content-Length", "")
    size = int(announced) if re.fullmatch(r"[0-9]{1,18}", announced) else None
    if size is not None and size > MAX_BYTES:
        raise _too_large(url)
    version = _version(headers)
    if size is not None and version:
        write_json(archive.with_name(ORIGIN), {"size": size, "version": version})
    return {"size": size}


def _version(headers: email.message.Message) -> str:
    """Returns what If-Range takes to compare: an ETag that stands for the same bytes, or else the date."""
    etag = headers.get("ETag", "")
    # A weak ETag, as in W/"1", stands for the same meaning only.
    return etag if re.fullmatch(r'"[\x21\x23-\x7e]*"', etag) else headers.get("Last-Modified", "")


def _check_rest(archive: Path, headers: email.message.Message, start: int, origin: dict) -> None:
    """Raises an error, after which the download begins again, if the answer is not the rest that was asked for."""
    content_range = headers.get("Content-Range", "")
    place = re.fullmatch(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18})", content_range)
    is_the_rest = start > 0 and place is not None and (int(place[1]), int(place[3])) == (start, origin["size"])
    if not is_the_rest or _version(headers) not in ("", origin["version"]):
        _forget_origin(archive)
        raise _PassingError(f"the server sent another part than bytes {start} to the end ({printable(content_range)})")


def _forget_origin(archive: Path) -> None:
    archive.with_name(ORIGIN).unlink(missing_ok=True)


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _answers(url: str, headers: dict[str, str], patience: Patience) -> Iterator:
    """Yields the response with its headers, then the chunks of its content.

    A thread reads, because only another thread can limit the time of a request: a socket's timeout begins anew with
    each byte, and headers may drip too. The thread of a server that was given up ends with the connection, and does
    not keep the program from ending.

    Raises:
        _PassingError: the server is too slow, or an error occurred that may pass.
        UserError: another error of the network.
    """
    arrived: queue.Queue = queue.Queue(_CHUNKS_AHEAD)
    given_up = threading.Event()
    threading.Thread(target=_read, args=(url, headers, patience.seconds, arrived, given_up), daemon=True).start()
    deadline, missing = time.monotonic() + patience.seconds, patience.min_bytes
    try:
        while True:
            item = _next(arrived, deadline, patience)
            if isinstance(item, Exception) and getattr(item, "code", None) != _NO_SUCH_PART:
                raise _network_error(url, item) from item
            if item == b"":
                return
            yield item
            missing -= len(item) if isinstance(item, bytes) else patience.min_bytes
            if missing <= 0:
                deadline, missing = time.monotonic() + patience.seconds, patience.min_bytes
    finally:
        given_up.set()


def _next(arrived: queue.Queue, deadline: float, patience: Patience) -> object:
    try:
        return arrived.get(timeout=max(0, deadline - time.monotonic()))
    except queue.Empty:
        raise _PassingError(
            f"the server sent less than {patience.min_bytes} bytes in {patience.seconds:g} seconds"
        ) from None


def _read(url: str, headers: dict[str, str], timeout: float, arrived: queue.Queue, given_up: threading.Event) -> None:
    """Puts into a queue: the response, chunks of its content, an empty chunk at the end; or an exception."""
    try:
        request = urllib.request.Request(url, headers=headers)  # noqa: S310  # The address is the catalogue's.
        with urllib.request.urlopen(request, timeout=timeout) as response:  # noqa: S310
            _put(response, arrived, given_up)
            chunk = None
            while chunk != b"" and not given_up.is_set():
                # `read` would wait for all of a chunk.
                chunk = response.read1(_CHUNK_BYTES)
                _put(chunk, arrived, given_up)
    except Exception as error:
        _put(error, arrived, given_up)


def _put(item: object, arrived: queue.Queue, given_up: threading.Event) -> None:
    while not given_up.is_set():
        with contextlib.suppress(queue.Full):
            arrived.put(item, timeout=1)
            return


def _network_error(url: str, error: Exception) -> Exception:
    """Returns what to raise for an error of the network: `_PassingError`, or `UserError` if it will not pass."""
    if isinstance(error, urllib.error.HTTPError):
        error.close()
        if error.code in _PASSING_STATUSES:
            return _busy_error(url, reason_of(error), _retry_after(error.headers))
    cause = error.reason if isinstance(getattr(error, "reason", None), Exception) else error
    if isinstance(cause, _PASSING_ERRORS) or getattr(cause, "reason", "") in _PASSING_SSL_ERRORS:
        return _PassingError(reason_of(cause))
    return _download_error(url, reason_of(cause))


def _busy_error(url: str, reason: str, seconds: float | None) -> Exception:
    if seconds is not None and seconds > _MAX_WAIT_SECONDS:
        return _download_error(url, f"{reason}; asks to wait {seconds:.0f} s")
    return _PassingError(reason, seconds)


def _retry_after(headers: email.message.Message) -> float | None:
    """Returns the seconds that the server asks to wait, given as a number or as a date; None if it asks nothing."""
    text = headers.get("Retry-After", "").strip()
    if re.fullmatch(r"[0-9]{1,9}", text):
        return float(text)
    try:
        date = email.utils.parsedate_to_datetime(text)
        return max(0.0, (date - datetime.datetime.now(datetime.timezone.utc)).total_seconds())
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _too_large(url: str) -> UserError:
    return UserError(f"{printable(url)}: is larger than any checkpoint; do not use this file")


def _download_error(url: str, reason: str) -> UserError:
    remedy = "check the network, or download it by hand and give --bert_model=ZIP"
    return UserError(f"{printable(url)}: cannot be downloaded ({reason}); {remedy}")


class _Bar:
    """A progress bar on standard error. If it cannot be written, the download continues without it."""

    def __init__(self, name: str):
        self._bar = tqdm(desc=name, unit="B", unit_scale=True, mininterval=0.5, delay=0.5, disable=sys.stderr is None)

    def start(self, received: int, size: int | None) -> None:
        """Begins at a place, which does not count for the speed."""
        self._bar.total = size
        self._bar.initial = received
        self.show(received)

    def show(self, received: int) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._bar.update(received - self._bar.n)

    def close(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._bar.close()
