"""Finds the files that a flag names: names and patterns with commas between them. Needs no TensorFlow.

matching_files("corpus/*.txt,more/wiki_[0-9].txt.gz", "input_file")
"""

import glob
from collections import Counter

from absl import logging

from bert_tf.errors import UserError, first_few, printable, user_error_for
from bert_tf.paths import checked_path
from bert_tf.remote import AnyPath, as_path, is_remote


def matching_files(patterns: str, flag: str) -> list[AnyPath]:
    """Returns the files that match, pattern by pattern, those of a pattern sorted by name.

    The original takes the files of a pattern in the order of the disk.

    Args:
        patterns: names of files, or patterns with `*`, `?` and `[...]`. In a bucket only the last part of the address
            may be a pattern.
        flag: the flag that has them, for messages.

    Raises:
        UserError: a name or pattern matches no file, or a folder, pipe or device.

    Example:
        >>> from pathlib import Path
        >>> for name in ("b.txt", "a.txt"):
        ...     _ = Path(name).write_text("It rains .")
        >>> [str(path) for path in matching_files("*.txt", "input_file")]
        ['a.txt', 'b.txt']
    """
    files = [path for pattern in patterns.split(",") for path in _matching(checked_path(pattern, flag), flag)]
    repeated = [str(path) for path, count in Counter(files).items() if count > 1]
    if repeated:
        logging.warning("%s: names files twice (%s); they are read twice.", flag, first_few(repeated))
    return files


def _matching(pattern: str, flag: str) -> list[AnyPath]:
    with user_error_for(OSError, f"{flag}: {printable(pattern)}", "cannot be read", "check the path"):
        path = as_path(pattern)
        if path.is_file():
            return [path]
        if path.is_dir():
            raise UserError(f"{flag}: {printable(pattern)}: is a folder; name its files, such as '{path / '*'}'")
        if path.exists():
            raise UserError(f"{flag}: {printable(pattern)}: is a pipe or a device; write its content to a file")
        found = sorted(each for each in _glob(pattern) if each.is_file())
        if not found:
            raise UserError(f"{flag}: {printable(pattern)}: there is no such file; check the path")
        return found


def _glob(pattern: str) -> list[AnyPath]:
    path = as_path(pattern)
    if not is_remote(path):
        return [as_path(name) for name in glob.glob(pattern)]  # noqa: PTH207
    return list(path.parent.glob(path.name)) if path.parent.is_dir() else []
