"""Runs sorted into studies and configurations, and the configurations compared.

    studies = compare(read_runs([Path("output")]))
    studies[0].best.accuracy

A study holds what may be compared: one task, the same data, the same versions. A configuration holds the runs of a
study that differ in nothing but their seed.
"""

import dataclasses
import functools
import json
from collections.abc import Callable, Hashable, Iterable, Sequence

import numpy as np

from bert_tf.report.escaping import one_line
from bert_tf.report.runs import FailedRun, Found, Run
from bert_tf.report.statistics import (
    accuracy_standard_error,
    holm,
    mcnemar_exact,
    mean_and_sd,
    paired_bootstrap,
    reliability,
)

SIGNIFICANCE = 0.05
MCNEMAR = "McNemar's exact test"
BOOTSTRAP = "paired bootstrap"
_SHORT_NAMES = {"learning_rate": "lr", "train_batch_size": "batch", "num_train_epochs": "epochs", "model": ""}
_MAIN_FLAGS = ("model", "learning_rate", "train_batch_size", "num_train_epochs")


@dataclasses.dataclass(frozen=True)
class Test:
    """The comparison of a configuration with the best one.

    Attributes:
        p_value: two-sided, of equal accuracy.
        adjusted: the same after Holm's correction over the study's tests.
        method: `MCNEMAR` or `BOOTSTRAP`.
    """

    p_value: float
    adjusted: float
    method: str

    @property
    def distinguishable(self) -> bool:
        """Whether the configuration is told from the best."""
        return self.adjusted < SIGNIFICANCE


@dataclasses.dataclass(eq=False)
class Configuration:
    """Runs that differ only in their seed.

    Attributes:
        flags: of the training, without the seed.
        runs: those that count, by seed.
        collapsed: those that give all dev examples one class; in no mean.
        failed: those without results.
        number: its place in the study by mean accuracy, from 1.
        label: the flags in which it differs from the others of the study.
        test: its comparison with the best; None for the best itself and where predictions are missing.
    """

    flags: dict
    runs: list[Run] = dataclasses.field(default_factory=list)
    collapsed: list[Run] = dataclasses.field(default_factory=list)
    failed: list[FailedRun] = dataclasses.field(default_factory=list)
    number: int = 0
    label: str = ""
    test: Test | None = None

    def summary(self, key: str) -> tuple[float | None, float | None]:
        """Mean and standard deviation over the seeds of a number of results.json, of the runs that have it."""
        return mean_and_sd([run.results[key] for run in self.runs if key in run.results])

    @property
    def accuracy(self) -> float | None:
        """The mean over the seeds; None where no run counts."""
        return self.summary("eval_accuracy")[0]

    @property
    def worst(self) -> Run | None:
        """The run with the lowest accuracy, the collapsed ones included."""
        runs = [*self.runs, *self.collapsed]
        return min(runs, key=lambda run: run.results["eval_accuracy"], default=None)

    @property
    def has_predictions(self) -> bool:
        """Whether there are runs that count, and all of them have predictions."""
        return bool(self.runs) and all(run.predictions is not None for run in self.runs)

    @property
    def correct(self) -> np.ndarray:
        """Which dev examples each run has right: bool [seeds, examples]."""
        return np.stack([run.predictions.correct for run in self.runs])

    @functools.cached_property
    def calibration_errors(self) -> list[float]:
        """The expected calibration error of each run that has predictions."""
        predictions = [run.predictions for run in self.runs if run.predictions is not None]
        return [reliability(p.confidence, p.correct).expected_calibration_error for p in predictions]


@dataclasses.dataclass(eq=False)
class Study:
    """What may be compared with one another.

    Attributes:
        task: its name.
        dataset: what the data is called.
        train_data: the digest of the training set; None where it is not known.
        versions: of Python and the packages.
        configurations: by mean accuracy, the best first.
        num_dev_examples: None where it is not known.
        dev_set: a digest of the dev examples, or that they are unknown.
        notes: what a reader must know about single runs, one line each.
    """

    task: str
    dataset: str
    train_data: str | None
    versions: dict
    configurations: list[Configuration]
    num_dev_examples: int | None
    dev_set: str
    notes: list[str]

    @property
    def best(self) -> Configuration | None:
        """The configuration with the highest mean accuracy; None where no run counts."""
        return self.configurations[0] if self.configurations[0].runs else None

    @property
    def undistinguished(self) -> list[Configuration]:
        """Those that were compared with the best and cannot be told from it."""
        return [each for each in self.configurations if each.test and not each.test.distinguishable]

    @property
    def standard_error(self) -> float | None:
        """Of the best accuracy, for the number of dev examples."""
        if self.best is None or not self.num_dev_examples:
            return None
        return accuracy_standard_error(self.best.accuracy, self.num_dev_examples)

    @property
    def majority(self) -> tuple[str, float] | None:
        """The most frequent label of the dev set and its share; None where no run has predictions."""
        for configuration in self.configurations:
            for run in [*configuration.runs, *configuration.collapsed]:
                if run.predictions is not None:
                    counts = np.bincount(run.predictions.label_ids)
                    return run.predictions.classes[counts.argmax()], float(counts.max() / counts.sum())
        return None

    @property
    def shared_flags(self) -> dict:
        """The flags in which no configuration differs, those left at None aside."""
        varying = _varying([each.flags for each in self.configurations])
        flags = self.configurations[0].flags
        return {name: value for name, value in flags.items() if name not in varying and value is not None}


def compare(found: Found) -> list[Study]:
    """Sorts the runs into studies, the largest first, and compares the configurations of each with its best."""
    dev_sets = _dev_sets(found.runs)
    groups = _group(found.runs, lambda run: (*_circumstances(run), run.num_dev_examples, dev_sets[run]))
    studies = [_create_study(runs, dev_sets[runs[0]], found.failed) for runs in groups]
    return sorted(studies, key=lambda study: -sum(len(each.runs) for each in study.configurations))


def _group(items: Iterable, key: Callable[[object], Hashable]) -> list[list]:
    groups: dict = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return list(groups.values())


def _circumstances(run: Run) -> tuple[str, ...]:
    return (run.task, run.dataset, str(run.train_data), json.dumps(run.versions, sort_keys=True))


def _dev_sets(runs: Sequence[Run]) -> dict[Run, str]:
    """A name for the dev examples of each run.

    A run without predictions is counted to those of the same circumstances if they have one dev set, of as
    many examples; the study's notes say so.
    """
    known: dict[tuple, set] = {}
    for run in runs:
        if run.predictions is not None:
            known.setdefault((*_circumstances(run), run.num_dev_examples), set()).add(run.predictions.dev_set)
    names = {}
    for run in runs:
        candidates = known.get((*_circumstances(run), run.num_dev_examples), set())
        unknown = next(iter(candidates)) if len(candidates) == 1 else "unknown"
        names[run] = run.predictions.dev_set if run.predictions is not None else unknown
    return names


def _create_study(runs: Sequence[Run], dev_set: str, failed: Sequence[FailedRun]) -> Study:
    notes: list[str] = []
    configurations = [_create_configuration(group, notes) for group in _group(runs, lambda run: flags_key(run.flags))]
    first = runs[0]
    for configuration in configurations:
        configuration.failed = [
            run
            for run in failed
            if run.train_data == first.train_data and flags_key(run.flags) == flags_key(configuration.flags)
        ]
    configurations.sort(key=_rank)
    _name(configurations)
    _test(configurations)
    return Study(
        task=first.task,
        dataset=first.dataset,
        train_data=first.train_data,
        versions=first.versions,
        configurations=configurations,
        num_dev_examples=first.num_dev_examples,
        dev_set=dev_set,
        notes=notes,
    )


def _create_configuration(runs: Sequence[Run], notes: list[str]) -> Configuration:
    configuration = Configuration(runs[0].flags)
    counted: dict[int, Run] = {}
    for run in sorted(runs, key=lambda run: run.seed):
        if run.seed in counted:
            notes.append(f"Not counted: {run.folder} has the flags and the seed of {counted[run.seed].folder}.")
            continue
        counted[run.seed] = run
        if run.predictions is None:
            notes.append(
                f"Without predictions: {run.folder} is in no paired test, its dev set is taken to be the others', "
                "and whether it collapsed cannot be seen."
            )
        collapsed = run.predictions is not None and run.predictions.collapsed
        (configuration.collapsed if collapsed else configuration.runs).append(run)
    return configuration


def flags_key(flags: dict) -> str:
    """The same text for the same flags; what run.json holds need not be hashable."""
    return json.dumps(flags, sort_keys=True)


def _rank(configuration: Configuration) -> tuple[float, float]:
    if not configuration.runs:
        return (1.0, 0.0)
    return (-configuration.accuracy, configuration.summary("eval_loss")[0])


# Names.


def _name(configurations: Sequence[Configuration]) -> None:
    varying = _varying([each.flags for each in configurations]) or _MAIN_FLAGS
    for number, configuration in enumerate(configurations, start=1):
        configuration.number = number
        configuration.label = ", ".join(_flag_text(name, configuration.flags.get(name)) for name in varying)


def _varying(all_flags: Sequence[dict]) -> list[str]:
    """The names of the flags that are not the same everywhere, the main ones first."""
    names = dict.fromkeys([*_MAIN_FLAGS, *(name for flags in all_flags for name in flags)])
    return [name for name in names if len({flags_key({"": flags.get(name)}) for flags in all_flags}) > 1]


def _flag_text(name: str, value: object) -> str:
    return f"{_SHORT_NAMES.get(name, name)} {value_text(value)}".strip()


def value_text(value: object) -> str:
    """A flag's value as a reader writes it.

    Example:
        >>> value_text(2e-05), value_text(3.0), value_text(True)
        ('2e-5', '3', 'yes')
    """
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        small = 0 < abs(value) < 1e-3
        return np.format_float_scientific(value, trim="-", exp_digits=1) if small else f"{value:g}"
    return one_line(value)


# Tests.


def _test(configurations: Sequence[Configuration]) -> None:
    """Gives each configuration its comparison with the best, the first."""
    best = configurations[0]
    tested = [each for each in configurations[1:] if each.has_predictions and best.has_predictions]
    results = [_p_value(best, each) for each in tested]
    for configuration, (p_value, method), adjusted in zip(tested, results, holm([p for p, _ in results]), strict=True):
        configuration.test = Test(p_value, adjusted, method)


def _p_value(best: Configuration, other: Configuration) -> tuple[float, str]:
    if len(best.runs) == len(other.runs) == 1:
        return mcnemar_exact(best.correct[0], other.correct[0]), MCNEMAR
    return paired_bootstrap(best.correct, other.correct)[0], BOOTSTRAP
