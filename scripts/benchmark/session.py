"""Runs workers in turns, and collects the figures."""

import contextlib
import datetime
import sys
from collections.abc import Sequence
from pathlib import Path

from comparisons import Side
from figures import OTHERS, Figure, median_of, ratio_of
from machine import usable_cores
from worker_process import WorkerProcess

FOLDER = Path(__file__).resolve().parent
OURS, PEER = "worker.py", "peer.py"


class Session:
    """Everything that the sections share while they measure.

    Args:
        folder: the folder for temporary files.
        data_dir: the folder of MRPC.
        sst2: SST-2's train.tsv; None to leave it out.
        squad: SQuAD's train-v1.1.json.
        peer_python: a Python with torch and transformers; None to measure only our side.
        repetitions: the number of repetitions of each measurement.

    Attributes:
        figures: what was measured so far.
        model: the name of the model that is measured now.
        job: the part of a job that all workers of this model have in common.
    """

    def __init__(
        self,
        folder: Path,
        data_dir: Path,
        sst2: Path | None,
        squad: Path,
        peer_python: str | None,
        repetitions: int,
    ):
        self.folder = folder
        self.data_dir = data_dir
        self.sst2 = sst2
        self.squad = squad
        self.repetitions = repetitions
        self.figures: list[Figure] = []
        self.model = ""
        self.job: dict = {}
        self._peer_python = peer_python

    @property
    def has_peer(self) -> bool:
        """True if a peer is measured as well."""
        return bool(self._peer_python)

    def take_turns(self, section: str, sides: Sequence[Side]) -> tuple[dict[str, list[dict]], dict[str, dict]]:
        """Warms all sides up, and repeats them in turns.

        Returns:
            For each side's label its measurements, and its facts.
        """
        with contextlib.ExitStack() as stack:
            workers, facts = {}, {}
            for side in sides:
                self.report(section, f"{side.label}, warming up")
                workers[side.label] = stack.enter_context(self.start_worker(side))
                facts[side.label] = workers[side.label].start()
                workers[side.label].measure()
            answers: dict[str, list[dict]] = {side.label: [] for side in sides}
            for number in range(1, self.repetitions + 1):
                for label, worker in workers.items():
                    self.report(section, f"{label}, {number}/{self.repetitions}")
                    answers[label].append(worker.measure())
        others = [100 * answer["others"] for measured in answers.values() for answer in measured]
        self.add_median(section, f"{OTHERS}, beside {sides[0].label}", "%", others)
        return answers, facts

    def do_once(self, side: Side) -> dict:
        """Runs a job that is not repeated; returns its facts, and when its process was started."""
        self.report(side.label, "running")
        with self.start_worker(side) as worker:
            return {**worker.start(), "process_started_at": worker.started}

    def start_worker(self, side: Side) -> WorkerProcess:
        """Starts the process of a side."""
        python, program = (self._peer_python, PEER) if side.is_peer else (sys.executable, OURS)
        job = {**self.job, "threads": usable_cores(), **side.job}
        command = [python, str(FOLDER / (side.program or program))]
        return WorkerProcess(side.label, command, job, self.folder / f"{side.label}.log")

    def add_median(self, section: str, what: str, unit: str, values: Sequence[float]) -> None:
        """Adds the median of repetitions to the figures."""
        self._add(median_of(section, self.model, what, unit, values))

    def add_ratio(self, section: str, what: str, above: Sequence[float], below: Sequence[float]) -> None:
        """Adds the ratio of two medians to the figures."""
        self._add(ratio_of(section, self.model, what, above, below))

    def report(self, section: str, progress: str) -> None:
        """Prints what happens now to standard error."""
        clock = datetime.datetime.now().strftime("%H:%M:%S")
        print(f"{clock} {section} {self.model}: {progress}", file=sys.stderr, flush=True)

    def _add(self, figure: Figure) -> None:
        self.figures.append(figure)
        print(figure.row(), file=sys.stderr, flush=True)
