"""Reads the sweep's command line: its own arguments, and the flags that it passes on to each run."""

import argparse
import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from absl import flags

from bert_tf.errors import UserError
from bert_tf.flags import config_from_flags, define_flags
from bert_tf.paths import local_path
from bert_tf.programs.classifier_config import ClassifierConfig
from bert_tf.programs.run_classifier import with_defaults

# The flags that the sweep sets for each run, and where the user sets them.
SET_BY_SWEEP = {
    "bert_model": "MODELS",
    "learning_rate": "LEARNING_RATES",
    "train_batch_size": "BATCH_SIZES",
    "num_train_epochs": "EPOCHS",
    "seed": "SEEDS",
    "output_dir": "OUTPUT_DIR",
}


@dataclasses.dataclass(frozen=True)
class Arguments:
    """The command line of a sweep.

    Attributes:
        output_dir: the folder in which each run gets its folder.
        grids: for each grid its models, learning rates, batch sizes and numbers of epochs, as the user wrote them.
        seeds: the seeds, as the user wrote them.
        jobs: the number of runs at the same time, as the user wrote it.
        dry_run: True to print the commands and run nothing.
        passed_on: the flags for each run.
        config: what these flags mean. Each run replaces model, learning rate and so on.
    """

    output_dir: Path
    grids: list[list[str]]
    seeds: str
    jobs: str
    dry_run: bool
    passed_on: list[str]
    config: ClassifierConfig


def parse(argv: Sequence[str], description: str) -> Arguments:
    """Parses the command line and checks the flags of the runs.

    Args:
        argv: the words of the command line.
        description: the text above the arguments in `--help`.

    Raises:
        UserError: an argument is missing, the runs would refuse their flags, or a flag contradicts the grid.
    """
    own, passed_on = create_parser(description).parse_known_args(argv)
    output_dir = Path(local_path(own.output_dir, "output_dir"))
    passed_on = ["--do_train", "--do_eval", *passed_on]
    config = config_from_flags(ClassifierConfig, parse_run_flags(passed_on))
    if config.bert_config_file and os.environ.get("MODELS"):
        raise UserError("MODELS: contradicts --bert_config_file; give only one of them")
    return Arguments(output_dir, own.grid, own.seeds, own.jobs, own.dry_run, passed_on, with_defaults(config))


def parse_run_flags(passed_on: Sequence[str]) -> flags.FlagValues:
    """Parses the flags of the runs, without touching those of this process."""
    values = flags.FlagValues()
    define_flags(ClassifierConfig, values)
    try:
        unknown = values(["run_classifier.py", *passed_on])[1:]
    except flags.Error as error:
        raise UserError(f"{error}; see --help and run_classifier.py --help") from error
    if unknown:
        raise UserError(f"unexpected argument {unknown[0]!r}: flags start with --; see --help")
    for name, source in SET_BY_SWEEP.items():
        if values[name].present:
            raise UserError(f"--{name}: the sweep sets it for each run; set {source} instead")
    return values


class Parser(argparse.ArgumentParser):
    """A parser that reports mistakes in one line, as the other programs do."""

    def error(self, message: str) -> NoReturn:
        """Raises `UserError`."""
        raise UserError(f"{message}; see --help")


def create_parser(description: str) -> Parser:
    """Creates the parser of the sweep's own arguments."""
    parser = Parser(
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="python scripts/sweep --output_dir=FOLDER --grid MODELS LEARNING_RATES BATCH_SIZES EPOCHS [FLAGS]",
        add_help=False,
        allow_abbrev=False,
    )
    parser.add_argument("--help", action="help", help="show this help")
    parser.add_argument("--output_dir", required=True, help="the folder in which each run gets its folder")
    parser.add_argument(
        "--grid",
        nargs=4,
        action="append",
        required=True,
        metavar=("MODELS", "LEARNING_RATES", "BATCH_SIZES", "EPOCHS"),
        help="run all combinations of these values; can be repeated",
    )
    parser.add_argument("--seeds", default="0", help='such as "0 1 2"')
    parser.add_argument("--jobs", default="1", help="the number of runs at the same time")
    parser.add_argument("--dry_run", action="store_true", help="print the commands and run nothing")
    return parser
