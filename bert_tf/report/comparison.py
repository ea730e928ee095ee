"""Sorts runs into studies and configurations, and compares the configurations.

    studies = compare(read_runs([Path("output")]))
    studies[0].best.score

The runs of a study can be compared: they have the same task, the same data and the same versions. The runs of a
configuration differ only in their seed.
"""

import collections
import dataclasses
import functools
import json
from collections.abc import Callable, Hashable, Iterable, Sequence

import numpy as np

from bert_tf.report.calibration import reliability
from bert_tf.report.constant import Constant, constant
from bert_tf.report.formatting import flag_text, folder_names, listed
from bert_tf.report.predictions import CLASSIFICATION, ClassPredictions, Predictions
from bert_tf.report.runs import FailedRun, Inventory, Run
from bert_tf.report.scores import ACCURACY, LOSS, Score, scores_among
from bert_tf.report.significance import (
    binomial_standard_error,
    holm,
    is_binary,
    mcnemar_exact,
    mean_and_sd,
    paired_bootstrap,
    standard_error,
    wilson_interval,
)

SIGNIFICANCE = 0.05
MAX_TESTED = 200  # of the configurations of a study, the best; each test takes about 0.1 s
_MAX_SCORES = 100  # columns of the table
MCNEMAR = "McNemar's exact test"
BOOTSTRAP = "paired bootstrap"
_SHORT_NAMES = {"learning_rate": "lr", "train_batch_size": "batch", "num_train_epochs": "epochs", "model": ""}
_PATH_FLAGS = ("model", "init_checkpoint", "bert_config_file", "vocab_file")
_MAIN_FLAGS = ("model", "learning_rate", "train_batch_size", "num_train_epochs")
_TOLERANCE = 1e-6


@dataclasses.dataclass(frozen=True)
class Comparison:
    """A test of a configuration, or of a constant answer, against the best configuration.

    Attributes:
        p_value: two-sided, of an equal mean value per example.
        adjusted: the same after Holm's correction over the tests of the study.
        method: `MCNEMAR` or `BOOTSTRAP`.
    """

    p_value: float
    adjusted: float
    method: str

    @property
    def is_significant(self) -> bool:
        """True if the two differ significantly."""
        return self.adjusted < SIGNIFICANCE


@dataclasses.dataclass(eq=False)
class Configuration:
    """Runs that differ only in their seed.

    Attributes:
        flags: of the training, without the seed.
        headline: the main score of the task.
        runs: those that count, by seed.
        collapsed: runs that give all dev examples the same answer; left out of all means.
        unfinished: runs with results of an unfinished training; left out of all means.
        failed: runs without results.
        number: the rank in the study by the mean of the headline, from 1.
        label: the flags in which it differs from the others of the study.
        comparison: the test against the best; None for the best itself and if values per example are missing.
    """

    flags: dict
    headline: Score
    runs: list[Run] = dataclasses.field(default_factory=list)
    collapsed: list[Run] = dataclasses.field(default_factory=list)
    unfinished: list[FailedRun] = dataclasses.field(default_factory=list)
    failed: list[FailedRun] = dataclasses.field(default_factory=list)
    number: int = 0
    label: str = ""
    comparison: Comparison | None = None

    def summary(self, key: str) -> tuple[float | None, float | None]:
        """Returns mean and standard deviation over seeds of a number of results.json, for the runs that have it."""
        return mean_and_sd([run.results[key] for run in self.runs if key in run.results])

    @property
    def score(self) -> float | None:
        """The mean of the headline over the seeds; None if no run counts."""
        return self.summary(self.headline.key)[0]

    @property
    def worst(self) -> Run | None:
        """The run with the lowest headline, collapsed runs included."""
        return min([*self.runs, *self.collapsed], key=lambda run: run.score, default=None)

    @property
    def predictions(self) -> list[Predictions]:
        """Those of all runs that count, of one kind; empty if a run has none."""
        predictions = [run.predictions for run in self.runs if run.predictions is not None]
        is_whole = len(predictions) == len(self.runs) > 0 and len({type(each) for each in predictions}) == 1
        return predictions if is_whole else []

    @property
    def has_values(self) -> bool:
        """True if there are runs that count and all have values per example."""
        return bool(self.runs) and all(run.values is not None for run in self.runs)

    @property
    def values(self) -> np.ndarray:
        """The values per example of all runs, float [seeds, examples]."""
        return np.stack([run.values.values for run in self.runs])

    @functools.cached_property
    def calibration_errors(self) -> list[float]:
        """The expected calibration error of each run that has class probabilities."""
        predictions = [run.predictions for run in self.runs if isinstance(run.predictions, ClassPredictions)]
        return [reliability(p.confidence, p.correct).expected_calibration_error for p in predictions]


@dataclasses.dataclass(eq=False)
class Study:
    """Configurations that can be compared.

    Attributes:
        task: its name.
        dataset: the name of the data.
        train_data: the digest of the training set; None if unknown.
        versions: of Python and the packages.
        headline: the main score of the task.
        configurations: by the mean of the headline, the best first.
        constant: the best constant answer; None if no run has predictions.
        constant_comparison: its test against the best configuration; None if its values are not comparable.
        num_dev_examples: None if unknown.
        dev_set: a digest of the dev examples, or "unknown".
        notes: remarks on single runs, one line each.
    """

    task: str
    dataset: str
    train_data: str | None
    versions: dict
    headline: Score
    configurations: list[Configuration]
    constant: Constant | None
    constant_comparison: Comparison | None
    num_dev_examples: int | None
    dev_set: str
    notes: list[str]

    @property
    def runs(self) -> list[Run]:
        """All finished runs, collapsed ones included."""
        return [run for each in self.configurations for run in (*each.runs, *each.collapsed)]

    @property
    def best(self) -> Configuration | None:
        """The configuration with the highest mean headline; None if no run counts."""
        return self.configurations[0] if self.configurations[0].runs else None

    @property
    def ties(self) -> list[Configuration]:
        """The configurations that were tested and are not significantly different from the best."""
        return [each for each in self.configurations if each.comparison and not each.comparison.is_significant]

    @property
    def untested(self) -> list[Configuration]:
        """The configurations that could be tested, but were left out because there are so many better ones."""
        others = self.configurations[1:] if self.configurations[0].has_values else []
        return [each for each in others if each.has_values and each.comparison is None]

    @property
    def other_scores(self) -> list[Score]:
        """The scores of the runs besides the headline; not all of them if there are very many."""
        keys = {key for run in self.runs for key in run.results}
        return [score for score in scores_among(keys) if score != self.headline][:_MAX_SCORES]

    @property
    def headline_is_mean(self) -> bool:
        """True if the headline of every run is the mean of its values per example."""
        pairs = [(run.values.values.mean(), run.score) for run in self.runs if run.values is not None]
        return all(abs(mean - score) <= _TOLERANCE * max(1, abs(score)) for mean, score in pairs)

    @property
    def has_classes(self) -> bool:
        """True for a classification: its headline is the accuracy, or a run has class probabilities."""
        has_probabilities = any(isinstance(run.predictions, ClassPredictions) for run in self.runs)
        return self.kind == CLASSIFICATION and (self.headline.key == ACCURACY or has_probabilities)

    @property
    def can_collapse(self) -> bool:
        """True if the files of the runs would show that a run gives all examples the same answer."""
        return self.has_classes or any(run.predictions is not None for run in self.runs)

    @property
    def kind(self) -> str:
        """The kind of the task."""
        return self.runs[0].kind

    @property
    def is_binary(self) -> bool:
        """True if the best configuration's values per example are all 0 or 1, or unknown and those of an accuracy."""
        return is_binary(self.best.values) if self.best.has_values else self.headline.key == ACCURACY

    @property
    def standard_error(self) -> float | None:
        """The standard error of the mean value per example of a run of the best configuration; None if unknown."""
        if self.best is None:
            return None
        if self.best.has_values:
            return standard_error(self.best.values)
        if self.headline.key == ACCURACY and self.num_dev_examples:
            return binomial_standard_error(self.best.score, self.num_dev_examples)
        return None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval of the best configuration's mean value per example; None for values besides 0 and 1."""
        if self.standard_error is None or not self.is_binary:
            return None
        share = float(self.best.values.mean()) if self.best.has_values else self.best.score
        return wilson_interval(share, self.num_dev_examples)

    @property
    def shared_flags(self) -> dict:
        """The flags that are the same in all configurations, without those that are None."""
        varying = _varying([each.flags for each in self.configurations])
        flags = self.configurations[0].flags
        return {name: value for name, value in flags.items() if name not in varying and value is not None}


def compare(inventory: Inventory) -> list[Study]:
    """Sorts the runs into studies, the largest first, and tests the configurations of each against its best."""
    dev_sets = _dev_sets(inventory.runs)
    groups = _group(inventory.runs, lambda run: (*_circumstances(run), dev_sets[run]))
    studies = [_create_study(runs, dev_sets[runs[0]]) for runs in groups]
    _add_left_out(studies, inventory)
    return sorted(studies, key=lambda study: -sum(len(each.runs) for each in study.configurations))


def _group(items: Iterable, key: Callable[[object], Hashable]) -> list[list]:
    groups: dict = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return list(groups.values())


def _circumstances(run: Run) -> tuple:
    versions = json.dumps(run.versions, sort_keys=True)
    return (run.task, run.dataset, run.kind, str(run.train_data), versions, run.headline, run.num_dev_examples)


def _dev_sets(runs: Sequence[Run]) -> dict[Run, str]:
    """Returns a name for the dev examples of each run.

    A run without class probabilities does not know its labels, and a run without any file does not know its examples.
    Such a run joins the runs of the same circumstances if only one known dev set fits.
    """
    names: dict[Run, str] = {}
    known: dict[tuple, set] = {}
    for run in sorted(runs, key=lambda run: (run.predictions is None, run.values is None)):
        circumstances = _circumstances(run)
        candidates = known.get((circumstances, run.guids), set())
        joins = run.predictions is None and len(candidates) == 1
        names[run] = next(iter(candidates)) if joins else run.dev_set or "unknown"
        known.setdefault((circumstances, None), set()).add(names[run])
        if run.predictions is not None:
            known.setdefault((circumstances, run.guids), set()).add(names[run])
    return names


def _add_left_out(studies: Sequence[Study], inventory: Inventory) -> None:
    """Counts the runs that are unfinished or without results with the configurations that they belong to."""
    configurations: dict = {}
    for study in studies:
        for each in study.configurations:
            configurations.setdefault((study.train_data, flags_key(each.flags)), []).append(each)
    for kind in ("unfinished", "failed"):
        for run in getattr(inventory, kind):
            for each in configurations.get((run.train_data, flags_key(run.flags)), ()):
                getattr(each, kind).append(run)


def _create_study(runs: Sequence[Run], dev_set: str) -> Study:
    notes = _precision_note(runs)
    configurations = [_create_configuration(group, notes) for group in _group(runs, lambda run: flags_key(run.flags))]
    first = runs[0]
    configurations.sort(key=_rank)
    _name(configurations)
    constant_answer = _constant(configurations[0], runs)
    comparison = _test(configurations, constant_answer)
    return Study(
        task=first.task,
        dataset=first.dataset,
        train_data=first.train_data,
        versions=first.versions,
        headline=first.headline,
        configurations=configurations,
        constant=constant_answer,
        constant_comparison=comparison,
        num_dev_examples=first.num_dev_examples,
        dev_set=dev_set,
        notes=notes,
    )


def _precision_note(runs: Sequence[Run]) -> list[str]:
    """Returns a sentence if some runs were evaluated in another precision than others."""
    names = {"none": "float32"}
    counts = collections.Counter(names.get(run.eval_precision, run.eval_precision) for run in runs)
    known = [f"{number:,} in {name}" for name, number in sorted(counts.items(), key=str) if name is not None]
    if len(known) < 2:
        return []
    return [
        f"The runs were not all evaluated in the same precision ({listed(known)}), which alone can change a score "
        "slightly."
    ]


def _create_configuration(runs: Sequence[Run], notes: list[str]) -> Configuration:
    configuration = Configuration(runs[0].flags, runs[0].headline)
    counted: dict[int, Run] = {}
    for run in sorted(runs, key=lambda run: run.seed):
        if run.seed in counted:
            notes.append(f"Not counted: {run.name} has the same flags and the same seed as {counted[run.seed].name}.")
            continue
        counted[run.seed] = run
        if run.guids is None:
            notes.append(
                f"No results per example: {run.name} is left out of all paired tests. Its dev set is assumed to be "
                "that of the other runs, and it may have collapsed."
            )
        (configuration.collapsed if run.collapsed else configuration.runs).append(run)
    return configuration


def flags_key(flags: dict) -> str:
    """Returns the same text for the same flags. Flags in run.json need not be hashable."""
    return json.dumps(flags, sort_keys=True)


def _rank(configuration: Configuration) -> tuple[bool, float, float]:
    if not configuration.runs:
        return (True, 0.0, 0.0)
    loss = configuration.summary(LOSS)[0]
    return (False, -configuration.score, np.inf if loss is None else loss)


# Names.


def _name(configurations: Sequence[Configuration]) -> None:
    varying = _varying([each.flags for each in configurations]) or _MAIN_FLAGS
    values = {name: _texts([each.flags.get(name) for each in configurations], name) for name in varying}
    for number, configuration in enumerate(configurations, start=1):
        configuration.number = number
        texts = [f"{_SHORT_NAMES.get(name, name)} {values[name][number - 1]}".strip() for name in varying]
        configuration.label = listed(texts)


def _texts(values: Sequence[object], name: str) -> list[str]:
    """Returns the values of a flag for readers. Paths become the names of their folders if these differ as well."""
    return [flag_text(value) for value in (folder_names(values) if name in _PATH_FLAGS else values)]


def _varying(all_flags: Sequence[dict]) -> list[str]:
    """Returns the names of the flags whose values differ, the main ones first."""
    names = dict.fromkeys([*_MAIN_FLAGS, *(name for flags in all_flags for name in flags)])
    texts = [{name: json.dumps(value, sort_keys=True) for name, value in flags.items()} for flags in all_flags]
    return [name for name in names if len({each.get(name, "null") for each in texts}) > 1]


# Tests.


def _constant(best: Configuration, runs: Sequence[Run]) -> Constant | None:
    """Returns the best constant answer, with values that can be tested against the best configuration if it has any."""
    for run in (*best.runs, *runs):
        if run.predictions is not None:
            values = run.values.values if best.has_values and run.values is not None else None
            return constant(run.predictions, run.headline.key, values)
    return None


def _test(configurations: Sequence[Configuration], constant: Constant | None) -> Comparison | None:
    """Tests each configuration against the best, the first, and in the same way the constant answer."""
    best = configurations[0]
    candidates = [each for each in configurations[1:] if each.has_values and best.has_values]
    tested, untested = candidates[:MAX_TESTED], candidates[MAX_TESTED:]
    answers = [] if constant is None or constant.values is None else [constant.values]
    sides = [*(each.values for each in tested), *answers]
    if not sides:
        return None
    results = [_p_value(best.values, side) for side in sides]
    # The family is that of all candidates. To rank the untested last is conservative, whatever their p-values are.
    adjusted = holm([*(p for p, _ in results), *[1.0] * len(untested)])
    comparisons = [Comparison(p, each, method) for (p, method), each in zip(results, adjusted, strict=False)]
    for configuration, comparison in zip(tested, comparisons, strict=False):
        configuration.comparison = comparison
    return comparisons[-1] if answers else None


def _p_value(a: np.ndarray, b: np.ndarray) -> tuple[float, str]:
    """Returns the p-value of equal means, and its test. Values: float [seeds, examples]."""
    if len(a) == len(b) == 1 and is_binary(a) and is_binary(b):
        return mcnemar_exact(a[0], b[0]), MCNEMAR
    return paired_bootstrap(a, b)[0], BOOTSTRAP
