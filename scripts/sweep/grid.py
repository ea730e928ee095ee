"""Turns grids and seeds into runs, each with its folder and its command line."""

import dataclasses
import itertools
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from arguments import Arguments, Study
from bert_tf.errors import UserError
from bert_tf.paths import checked_path
from bert_tf.programs.classifier_config import ClassifierConfig
from bert_tf.remote import as_path

PROGRAM = Path(__file__).resolve().parents[2] / "run_classifier.py"


@dataclasses.dataclass(frozen=True)
class Run:
    """One run of the sweep.

    Attributes:
        name: its name in the sweep.
        command: its command line.
        config: what its flags mean.
    """

    name: str
    command: tuple[str, ...]
    config: ClassifierConfig

    @property
    def folder(self) -> Path:
        """Its output folder."""
        return Path(self.config.output_dir)


def make_runs(arguments: Arguments) -> list[Run]:
    """Makes the runs of all studies and grids, each once; the seeds of a configuration follow one another.

    Raises:
        UserError: a value is not a number or out of its bounds, or two models have the same name.
    """
    return [run for study in arguments.studies for run in study_runs(study, arguments.grids, arguments.seeds)]


def study_runs(study: Study, grids: Sequence[Sequence[str]], seeds: str) -> list[Run]:
    """Makes the runs of one study; see `make_runs`."""
    runs: dict[Path, Run] = {}
    for models, rates, sizes, epochs in grids:
        grid = itertools.product(
            words("MODELS", models) if study.config.model else [None],
            numbers("LEARNING_RATES", rates, float),
            numbers("BATCH_SIZES", sizes, int),
            numbers("EPOCHS", epochs, float),
            numbers("SEEDS", seeds, int),
        )
        for values in grid:
            run = make_run(study, *values)
            if runs.setdefault(run.folder, run) != run:
                raise UserError(f"MODELS: two models are called {Path(values[0]).name}; rename one of the folders")
    return list(runs.values())


def make_run(study: Study, model: str | None, rate: str, size: str, epochs: str, seed: str) -> Run:
    """Makes the run of one configuration; `model` is None if the passed on flags name its files."""
    label = as_path(checked_path(model, "MODELS")).resolve().name if model else Path(study.config.output_dir).name
    name = str(Path(study.subfolder, f"{label}_lr{rate}_batch{size}_epochs{epochs}_seed{seed}"))
    folder = str(study.output_dir / name)
    config = dataclasses.replace(
        study.config,
        model=model,
        learning_rate=float(rate),
        train_batch_size=int(size),
        num_train_epochs=float(epochs),
        seed=int(seed),
        output_dir=folder,
    )
    given = {
        "bert_model": model,
        "learning_rate": rate,
        "train_batch_size": size,
        "num_train_epochs": epochs,
        "seed": seed,
        "output_dir": folder,
    }
    own = [f"--{name}={value}" for name, value in given.items() if value is not None]
    return Run(name, (sys.executable, str(PROGRAM), *study.passed_on, *own), config)


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
