"""A note in a remote folder that a process is writing there, in place of a lock."""

import contextlib
import json
import os
import platform
from collections.abc import Iterator

from absl import logging

from bert_tf.errors import UserError, printable, user_error_for
from bert_tf.remote import RemotePath


@contextlib.contextmanager
def remote_lock(path: RemotePath, refusal: str) -> Iterator[None]:
    """Leaves a file that names this process while the block runs.

    It is not as good as a lock. A process of this machine that is still running is recognized. One of another machine
    may have been killed, which leaves its file: then the block runs after a warning, so that a job that is started
    again on another machine gets on. Two that start within the same second may miss one another.

    Args:
        path: the file.
        refusal: the message if another process of this machine has it.

    Raises:
        UserError: another process of this machine is still writing there, or the file cannot be written.
    """
    ours = _this_process()
    with user_error_for(OSError, path, "cannot be written", "check the folder and its permissions"):
        theirs = _read(path)
        if theirs and theirs.get("host") == ours["host"]:
            if _is_running(theirs):
                raise UserError(refusal)
        elif theirs:
            _warn(path, theirs)
        path.write_bytes(json.dumps(ours).encode())
    try:
        yield
    finally:
        # A file that stays is only a warning to the next process.
        with contextlib.suppress(OSError):
            path.unlink()


def _this_process() -> dict[str, object]:
    return {"host": platform.node(), "process": os.getpid(), "started": _start_of(os.getpid())}


def _start_of(process: object) -> float | None:
    """Returns when a process of this machine was started; None if there is none of this number."""
    import psutil

    try:
        return psutil.Process(process).create_time()
    except (psutil.Error, ValueError, TypeError):
        return None


def _is_running(noted: dict[str, object]) -> bool:
    # The number alone may be that of another process by now.
    return noted.get("started") is not None and _start_of(noted.get("process")) == noted["started"]


def _read(path: RemotePath) -> dict[str, object] | None:
    """Returns what an earlier process wrote; None without one, {} if it cannot be understood."""
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _warn(path: RemotePath, theirs: dict[str, object]) -> None:
    logging.warning(
        "%s: process %s on %s began to write there and has not ended; if it is still running, stop one of the two.",
        printable(path),
        printable(theirs.get("process")),
        printable(theirs.get("host")),
    )
