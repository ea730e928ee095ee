r"""Measures how fast this BERT trains and evaluates here, against PyTorch's transformers and against the machine.

    python scripts/benchmark --output=benchmark.json
    python scripts/benchmark --peer_python=/path/to/python --data_dir=$GLUE_DIR/MRPC --sst2=$GLUE_DIR/SST-2/train.tsv

`--peer_python` is the Python of an environment with torch and transformers. Both sides get the same examples in one
run, take turns (ours, theirs, ours, ...) and compute one at a time, each in its own process. The ratios are only valid
on a machine that has nothing else to do; the report says how much other processes took, and warns. The table on
standard output has the ratios of medians first, then the medians; each figure is also printed to standard error as
soon as it is known.
"""

# Python puts the folder that it runs first on its path, so these files import one another by their plain names, from
# any working folder. tests/scripts/test_modules.py makes sure that no name hides a module that something else imports.
import contextlib
import dataclasses
import importlib.metadata
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from bert_tf.errors import UserError
from bert_tf.files import write_json
from comparisons import MODELS
from figures import markdown
from machine import describe_machine
from options import parse, peer_versions
from sections import measure
from session import Session


def main(argv: Sequence[str]) -> int:
    """Runs the benchmark of a command line and returns its exit code."""
    options = parse(argv, __doc__)
    versions = {name: importlib.metadata.version(name) for name in ("bert-tf", "tensorflow")}
    if options.peer_python:
        versions |= peer_versions(options.peer_python)
    with ended_by_sigterm(), tempfile.TemporaryDirectory(prefix="benchmark.") as folder:
        session = Session(Path(folder), options.peer_python, options.repetitions)
        measure(session, options, {name: MODELS[name] for name in options.models})
    facts = {"machine": describe_machine(), "versions": versions, "repetitions": options.repetitions}
    if options.output:
        write_json(options.output, {**facts, "figures": [dataclasses.asdict(figure) for figure in session.figures]})
    print(markdown(facts, session.figures))
    return 0


@contextlib.contextmanager
def ended_by_sigterm() -> Iterator[None]:
    """Ends the block at SIGTERM as Ctrl-C does, so that no process and no file is left behind."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    earlier = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, earlier)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except UserError as user_error:
        print(f"benchmark: error: {user_error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("benchmark: interrupted", file=sys.stderr)
        sys.exit(130)
