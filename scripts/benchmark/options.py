"""Reads the command line of the benchmark, and checks it before anything is measured."""

import argparse
import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

from bert_tf.errors import UserError
from comparisons import MODELS
from sections import SECTIONS

ROOT = Path(__file__).resolve().parents[2]


def parse(argv: Sequence[str], description: str) -> argparse.Namespace:
    """Parses the command line.

    Args:
        argv: its words.
        description: the text above the options in `--help`.

    Raises:
        UserError: a value is unknown or impossible.
    """
    options = create_parser(description).parse_args(argv)
    for name, known in (("models", MODELS), ("sections", SECTIONS)):
        unknown = [word for word in getattr(options, name) if word not in known]
        if unknown:
            raise UserError(f"{name}: {unknown[0]!r} is unknown; known: {', '.join(known)}")
    if options.repetitions < 1:
        raise UserError(f"repetitions: {options.repetitions} is not a whole number of at least 1")
    if options.sst2 and not options.sst2.is_file():
        raise UserError(f"sst2: {options.sst2}: there is no such file")
    if options.output and not options.output.resolve().parent.is_dir():
        raise UserError(f"output: {options.output.parent}: there is no such folder")
    return options


def create_parser(description: str) -> argparse.ArgumentParser:
    """Creates the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="python scripts/benchmark",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--peer_python", help="a Python with torch and transformers; without it only ours is measured")
    parser.add_argument("--data_dir", type=Path, default=default_data_dir(), help="the folder of MRPC")
    parser.add_argument("--sst2", type=Path, help="train.tsv of SST-2, to measure how fast it is tokenized")
    parser.add_argument("--models", type=split, default=list(MODELS), help=f"of {','.join(MODELS)}")
    parser.add_argument(
        "--sections",
        type=split,
        default=list(SECTIONS),
        help=f"of {','.join(SECTIONS)}; the notebook's recipe takes minutes",
    )
    parser.add_argument("--repetitions", type=int, default=5, help="the number of repetitions of each measurement")
    parser.add_argument("--output", type=Path, help="a .json file for everything that was measured")
    return parser


def split(text: str) -> list[str]:
    """Splits a list of names at its commas."""
    return text.split(",")


def default_data_dir() -> Path:
    """Returns the folder of the MRPC that run_classifier.py takes."""
    exported, sample = ROOT / "data" / "MRPC", ROOT / "data" / "sample" / "MRPC"
    return exported if exported.is_dir() else sample


def peer_versions(python: str) -> dict[str, str]:
    """Returns the versions of torch and transformers that a Python has.

    Raises:
        UserError: it lacks one of them, or cannot be run.
    """
    code = "import json, torch, transformers as t; print(json.dumps({m.__name__: m.__version__ for m in (torch, t)}))"
    try:
        ended = subprocess.run([python, "-c", code], capture_output=True, text=True)
    except OSError as error:
        raise UserError(f"peer_python: {python}: cannot be run: {error.strerror}") from error
    if ended.returncode:
        reason = (ended.stderr.strip().splitlines() or ["it failed"])[-1]
        raise UserError(f"peer_python: {python}: {reason}; name a Python that has torch and transformers")
    return json.loads(ended.stdout.splitlines()[-1])
