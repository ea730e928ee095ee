"""Files that are written whole or not at all."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO


@contextlib.contextmanager
def atomic_write(path: str | os.PathLike, mode: str = "w") -> Iterator[IO]:
    r"""Opens a temporary file beside `path`, which takes the name `path` once the block has ended well.

    A reader sees the old content or the whole new one, also after a crash or a power cut. When the block
    raises, `path` stays as it was and the temporary file is removed.

    Args:
        path: the file to write; its folder must exist.
        mode: `"w"` for UTF-8 text with `\n` line ends, `"wb"` for bytes.

    Example:
        >>> with atomic_write("numbers.tsv") as file:
        ...     _ = file.write("1\t2\n")
    """
    path = Path(path)
    text = {} if "b" in mode else {"encoding": "utf-8", "newline": "\n"}
    with tempfile.NamedTemporaryFile(mode, dir=path.parent, prefix=f".{path.name}.", delete=False, **text) as file:
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise
    # NamedTemporaryFile makes files that only their owner can read; a result is as readable as any new file.
    umask = os.umask(0)
    os.umask(umask)
    temporary = Path(file.name)
    try:
        temporary.chmod(0o666 & ~umask)
        temporary.replace(path)
    except OSError:
        temporary.unlink()
        raise
