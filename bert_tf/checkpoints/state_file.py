"""Reads the file `checkpoint` of a folder, which names the newest checkpoint. Needs no TensorFlow.

TensorFlow calls the content a checkpoint state. It decides whether a run is new, resumed or finished, so a file that is
damaged or missing must never be taken for a folder without checkpoints.
"""

import os
import re
from pathlib import Path

from google.protobuf import text_encoding

from bert_tf.errors import UserError, first_few, user_error_for
from bert_tf.files import is_there, read_text
from bert_tf.remote import AnyPath, as_path

_PREFIX_NAME = re.compile(r"model\.ckpt-(0|[1-9][0-9]*)")


def latest_checkpoint(folder: str | os.PathLike) -> AnyPath | None:
    r"""Returns the prefix of the newest checkpoint of a folder, as the file `checkpoint` in it names it.

    TensorFlow writes this file, a text protobuf, with an absolute path or a path relative to the folder. Only the
    last part of the path is used, because the folder may have been moved since.

    Returns:
        The prefix in `folder`. If the file is missing or names nothing, that of the only `model.ckpt-STEP`. None if the
        folder has neither this file nor a `model.ckpt-STEP`.

    Raises:
        UserError: there are checkpoints, but it is not sure which is the newest: the file is missing or damaged beside
            several of them, cannot be read, or names one that is not there. Then nothing may be trained over them.

    Example:
        >>> _ = Path("checkpoint").write_text('model_checkpoint_path: "/old/folder/model.ckpt-7"\n')
        >>> _ = Path("model.ckpt-7.index").write_text("")
        >>> latest_checkpoint(".").as_posix()
        'model.ckpt-7'
    """
    state_file = as_path(folder) / "checkpoint"
    name = named_checkpoint(folder)
    step = None if name else only_step(folder)
    if step is not None:
        return as_path(folder) / f"model.ckpt-{step}"
    if name is None:
        return _without_state_file(folder)
    if not name:
        remedy = _remedy(folder) or "remove it, or give --init_checkpoint"
        raise UserError(f"{state_file}: cannot be read or names no checkpoint of this folder; {remedy}")
    checkpoint = as_path(folder) / name
    with user_error_for(OSError, checkpoint, "cannot be read", "check the path and its permissions"):
        is_there = as_path(f"{checkpoint}.index").is_file()
    if not is_there:
        remedy = _remedy(folder) or "copy it there or remove this file"
        raise UserError(f"{state_file}: names {name}, which is not there; {remedy}")
    return checkpoint


def named_checkpoint(folder: str | os.PathLike) -> str | None:
    r"""Returns the name in the file `checkpoint` of a folder.

    Returns:
        The last part of the path that the file names, whether or not there is such a checkpoint; "" if it names none
        or one outside of the folder; None if there is no such file.

    Raises:
        UserError: the file cannot be read.

    Example:
        >>> _ = Path("checkpoint").write_text("")
        >>> named_checkpoint(".")
        ''
    """
    state_file = as_path(folder) / "checkpoint"
    try:
        with user_error_for(OSError, state_file, "cannot be read", "check the disk and the file's permissions"):
            if not is_there(state_file):
                return None
            return _name_in(read_text(state_file))
    except ValueError:
        return ""


def listed_steps(folder: str | os.PathLike) -> list[int]:
    r"""Returns the steps of the checkpoints that the file `checkpoint` of a folder lists; none without such a file.

    Example:
        >>> _ = Path("checkpoint").write_text('all_model_checkpoint_paths: "model.ckpt-7"\n')
        >>> listed_steps(".")
        [7]
    """
    state_file = as_path(folder) / "checkpoint"
    text = read_text(state_file) if is_there(state_file) else ""
    paths = re.findall(r'^all_model_checkpoint_paths: "(.*)"$', text, re.MULTILINE)
    return [step for step in (step_in_name(Path(path)) for path in paths) if step is not None]


def step_in_name(prefix: AnyPath) -> int | None:
    """Returns the step in the name of a run's checkpoint, `model.ckpt-STEP`; None for another name.

    Example:
        >>> step_in_name(Path("output/model.ckpt-343")), step_in_name(Path("bert_model.ckpt"))
        (343, None)
    """
    match = _PREFIX_NAME.fullmatch(prefix.name)
    return int(match[1]) if match else None


def complete_steps(folder: str | os.PathLike) -> list[int]:
    """Returns the steps of the checkpoints `model.ckpt-STEP` of a folder that have an index and data, in order.

    Example:
        >>> complete_steps(".")
        []
    """
    names = _names_in(folder)
    return [
        step for step in _indexed_steps(names) if any(name.startswith(f"model.ckpt-{step}.data-") for name in names)
    ]


def only_step(folder: str | os.PathLike) -> int | None:
    """Returns the step of the only `model.ckpt-STEP` of a folder; None if there is none, or others, or its data lacks.

    Example:
        >>> only_step(".") is None
        True
    """
    steps = complete_steps(folder)
    return steps[0] if len(steps) == 1 and steps == _indexed_steps(_names_in(folder)) else None


def _without_state_file(folder: str | os.PathLike) -> None:
    """Returns None if the folder has no `model.ckpt-STEP` whose file `checkpoint` is missing."""
    names = [f"model.ckpt-{step}" for step in _indexed_steps(_names_in(folder))]
    if names:
        remedy = _remedy(folder) or f"copy {names[-1]}.data-00000-of-00001 there, or remove {names[-1]}.index"
        state_file = as_path(folder) / "checkpoint"
        raise UserError(f"{state_file}: is missing, but the folder has {first_few(names)}; {remedy}")


def _remedy(folder: str | os.PathLike) -> str | None:
    """Returns how to make the newest complete checkpoint count again; None if there is none."""
    steps = complete_steps(folder)
    return (
        f'to use the newest, write only this line into it: model_checkpoint_path: "model.ckpt-{steps[-1]}"'
        if steps
        else None
    )


def _indexed_steps(names: list[str]) -> list[int]:
    prefixes = (Path(name.removesuffix(".index")) for name in names if name.endswith(".index"))
    return sorted(step for step in map(step_in_name, prefixes) if step is not None)


def _name_in(text: str) -> str:
    """Returns the name that the text of a file `checkpoint` gives, "" without one.

    Raises:
        ValueError: the name is not escaped as a text protobuf does it.
    """
    path = re.search(r'^[ \t]*model_checkpoint_path[ \t]*:[ \t]*"((?:[^"\\\n]|\\.)*)"', text, re.MULTILINE)
    named = Path(text_encoding.CUnescape(path[1]).decode("utf-8") if path else "")
    is_outside = ".." in named.parts
    return named.name if named.name.isprintable() and not is_outside else ""


def _names_in(folder: str | os.PathLike) -> list[str]:
    with user_error_for(OSError, folder, "cannot be read", "check the path and its permissions"):
        try:
            return [path.name for path in as_path(folder).iterdir()]
        except (FileNotFoundError, NotADirectoryError):
            return []
