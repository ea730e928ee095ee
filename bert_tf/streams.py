"""The standard streams of a program: what nobody can read, and messages that no setting turns off."""

import contextlib
import io
import logging as standard_logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from absl import logging

from bert_tf.errors import UserError, reason_of


def forgive_unwritable_streams() -> None:
    """Drops what the process prints to a stream that is closed, a pipe without a reader, or a file on a full disk.

    Without it, a line that cannot be printed ends the program. Call it first: the numbers of closed streams would be
    given to the next files that are opened, and TensorFlow would print its messages into them.
    """
    for descriptor in (0, 1, 2):
        _reserve(descriptor)
    # A stream that somebody put in its place, such as a notebook's, is theirs.
    if sys.stdout is sys.__stdout__:
        sys.stdout = _forgiving(1, sys.stdout)
    if sys.stderr is sys.__stderr__:
        sys.stderr = _forgiving(2, sys.stderr)
        logging.get_absl_handler().python_handler.stream = sys.stderr


def _reserve(descriptor: int) -> None:
    """Opens the null device as this descriptor if it is closed and all lower ones are open."""
    try:
        os.fstat(descriptor)
    except OSError:
        os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)


def _forgiving(descriptor: int, stream: IO[str] | None) -> IO[str]:
    if stream is not None:
        with contextlib.suppress(OSError):
            stream.flush()
    # As Python makes its standard streams, but letters that the terminal does not have end no program.
    return io.TextIOWrapper(
        io.BufferedWriter(_ForgivingFile(descriptor, "w", closefd=False)),
        encoding=getattr(stream, "encoding", "utf-8"),
        errors="backslashreplace",
        line_buffering=getattr(stream, "line_buffering", True),
    )


class _ForgivingFile(io.FileIO):
    def write(self, data: bytes) -> int | None:
        try:
            return super().write(data)
        except OSError:
            return memoryview(data).nbytes


@contextlib.contextmanager
def checked_stdout() -> Iterator[IO[str]]:
    """Opens standard output for a program whose work it is to write there, and ends the block if nobody reads it.

    Raises:
        UserError: standard output cannot be written, for instance because the disk is full.
    """
    stream = io.TextIOWrapper(
        io.BufferedWriter(_CheckedFile(1, "w", closefd=False)),
        encoding=getattr(sys.stdout, "encoding", None) or "utf-8",
        errors="backslashreplace",
    )
    with contextlib.suppress(BrokenPipeError):
        yield stream
        stream.flush()


class _CheckedFile(io.FileIO):
    has_failed = False

    def write(self, data: bytes) -> int | None:
        if self.has_failed:
            # Python writes the rest of a buffer when it collects it.
            return memoryview(data).nbytes
        try:
            return super().write(data)
        except OSError as error:
            self.has_failed = True
            if isinstance(error, BrokenPipeError):
                raise
            problem = f"standard output: cannot be written ({reason_of(error)})"
            raise UserError(f"{problem}; write to another disk or pipe") from error


_hides = False


def hide_start_up_messages() -> None:
    """Lets `hidden_start_up_messages` hide messages.

    For programs only: standard error of the whole process is closed meanwhile.
    """
    global _hides
    _hides = True


@contextlib.contextmanager
def hidden_start_up_messages() -> Iterator[None]:
    """Hides what is written to standard error inside the block, if the program called `hide_start_up_messages`.

    Some parts of TensorFlow announce their start whatever the log level is.
    """
    if not _hides or sys.stderr is None:
        yield
        return
    sys.stderr.flush()
    stderr = os.dup(2)
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)


@contextlib.contextmanager
def without_lines_of(package: str) -> Iterator[None]:
    """Hides what a package logs below WARNING inside the block: TensorFlow names each tensor that it saves.

    Example:
        >>> with without_lines_of("tensorflow"):
        ...     pass
    """

    def is_wanted(record: standard_logging.LogRecord) -> bool:
        return record.levelno >= standard_logging.WARNING or package not in Path(record.pathname).parts

    loggers = [standard_logging.getLogger(name) for name in ("absl", package)]
    for logger in loggers:
        logger.addFilter(is_wanted)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(is_wanted)
