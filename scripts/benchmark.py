#!/usr/bin/env python
r"""Measures how fast this BERT trains and evaluates here, against PyTorch's transformers and against the machine.

    python scripts/benchmark.py --output=benchmark.json
    python scripts/benchmark.py --peer_python=/path/to/python --data_dir=$GLUE_DIR/MRPC --sst2=$GLUE_DIR/SST-2/train.tsv

`--peer_python` is the Python of an environment with torch and transformers. Both sides get the same examples in one
run, take turns (ours, theirs, ours, ...) and compute one at a time, each in a process of its own. The ratios hold
only on a machine that has nothing else to do; the report says how much other processes took, and warns. The table on
standard output has ratios of medians first, then the medians; each also goes to standard error once it is known.
"""

import argparse
import contextlib
import dataclasses
import datetime
import importlib.metadata
import json
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from benchmark_process import ROOT, Worker
from benchmark_report import OTHERS, Figure, machine, markdown, median_of, ratio_of

from bert_tf.errors import UserError
from bert_tf.files import atomic_write

OURS, PEER = ROOT / "scripts" / "benchmark_worker.py", ROOT / "scripts" / "benchmark_peer.py"
BATCH_SIZE = 32
MAX_SEQ_LENGTH = 128
# Hugging Face's Trainer groups by length within so many batches.
BATCHES_OF_A_GROUP = 50
STEPS_AFTER_START = 30

_SHAPE = {"vocab_size": 30522, "num_attention_heads": 12, "max_position_embeddings": 512, "type_vocab_size": 2}
# A BERT's shape and the number of batches in one repetition.
MODELS = {
    "base": (
        _SHAPE | {"hidden_size": 768, "num_hidden_layers": 12, "intermediate_size": 3072, "hidden_act": "gelu"},
        4,
    ),
    "small": (
        _SHAPE | {"hidden_size": 384, "num_hidden_layers": 6, "intermediate_size": 1536, "hidden_act": "gelu_erf"},
        12,
    ),
}

# What is compared.


@dataclasses.dataclass(frozen=True)
class Side:
    """One of those that are compared: what to call it, what its process is to do, and whether it is the peer's."""

    label: str
    job: dict
    is_peer: bool = False


def ours(kind: str, dtype: str, batch_size: int = BATCH_SIZE) -> Side:
    """Our model, as run_classifier.py runs it."""
    return Side(f"ours, {dtype}, batch {batch_size}", {"kind": kind, "dtype": dtype, "batch_size": batch_size})


def peer(kind: str, dtype: str, how: str, **job: object) -> Side:
    """The model of transformers, as a careful user runs it."""
    job = {"kind": kind, "dtype": dtype, "batch_size": BATCH_SIZE} | job
    return Side(f"transformers, {how}, batch {job['batch_size']}", job, is_peer=True)


# The first side of a comparison is the one whose ratio matters most.
COMPARISONS: dict[str, list[list[Side]]] = {
    "training": [
        [ours("training", "bfloat16"), peer("training", "bfloat16", "bfloat16 autocast, grouped by length")],
        [ours("training", "float32"), peer("training", "float32", "float32, grouped by length")],
    ],
    "notebook": [
        [
            ours("training", "bfloat16"),
            # Padded to one length, all its batches cost the same: one of them tells the speed.
            peer("training", "float32", "float32, padded to 512", batch_size=8, pad_to=512, max_examples=8),
        ]
    ],
    "inference": [
        [
            ours("inference", "bfloat16"),
            ours("inference", "bfloat16", batch_size=8),
            peer("inference", "bfloat16", "bfloat16 autocast, sorted by length"),
            peer("inference", "bfloat16", "bfloat16 weights, sorted by length", cast_weights=True),
        ],
        [
            ours("inference", "float32"),
            ours("inference", "float32", batch_size=8),
            peer("inference", "float32", "float32, sorted by length"),
        ],
    ],
}


# The examples.


def choose_batches(lengths: np.ndarray, count: int) -> np.ndarray:
    """Examples of `count` whole batches that are grouped as the peer would group the whole corpus.

    The corpus is sorted by length within groups of 50 batches, as Hugging Face's Trainer does; of those batches
    come some that are evenly spread from the shortest to the longest. So neither mean length nor the peer's
    padding differ much from an epoch's.

    Args:
        lengths: of all examples, in an order without meaning, int [examples].
        count: how many batches.

    Returns:
        int [count * BATCH_SIZE], which examples.

    Raises:
        UserError: there are fewer examples.
    """
    if len(lengths) < count * BATCH_SIZE:
        raise UserError(f"data_dir: has {len(lengths)} training examples; {count * BATCH_SIZE} are needed at least")
    size = BATCHES_OF_A_GROUP * BATCH_SIZE
    groups = [np.arange(start, min(start + size, len(lengths))) for start in range(0, len(lengths), size)]
    batches = [
        order[start : start + BATCH_SIZE]
        for order in (group[np.argsort(lengths[group], kind="stable")] for group in groups)
        for start in range(0, len(order) - BATCH_SIZE + 1, BATCH_SIZE)
    ]
    batches.sort(key=lambda batch: lengths[batch].mean())
    chosen = ((np.arange(count) + 0.5) * len(batches) / count).astype(int)
    return np.concatenate([batches[index] for index in chosen])


def write_chosen(examples: Path, path: Path, count: int) -> np.ndarray:
    """Writes the examples of `count` batches to a file of their own; returns their lengths."""
    arrays = dict(np.load(examples))
    starts = np.cumsum(arrays["lengths"]) - arrays["lengths"]
    chosen = choose_batches(arrays["lengths"], count)
    pieces = np.concatenate([starts[row] + np.arange(arrays["lengths"][row]) for row in chosen])
    np.savez(
        path,
        input_ids=arrays["input_ids"][pieces],
        type_ids=arrays["type_ids"][pieces],
        lengths=arrays["lengths"][chosen],
        label_ids=arrays["label_ids"][chosen],
    )
    return arrays["lengths"][chosen]


# The measurements.


class Benchmark:
    """Measures section after section; what it found is in `figures`.

    Args:
        arguments: those of the command line.
        folder: for files that are needed meanwhile.
    """

    def __init__(self, arguments: argparse.Namespace, folder: Path):
        self._arguments = arguments
        self._folder = folder
        self.figures: list[Figure] = []
        self._model = ""
        self._job: dict = {}

    def run(self) -> None:
        """Measures all sections that were asked for, of all models."""
        files = {"data_dir": str(self._arguments.data_dir), "max_seq_length": MAX_SEQ_LENGTH}
        examples = self._folder / "examples.npz"
        self._do("examples", {"kind": "examples", "path": str(examples), **files})
        for model in self._arguments.models:
            self._model = model
            config, batches = MODELS[model]
            path = self._folder / f"{model}.npz"
            lengths = write_chosen(examples, path, batches)
            self._add(median_of, "examples", f"mean length of {len(lengths)} examples", "tokens", [lengths.mean()])
            self._job = {**files, "config": config, "batches": batches, "path": str(path)}
            self._job["repetitions"] = self._arguments.repetitions
            for section in self._arguments.sections:
                getattr(self, f"_measure_{section}")()

    def _measure_training(self) -> None:
        for sides in COMPARISONS["training"]:
            answers = self._compare("training", sides)
            memory = {label: [answer["memory"] / 1e9 for answer in found] for label, found in answers.items()}
            for label, values in memory.items():
                self._add(median_of, "memory", label, "GB", values)
            if len(memory) > 1:
                self._add(ratio_of, "memory", " / ".join(memory), *memory.values())

    def _measure_notebook(self) -> None:
        for sides in COMPARISONS["notebook"]:
            self._compare("notebook", sides)

    def _measure_inference(self) -> None:
        for sides in COMPARISONS["inference"]:
            for label, found in self._compare("inference", sides).items():
                firsts = [answer["first_batch_seconds"] for answer in found if "first_batch_seconds" in answer]
                if firsts:
                    self._add(median_of, "inference", f"first batch of a call: {label}", "s", firsts)

    def _measure_input(self) -> None:
        step = ours("training", "bfloat16")
        prepare = Side("input", {"kind": "input", "batch_size": BATCH_SIZE})
        answers, _ = self._take_turns("input", [step, prepare])
        seconds = [answer["seconds"] for answer in answers[step.label]]
        for name, what in (("tokenizing", "tokenizing a batch"), ("batching", "padding a batch")):
            values = [answer[name] for answer in answers["input"]]
            self._add(ratio_of, "input", f"{what} / a training step, {step.label}", values, seconds)
            self._add(median_of, "input", what, "ms", [1000 * value / self._job["batches"] for value in values])
        if self._arguments.sst2:
            tokenize = Side("tokenizing SST-2", {"kind": "tokenize", "sst2": str(self._arguments.sst2)})
            answers, facts = self._take_turns("input", [tokenize])
            what = f"tokenizing {facts[tokenize.label]['examples']} sentences of {self._arguments.sst2.name}"
            self._add(median_of, "input", what, "s", [answer["seconds"] for answer in answers[tokenize.label]])

    def _measure_lengths(self) -> None:
        side = Side("ours, bfloat16, 2048 tokens a batch", ours("lengths", "bfloat16").job)
        answers, facts = self._take_turns("lengths", [side])
        speeds = {
            length: [facts[side.label]["tokens"] / answer["seconds"][length] for answer in answers[side.label]]
            for length in answers[side.label][0]["seconds"]
        }
        for length, values in speeds.items():
            self._add(median_of, "lengths", f"length {length}: {side.label}", "tokens/s", values)
            self._add(ratio_of, "lengths", f"tokens/s at length {length} / at length 64", values, speeds["64"])

    def _measure_start(self) -> None:
        model = self._folder / f"{self._model}-checkpoint"
        self._do("checkpoint", {"kind": "checkpoint", "folder": str(model), **self._job})
        # The first start reads all files once, and goes on to see whether later steps wait for something.
        facts = self._start_ours(model, STEPS_AFTER_START)
        spent = np.diff(facts["steps_done_at"]) / np.array(facts["step_tokens"][1:])
        what = "slowest later step / median, each per real token"
        self._add(ratio_of, "start", what, [float(spent.max())], [float(np.median(spent))])
        sides: dict[str, Callable[[], dict]] = {"ours": lambda: self._start_ours(model, 1)}
        if self._arguments.peer_python:
            sides["transformers, random weights, tokens from a file"] = self._start_peer
            self._start_peer()
        found = {name: [] for name in sides}
        for number in range(1, self._arguments.repetitions + 1):
            for name, start in sides.items():
                self._tell("start", f"{name}, {number}/{self._arguments.repetitions}")
                found[name].append(start())
        for name, starts in found.items():
            what = f"process start to first training step: {name}, bfloat16"
            self._add(median_of, "start", what, "s", [start["seconds"] for start in starts])
        self._add(median_of, "memory", "run_classifier.py, one step", "GB", [s["memory"] / 1e9 for s in found["ours"]])

    def _start_ours(self, model: Path, steps: int) -> dict:
        output_dir = self._folder / "output"
        flags = [
            *("--task_name=MRPC", "--do_train", f"--bert_model={model}", f"--data_dir={self._arguments.data_dir}"),
            *(f"--output_dir={output_dir}", "--mixed_precision=bfloat16", "--iterations_per_loop=1"),
        ]
        facts = self._do("start", {"kind": "start", "flags": flags, "steps": steps})
        shutil.rmtree(output_dir)
        return facts | {"seconds": facts["steps_done_at"][0] - facts["process_started_at"]}

    def _start_peer(self) -> dict:
        side = COMPARISONS["training"][0][1]
        with self._worker(side) as worker:
            return {"seconds": worker.start()["first_step_at"] - worker.started}

    def _compare(self, section: str, sides: Sequence[Side]) -> dict[str, list[dict]]:
        """Speeds, fractions of the peak, and our ratios to the fastest peer.

        Returns:
            What each side answered, by its label; without a peer only ours.
        """
        sides = [side for side in sides if self._arguments.peer_python or not side.is_peer]
        peak = Side("peak", {"kind": "peak", "dtype": sides[0].job["dtype"]})
        answers, facts = self._take_turns(section, [*sides, peak])
        peaks = [answer["flops_per_second"] for answer in answers.pop("peak")]
        self._add(median_of, section, f"matrix products, {sides[0].job['dtype']}", "GFLOP/s", [p / 1e9 for p in peaks])
        flops = facts[sides[0].label]["flops"] / facts[sides[0].label]["examples"]
        speeds = {}
        for side in sides:
            speeds[side.label] = [facts[side.label]["examples"] / answer["seconds"] for answer in answers[side.label]]
            self._add(median_of, section, side.label, "examples/s", speeds[side.label])
            reached = [flops * speed for speed in speeds[side.label]]
            self._add(ratio_of, section, f"of peak: {side.label}", reached, peaks)
        peers = [side.label for side in sides if side.is_peer]
        if peers:
            best = max(peers, key=lambda label: statistics.median(speeds[label]))
            for side in sides:
                if not side.is_peer:
                    self._add(ratio_of, section, f"{side.label} / {best}", speeds[side.label], speeds[best])
        return answers

    def _take_turns(self, section: str, sides: Sequence[Side]) -> tuple[dict[str, list[dict]], dict[str, dict]]:
        """Repeats all sides in turns; what each answered each time, and what it told of itself."""
        with contextlib.ExitStack() as stack:
            workers, facts = {}, {}
            for side in sides:
                self._tell(section, f"{side.label}, warming up")
                workers[side.label] = stack.enter_context(self._worker(side))
                facts[side.label] = workers[side.label].start()
                workers[side.label].measure()
            answers: dict[str, list[dict]] = {side.label: [] for side in sides}
            for number in range(1, self._arguments.repetitions + 1):
                for label, worker in workers.items():
                    self._tell(section, f"{label}, {number}/{self._arguments.repetitions}")
                    answers[label].append(worker.measure())
        others = [100 * answer["others"] for found in answers.values() for answer in found]
        self._add(median_of, section, f"{OTHERS}, beside {sides[0].label}", "%", others)
        return answers, facts

    def _do(self, label: str, job: dict) -> dict:
        """What a worker tells that has nothing to repeat."""
        self._tell(label, "running")
        with self._worker(Side(label, job)) as worker:
            return {**worker.start(), "process_started_at": worker.started}

    def _worker(self, side: Side) -> Worker:
        command = [self._arguments.peer_python, str(PEER)] if side.is_peer else [sys.executable, str(OURS)]
        return Worker(side.label, command, {**self._job, **side.job}, self._folder / f"{side.label}.log")

    def _add(self, make: Callable[..., Figure], section: str, *details: object) -> None:
        self.figures.append(make(section, self._model, *details))
        print(self.figures[-1].row(), file=sys.stderr, flush=True)

    def _tell(self, section: str, what: str) -> None:
        clock = datetime.datetime.now().strftime("%H:%M:%S")
        print(f"{clock} {section} {self._model}: {what}", file=sys.stderr, flush=True)


SECTIONS = ("training", "notebook", "inference", "start", "input", "lengths")


# The command line.


def default_data_dir() -> Path:
    """The MRPC that run_classifier.py takes."""
    exported, sample = ROOT / "data" / "MRPC", ROOT / "data" / "sample" / "MRPC"
    return exported if exported.is_dir() else sample


def peer_versions(python: str) -> dict[str, str]:
    """The versions of torch and transformers that a Python has.

    Raises:
        UserError: it has none, or is none.
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


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """The command line.

    Raises:
        UserError: a value is none of those that there are.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer_python", help="a Python with torch and transformers; without it ours alone is measured")
    parser.add_argument("--data_dir", type=Path, default=default_data_dir(), help="MRPC's folder")
    parser.add_argument("--sst2", type=Path, help="SST-2's train.tsv, to see how fast it is tokenized")
    parser.add_argument("--models", type=lambda text: text.split(","), default=list(MODELS), help="such as base,small")
    parser.add_argument(
        "--sections",
        type=lambda text: text.split(","),
        default=list(SECTIONS),
        help=f"of {','.join(SECTIONS)}; the notebook's recipe takes minutes",
    )
    parser.add_argument("--repetitions", type=int, default=5, help="of each measurement")
    parser.add_argument("--output", type=Path, help="a .json file for all that was measured")
    arguments = parser.parse_args(argv)
    for name, known in (("models", MODELS), ("sections", SECTIONS)):
        unknown = [word for word in getattr(arguments, name) if word not in known]
        if unknown:
            raise UserError(f"{name}: {unknown[0]!r} is unknown; known: {', '.join(known)}")
    if arguments.repetitions < 1:
        raise UserError(f"repetitions: {arguments.repetitions} is no number from 1 on")
    if arguments.sst2 and not arguments.sst2.is_file():
        raise UserError(f"sst2: {arguments.sst2}: there is no such file")
    if arguments.output and not arguments.output.resolve().parent.is_dir():
        raise UserError(f"output: {arguments.output.parent}: there is no such folder")
    return arguments


@contextlib.contextmanager
def ended_by_signals() -> Iterator[None]:
    """SIGTERM ends the block as Ctrl-C does, so that no process and no file is left behind."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    earlier = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, earlier)


def main(argv: Sequence[str]) -> int:
    """Runs the benchmark of the command line; returns the exit code."""
    arguments = parse(argv)
    versions = {name: importlib.metadata.version(name) for name in ("bert-tf", "tensorflow")}
    if arguments.peer_python:
        versions |= peer_versions(arguments.peer_python)
    with ended_by_signals(), tempfile.TemporaryDirectory(prefix="benchmark.") as folder:
        benchmark = Benchmark(arguments, Path(folder))
        benchmark.run()
    facts = {"machine": machine(), "versions": versions, "repetitions": arguments.repetitions}
    if arguments.output:
        content = {**facts, "figures": [dataclasses.asdict(figure) for figure in benchmark.figures]}
        with atomic_write(arguments.output) as file:
            json.dump(content, file, indent=2)
    print(markdown(facts, benchmark.figures))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except UserError as user_error:
        print(f"benchmark.py: error: {user_error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("benchmark.py: interrupted", file=sys.stderr)
        sys.exit(130)
