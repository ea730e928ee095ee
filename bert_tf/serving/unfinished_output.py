"""Keeps what a long computation has found so far, so that a killed one continues. Needs no TensorFlow.

    with opened(Path("out.jsonl"), {"input": "3f5a..."}, ["lines"], restart=False) as unfinished:
        unfinished.done                         # 0, or the number of texts that an earlier process has finished
        unfinished.append({"lines": b"..."}, done=1024)
        unfinished.path("lines").replace("out.jsonl")

The folder .OUTPUT.unfinished next to the output has the growing files, and progress.json, which says how many bytes of
each belong to finished texts. What was written behind them when a process was killed is cut off.
"""

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from bert_tf.errors import UserError, printable, shown
from bert_tf.files import locked, read_json_or_empty, remove_tree, write_json

_SETTINGS, _PROGRESS, _LOCK = "settings.json", "progress.json", "lock"


class UnfinishedOutput:
    """The growing files of an output; `opened` makes one.

    Args:
        folder: of the files.
        names: of the files.

    Attributes:
        done: the number of texts that are in the files.
    """

    def __init__(self, folder: Path, names: Sequence[str]):
        self._folder = folder
        self._sizes = dict.fromkeys(names, 0)
        self.done = 0

    def path(self, name: str) -> Path:
        """Returns the path of one of the files."""
        return self._folder / f"{name}.part"

    def resume(self) -> None:
        """Cuts the files to what is recorded as finished; empties them if that is not all there."""
        progress = read_json_or_empty(self._folder / _PROGRESS)
        done, sizes = progress.get("done"), progress.get("bytes")
        if isinstance(done, int) and isinstance(sizes, dict) and self._has(sizes):
            self.done, self._sizes = done, sizes
        for name, size in self._sizes.items():
            with self.path(name).open("ab") as file:
                file.truncate(size)

    def append(self, contents: Mapping[str, bytes], done: int) -> None:
        """Adds to the files, all or nothing, and waits until it is on the disk.

        Args:
            contents: by the name of the file.
            done: the number of texts that are in the files now.
        """
        for name, content in contents.items():
            with self.path(name).open("ab") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            self._sizes[name] += len(content)
        write_json(self._folder / _PROGRESS, {"done": done, "bytes": self._sizes})
        self.done = done

    def _has(self, sizes: Mapping[str, object]) -> bool:
        paths = {name: self.path(name) for name in self._sizes}
        return all(
            isinstance(sizes.get(name), int) and path.is_file() and path.stat().st_size >= sizes[name]
            for name, path in paths.items()
        )


@contextlib.contextmanager
def opened(
    output: Path, settings: Mapping[str, object], names: Sequence[str], restart: bool
) -> Iterator[UnfinishedOutput]:
    """Opens the unfinished output of an earlier process, or a new one, and removes it when the block ends.

    It stays if the block raises.

    Args:
        output: the file that will be written in the end.
        settings: all that decides its content, as JSON has it.
        names: of the growing files.
        restart: whether to begin anew if the earlier process had other settings.

    Raises:
        UserError: the earlier process had other settings, or is still running.
    """
    folder = unfinished_folder(output)
    folder.mkdir(exist_ok=True)
    with locked(folder / _LOCK, f"output_file: {printable(output)}: another process is writing it; wait for its end"):
        earlier = read_json_or_empty(folder / _SETTINGS)
        if earlier != settings:
            if (folder / _PROGRESS).exists() and not restart:
                raise _other_settings(output, earlier, settings)
            (folder / _PROGRESS).unlink(missing_ok=True)
            write_json(folder / _SETTINGS, settings)
        unfinished = UnfinishedOutput(folder, names)
        unfinished.resume()
        yield unfinished
        remove_tree(folder)


def unfinished_folder(output: Path) -> Path:
    """Returns the folder for what is found before an output is finished.

    Example:
        >>> unfinished_folder(Path("features/out.jsonl")).as_posix()
        'features/.out.jsonl.unfinished'
    """
    return output.parent / f".{output.name}.unfinished"


def _other_settings(output: Path, earlier: Mapping[str, object], settings: Mapping[str, object]) -> UserError:
    changes = [
        f"{name} was {shown(earlier.get(name))}, is {shown(settings.get(name))}"
        for name in dict.fromkeys([*earlier, *settings])
        if earlier.get(name) != settings.get(name)
    ]
    return UserError(
        f"output_file: {printable(output)}: was begun with other settings: {'; '.join(changes)}; name another file, "
        "or pass --overwrite to begin anew"
    )
