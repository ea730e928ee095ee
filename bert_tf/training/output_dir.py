"""Reads and writes the files of an output folder.

    output_dir = OutputDir("output/MRPC/all-MiniLM-L6-v2")
    output_dir.write_results({"eval_accuracy": 0.87})

Every file is written whole or not at all, so that a run can be killed at any moment.
"""

import contextlib
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf

from bert_tf import run_files
from bert_tf.checkpoints.formats import read_checkpoint, write_checkpoint
from bert_tf.checkpoints.locate import latest_checkpoint
from bert_tf.errors import UserError, reason_of
from bert_tf.files import atomic_write, locked, make_folder, read_json, read_json_or_empty, write_json

# What --overwrite_output_dir removes, and nothing else: a wrong --output_dir costs nobody's files.
_OUR_FILES = (
    run_files.CHECKPOINT,
    "model.ckpt-[0-9]*.*",
    ".model.ckpt-[0-9]*.partial",
    run_files.RUN,
    run_files.RESULTS,
    run_files.EVAL_RESULTS,
    run_files.EVAL_PREDICTIONS,
    run_files.EVAL_VALUES,
    run_files.TEST_RESULTS,
    run_files.TRAIN_LOG,
    "events.out.tfevents.*",
    run_files.CONFIG,
    run_files.VOCAB,
    run_files.LABELS,
)


class OutputDir:
    """The output folder of one run.

    Args:
        path: the folder; `opened` creates it.
        is_writer: False in a process that is not the chief: its calls of `opened` and of all that writes do nothing.
    """

    def __init__(self, path: str | Path, is_writer: bool = True):
        self.path = Path(path)
        self.is_writer = is_writer

    @property
    def config_file(self) -> Path:
        """The model's `bert_config.json`."""
        return self.path / run_files.CONFIG

    @property
    def vocab_file(self) -> Path:
        """The model's vocabulary."""
        return self.path / run_files.VOCAB

    @contextlib.contextmanager
    def opened(self) -> Iterator[None]:
        """Creates the folder and keeps other runs out of it; the lock ends with the process.

        Raises:
            UserError: the folder cannot be written to, or another run holds it.
        """
        if not self.is_writer:
            yield
            return
        make_folder(self.path, "output_dir")
        refusal = f"output_dir: {self.path}: another run is writing there; wait for it or name another folder"
        with locked(self.path / ".lock", refusal):
            yield

    # The run: what it was started with.

    def read_run(self) -> dict | None:
        """Returns what `start_run` wrote; None if no run was started here.

        Raises:
            UserError: the file is broken.
        """
        path = self.path / run_files.RUN
        if not path.exists():
            return None
        try:
            run = read_json(path)
        except (OSError, ValueError) as error:
            raise UserError(
                f"{path}: cannot be read: {reason_of(error)}; --overwrite_output_dir starts again"
            ) from error
        if not isinstance(run.get("training"), dict):
            raise UserError(f"{path}: does not describe a run; --overwrite_output_dir starts again")
        return run

    def start_run(self, run: Mapping, model_files: Mapping[str, str], vocab_file: Path, overwrite: bool) -> None:
        """Marks this folder as a new run's.

        Args:
            run: what the run was started with; its settings are `run["training"]`.
            model_files: what prediction needs besides weights and vocabulary: contents by file name.
            vocab_file: the vocabulary, which is copied.
            overwrite: remove the files of an earlier run, and no others.
        """
        if not self.is_writer:
            return
        vocab = vocab_file.read_bytes()
        if overwrite:
            self._remove_earlier_run()
        self.write_run(run)
        for name, text in model_files.items():
            self.write_lines(name, text.splitlines())
        with atomic_write(self.vocab_file, "wb") as file:
            file.write(vocab)

    def write_run(self, run: Mapping) -> None:
        """Writes run.json."""
        if self.is_writer:
            write_json(self.path / run_files.RUN, run)

    def _remove_earlier_run(self) -> None:
        for pattern in _OUR_FILES:
            for path in self.path.glob(pattern):
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def check_description(self, description: Mapping[str, str]) -> None:
        """Raises `UserError` if the model was fine-tuned for something else.

        Args:
            description: the task's, see `Task.describe`.
        """
        for name, wanted in description.items():
            path = self.path / name
            try:
                found = path.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                raise UserError(f"{path}: cannot be read: {reason_of(error)}; the folder is not complete") from error
            if found != wanted:
                raise UserError(
                    f"{path}: the model was fine-tuned for {found.splitlines()}, not for {wanted.splitlines()}; "
                    "name its task"
                )

    # Checkpoints.

    def latest_step(self) -> int:
        """Returns the step of the newest checkpoint; 0 if there is none."""
        prefix = latest_checkpoint(self.path)
        match = re.fullmatch(r"model\.ckpt-(\d+)", prefix.name) if prefix else None
        return int(match[1]) if match else 0

    def checkpoint(self, step: int) -> Path:
        """Returns the prefix of the checkpoint of a step."""
        return self.path / f"model.ckpt-{step}"

    def read_checkpoint(self, step: int) -> dict[str, np.ndarray]:
        """Reads all arrays of the checkpoint of a step, by name."""
        return read_checkpoint(self.checkpoint(step))

    def write_checkpoint(self, step: int, arrays: Mapping[str, np.ndarray | tf.Tensor]) -> None:
        """Writes the checkpoint of a step, makes it the newest, and removes the older ones."""
        if not self.is_writer:
            return
        prefix = self.checkpoint(step)
        write_checkpoint(prefix, arrays)
        state = (f'model_checkpoint_path: "{prefix.name}"', f'all_model_checkpoint_paths: "{prefix.name}"')
        self.write_lines(run_files.CHECKPOINT, state)
        for path in self.path.glob("model.ckpt-[0-9]*.*"):
            if path.stem != prefix.name and path.is_file():
                path.unlink()

    # Results.

    def read_results(self) -> dict:
        """Reads results.json; returns an empty object if it is missing or broken."""
        return read_json_or_empty(self.path / run_files.RESULTS)

    def write_results(self, results: dict) -> None:
        """Adds to results.json; a later value of a key replaces an earlier one."""
        if self.is_writer:
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
            with atomic_write(self.path / name) as file:
                file.writelines(f"{line}\n" for line in lines)

    def append_line(self, name: str, line: str) -> None:
        """Adds a line to a text file."""
        if self.is_writer:
            with (self.path / name).open("a", encoding="utf-8", newline="\n") as file:
                file.write(f"{line}\n")
