"""The runs that a report is about, and all else that was found in their folders.

`runs` reads them.
"""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from bert_tf import run_files
from bert_tf.errors import UserError, reading
from bert_tf.report.groups import Groups
from bert_tf.report.predictions import Predictions, digest
from bert_tf.report.reading import LEFT_OUT, exists, num_evaluated
from bert_tf.report.scores import Score
from bert_tf.report.tables import ExampleValues, TrainLog

Table = TypeVar("Table")

# The tables of all runs together; in memory they are about as large. Those of 1,700 runs on MNLI fit.
MAX_ALL_TABLES_BYTES = 1 << 30


@dataclasses.dataclass(frozen=True)
class BestStep:
    """The step whose weights a run kept.

    Attributes:
        metric: the name of the score by which it was chosen.
        step: counted from 1.
        value: of the score.
    """

    metric: str
    step: float
    value: float


@dataclasses.dataclass(frozen=True, eq=False)
class Run:
    """A finished run with an evaluation.

    Attributes:
        folder: the folder of the run.
        name: the part of the folder's path in which the runs of the report differ.
        flags: of the training, by name, without the seed.
        all_flags: of the last command, by name.
        kind: of the task: "classification", "regression" or "multi_label".
        seed: of the training.
        train_data: a digest of the training set; None if run.json does not have it.
        dev_data: a digest of the dev set's texts and labels; None if results.json does not have it.
        task: its name.
        dataset: the name of the data.
        data_dir: the folder of the dev set; None if results.json does not have it.
        predict_file: the file of the questions; None if results.json does not have it.
        languages: those of the dev set, as the flag has them; None for the task's own.
        versions: of Python and the packages.
        eval_precision: the type in which the evaluation computed; None if results.json does not have it.
        num_train_steps: of the whole training; None if no file has it.
        results: the numbers of results.json.
        headline: the main score of the task.
        best: the step whose weights were kept; None if they are those of the last step.
        groups: the scores of groups of dev examples, such as languages; None if there are no groups.
        predictions: for the dev examples; None if there are none that can be used.
        values: one value per dev example; None if there are none that can be used.
        train_log: losses and dev scores by step; None if there is none that can be used.
    """

    folder: Path
    name: str
    flags: dict
    all_flags: dict
    kind: str
    seed: int
    train_data: str | None
    dev_data: str | None
    task: str
    dataset: str
    data_dir: str | None
    predict_file: str | None
    languages: str | None
    versions: dict
    eval_precision: str | None
    num_train_steps: float | None
    results: dict[str, float]
    headline: Score
    best: BestStep | None = None
    groups: Groups | None = None
    predictions: Predictions | None = None
    values: ExampleValues | None = None
    train_log: TrainLog | None = None

    @property
    def score(self) -> float:
        """The value of the headline."""
        return self.results[self.headline.key]

    @property
    def collapsed(self) -> bool:
        """True if all dev examples got the same answer although their labels differ."""
        return self.predictions is not None and self.predictions.collapsed

    @property
    def is_evaluation(self) -> bool:
        """True if the folder holds the evaluation of a model that was trained elsewhere."""
        return "train_runtime" not in self.results and not exists(self.folder / run_files.RUN)

    @property
    def unfinished(self) -> str | None:
        """The step of an unfinished training at its evaluation, in words; None if it was finished, or if unknown."""
        step, total = self.results.get("global_step"), self.num_train_steps
        if step is None or self.stopped_early is not None:
            return None
        trained = step if self.train_log is None else self.train_log.losses[-1, 0]
        if self.best is not None:
            # The weights are those of the best step, which says nothing about the end of the training.
            step = max(step, trained)
        if total is not None:
            return f"evaluated at step {step:,.0f} of {total:,.0f}" if step < total else None
        if trained > step:
            return f"evaluated at step {step:,.0f}, but its training went on to step {trained:,.0f}"
        return None

    @property
    def stopped_early(self) -> float | None:
        """The step at which the training was stopped because the score no longer rose; None if it was not."""
        return self.results.get("stopped_early")

    @property
    def guids(self) -> tuple[str, ...] | None:
        """The names of the dev examples; None if no file has them."""
        source = self.predictions or self.values
        return source and source.guids

    @property
    def dev_set(self) -> str | None:
        """A digest of the dev examples; None if no file names them."""
        if self.predictions is not None:
            return self.predictions.dev_set
        return None if self.values is None else digest(self.values.guids, self.dev_data)

    @property
    def num_dev_examples(self) -> int | None:
        """The number of dev examples; None if neither a file nor the speed gives it."""
        return num_evaluated(self.results) if self.guids is None else len(self.guids)


@dataclasses.dataclass(frozen=True, eq=False)
class FailedRun:
    """A run that does not count: it has no usable results, or its training is unfinished.

    Attributes:
        folder: the folder of the run.
        name: as in `Run`.
        reason: why it does not count, in words.
        last_lines: of failure.txt or of the newest log in the folder; may be empty.
        flags: as in `Run`; empty if run.json cannot be read.
        seed: None if run.json cannot be read.
        train_data: as in `Run`.
    """

    folder: Path
    name: str
    reason: str
    last_lines: tuple[str, ...] = ()
    flags: dict = dataclasses.field(default_factory=dict)
    seed: int | None = None
    train_data: str | None = None


@dataclasses.dataclass
class Inventory:
    """All that the folders hold.

    Attributes:
        runs: the finished runs.
        unfinished: the runs with results of a training that had not come to its end.
        failed: the runs without usable results.
        skipped: one line for each file that was not read, and for each number that was left out.
        table_bytes: the size of all tables that were read.
        top: the folder that holds the folders of all runs; None if there are no runs.
    """

    runs: list[Run] = dataclasses.field(default_factory=list)
    unfinished: list[FailedRun] = dataclasses.field(default_factory=list)
    failed: list[FailedRun] = dataclasses.field(default_factory=list)
    skipped: list[str] = dataclasses.field(default_factory=list)
    table_bytes: int = 0
    top: Path | None = None

    @contextlib.contextmanager
    def guard(self, path: Path) -> Iterator[None]:
        """Leaves the block at anything that a foreign file can cause, and notes the file."""
        try:
            with reading(path, LEFT_OUT):
                yield
        except UserError as error:
            self.skipped.append(str(error))

    def read_table(self, path: Path, read: Callable[[Path], Table]) -> Table | None:
        """Reads a table; notes it and returns None if it cannot be used, or if all tables together are too large."""
        with self.guard(path):
            table = read(path)
            self.table_bytes += path.stat().st_size
            if self.table_bytes > MAX_ALL_TABLES_BYTES:
                limit = f"{MAX_ALL_TABLES_BYTES:,} bytes"
                raise UserError(f"{path}: is left out, because the tables of all runs together have more than {limit}")
            return table
        return None
