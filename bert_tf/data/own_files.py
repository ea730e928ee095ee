"""Finds and opens the files of own data: CSV, TSV or JSON lines, or a folder with one for each split.

files = find_files("reviews.csv", dev=None, test=None)
files.train  # Path("reviews.csv")
"""

from collections.abc import Callable
from typing import NamedTuple

from bert_tf.data.columns import WantedColumns
from bert_tf.data.delimited import OWN_DELIMITER, DelimitedFile
from bert_tf.data.json_lines import SUFFIXES, JsonLinesFile
from bert_tf.data.sources import Source
from bert_tf.data.texts import Text, read_whole
from bert_tf.errors import UserError, first_few, printable, user_error_for
from bert_tf.remote import AnyPath, as_path

# Opens a source, given the columns that the user named.
Opener = Callable[[WantedColumns], Source]
# The names that a split's file may have in a folder, without the suffix.
STEMS = {
    "train": ("train", "training"),
    "dev": ("dev", "validation", "valid", "val", "eval", "development"),
    "test": ("test",),
}
_KNOWN_SUFFIXES = (*OWN_DELIMITER, *SUFFIXES)
_COMPRESSED = (".gz", ".zip", ".bz2", ".xz", ".zst", ".7z")
_REMEDY = "save it as CSV, TSV or JSON lines (.csv, .tsv, .jsonl)"


class OwnFiles(NamedTuple):
    """The files of the splits; None for a split without one."""

    train: AnyPath | None = None
    dev: AnyPath | None = None
    test: AnyPath | None = None


def find_files(train: str | None, dev: str | None, test: str | None) -> OwnFiles:
    """Finds the file of each split.

    Args:
        train: the training file, or a folder with files of all splits; None if there is no training.
        dev: the development file; None to take that of the folder.
        test: the test file; None to take that of the folder.

    Raises:
        UserError: a folder has no such files, or two for a split.
    """
    found = {"train": train and as_path(train), "dev": dev and as_path(dev), "test": test and as_path(test)}
    if train and as_path(train).is_dir():
        in_folder = _find_in_folder(as_path(train))
        found = {split: found[split] if split != "train" and found[split] else in_folder.get(split) for split in found}
    return OwnFiles(**found)


def task_name_of(path: AnyPath) -> str:
    """Returns a name for the task of a file or folder.

    Example:
        >>> task_name_of(as_path("data/reviews.csv")), task_name_of(as_path("data/reviews/train.csv"))
        ('reviews', 'reviews')
    """
    is_split = any(path.stem.lower() in stems for stems in STEMS.values())
    name = path.name if path.is_dir() else path.stem
    if is_split and path.suffix.lower() in _KNOWN_SUFFIXES:
        name = path.absolute().parent.name
    return name.strip() or path.resolve().name or "own"


def _find_in_folder(folder: AnyPath) -> dict[str, AnyPath]:
    with user_error_for(OSError, folder, "cannot be read", "check its permissions"):
        content = sorted(folder.iterdir())
    with_names = [path for path in content if path.suffix.lower() in _KNOWN_SUFFIXES]
    found = {}
    for split, stems in STEMS.items():
        files = [path for path in with_names if path.stem.lower() in stems]
        if len(files) > 1:
            names = first_few(path.name for path in files)
            raise UserError(f"{printable(folder)}: has {names} for the {split} split; keep one of them there")
        if files:
            found[split] = files[0]
    if not found:
        names = first_few(path.name for path in content) or "nothing"
        wanted = "train.csv, dev.csv or test.csv (or .tsv, .jsonl)"
        raise UserError(f"{printable(folder)}: there is no {wanted} in it, but {names}; name the files, or one of them")
    return found


def open_source(
    path: AnyPath, wanted: WantedColumns, read: Callable[[AnyPath], Text] = read_whole
) -> JsonLinesFile | DelimitedFile:
    """Opens a file by the kind that its name says.

    Args:
        path: the file.
        wanted: the columns that the user named.
        read: opens its text: `texts.read_whole`, or `texts.TextOnDisk` for a file of any size.

    Raises:
        UserError: the kind is unknown, or the file cannot be read.
    """
    suffix = path.suffix.lower()
    if suffix in SUFFIXES:
        return JsonLinesFile(path, read)
    if suffix in OWN_DELIMITER:
        return DelimitedFile(path, wanted, read)
    if path.is_dir():
        raise UserError(f"{printable(path)}: is a folder; name a file in it")
    if not path.exists():
        raise UserError(f"{printable(path)}: there is no such file; check the path")
    kind = "compressed" if suffix in _COMPRESSED else f"{suffix or 'a file without a suffix'}, which is not read"
    raise UserError(f"{printable(path)}: is {kind}; {_REMEDY}")
