"""Finds finished and failed runs and reads their folders.

    inventory = read_runs([Path("output")])
    [run.score for run in inventory.runs]

A file that is missing, cut off or foreign is named in `Inventory.skipped`, and the rest is read.
"""

import contextlib
import dataclasses
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from bert_tf import run_files
from bert_tf.errors import UserError, reading
from bert_tf.report.escaping import one_line
from bert_tf.report.formatting import listed
from bert_tf.report.predictions import CLASSIFICATION, ClassPredictions, Predictions, digest
from bert_tf.report.reading import (
    LEFT_OUT,
    exists,
    finite_number,
    is_seed,
    last_lines,
    num_evaluated,
    read_json,
    read_training,
)
from bert_tf.report.scores import ACCURACY, LOSS, Score, in_range, is_measured, score, scores_among
from bert_tf.report.tables import ExampleValues, TrainLog, read_predictions, read_train_log, read_values

Table = TypeVar("Table")

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
# The tables of all runs together; in memory they are about as large. Those of 1,700 runs on MNLI fit.
MAX_ALL_TABLES_BYTES = 1 << 30
REPORT_FILES = ("report.html", "report.csv", "report.md")
# run.json has the flags of the training only. results.json, the source for runs of old versions without a run.json, has
# these as well: they say what to do, where, and how to evaluate. All its other flags count as flags of the training.
OTHER_FLAGS = (
    "data_dir",
    "output_dir",
    "do_train",
    "do_eval",
    "do_predict",
    "glue_submission",
    "eval_batch_size",
    "predict_batch_size",
    "eval_all_checkpoints",
    "save_checkpoints_steps",
    "keep_checkpoint_max",
    "glue_submission",
    "iterations_per_loop",
    "recompute",
    "logging_steps",
    "overwrite_output_dir",
    "use_tpu",
    "master",
    "tpu_name",
    "tpu_zone",
    "gcp_project",
)


@dataclasses.dataclass(frozen=True)
class BestStep:
    """The step whose weights a run kept.

    Attributes:
        metric: the name of the score by which it was chosen.
        step: counted from 1.
        value: of the score.
    """

    metric: str
    step: float
    value: float


@dataclasses.dataclass(frozen=True, eq=False)
class Run:
    """A finished run with an evaluation.

    Attributes:
        folder: the folder of the run.
        name: the part of the folder's path in which the runs of the report differ.
        flags: of the training, by name, without the seed.
        all_flags: of the last command, by name.
        kind: of the task: "classification", "regression" or "multi_label".
        seed: of the training.
        train_data: a digest of the training set; None if run.json does not have it.
        dev_data: a digest of the dev set's texts and labels; None if results.json does not have it.
        task: its name.
        dataset: the name of the data.
        data_dir: the folder of the dev set; None if results.json does not have it.
        versions: of Python and the packages.
        eval_precision: the type in which the evaluation computed; None if results.json does not have it.
        num_train_steps: of the whole training; None if no file has it.
        results: the numbers of results.json.
        headline: the main score of the task.
        best: the step whose weights were kept; None if they are those of the last step.
        predictions: for the dev examples; None if there are none that can be used.
        values: one value per dev example; None if there are none that can be used.
        train_log: losses and dev scores by step; None if there is none that can be used.
    """

    folder: Path
    name: str
    flags: dict
    all_flags: dict
    kind: str
    seed: int
    train_data: str | None
    dev_data: str | None
    task: str
    dataset: str
    data_dir: str | None
    versions: dict
    eval_precision: str | None
    num_train_steps: float | None
    results: dict[str, float]
    headline: Score
    best: BestStep | None = None
    predictions: Predictions | None = None
    values: ExampleValues | None = None
    train_log: TrainLog | None = None

    @property
    def score(self) -> float:
        """The value of the headline."""
        return self.results[self.headline.key]

    @property
    def collapsed(self) -> bool:
        """True if all dev examples got the same answer although their labels differ."""
        return self.predictions is not None and self.predictions.collapsed

    @property
    def unfinished(self) -> str | None:
        """The step of an unfinished training at its evaluation, in words; None if it was finished, or if unknown."""
        step, total = self.results.get("global_step"), self.num_train_steps
        if step is None or self.stopped_early is not None:
            return None
        trained = step if self.train_log is None else self.train_log.losses[-1, 0]
        if self.best is not None:
            # The weights are those of the best step, which says nothing about the end of the training.
            step = max(step, trained)
        if total is not None:
            return f"evaluated at step {step:,.0f} of {total:,.0f}" if step < total else None
        if trained > step:
            return f"evaluated at step {step:,.0f}, but its training went on to step {trained:,.0f}"
        return None

    @property
    def stopped_early(self) -> float | None:
        """The step at which the training was stopped because the score no longer rose; None if it was not."""
        return self.results.get("stopped_early")

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
    """A run that does not count: it has no usable results, or its training is unfinished.

    Attributes:
        folder: the folder of the run.
        name: as in `Run`.
        reason: why it does not count, in words.
        last_lines: of failure.txt or of the newest log in the folder; may be empty.
        flags: as in `Run`; empty if run.json cannot be read.
        seed: None if run.json cannot be read.
        train_data: as in `Run`.
    """

    folder: Path
    name: str
    reason: str
    last_lines: tuple[str, ...] = ()
    flags: dict = dataclasses.field(default_factory=dict)
    seed: int | None = None
    train_data: str | None = None


@dataclasses.dataclass
class Inventory:
    """All that the folders hold.

    Attributes:
        runs: the finished runs.
        unfinished: the runs with results of a training that had not come to its end.
        failed: the runs without usable results.
        skipped: one line for each file that was not read, and for each number that was left out.
        table_bytes: the size of all tables that were read.
        top: the folder that holds the folders of all runs; None if there are no runs.
    """

    runs: list[Run] = dataclasses.field(default_factory=list)
    unfinished: list[FailedRun] = dataclasses.field(default_factory=list)
    failed: list[FailedRun] = dataclasses.field(default_factory=list)
    skipped: list[str] = dataclasses.field(default_factory=list)
    table_bytes: int = 0
    top: Path | None = None

    @contextlib.contextmanager
    def guard(self, path: Path) -> Iterator[None]:
        """Leaves the block at anything that a foreign file can cause, and notes the file."""
        try:
            with reading(path, LEFT_OUT):
                yield
        except UserError as error:
            self.skipped.append(str(error))

    def read_table(self, path: Path, read: Callable[[Path], Table]) -> Table | None:
        """Reads a table; notes it and returns None if it cannot be used, or if all tables together are too large."""
        with self.guard(path):
            table = read(path)
            self.table_bytes += path.stat().st_size
            if self.table_bytes > MAX_ALL_TABLES_BYTES:
                limit = f"{MAX_ALL_TABLES_BYTES:,} bytes"
                raise UserError(f"{path}: is left out, because the tables of all runs together have more than {limit}")
            return table
        return None


def read_runs(folders: Sequence[Path]) -> Inventory:
    """Reads all runs in and below some folders, each once, in the order of their paths."""
    inventory = Inventory()
    seen: set[Path] = set()
    for top in folders:
        for folder in _run_folders(top, inventory):
            with inventory.guard(folder):
                if folder.resolve() not in seen:
                    seen.add(folder.resolve())
                    _read_run(folder, inventory)
    _name_runs(inventory)
    return inventory


def _name_runs(inventory: Inventory) -> None:
    """Gives each run the part of its path below the folder that holds them all."""
    kinds = (inventory.runs, inventory.unfinished, inventory.failed)
    parents = [run.folder.absolute().parent for runs in kinds for run in runs]
    if parents:
        inventory.top = Path(os.path.commonpath(parents))
    for runs in kinds:
        runs[:] = [dataclasses.replace(run, name=os.path.relpath(run.folder, inventory.top)) for run in runs]


# Folders.


def _run_folders(top: Path, inventory: Inventory) -> Iterator[Path]:
    """Yields the folders that belong to a run, and notes what belongs to none."""
    if not top.is_dir():
        inventory.skipped.append(f"{top}: is not a folder")
        return
    for folder, names in _folders_below(top, inventory):
        if any(name in RUN_FILES for name in names):
            yield folder
        else:
            foreign = [name for name in names if name not in REPORT_FILES and not (folder / name).is_dir()]
            inventory.skipped.extend(_foreign(folder, foreign))


def _folders_below(top: Path, inventory: Inventory) -> Iterator[tuple[Path, list[str]]]:
    """Yields each folder with the names in it. Hidden folders are left out, and links to folders are not followed."""
    folders = [top]
    while folders:
        folder, names, below = folders.pop(), [], []
        with inventory.guard(folder):
            names = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
            below = [folder / name for name in names if name not in RUN_FILES and (folder / name).is_dir()]
            inventory.skipped += [_unfollowed(path) for path in below if path.is_symlink() and _leads_out(path, top)]
        folders += [path for path in reversed(below) if not path.is_symlink()]
        yield folder, names


def _leads_out(link: Path, top: Path) -> bool:
    return not link.resolve().is_relative_to(top.resolve())


def _unfollowed(link: Path) -> str:
    return f"{link}: is a link to a folder and is not followed; name the folder itself to add its runs"


def _foreign(folder: Path, names: Sequence[str]) -> list[str]:
    if len(names) > 1:
        return [f"{folder}: has {len(names):,} files that are not part of a run: {listed(names)}"]
    return [f"{folder / name}: is not part of a run" for name in names]


# The files of a run.


def _read_run(folder: Path, inventory: Inventory) -> None:
    """Adds the run of a folder to the finished, the unfinished, the failed or the skipped ones."""
    training = {}
    with inventory.guard(folder / run_files.RUN):
        training = read_training(folder / run_files.RUN)
    if not exists(folder / run_files.RESULTS):
        inventory.failed.append(_create_failed_run(folder, training, _why_no_results(folder), inventory))
        return
    try:
        with reading(folder / run_files.RESULTS, LEFT_OUT):
            run, odd = _create_run(folder, training)
    except UserError as error:
        if training:
            inventory.failed.append(_create_failed_run(folder, training, str(error), inventory))
        else:
            inventory.skipped.append(str(error))
        return
    inventory.skipped += odd
    _add_run(dataclasses.replace(run, **_read_parts(run, inventory)), inventory)


def _add_run(run: Run, inventory: Inventory) -> None:
    if exists(run.folder / run_files.FAILURE):
        note = f"{run.folder / run_files.FAILURE}: reports a failure, but {run_files.RESULTS} exists and is used"
        inventory.skipped.append(note)
    if run.unfinished:
        unfinished = FailedRun(run.folder, run.name, run.unfinished, (), run.flags, run.seed, run.train_data)
        inventory.unfinished.append(unfinished)
    else:
        inventory.runs.append(run)


def _read_parts(run: Run, inventory: Inventory) -> dict:
    """Reads the files beside results.json, those that exist and can be used."""
    results, headline = run.results, run.headline.key
    predictions, values = None, None
    # Old runs have no predictions or no values; the comparison notes it.
    path = run.folder / run_files.EVAL_PREDICTIONS
    if exists(path):
        separator = _text(run.flags, "label_separator")
        predictions = inventory.read_table(
            path, lambda path: read_predictions(path, results, headline, run.kind, separator)
        )
    path = run.folder / run_files.EVAL_VALUES
    if exists(path):
        values = inventory.read_table(path, lambda path: read_values(path, results, headline, predictions))
    if values is None and isinstance(predictions, ClassPredictions) and headline == ACCURACY:
        values = ExampleValues(predictions.guids, predictions.correct.astype(float))
    path = run.folder / run_files.TRAIN_LOG
    log = inventory.read_table(path, lambda path: read_train_log(path, results.get("global_step")))
    return {"predictions": predictions, "values": values, "train_log": log}


def _create_failed_run(folder: Path, training: dict, reason: str, inventory: Inventory) -> FailedRun:
    flags, seed, train_data = _split_training(training)
    lines = ()
    with inventory.guard(folder):
        lines = last_lines(folder)
    return FailedRun(folder, folder.name, reason, lines, flags, seed, train_data)


def _why_no_results(folder: Path) -> str:
    if (folder / run_files.FAILURE).exists():
        return "failed"
    return f"has no {run_files.RESULTS}: it failed, was stopped or is still running"


def _create_run(folder: Path, training: dict) -> tuple[Run, list[str]]:
    """Reads results.json; returns the run and a line on what is odd in the file, if there is anything."""
    path = folder / run_files.RESULTS
    results = _read_results(path)
    flags = results["flags"]
    numbers, headline, odd = _read_scores(path, results)
    # The flags in results.json are those of the last command, maybe of an evaluation with other flags.
    training = training or {name: value for name, value in flags.items() if name not in OTHER_FLAGS}
    settings, seed, train_data = _split_training(training)
    if seed is None:
        raise UserError(f"{path}: has no seed")
    evaluation = results["evaluation"] if isinstance(results.get("evaluation"), dict) else {}
    odd += _wrong_types(results, settings)
    run = Run(
        folder=folder,
        name=folder.name,
        flags=settings,
        all_flags=flags,
        kind=_kind(folder),
        seed=seed,
        train_data=train_data,
        dev_data=_text(results, "dev_data"),
        task=_text(settings, "task_name") or "unknown",
        dataset=_text(results, "dataset") or "unknown",
        data_dir=_text(evaluation, "data_dir") or _text(flags, "data_dir"),
        versions=results["versions"],
        eval_precision=_text(evaluation, "mixed_precision"),
        num_train_steps=_first_number(training.get("num_train_steps"), results.get("num_train_steps")),
        results=numbers,
        headline=headline,
        best=_best_step(results.get("best")),
    )
    return run, [f"{path}: has values that cannot be used: {listed(odd)}"] if odd else []


def _kind(folder: Path) -> str:
    """Returns the kind of a run's task; it has classes if no file says otherwise."""
    kind = read_json(folder / run_files.TASK).get("kind") if exists(folder / run_files.TASK) else CLASSIFICATION
    if not isinstance(kind, str):
        raise UserError(f"{folder / run_files.TASK}: does not say the kind of a task")
    return kind


def _best_step(best: object) -> BestStep | None:
    """Returns the step whose weights were kept, if this value of results.json is one."""
    if not isinstance(best, dict) or not isinstance(best.get("metric"), str):
        return None
    step, value = finite_number(best.get("step")), finite_number(best.get("value"))
    return None if step is None or value is None else BestStep(best["metric"], step, value)


def _read_results(path: Path) -> dict:
    results = read_json(path)
    if not isinstance(results.get("flags"), dict) or not isinstance(results.get("versions"), dict):
        raise UserError(f"{path}: does not belong to a run: it has no flags or no versions")
    return results


def _read_scores(path: Path, results: dict) -> tuple[dict[str, float], Score, list[str]]:
    """Returns the numbers of results.json, the headline, and what is odd in words; old versions name no headline."""
    key = results.get("headline", ACCURACY)
    if not isinstance(key, str):
        raise UserError(f"{path}: its headline is not the name of a score")
    if key not in results:
        raise UserError(f"{path}: has no {one_line(key)}: the run was not evaluated")
    numbers = {name: finite_number(value) for name, value in results.items()}
    for each in (key, LOSS):
        if each in results and numbers[each] is None:
            raise UserError(f"{path}: {_value(each, results)}, which is not a usable number")
    for each in scores_among(numbers):
        if numbers[each.key] is not None and not in_range(each.key, numbers[each.key]):
            raise UserError(f"{path}: {_value(each.key, results)}, which is not between {each.lowest:g} and 1")
    usable = {name: number for name, number in numbers.items() if number is not None and in_range(name, number)}
    odd = [_value(name, results) for name, value in results.items() if name not in usable and _is_odd(name, value)]
    return usable, score(key), odd


def _is_odd(name: str, value: object) -> bool:
    """Returns True for a value or a number that cannot be used; null stands for a number not known."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_number or (value is not None and is_measured(name))


def _wrong_types(results: dict, settings: dict) -> list[str]:
    """Returns what has another type than a run writes, in words; null stands for a fact not known."""
    texts = [(results, name) for name in ("dataset", "model", "dev_data")]
    texts += [(settings, name) for name in ("task_name", "model")]
    texts += [(results["versions"], name) for name in results["versions"]]
    odd = [_value(name, values) for values, name in texts if not isinstance(values.get(name), str | None)]
    objects = [(name, results.get(name)) for name in ("evaluation", "best")]
    return odd + [f"{name} is not an object" for name, value in objects if not isinstance(value, dict | None)]


def _value(name: str, results: dict) -> str:
    return f"{one_line(name)} is {one_line(results[name])[:40]}"


def _text(values: dict, name: str) -> str | None:
    return values[name] if isinstance(values.get(name), str) else None


def _first_number(*values: object) -> float | None:
    return next((number for number in map(finite_number, values) if number is not None), None)


def _split_training(training: dict) -> tuple[dict, int | None, str | None]:
    """Returns the flags, the seed and the digest of the training data."""
    facts = ("seed", "train_data", "num_train_steps")
    flags = {name: value for name, value in training.items() if name not in facts}
    seed = training.get("seed")
    return flags, seed if is_seed(seed) else None, _text(training, "train_data")
