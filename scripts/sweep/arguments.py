"""Reads the sweep's command line: its own arguments, and the flags that it passes on to each run."""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from absl import flags

import run_classifier
from bert_tf.errors import UserError

FLAGS = flags.FLAGS
MODEL_FILES = ("bert_config_file", "vocab_file", "init_checkpoint")
# The flags that the sweep sets for each run, and where the user sets them.
SET_BY_SWEEP = {
    "bert_model": "MODELS",
    "learning_rate": "LEARNING_RATES",
    "train_batch_size": "BATCH_SIZES",
    "num_train_epochs": "EPOCHS",
    "seed": "SEEDS",
    "output_dir": "OUTPUT_DIR",
}


def parse(argv: Sequence[str], description: str) -> tuple[argparse.Namespace, list[str]]:
    """Parses the command line; the flags of the runs are checked, and their values are in `FLAGS` afterwards.

    Args:
        argv: the words of the command line.
        description: the text above the arguments in `--help`.

    Returns:
        The sweep's own arguments, and the flags to pass on to each run.

    Raises:
        UserError: the runs would refuse their flags, or a flag contradicts the grid.
    """
    arguments, passed_on = create_parser(description).parse_known_args(argv)
    passed_on = ["--do_train", "--do_eval", *passed_on]
    try:
        unknown = FLAGS([run_classifier.__file__, *passed_on])[1:]
    except flags.Error as error:
        raise UserError(str(error)) from error
    if unknown:
        raise UserError(f"unexpected argument {unknown[0]!r}: flags start with --; see --help")
    for name, source in SET_BY_SWEEP.items():
        if FLAGS[name].present:
            raise UserError(f"--{name}: the sweep sets it for each run; set {source} instead")
    run_classifier.check_flags()
    return arguments, passed_on


def create_parser(description: str) -> argparse.ArgumentParser:
    """Creates the parser of the sweep's own arguments."""
    parser = argparse.ArgumentParser(
        prog="python scripts/sweep",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="%(prog)s --output_dir=FOLDER --grid MODELS LEARNING_RATES BATCH_SIZES EPOCHS [flags of the runs]",
        add_help=False,
        allow_abbrev=False,
    )
    parser.add_argument("--help", action="help", help="show this help")
    parser.add_argument("--output_dir", type=Path, required=True, help="the folder in which each run gets its folder")
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


def model_is_given_by_files() -> bool:
    """Returns True if the flags of the runs name the model's files.

    Raises:
        UserError: MODELS names models as well.
    """
    given = [name for name in MODEL_FILES if FLAGS[name].value]
    if given and os.environ.get("MODELS"):
        raise UserError(f"MODELS: contradicts --{given[0]}; give only one of them")
    return bool(given)


def data_dir() -> str:
    """Returns the data folder of all runs, see `run_classifier.data_dir`."""
    folder, _ = run_classifier.data_dir()
    return folder
