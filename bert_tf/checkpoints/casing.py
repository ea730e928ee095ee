"""Finds whether a model is cased, from what lies beside its weights. Needs no TensorFlow.

    files = resolve("my-cased-model")
    casing = find_casing(files, "my-cased-model")     # Casing(do_lower_case=False, source="my-cased-model/vocab.txt")
    check_casing(casing.do_lower_case, files, "my-cased-model")

The sources, from the most trusted to the least:

1. `run.json`: a run of ours was trained that way, whatever else the folder says.
2. `tokenizer_config.json` and `tokenizer.json`, Hugging Face's files. They are often copied from another model, so
   they do not count if the vocabulary proves them wrong.
3. The name of an official checkpoint: of its folder, its zip file, or as it was given.
4. The vocabulary: that of an uncased model has no piece with a capital letter or an accent.
5. Other names with "cased" or "uncased" in them, such as `bert-base-cased`.

The original's default, uncased, is for models about which nothing is known.
"""

import dataclasses
import os
import re
import unicodedata
from collections.abc import Iterator

from absl import logging

from bert_tf import run_files
from bert_tf.checkpoints import tokenizer_json
from bert_tf.checkpoints.catalogue import CATALOGUE, validate_case_matches_checkpoint
from bert_tf.checkpoints.locate import CheckpointFiles
from bert_tf.data.vocabulary import load_vocab
from bert_tf.errors import UserError, first_few, printable, reading, shown
from bert_tf.files import is_there, read_json
from bert_tf.remote import AnyPath, as_path, is_remote

# Users put names such as URL or COVID into uncased vocabularies. Cased ones have capitals in a third of their pieces.
_FEW = 0.01
_TOKENIZER_CONFIG = "tokenizer_config.json"
_MAX_JSON_BYTES = 8 << 20
_OFFICIAL_NAMES = {name.lower(): entry.do_lower_case for name, entry in CATALOGUE.items()}
_CASED_WORD = re.compile(r"(?<![a-z])(un)?cased(?![a-z])")


@dataclasses.dataclass(frozen=True)
class Casing:
    """The casing of a model.

    Attributes:
        do_lower_case: True if its text is lowercased and loses its accents.
        source: the file or name that says so.
    """

    do_lower_case: bool
    source: str


def find_casing(files: CheckpointFiles, name: str | os.PathLike | None = None) -> Casing:
    """Finds whether a model is cased. Use it where the user does not say.

    Args:
        files: of the model.
        name: the name, folder or zip file as the user gave it; None if the files were named one by one.

    Raises:
        UserError: a file beside the model is broken.

    Example:
        >>> from bert_tf.checkpoints.locate import resolve
        >>> find_casing(resolve("all-MiniLM-L6-v2"), "all-MiniLM-L6-v2")
        Casing(do_lower_case=True, source='the name all-MiniLM-L6-v2')
    """
    vocabulary = _vocabulary_casing(files.vocab_file)
    run, tokenizer = next(_from_runs(files), None), next(_from_tokenizers(files), None)
    if tokenizer and _makes_words_unknown(tokenizer.do_lower_case, vocabulary):
        tokenizer = vocabulary
    official = next(_from_official_names(files, name), None)
    other = next(_from_other_names(files, name), None)
    return run or tokenizer or official or vocabulary or other or Casing(True, "the original's default")


def check_casing(do_lower_case: bool, files: CheckpointFiles, name: str | os.PathLike | None = None) -> None:
    """Holds a casing against the model. Use it for every casing, whether the user or `find_casing` says it.

    An official checkpoint with the other casing is refused, as by the original. All else is one warning, because
    files beside a model may be those of another one, and a vocabulary shows only what is likely.

    Args:
        do_lower_case: True if text will be lowercased.
        files: of the model.
        name: as for `find_casing`.

    Raises:
        UserError: the model is an official checkpoint of the other casing, or a file beside it is broken.

    Example:
        check_casing(True, resolve("my-cased-model"))  # warns
    """
    if files.checkpoint is not None and files.checkpoint.name == "bert_model.ckpt":
        for each in _names(files, name):
            validate_case_matches_checkpoint(do_lower_case, f"{each}/{files.checkpoint.name}")
    vocabulary = _vocabulary_casing(files.vocab_file)
    stated = [vocabulary, *_from_runs(files), *_from_tokenizers(files)]
    contradiction = next((each for each in stated if each and each.do_lower_case != do_lower_case), None)
    if contradiction:
        _warn(do_lower_case, contradiction, _makes_words_unknown(do_lower_case, vocabulary))
    for path in _other_accents(do_lower_case, files):
        logging.warning("%s: has strip_accents %s; here do_lower_case decides.", printable(path), not do_lower_case)
    for path, tokens in _added_tokens(files):
        logging.warning(
            "%s: adds tokens that transformers keeps whole (%s); here they are split like other words.",
            printable(path),
            first_few(tokens),
        )


def _warn(do_lower_case: bool, contradiction: Casing, makes_words_unknown: bool) -> None:
    consequence = (
        "words with capital letters become [UNK]"
        if makes_words_unknown
        else f"a model trained with do_lower_case={not do_lower_case} gets other word pieces"
    )
    logging.warning(
        "do_lower_case=%s contradicts %s: %s; check --do_lower_case.", do_lower_case, contradiction.source, consequence
    )


def _makes_words_unknown(do_lower_case: bool, vocabulary: Casing | None) -> bool:
    """Returns True if text keeps capital letters for which the vocabulary has no pieces."""
    return vocabulary is not None and vocabulary.do_lower_case and not do_lower_case


# Files beside the model.


def _folders(files: CheckpointFiles) -> list[AnyPath]:
    """Returns the folders of the weights, the vocabulary and the configuration, in this order, each once."""
    paths = (files.checkpoint, files.vocab_file, files.config_file)
    return list(dict.fromkeys(as_path(path).parent for path in paths if path is not None))


def _from_runs(files: CheckpointFiles) -> Iterator[Casing]:
    for folder in _folders(files):
        path = folder / run_files.RUN
        training = _read_if_there(path).get("training")
        if isinstance(training, dict):
            yield from _stated(training, path)


def _from_tokenizers(files: CheckpointFiles) -> Iterator[Casing]:
    for folder in _folders(files):
        path = folder / _TOKENIZER_CONFIG
        yield from _stated(_read_if_there(path), path)
        path = folder / tokenizer_json.NAME
        lowercases = tokenizer_json.lowercases(path) if _is_there(path) else None
        if lowercases is not None:
            yield Casing(lowercases, printable(path))


def _other_accents(do_lower_case: bool, files: CheckpointFiles) -> Iterator[AnyPath]:
    """Yields the files that ask for lowercased text with accents, or for cased text without."""
    for path in (folder / _TOKENIZER_CONFIG for folder in _folders(files)):
        strip_accents = _read_if_there(path).get("strip_accents")
        if isinstance(strip_accents, bool) and strip_accents != do_lower_case:
            yield path


def _added_tokens(files: CheckpointFiles) -> Iterator[tuple[AnyPath, list[str]]]:
    for path in (folder / tokenizer_json.NAME for folder in _folders(files)):
        tokens = tokenizer_json.added_tokens(path) if _is_there(path) else []
        if tokens:
            yield path, tokens


def _is_there(path: AnyPath) -> bool:
    with reading(path, "check the path and its permissions"):
        return is_there(path)


def _read_if_there(path: AnyPath) -> dict:
    # A link to a file that is gone is not a missing file.
    if not _is_there(path):
        return {}
    with reading(path, "repair or remove it"):
        return read_json(path, _MAX_JSON_BYTES)


def _stated(fields: dict, path: AnyPath) -> Iterator[Casing]:
    """Yields what the field `do_lower_case` says, if it is there."""
    value = fields.get("do_lower_case")
    if value is None:
        return
    if not isinstance(value, bool):
        raise UserError(f"{printable(path)}: do_lower_case is {shown(value)}; true or false is needed")
    yield Casing(value, printable(path))


# Names.


def _names(files: CheckpointFiles, name: str | os.PathLike | None) -> list[str]:
    """Returns the names that a model has: as it was given, of its zip file, of its folder behind a symbolic link."""
    given = [] if name is None else [as_path(name)]
    folders = _folders(files)[:1]
    local = [path for path in (*given, *folders) if not is_remote(path)]
    paths = [*given, *folders, *(as_path(os.path.realpath(path)) for path in local)]
    names = (path.stem if path.suffix.lower() == ".zip" else path.name for path in paths)
    return list(dict.fromkeys(filter(None, names)))


def _from_official_names(files: CheckpointFiles, name: str | os.PathLike | None) -> Iterator[Casing]:
    for each in _names(files, name):
        if each.lower() in _OFFICIAL_NAMES:
            yield Casing(_OFFICIAL_NAMES[each.lower()], f"the name {printable(each)}")


def _from_other_names(files: CheckpointFiles, name: str | os.PathLike | None) -> Iterator[Casing]:
    for each in _names(files, name):
        words = {match[0] for match in _CASED_WORD.finditer(each.lower())}
        if len(words) == 1:
            yield Casing(words == {"uncased"}, f"the name {printable(each)}")


# The vocabulary.


def _vocabulary_casing(vocab_file: AnyPath) -> Casing | None:
    """Returns what the pieces show; None if they have neither letters with two cases nor accents."""
    pieces = [piece for piece in load_vocab(vocab_file) if not _is_special(piece)]
    capital = sum(piece != piece.lower() for piece in pieces)
    small = sum(piece != piece.upper() for piece in pieces)
    foreign = [piece for piece in pieces if not piece.isascii()]
    accented = sum(any(unicodedata.category(c) == "Mn" for c in unicodedata.normalize("NFD", p)) for p in foreign)
    path = printable(vocab_file)
    if capital > _FEW * len(pieces):
        return Casing(False, f"{path}, where {capital} of {len(pieces)} pieces have capital letters")
    # Lowercasing also strips accents: of a script that consists of them, such as Hindi's, it would leave little.
    if accented > small:
        return Casing(False, f"{path}, where {accented} of {len(pieces)} pieces have accents")
    if small:
        return Casing(True, f"{path}, where {capital} of {len(pieces)} pieces have capital letters")
    return None


def _is_special(piece: str) -> bool:
    return (piece.startswith("[") and piece.endswith("]")) or (piece.startswith("<") and piece.endswith(">"))
