"""Finds finished and failed runs and reads their folders.

    inventory = read_runs([Path("output")])
    [run.score for run in inventory.runs]

A file that is missing, cut off or foreign is named in `Inventory.skipped`, and the rest is read.
"""

import dataclasses
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from bert_tf import run_files
from bert_tf.errors import UserError, reading
from bert_tf.report.escaping import one_line
from bert_tf.report.formatting import listed
from bert_tf.report.groups import parse_groups
from bert_tf.report.inventory import BestStep, FailedRun, Inventory, Run
from bert_tf.report.predictions import values_of_examples
from bert_tf.report.programs import PROGRAMS, RUN_CLASSIFIER
from bert_tf.report.reading import (
    LEFT_OUT,
    exists,
    finite_number,
    is_seed,
    last_lines,
    read_json,
    read_training,
)
from bert_tf.report.scores import ACCURACY, LOSS, Score, in_range, is_measured, score, scores_among
from bert_tf.report.tables import ExampleValues, TrainLog, read_predictions, read_train_log, read_values

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
    "do_export",
    "train_file",
    "dev_file",
    "test_file",
    "predict_file",
    "xnli_language",
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
    "verbose_logging",
)
# These choose among the answers that a model finds. They change the scores, so they distinguish configurations.
ANSWER_FLAGS = ("n_best_size", "max_answer_length", "null_score_diff_threshold", "exact_answer_text")


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
        predictions = inventory.read_table(path, lambda path: read_predictions(path, results, headline, run.kind))
    path = run.folder / run_files.EVAL_VALUES
    if exists(path):
        values = inventory.read_table(path, lambda path: read_values(path, results, headline, run.kind, predictions))
    if values is None and predictions is not None:
        found = values_of_examples(predictions, headline)
        values = None if found is None else ExampleValues(predictions.guids, found)
    return {"predictions": predictions, "values": values, "train_log": _read_log(run, inventory)}


def _read_log(run: Run, inventory: Inventory) -> TrainLog | None:
    path = run.folder / run_files.TRAIN_LOG
    if run.is_evaluation and not exists(path):
        return None
    return inventory.read_table(path, lambda path: read_train_log(path, run.results.get("global_step")))


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
    # An evaluation after the training may have been one with other settings.
    settings |= {name: value for name, value in (flags | evaluation).items() if name in ANSWER_FLAGS}
    run = Run(
        folder=folder,
        name=folder.name,
        flags=settings,
        all_flags=flags,
        kind=_kind(folder, results),
        seed=seed,
        train_data=train_data,
        dev_data=_text(results, "dev_data"),
        task=_text(settings, "task_name") or _text(flags, "task_name") or "unknown",
        dataset=_text(results, "dataset") or "unknown",
        data_dir=_text(evaluation, "data_dir") or _text(flags, "data_dir"),
        predict_file=_text(evaluation, "predict_file") or _text(flags, "predict_file"),
        languages=_text(evaluation, "xnli_language"),
        versions=results["versions"],
        eval_precision=_text(evaluation, "mixed_precision"),
        num_train_steps=_first_number(training.get("num_train_steps"), results.get("num_train_steps")),
        results=numbers,
        headline=headline,
        best=_best_step(results.get("best")),
        groups=parse_groups(evaluation.get("groups")),
    )
    return run, [f"{path}: has values that cannot be used: {listed(odd)}"] if odd else []


def _kind(folder: Path, results: dict) -> str:
    """Returns the kind of a run's task. The folder of an evaluation has no task.json; its program says the kind."""
    if not exists(folder / run_files.TASK):
        return PROGRAMS.get(_text(results, "program"), RUN_CLASSIFIER).kind
    kind = read_json(folder / run_files.TASK).get("kind")
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
    odd += [f"{name} is not an object" for name, value in objects if not isinstance(value, dict | None)]
    groups = results["evaluation"].get("groups") if isinstance(results.get("evaluation"), dict) else None
    return odd + ["groups are not groups with scores"] * (groups is not None and parse_groups(groups) is None)


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
