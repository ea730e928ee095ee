"""The files that `create_pretraining_data` writes, and the record of what they were made of. Needs no TensorFlow.

The folder .NAME.made next to the output has record.json, or shards.json if there are shards: the settings, and for each
shard the digest of its texts and the sizes of its files. A command that is run again makes only the shards that are not
there.
"""

import contextlib
import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence

from bert_tf.data.pretraining_shards import Made, Shard
from bert_tf.errors import UserError, printable, shown, user_error_for
from bert_tf.files import locked, make_folder, read_json_or_empty, write_json
from bert_tf.programs.output_file import check_output_file
from bert_tf.remote import AnyPath

_REMEDY = "name another file, or pass --overwrite"
# See `record_writers`.
_TEMPORARY = re.compile(r"\.(.+)\.[0-9a-f]{8}")


@dataclasses.dataclass(frozen=True)
class OutputFiles:
    """The names of the files to write.

    Attributes:
        paths: as the user named them.
        is_sharded: True if each shard has a file of its own, whose name has the shard's number.

    Example:
        >>> from pathlib import Path
        >>> [path.name for path in OutputFiles([Path("wiki.tfrecord")], is_sharded=True).of_shard(7)]
        ['wiki-00007.tfrecord']
    """

    paths: Sequence[AnyPath]
    is_sharded: bool

    @property
    def name(self) -> str:
        """The first one, for messages."""
        return printable(self.paths[0])

    @property
    def record_folder(self) -> AnyPath:
        """The folder of the record."""
        return self.paths[0].with_name(f".{self.paths[0].name}.made")

    def of_shard(self, number: int) -> list[AnyPath]:
        """Returns the files of a shard."""
        if not self.is_sharded:
            return list(self.paths)
        path = self.paths[0]
        return [path.with_name(f"{path.stem}-{number:05d}{path.suffix}")]

    def present(self) -> list[AnyPath]:
        """Returns the files of these names that are there."""
        return sorted(path for path in self._neighbors() if self._is_output(path.parent, path.name))

    def leftovers(self) -> list[AnyPath]:
        """Returns the temporary files of a killed command."""
        found = ((path, _TEMPORARY.fullmatch(path.name)) for path in self._neighbors())
        return [path for path, match in found if match and self._is_output(path.parent, match[1])]

    def _neighbors(self) -> list[AnyPath]:
        folders = dict.fromkeys(path.parent for path in self.paths)
        return [path for folder in folders for path in folder.iterdir()]

    def _is_output(self, folder: AnyPath, name: str) -> bool:
        if not self.is_sharded:
            return folder / name in self.paths
        path = self.paths[0]
        return re.fullmatch(rf"{re.escape(path.stem)}-\d{{5,}}{re.escape(path.suffix)}", name) is not None

    def check(self, inputs: Sequence[AnyPath]) -> None:
        """Raises `UserError` if a file must not be written, whatever is in it."""
        taken = {each.resolve(): "is one of the input files" for each in inputs}
        for path in self.paths:
            check_output_file(str(path), None, overwrite=True)
            problem = taken.get(path.resolve())
            if problem:
                raise UserError(f"output_file: {printable(path)}: {problem}; name another file")
            taken[path.resolve()] = "is named twice"


class Record:
    """The record of the shards that are finished; `opened_record` makes one.

    Args:
        files: the output files.
        settings: all that decides the examples, as JSON has it.
        shards: the entries of earlier shards.
        overwrite: whether to replace shards that were made of other texts.

    Attributes:
        files: the output files.
    """

    def __init__(self, files: OutputFiles, settings: Mapping[str, object], shards: Mapping[str, dict], overwrite: bool):
        self.files = files
        self._settings = settings
        self._shards = dict(shards)
        self._overwrite = overwrite
        self._numbers: set[str] = set()

    @property
    def made(self) -> Made:
        """The sums over all finished shards."""
        return Made(*(sum(entry["made"][name] for entry in self._shards.values()) for name in Made._fields))

    @property
    def num_single(self) -> int:
        """The number of shards with only one document."""
        return sum(entry["made"]["documents"] == 1 for entry in self._shards.values())

    def __len__(self) -> int:
        return len(self._shards)

    def has(self, shard: Shard) -> bool:
        """Returns True if the files of a shard are there, made of the same texts.

        Raises:
            UserError: they are there, but were made of other texts.
        """
        self._numbers.add(str(shard.number))
        entry = self._shards.get(str(shard.number))
        if entry is None or entry["bytes"] != self._sizes(shard.number):
            return False
        if entry["sha256"] != shard.sha256 and not self._overwrite:
            raise UserError(f"output_file: {self.files.name}: was made of other texts; {_REMEDY}")
        return entry["sha256"] == shard.sha256

    def add(self, shard: Shard, made: Made) -> None:
        """Records that a shard is finished."""
        sizes = self._sizes(shard.number)
        self._shards[str(shard.number)] = {"sha256": shard.sha256, "bytes": sizes, "made": made._asdict()}
        self.write()

    def reload(self) -> None:
        """Reads what another process has recorded."""
        self._shards = read_json_or_empty(_file_of(self.files)).get("shards", {})

    def finish(self) -> None:
        """Removes shards for which `has` was not asked: an earlier command made them of more texts.

        Raises:
            UserError: there are some, and they must not be replaced.
        """
        others = self._shards.keys() - self._numbers
        if others and not self._overwrite:
            raise UserError(f"output_file: {self.files.name}: was made of more texts; {_REMEDY}")
        for number in others:
            del self._shards[number]
            for path in self.files.of_shard(int(number)):
                path.unlink(missing_ok=True)
        if others:
            self.write()

    def _sizes(self, number: int) -> list[int]:
        """Returns the sizes of the files of a shard that are there; a shard without examples has none."""
        return [path.stat().st_size for path in self.files.of_shard(number) if path.is_file()]

    def write(self) -> None:
        """Writes the record."""
        write_json(_file_of(self.files), {"settings": self._settings, "shards": self._shards})


@contextlib.contextmanager
def opened_record(files: OutputFiles, settings: Mapping[str, object], overwrite: bool) -> Iterator[Record]:
    """Opens the record of an earlier command with these settings, or a new one, and locks the output.

    Args:
        files: the output files.
        settings: all that decides the examples, as JSON has it.
        overwrite: whether to replace files that were made otherwise.

    Raises:
        UserError: such files are there and must not be replaced, they cannot be written, or another process writes
            them.
    """
    for path in files.paths:
        make_folder(path.parent, "output_file")
    folder = files.record_folder
    with user_error_for(OSError, f"output_file: {files.name}", "cannot be written", "name a file on another disk"):
        folder.mkdir(exist_ok=True)
        refusal = f"output_file: {files.name}: another process is writing it; wait for its end"
        with locked(folder / "lock", refusal):
            for path in files.leftovers():
                path.unlink()
            earlier = read_json_or_empty(_file_of(files))
            shards = earlier.get("shards") if earlier.get("settings") == settings else None
            is_ours = shards == {}
            if not _is_valid(shards):
                shards = {}
            if not shards:
                _make_room(files, earlier.get("settings"), settings, overwrite or is_ours)
            record = Record(files, settings, shards, overwrite)
            with _announced(record):
                yield record


@contextlib.contextmanager
def _announced(record: Record) -> Iterator[None]:
    """Writes a record without shards before there are files, so that the same command may replace its own ones.

    A command may be killed after it has written a file, and before that is recorded. If it ends without a file, the
    record is removed again: a file that is there later is of somebody else.
    """
    is_new = not record.files.present()
    if is_new:
        record.write()
    try:
        yield
    finally:
        if is_new and not len(record) and not record.files.present():
            _file_of(record.files).unlink(missing_ok=True)


def _file_of(files: OutputFiles) -> AnyPath:
    # Shards and a file of all are made of one name, and may stand side by side.
    return files.record_folder / ("shards.json" if files.is_sharded else "record.json")


def _is_valid(shards: object) -> bool:
    """Returns True if this is what `Record` writes; somebody may have edited it."""
    return isinstance(shards, dict) and all(
        number.isdecimal()
        and isinstance(entry, dict)
        and isinstance(entry.get("made"), dict)
        and all(isinstance(entry["made"].get(name), int) for name in Made._fields)
        and {"sha256", "bytes"} <= entry.keys()
        for number, entry in shards.items()
    )


def _make_room(files: OutputFiles, earlier: object, settings: Mapping[str, object], overwrite: bool) -> None:
    """Removes the shards of an earlier command, if they may be replaced: new ones must not stand beside them.

    Files without shards stay until the new ones take their places.
    """
    present = files.present()
    if present and not overwrite:
        problem = _difference(earlier, settings) if isinstance(earlier, dict) else "is there already"
        raise UserError(f"output_file: {printable(present[0])}: {problem}; {_REMEDY}")
    if files.is_sharded:
        for path in present:
            path.unlink()


def _difference(earlier: Mapping[str, object], settings: Mapping[str, object]) -> str:
    changes = [
        f"{name} was {shown(earlier.get(name))}, is {shown(settings.get(name))}"
        for name in dict.fromkeys([*earlier, *settings])
        if earlier.get(name) != settings.get(name)
    ]
    return f"was made with other settings: {'; '.join(changes)}" if changes else "is there already"
