r"""Measures how fast this BERT trains and evaluates here, against PyTorch's transformers and against the machine.

    python scripts/benchmark --output=benchmark.json
    python scripts/benchmark --peer_python=/path/to/python --data_dir=$GLUE_DIR/MRPC --sst2=$GLUE_DIR/SST-2/train.tsv

`--peer_python` is the Python of an environment with torch and transformers, and for the sections `latency` and
`first_answer` with onnxruntime, onnx and onnxscript. Both sides get the same examples in one
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
from collections.abc import Iterator
from pathlib import Path

from absl import flags

import options
from bert_tf.files import write_json
from bert_tf.flags import run_program
from comparisons import MODELS
from figures import markdown
from machine import describe_machine
from sections import measure
from session import Session


def main() -> None:
    """Runs the benchmark that the flags describe, and prints its table."""
    with ended_by_signals():
        run(options.options_from_flags())


def run(chosen: options.Options) -> None:
    """Measures, writes the file, and prints the table."""
    versions = {name: importlib.metadata.version(name) for name in ("bert-tf", "tensorflow")}
    if chosen.peer_python:
        versions |= options.peer_versions(chosen.peer_python, chosen.sections)
    data_dir = chosen.data_dir or options.default_data_dir()
    with tempfile.TemporaryDirectory(prefix="benchmark.") as folder:
        squad = chosen.squad or options.default_squad()
        session = Session(Path(folder), data_dir, chosen.sst2, squad, chosen.peer_python, chosen.repetitions)
        measure(session, chosen.sections, {name: MODELS[name] for name in chosen.models})
    facts = {"machine": describe_machine(), "versions": versions, "repetitions": chosen.repetitions}
    if chosen.output:
        write_json(chosen.output, {**facts, "figures": [dataclasses.asdict(figure) for figure in session.figures]})
    print(markdown(facts, session.figures))


@contextlib.contextmanager
def ended_by_signals() -> Iterator[None]:
    """Ends the program at Ctrl-C and at SIGTERM, after it has removed its processes and files."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    except KeyboardInterrupt:
        print("benchmark: interrupted", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    options.define_flags()
    flags.adopt_module_key_flags(options)
    run_program(main)
