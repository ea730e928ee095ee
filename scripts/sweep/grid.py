"""Turns grids and seeds into runs, each with its folder and its command line."""

import argparse
import dataclasses
import itertools
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

import run_classifier
from arguments import model_is_given_by_files
from bert_tf.errors import UserError

PROGRAM = Path(__file__).resolve().parents[2] / "run_classifier.py"


@dataclasses.dataclass(frozen=True)
class Run:
    """One run of the sweep.

    Attributes:
        folder: its output folder.
        command: its command line.
        settings: the values by which its results.json is recognized, under "flags".
    """

    folder: Path
    command: list[str]
    settings: dict[str, object]


def make_runs(arguments: argparse.Namespace, passed_on: Sequence[str]) -> list[Run]:
    """Makes the runs of all grids, each once; the seeds of a configuration follow one another.

    Raises:
        UserError: a value is not a number, or two models have the same name.
    """
    seeds = numbers("SEEDS", arguments.seeds, int)
    runs: dict[Path, Run] = {}
    for models, rates, sizes, epochs in arguments.grid:
        grid = itertools.product(
            [None] if model_is_given_by_files() else words("MODELS", models),
            numbers("LEARNING_RATES", rates, float),
            numbers("BATCH_SIZES", sizes, int),
            numbers("EPOCHS", epochs, float),
            seeds,
        )
        for values in grid:
            run = make_run(arguments.output_dir, passed_on, *values)
            if runs.setdefault(run.folder, run) != run:
                raise UserError(f"MODELS: two models are called {Path(values[0]).name}; rename one of the folders")
    return list(runs.values())


def make_run(
    output_dir: Path, passed_on: Sequence[str], model: str | None, rate: str, size: str, epochs: str, seed: str
) -> Run:
    """Makes the run of one configuration; `model` is None if `passed_on` names its files."""
    label = Path(model).resolve().name if model else Path(run_classifier.output_dir()).name
    folder = output_dir / f"{label}_lr{rate}_batch{size}_epochs{epochs}_seed{seed}"
    own = {
        "bert_model": model,
        "learning_rate": rate,
        "train_batch_size": size,
        "num_train_epochs": epochs,
        "seed": seed,
        "output_dir": folder,
    }
    given = [f"--{name}={value}" for name, value in own.items() if value is not None]
    settings = {
        "model": model,
        "learning_rate": float(rate),
        "train_batch_size": int(size),
        "num_train_epochs": float(epochs),
        "seed": int(seed),
    }
    return Run(folder, [sys.executable, str(PROGRAM), *passed_on, *given], settings)


def words(name: str, text: str) -> list[str]:
    """Splits the value of a variable into words as a shell does.

    Raises:
        UserError: a quotation mark is not closed, or there are no words.
    """
    try:
        found = shlex.split(text)
    except ValueError as error:
        raise UserError(f"{name}: {text!r} cannot be split into words: {error}") from error
    if not found:
        raise UserError(f"{name}: is empty")
    return found


def numbers(name: str, text: str, kind: type[int] | type[float]) -> list[str]:
    """Splits the value of a variable into numbers, and returns them as they were written.

    Raises:
        UserError: a word is not a number of this kind.
    """
    found = words(name, text)
    for word in found:
        try:
            kind(word)
        except ValueError as error:
            wanted = "a whole number" if kind is int else "a number"
            raise UserError(f"{name}: {word!r} is not {wanted}") from error
    return found
