"""Reads the sweep's command line: its own arguments, and the flags that it passes on to each run."""

import argparse
import dataclasses
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from absl import flags

from bert_tf.errors import UserError
from bert_tf.flags import config_from_flags, define_flags
from bert_tf.paths import local_path
from bert_tf.programs.classifier_config import ClassifierConfig
from bert_tf.programs.run_classifier import with_defaults
from tasks import choose_tasks

# The flags that the sweep sets for each run, and where the user sets them.
SET_BY_SWEEP = {
    "bert_model": "MODELS",
    "learning_rate": "LEARNING_RATES",
    "train_batch_size": "BATCH_SIZES",
    "num_train_epochs": "EPOCHS",
    "seed": "SEEDS",
    "output_dir": "OUTPUT_DIR",
}
# The flags that it also sets with --tasks.
SET_BY_TASKS = {"task_name": "TASKS", "data_dir": "GLUE_DIR"}


@dataclasses.dataclass(frozen=True)
class Study:
    """Describes the runs of a sweep that share task and data.

    Attributes:
        output_dir: the folder of the sweep.
        subfolder: the folder in it in which each run gets its folder; may be "".
        passed_on: the flags for each run.
        config: what these flags mean. Each run replaces model, learning rate and so on.
    """

    output_dir: Path
    subfolder: str
    passed_on: list[str]
    config: ClassifierConfig


@dataclasses.dataclass(frozen=True)
class RayArguments:
    """Which Ray cluster runs the sweep.

    Attributes:
        address: the cluster's address.
        cpus: the cores of each run; None to choose by the cluster.
        gpus: the GPUs of each run; None to choose by the cluster.
    """

    address: str
    cpus: int | None
    gpus: int | None


@dataclasses.dataclass(frozen=True)
class Arguments:
    """The command line of a sweep.

    Attributes:
        output_dir: the folder of the sweep.
        studies: one, or one for each task of `--tasks`.
        grids: for each grid its models, learning rates, batch sizes and numbers of epochs, as the user wrote them.
        seeds: the seeds, as the user wrote them.
        jobs: the number of runs at the same time, as the user wrote it.
        ray: the Ray cluster; None to run on this machine.
        dry_run: True to print the commands and run nothing.
    """

    output_dir: Path
    studies: list[Study]
    grids: list[list[str]]
    seeds: str
    jobs: str
    ray: RayArguments | None
    dry_run: bool


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
    studies = make_studies(own.tasks, output_dir, ["--do_train", "--do_eval", *passed_on])
    if os.environ.get("MODELS") and studies[0].config.bert_config_file:
        raise UserError("MODELS: contradicts --bert_config_file; give only one of them")
    return Arguments(output_dir, studies, own.grid, own.seeds, own.jobs, make_ray_arguments(own), own.dry_run)


def make_studies(tasks: str | None, output_dir: Path, passed_on: list[str]) -> list[Study]:
    """Makes one study for each of the tasks, in a folder of its own; without `tasks` one of the flags as they are."""
    if tasks is None:
        return [make_study(output_dir, "", passed_on)]
    parse_run_flags(passed_on, SET_BY_TASKS)
    return [
        make_study(output_dir, task, [*passed_on, f"--task_name={task}", f"--data_dir={data_dir}"])
        for task, data_dir in choose_tasks(tasks).items()
    ]


def make_study(output_dir: Path, subfolder: str, passed_on: list[str]) -> Study:
    """Makes the study of these flags."""
    config = config_from_flags(ClassifierConfig, parse_run_flags(passed_on, SET_BY_SWEEP))
    return Study(output_dir, subfolder, passed_on, with_defaults(config))


def make_ray_arguments(own: argparse.Namespace) -> RayArguments | None:
    """Makes the arguments about Ray.

    Raises:
        UserError: they contradict others.
    """
    shares = {"cpus_per_run": own.cpus_per_run, "gpus_per_run": own.gpus_per_run}
    for name, value in shares.items():
        if own.ray is None and value is not None:
            raise UserError(f"{name}: only valid with --ray")
    if own.ray is None:
        return None
    if own.jobs != "1":
        raise UserError("JOBS: only valid without --ray; the cluster runs as many at the same time as it can")
    return RayArguments(own.ray, *shares.values())


def parse_run_flags(passed_on: Sequence[str], reserved: Mapping[str, str]) -> flags.FlagValues:
    """Parses the flags of the runs, without touching those of this process.

    Args:
        passed_on: the words of the command line.
        reserved: flags that must not be among them, and what to set instead.

    Raises:
        UserError: a flag is unknown, reserved, or has a value of another type.
    """
    values = flags.FlagValues()
    define_flags(ClassifierConfig, values)
    try:
        unknown = values(["run_classifier.py", *passed_on])[1:]
    except flags.Error as error:
        raise UserError(f"{error}; see --help and run_classifier.py --help") from error
    if unknown:
        raise UserError(f"unexpected argument {unknown[0]!r}: flags start with --; see --help")
    for name, source in reserved.items():
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
    parser.add_argument("--tasks", help="tasks in one sweep, a folder each, or all of GLUE whose data are here: all")
    parser.add_argument("--seeds", default="0", help='such as "0 1 2"')
    parser.add_argument("--jobs", default="1", help="the number of runs at the same time")
    parser.add_argument("--ray", metavar="ADDRESS", help="run on this Ray cluster; auto finds the one of this machine")
    parser.add_argument("--cpus_per_run", type=whole_number, help="with --ray: the cores of each run")
    parser.add_argument("--gpus_per_run", type=whole_number, help="with --ray: the GPUs of each run")
    parser.add_argument("--dry_run", action="store_true", help="print the commands and run nothing")
    return parser


def whole_number(text: str) -> int:
    """Returns the number of an argument; argparse reports the error."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number")
    return int(text)
