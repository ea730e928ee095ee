"""Reads and writes the files of an output folder.

    output_dir = OutputDir("output/MRPC/all-MiniLM-L6-v2")
    output_dir.write_results({"eval_accuracy": 0.87})

Every file is written whole or not at all, so that a run can be killed at any moment.
"""

import contextlib
import json
import os
import platform
import re
import time
from collections.abc import Collection, Iterable, Iterator, Mapping

import numpy as np
import tensorflow as tf
from absl import logging

from bert_tf import run_files
from bert_tf.checkpoints.formats import read_array, read_checkpoint, write_checkpoint
from bert_tf.checkpoints.state_file import (
    complete_steps,
    latest_checkpoint,
    listed_steps,
    named_checkpoint,
    only_step,
    step_in_name,
)
from bert_tf.errors import UserError, printable, reading, shown, user_error_for
from bert_tf.files import (
    append_whole,
    atomic_write,
    is_leftover,
    json_text,
    locked,
    make_folder,
    read_json,
    read_json_or_empty,
    read_text,
    remove_tree,
    sync_folder,
    write_json,
)
from bert_tf.remote import AnyPath, as_path, is_remote
from bert_tf.training.config import RunConfig
from bert_tf.training.fields import checked_fields

_TEXT_FILES = (
    run_files.CHECKPOINT,
    run_files.RUN,
    run_files.RESULTS,
    run_files.EVAL_RESULTS,
    run_files.EVAL_RESULTS_ALL,
    run_files.EVAL_PREDICTIONS,
    run_files.EVAL_VALUES,
    run_files.TEST_RESULTS,
    run_files.TEST_PREDICTIONS,
    run_files.TRAIN_LOG,
    run_files.CONFIG,
    run_files.VOCAB,
    run_files.LABELS,
    run_files.TASK,
)
_CHECKPOINT_FILE = re.compile(r"model\.ckpt-([0-9]+)\.(index|meta|data-[0-9]{5}-of-[0-9]{5})")
_PARTIAL_CHECKPOINT = re.compile(r"\.model\.ckpt-[0-9]+\.partial")
_EVENTS = re.compile(r"events\.out\.tfevents\..*")
_OUR_EVENTS = re.compile(r"events\.out\.tfevents\.[0-9]{10}\..*\.bert_tf")
# The array of a finished run's checkpoint that says up to which step the run was trained. It may be a later one than
# the checkpoint's, if the best weights were kept, and an earlier one than planned, if training stopped early.
LAST_STEP = "training/last_step"
# What a task.json has about how a model is used: each run chooses it anew.
_SETTINGS_OF_USE = ("doc_context", "repair", "next_sentence")
_SECONDS_BETWEEN_REMOTE_APPENDS = 60.0
_REPLACE_RUN = "put the right file there, or pass --overwrite_output_dir to train again"
_MAKE_ROOM = "make room on the disk, or check it and the permissions, and run the same command again"


class OutputDir:
    """The output folder of one run.

    Args:
        path: the folder; `opened` creates it.
        is_writer: False in a process that is not the chief: its calls of `opened` and of all that writes do nothing.
    """

    def __init__(self, path: str | os.PathLike, is_writer: bool = True):
        self.path = as_path(path)
        self.is_writer = is_writer

    @property
    def config_file(self) -> AnyPath:
        """The model's `bert_config.json`."""
        return self.path / run_files.CONFIG

    @property
    def vocab_file(self) -> AnyPath:
        """The model's vocabulary."""
        return self.path / run_files.VOCAB

    @contextlib.contextmanager
    def opened(self) -> Iterator[None]:
        """Creates the folder and keeps other runs out of it; the lock ends with the process.

        Removes what a killed run left half written, and writes the file `checkpoint` again if it is missing or damaged
        and there is exactly one checkpoint.

        Raises:
            UserError: the folder cannot be written to, another run holds it, or a folder is in the place of a file.
        """
        if not self.is_writer:
            yield
            return
        make_folder(self.path, "output_dir")
        refusal = f"output_dir: {self.path}: another run is writing there; wait for it or name another folder"
        with locked(self.path / ".lock", refusal):
            self._check_places()
            self._remove_leftovers()
            self._repair_state_file()
            yield

    def _check_places(self) -> None:
        """Raises `UserError` for a folder in the place of a file: writing would fail after hours of training."""
        for name in _TEXT_FILES:
            if (self.path / name).is_dir() and not (self.path / name).is_symlink():
                raise UserError(f"{self.path / name}: is a folder; a run writes a file there, so rename the folder")

    def _remove_leftovers(self) -> None:
        self._remove(
            path
            for path in self._list()
            if _PARTIAL_CHECKPOINT.fullmatch(path.name)
            or any(is_leftover(path.name, name) for name in (*_TEXT_FILES, run_files.FAILURE))
        )

    def _repair_state_file(self) -> None:
        if named_checkpoint(self.path):
            return
        step = only_step(self.path)
        if step is not None:
            self._write_state_file(step, [step])
            logging.warning(
                "%s: was missing or damaged; it names %s again, the only checkpoint there.",
                self.path / run_files.CHECKPOINT,
                self.checkpoint(step).name,
            )

    def _list(self) -> list[AnyPath]:
        with user_error_for(OSError, self.path, "cannot be read", "check the disk and the permissions"):
            return sorted(self.path.iterdir())

    def _remove(self, paths: Iterable[AnyPath]) -> None:
        """Removes files, links and half written checkpoints, and no other folders."""
        for path in paths:
            with self._writing(path.name, "removed"):
                if path.is_symlink() or not path.is_dir():
                    path.unlink()
                elif _PARTIAL_CHECKPOINT.fullmatch(path.name):
                    remove_tree(path)

    def _writing(self, name: str, done: str = "written") -> contextlib.AbstractContextManager[None]:
        """Turns errors of the disk inside the block into a `UserError` that names the file: the one place for it."""
        return user_error_for((OSError, tf.errors.OpError), self.path / name, f"cannot be {done}", _MAKE_ROOM)

    # The run: what it was started with.

    def read_run(self) -> dict | None:
        """Returns what `start_run` wrote; None if no run was started here.

        Raises:
            UserError: the file is broken, or a value has another type than its flag or is out of its bounds.
        """
        run = self.read_unchecked_run()
        if run is None:
            return None
        try:
            _check_run(run)
        except UserError as error:
            raise UserError(f"{self.path / run_files.RUN}: {error}; {_REPLACE_RUN}") from error
        return run

    def read_unchecked_run(self) -> dict | None:
        """Returns what `start_run` wrote, whatever its values are; None if no run was started here.

        Raises:
            UserError: the file is broken.
        """
        path = self.path / run_files.RUN
        with reading(path, _REPLACE_RUN):
            try:
                run = read_json(path)
            except FileNotFoundError:
                return None
        if not isinstance(run.get("training"), dict):
            raise UserError(f"{path}: does not describe a run; {_REPLACE_RUN}")
        return run

    def start_run(self, run: Mapping, model_files: Mapping[str, str], vocab_file: AnyPath, overwrite: bool) -> None:
        """Marks this folder as a new run's.

        Args:
            run: what the run was started with; its settings are `run["training"]`.
            model_files: what prediction needs besides weights and vocabulary: contents by file name.
            vocab_file: the vocabulary, which is copied.
            overwrite: remove the files of an earlier run, and no others.
        """
        if not self.is_writer:
            return
        with user_error_for(OSError, vocab_file, "cannot be read", "check the path and its permissions"):
            vocab = vocab_file.read_bytes()
        with self._writing(run_files.RUN), atomic_write(self.path / run_files.RUN) as file:
            file.write(json_text(run))
            file.flush()
            # Only now: nothing is removed if the disk has no room for the new run.
            if overwrite:
                self._remove_earlier_run()
        for name, text in model_files.items():
            self.write_lines(name, text.splitlines())
        with self._writing(self.vocab_file.name), atomic_write(self.vocab_file, "wb") as file:
            file.write(vocab)

    def write_run(self, run: Mapping) -> None:
        """Writes run.json."""
        if self.is_writer:
            with self._writing(run_files.RUN):
                write_json(self.path / run_files.RUN, run)

    def _remove_earlier_run(self) -> None:
        """Removes the files of a run and nothing else: a wrong --output_dir costs nobody's files."""
        kinds = (_CHECKPOINT_FILE, _PARTIAL_CHECKPOINT, _EVENTS)
        ours = [
            path
            for path in self._list()
            if path.name in _TEXT_FILES or any(kind.fullmatch(path.name) for kind in kinds)
        ]
        # A run that is killed in between leaves a whole checkpoint or none: one without an index does not count.
        self._remove(sorted(ours, key=lambda path: (path.name != run_files.CHECKPOINT, path.suffix != ".index")))

    def check_description(self, description: Mapping[str, str]) -> None:
        """Raises `UserError` if the model was trained for something else.

        Args:
            description: the task's, see `Task.describe`.
        """
        for name, wanted in description.items():
            path = self.path / name
            with reading(path, "the folder is not complete; copy the file there again"):
                is_missing = name == run_files.TASK and not path.exists()
                found = run_files.TASK_OF_EARLIER_VERSIONS if is_missing else read_text(path)
            subject, other = _subject(name, found), _subject(name, wanted)
            if subject != other:
                remedy = "name its task, or train it for this one: --do_train, --bert_model and another --output_dir"
                raise UserError(f"{path}: the model was trained for {subject}, not for {other}; {remedy}")

    # Checkpoints.

    def latest_step(self) -> int:
        """Returns the step in the name of the newest checkpoint; 0 if there is none.

        Raises:
            UserError: there are checkpoints, but it is not sure which is the newest.
        """
        prefix = latest_checkpoint(self.path)
        if prefix is None:
            return 0
        step = step_in_name(prefix)
        if step is None:
            raise UserError(
                f"{self.path / run_files.CHECKPOINT}: names {prefix.name}, which is no model.ckpt-STEP of a run; "
                "name another output_dir"
            )
        return step

    def start_step(self) -> int:
        """Returns the step of the newest checkpoint, to start from; 0 if there is none.

        Raises:
            UserError: it is not sure which checkpoint is the newest, or it is of another step than its name says.
        """
        step = self.latest_step()
        if step:
            self._check_global_step(step)
        return step

    def _check_global_step(self, step: int) -> None:
        prefix = self.checkpoint(step)
        with reading(prefix, "copy the checkpoint there again", "cannot be read, it is broken or cut off"):
            found = read_array(prefix, "global_step")
        if found is not None and (found.shape or found.dtype.kind not in "iuf" or found != step):
            raise UserError(
                f"{prefix}: is of step {printable(found.tolist())} (its global_step) and not {step}; the file was "
                "renamed or mixed up, so copy the right one there or name another folder"
            )

    def checkpoint(self, step: int) -> AnyPath:
        """Returns the prefix of the checkpoint of a step."""
        return self.path / f"model.ckpt-{step}"

    def read_checkpoint(self, step: int) -> dict[str, np.ndarray]:
        """Reads all arrays of the checkpoint of a step, by name."""
        return read_checkpoint(self.checkpoint(step))

    def is_of_finished_run(self, step: int) -> bool:
        """Returns True if the checkpoint of a step says that its run was trained to its end.

        Runs that do not evaluate while training do not say it: the step is their last one.
        """
        with reading(self.checkpoint(step), "copy the checkpoint there again", "cannot be read"):
            return read_array(self.checkpoint(step), LAST_STEP) is not None

    def write_checkpoint(
        self, step: int, arrays: Mapping[str, np.ndarray | tf.Tensor], keep: int = 1, last_step: int | None = None
    ) -> None:
        """Writes the checkpoint of a step, makes it the one that counts, and removes older ones.

        Args:
            step: of the weights.
            arrays: by name.
            keep: see `remove_older_checkpoints`.
            last_step: see `remove_older_checkpoints`.
        """
        if not self.is_writer:
            return
        prefix = self.checkpoint(step)
        write_checkpoint(prefix, arrays)
        with self._writing(prefix.name):
            sync_folder(self.path)
        self._write_state_file(step, self._kept_steps(step, keep, last_step or step))
        self.remove_older_checkpoints(step, keep, last_step)

    def _write_state_file(self, step: int, kept: Iterable[int]) -> None:
        paths = (f'all_model_checkpoint_paths: "{self.checkpoint(each).name}"' for each in kept)
        self.write_lines(run_files.CHECKPOINT, (f'model_checkpoint_path: "{self.checkpoint(step).name}"', *paths))

    def _kept_steps(self, step: int, keep: int, last_step: int) -> list[int]:
        others = [other for other in complete_steps(self.path) if other < last_step and other != step]
        kept = others if keep == 0 else others[max(0, len(others) - keep + 1) :]
        return sorted([*kept, step])

    def remove_older_checkpoints(self, step: int, keep: int = 1, last_step: int | None = None) -> None:
        """Removes the checkpoints of a run except the one that counts and the newest others.

        Those of later steps than the run's stay: one of them may be what a user wants to keep.

        Args:
            step: of the checkpoint that counts.
            keep: the number of checkpoints to keep, this one among them; 0 keeps all.
            last_step: the last one that the run was trained to, if that is not `step`; it does not stay.
        """
        last_step = last_step or step
        self._remove_checkpoints(last_step, self._kept_steps(step, keep, last_step))

    def remove_leftover_checkpoints(self, step: int, keep: int = 1, last_step: int | None = None) -> None:
        """Removes the checkpoints that a run which was killed after a save did not remove any more.

        Those that the file `checkpoint` lists stay, even if they are more than this run is to keep: its next save
        removes them. The arguments are those of `remove_older_checkpoints`.
        """
        last_step = last_step or step
        self._remove_checkpoints(last_step, [*self._kept_steps(step, keep, last_step), *listed_steps(self.path)])

    def _remove_checkpoints(self, last_step: int, kept: Collection[int]) -> None:
        """Removes the checkpoints of all steps up to the last one, except those of the kept steps."""
        if not self.is_writer:
            return
        matches = [(path, _CHECKPOINT_FILE.fullmatch(path.name)) for path in self._list()]
        self._remove(
            path for path, match in matches if match and int(match[1]) <= last_step and int(match[1]) not in kept
        )

    # Results.

    def read_results(self) -> dict:
        """Reads results.json; returns an empty object if it is missing or broken."""
        return read_json_or_empty(self.path / run_files.RESULTS)

    def write_results(self, results: dict) -> None:
        """Adds to results.json; a later value of a key replaces an earlier one."""
        if self.is_writer:
            with self._writing(run_files.RESULTS):
                write_json(self.path / run_files.RESULTS, {**self.read_results(), **results})

    def write_eval_results(self, scores: Mapping[str, float]) -> None:
        """Writes `eval_results.txt` as the original does: sorted keys, `key = value`."""
        self.write_lines(run_files.EVAL_RESULTS, (f"{key} = {scores[key]}" for key in sorted(scores)))

    def write_eval_values(self, guids: Iterable[str], values: np.ndarray) -> None:
        """Writes `eval_values.tsv`: below a header line, a number for each example."""
        rows = (f"{guid}\t{value}" for guid, value in zip(guids, values, strict=True))
        self.write_lines(run_files.EVAL_VALUES, ("guid\tvalue", *rows))

    def write_lines(self, name: str, lines: Iterable[str]) -> None:
        """Writes a text file."""
        if self.is_writer:
            with self._writing(name), atomic_write(self.path / name) as file:
                file.writelines(f"{line}\n" for line in lines)

    def start_events(self) -> str:
        """Removes the events files of this run's earlier attempts, and returns the name of a new one.

        Those that other programs wrote stay.
        """
        if self.is_writer:
            self._remove(path for path in self._list() if _OUR_EVENTS.fullmatch(path.name))
        return f"events.out.tfevents.{int(time.time()):010d}.{platform.node()}.{os.getpid()}.bert_tf"

    @property
    def seconds_between_appends(self) -> float:
        """The least time from one `append` to the next: a bucket writes the whole file again, once a second at most."""
        return _SECONDS_BETWEEN_REMOTE_APPENDS if is_remote(self.path) else 0.0

    def append(self, name: str, content: bytes) -> None:
        """Adds bytes to a file, all or none of them."""
        if self.is_writer:
            with self._writing(name):
                append_whole(self.path / name, content)


def _subject(name: str, description: str) -> str:
    """Returns what a file says the model is for, however its lines end and its JSON is spaced."""
    if name != run_files.TASK:
        return str(description.splitlines())
    try:
        facts = json.loads(description)
        if isinstance(facts, dict):
            facts = {key: value for key, value in facts.items() if key not in _SETTINGS_OF_USE}
        return printable(json.dumps(facts))
    except (ValueError, RecursionError):
        return printable(description)


def _check_run(run: Mapping) -> None:
    """Raises `UserError` if a value that a run wrote about itself has another type than it writes."""
    training = run["training"]
    checked_fields(RunConfig, training)
    total, machines = training.get("num_train_steps", 1), run.get("machines", [])
    if type(total) is not int or total < 1:
        raise UserError(f"num_train_steps: is {shown(total)}; it must be a whole number of at least 1")
    if not isinstance(machines, list) or not all(isinstance(machine, dict) for machine in machines):
        raise UserError(f"machines: is {shown(machines)}; it must be a list of objects")
