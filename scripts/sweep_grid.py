"""What a sweep runs: its arguments become runs, each a folder and a command line."""

import argparse
import dataclasses
import itertools
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from absl import flags

from bert_tf.errors import UserError

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
import run_classifier  # noqa: E402  # the flags of a run, and what they come to

FLAGS = flags.FLAGS
MODEL_FILES = ("bert_config_file", "vocab_file", "init_checkpoint")
# The flags that the sweep itself gives to a run, and what says their values.
OURS = {
    "bert_model": "MODELS",
    "learning_rate": "LEARNING_RATES",
    "train_batch_size": "BATCH_SIZES",
    "num_train_epochs": "EPOCHS",
    "seed": "SEEDS",
    "output_dir": "OUTPUT_DIR",
}


@dataclasses.dataclass(frozen=True)
class Run:
    """One run of the sweep.

    Attributes:
        folder: its output folder.
        command: its command line.
        settings: what its results.json must say of it, under "flags".
    """

    folder: Path
    command: list[str]
    settings: dict[str, object]


def parse(argv: Sequence[str], description: str) -> tuple[argparse.Namespace, list[str]]:
    """The sweep's own arguments, and those for the runs, which are checked and left in `FLAGS`.

    Args:
        argv: the words of the command line.
        description: what `--help` says of the sweep.

    Raises:
        UserError: the runs would refuse their arguments, or the sweep would contradict them.
    """
    parser = argparse.ArgumentParser(
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        add_help=False,
        allow_abbrev=False,
    )
    parser.add_argument("--help", action="help", help="show this help")
    parser.add_argument("--output_dir", type=Path, required=True, help="a folder for each run is made there")
    parser.add_argument(
        "--grid",
        nargs=4,
        action="append",
        required=True,
        metavar=("MODELS", "LEARNING_RATES", "BATCH_SIZES", "EPOCHS"),
        help="run each with each; may be repeated",
    )
    parser.add_argument("--seeds", default="0", help='such as "0 1 2"')
    parser.add_argument("--jobs", default="1", help="how many runs go side by side")
    parser.add_argument("--dry_run", action="store_true", help="print the commands and run none")
    arguments, passed_on = parser.parse_known_args(argv)
    passed_on = ["--do_train", "--do_eval", *passed_on]
    try:
        unknown = FLAGS([run_classifier.__file__, *passed_on])[1:]
    except flags.Error as error:
        raise UserError(str(error)) from error
    if unknown:
        raise UserError(f"{unknown[0]!r}: what is this? Flags begin with --; see --help")
    for name, source in OURS.items():
        if FLAGS[name].present:
            raise UserError(f"--{name}: the sweep gives it to each run itself; say it with {source}")
    run_classifier.check_flags()
    return arguments, passed_on


def make_runs(arguments: argparse.Namespace, passed_on: Sequence[str]) -> list[Run]:
    """The runs of all grids, each once, the seeds of a configuration one after the other.

    Raises:
        UserError: a value is no number, or two models have the same name.
    """
    seeds = numbers("SEEDS", arguments.seeds, int)
    made: dict[Path, Run] = {}
    for models, rates, sizes, epochs in arguments.grid:
        grid = itertools.product(
            [None] if model_from_files() else words("MODELS", models),
            numbers("LEARNING_RATES", rates, float),
            numbers("BATCH_SIZES", sizes, int),
            numbers("EPOCHS", epochs, float),
            seeds,
        )
        for values in grid:
            run = make_run(arguments.output_dir, passed_on, *values)
            if made.setdefault(run.folder, run) != run:
                raise UserError(f"MODELS: two are called {Path(values[0]).name}; rename a folder")
    return list(made.values())


def make_run(
    output_dir: Path, passed_on: Sequence[str], model: str | None, rate: str, size: str, epochs: str, seed: str
) -> Run:
    """The run of one configuration; `model` is None where the arguments name its files."""
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
    return Run(folder, [sys.executable, str(ROOT / "run_classifier.py"), *passed_on, *given], settings)


def model_from_files() -> bool:
    """Whether the arguments name the model's files.

    Raises:
        UserError: MODELS names models as well.
    """
    named = [name for name in MODEL_FILES if FLAGS[name].value]
    if named and os.environ.get("MODELS"):
        raise UserError(f"MODELS: contradicts --{named[0]}; give the one or the other")
    return bool(named)


def data_dir() -> str:
    """The data folder of all runs; see run_classifier.data_dir."""
    folder, _ = run_classifier.data_dir()
    return folder


def words(name: str, text: str) -> list[str]:
    """Splits a variable's value as a shell does."""
    try:
        found = shlex.split(text)
    except ValueError as error:
        raise UserError(f"{name}: {text!r} cannot be split into words: {error}") from error
    if not found:
        raise UserError(f"{name}: is empty")
    return found


def numbers(name: str, text: str, kind: type[int] | type[float]) -> list[str]:
    """The words of a variable whose words must be numbers, as they were written."""
    found = words(name, text)
    for word in found:
        try:
            kind(word)
        except ValueError as error:
            wanted = "whole number" if kind is int else "number"
            raise UserError(f"{name}: {word!r} is no {wanted}") from error
    return found
