"""Finds finished and failed runs and reads their folders.

    inventory = read_runs([Path("output")])
    [run.score for run in inventory.runs]

A file that is missing, cut off or foreign is named in `Inventory.skipped`, and the rest is read.
"""

import contextlib
import dataclasses
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from bert_tf import run_files
from bert_tf.report.reading import (
    ExampleValues,
    Predictions,
    UnusableFileError,
    digest,
    finite_number,
    last_lines,
    num_evaluated,
    read_json,
    read_predictions,
    read_train_log,
    read_training,
    read_values,
)
from bert_tf.report.scores import ACCURACY, LOSS, Score, score, scores_among

# A folder with one of these files belongs to a run.
RUN_FILES = (
    run_files.RESULTS,
    run_files.RUN,
    run_files.TRAIN_LOG,
    run_files.EVAL_PREDICTIONS,
    run_files.EVAL_VALUES,
    run_files.FAILURE,
    run_files.LOG,
)
REPORT_FILES = ("report.html", "report.csv", "report.md")
# run.json has the flags of the training only. results.json, the source for runs of old versions without a run.json, has
# these as well: they say what to do, where, and how to evaluate. All its other flags count as flags of the training.
OTHER_FLAGS = (
    "data_dir",
    "output_dir",
    "do_train",
    "do_eval",
    "do_predict",
    "eval_batch_size",
    "predict_batch_size",
    "save_checkpoints_steps",
    "iterations_per_loop",
    "logging_steps",
    "overwrite_output_dir",
    "use_tpu",
    "master",
    "tpu_name",
    "tpu_zone",
    "gcp_project",
)


@dataclasses.dataclass(frozen=True, eq=False)
class Run:
    """A finished run with an evaluation.

    Attributes:
        folder: the folder of the run.
        flags: of the training, by name, without the seed.
        seed: of the training.
        train_data: a digest of the training set; None if run.json does not have it.
        dev_data: a digest of the dev set's texts and labels; None if results.json does not have it.
        task: its name.
        dataset: the name of the data.
        data_dir: the folder of the data.
        versions: of Python and the packages.
        results: the numbers of results.json.
        headline: the main score of the task.
        predictions: the class probabilities; None if there are none that can be used.
        values: one value per dev example; None if there are none that can be used.
        train_log: float [rows, 2], step and loss; None if there is none that can be used.
    """

    folder: Path
    flags: dict
    seed: int
    train_data: str | None
    dev_data: str | None
    task: str
    dataset: str
    data_dir: str
    versions: dict
    results: dict[str, float]
    headline: Score
    predictions: Predictions | None = None
    values: ExampleValues | None = None
    train_log: np.ndarray | None = None

    @property
    def score(self) -> float:
        """The value of the headline."""
        return self.results[self.headline.key]

    @property
    def collapsed(self) -> bool:
        """True if all dev examples got the same class although their labels differ."""
        return self.predictions is not None and self.predictions.collapsed

    @property
    def guids(self) -> tuple[str, ...] | None:
        """The names of the dev examples; None if no file has them."""
        source = self.predictions or self.values
        return source and source.guids

    @property
    def dev_set(self) -> str | None:
        """A digest of the dev examples; None if no file names them."""
        if self.predictions is not None:
            return self.predictions.dev_set
        return None if self.values is None else digest(self.values.guids, self.dev_data)

    @property
    def num_dev_examples(self) -> int | None:
        """The number of dev examples; None if neither a file nor the speed gives it."""
        return num_evaluated(self.results) if self.guids is None else len(self.guids)


@dataclasses.dataclass(frozen=True, eq=False)
class FailedRun:
    """A run without usable results.

    Attributes:
        folder: the folder of the run.
        reason: why it has none, in words.
        last_lines: of failure.txt or of the newest log in the folder; may be empty.
        flags: as in `Run`; empty if run.json cannot be read.
        seed: None if run.json cannot be read.
        train_data: as in `Run`.
    """

    folder: Path
    reason: str
    last_lines: tuple[str, ...] = ()
    flags: dict = dataclasses.field(default_factory=dict)
    seed: int | None = None
    train_data: str | None = None


@dataclasses.dataclass
class Inventory:
    """All that the folders hold: runs, failed runs, and one line for each file that was skipped."""

    runs: list[Run] = dataclasses.field(default_factory=list)
    failed: list[FailedRun] = dataclasses.field(default_factory=list)
    skipped: list[str] = dataclasses.field(default_factory=list)


def read_runs(folders: Sequence[Path]) -> Inventory:
    """Reads all runs in and below some folders, each once, in the order of their paths."""
    inventory = Inventory()
    seen: set[Path] = set()
    for top in folders:
        for folder in _run_folders(top, inventory.skipped):
            if folder.resolve() not in seen:
                seen.add(folder.resolve())
                try:
                    _read_run(folder, inventory)
                except OSError as error:
                    inventory.skipped.append(_unreadable(error, folder))
    return inventory


def _unreadable(error: OSError, path: Path) -> str:
    return f"{error.filename or path}: cannot be read ({error.strerror})"


def _run_folders(top: Path, skipped: list[str]) -> Iterator[Path]:
    if not top.is_dir():
        skipped.append(f"{top}: is not a folder")
        return
    for name, subfolders, files in os.walk(top, onerror=lambda error: skipped.append(_unreadable(error, top))):
        subfolders[:] = sorted(folder for folder in subfolders if not folder.startswith("."))
        if any(file in RUN_FILES for file in files):
            yield Path(name)
        else:
            foreign = sorted(file for file in files if file not in REPORT_FILES and not file.startswith("."))
            skipped.extend(f"{Path(name, file)}: is not part of a run" for file in foreign)


def _read_run(folder: Path, inventory: Inventory) -> None:
    """Adds the run of a folder to the finished, the failed or the skipped ones."""
    training = {}
    with _skipping(inventory.skipped):
        training = read_training(folder / run_files.RUN)
    if not (folder / run_files.RESULTS).exists():
        inventory.failed.append(_create_failed_run(folder, training, _why_no_results(folder)))
        return
    try:
        run = _create_run(folder, training)
    except UnusableFileError as error:
        if training:
            inventory.failed.append(_create_failed_run(folder, training, str(error)))
        else:
            inventory.skipped.append(str(error))
        return
    if (folder / run_files.FAILURE).exists():
        note = f"{folder / run_files.FAILURE}: reports a failure, but {run_files.RESULTS} exists and is used"
        inventory.skipped.append(note)
    inventory.runs.append(dataclasses.replace(run, **_read_parts(run, inventory.skipped)))


@contextlib.contextmanager
def _skipping(skipped: list[str]) -> Iterator[None]:
    """Leaves the block at an unusable file and notes the file."""
    try:
        yield
    except UnusableFileError as error:
        skipped.append(str(error))


def _read_parts(run: Run, skipped: list[str]) -> dict:
    """Reads the files beside results.json, those that exist and can be used."""
    parts = {}
    headline = run.headline.key
    # Old runs have no predictions or no values; the comparison notes it.
    with _skipping(skipped):
        path = run.folder / run_files.EVAL_PREDICTIONS
        if path.exists():
            parts["predictions"] = read_predictions(path, run.results, headline)
    predictions = parts.get("predictions")
    if predictions is not None and headline == ACCURACY:
        parts["values"] = ExampleValues(predictions.guids, predictions.correct.astype(float))
    with _skipping(skipped):
        path = run.folder / run_files.EVAL_VALUES
        if path.exists():
            parts["values"] = read_values(path, run.results, headline, predictions)
    with _skipping(skipped):
        parts["train_log"] = read_train_log(run.folder / run_files.TRAIN_LOG, run.results.get("global_step"))
    return parts


def _create_failed_run(folder: Path, training: dict, reason: str) -> FailedRun:
    flags, seed, train_data = _split_training(training)
    return FailedRun(folder, reason, last_lines(folder), flags, seed, train_data)


def _why_no_results(folder: Path) -> str:
    if (folder / run_files.FAILURE).exists():
        return "failed"
    return f"has no {run_files.RESULTS}: it failed, was stopped or is still running"


def _create_run(folder: Path, training: dict) -> Run:
    path = folder / run_files.RESULTS
    results = read_json(path)
    flags, versions = results.get("flags"), results.get("versions")
    if not isinstance(flags, dict) or not isinstance(versions, dict):
        raise UnusableFileError(f"{path}: does not belong to a run: it has no flags or no versions")
    numbers, headline = _read_scores(path, results)
    # The flags in results.json are those of the last command, maybe of an evaluation with other flags.
    training = training or {name: value for name, value in flags.items() if name not in OTHER_FLAGS}
    settings, seed, train_data = _split_training(training)
    if seed is None:
        raise UnusableFileError(f"{path}: has no seed")
    dev_data = results.get("dev_data")
    return Run(
        folder=folder,
        flags=settings,
        seed=seed,
        train_data=train_data,
        dev_data=dev_data if isinstance(dev_data, str) else None,
        task=str(settings.get("task_name")),
        dataset=str(results.get("dataset")),
        data_dir=str(flags.get("data_dir")),
        versions=versions,
        results=numbers,
        headline=headline,
    )


def _read_scores(path: Path, results: dict) -> tuple[dict[str, float], Score]:
    """Returns the numbers of results.json and the headline; old versions do not name it."""
    key = results.get("headline", ACCURACY)
    if not isinstance(key, str):
        raise UnusableFileError(f"{path}: its headline is not the name of a score")
    if key not in results:
        raise UnusableFileError(f"{path}: has no {key}: the run was not evaluated")
    numbers = {name: finite_number(value) for name, value in results.items()}
    for each in (key, LOSS):
        if each in results and numbers[each] is None:
            raise UnusableFileError(f"{path}: {each} is {str(results[each])[:40]}, which is not a usable number")
    numbers = {name: number for name, number in numbers.items() if number is not None}
    for each in scores_among(numbers):
        if each.is_share and not 0 <= numbers[each.key] <= 1:
            raise UnusableFileError(f"{path}: {each.key} is {numbers[each.key]:g}, which is not between 0 and 1")
    return numbers, score(key)


def _split_training(training: dict) -> tuple[dict, int | None, str | None]:
    """Returns the flags, the seed and the digest of the training data."""
    flags = {name: value for name, value in training.items() if name not in ("seed", "train_data")}
    seed, train_data = training.get("seed"), training.get("train_data")
    return flags, seed if type(seed) is int else None, train_data if isinstance(train_data, str) else None
