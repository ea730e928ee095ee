"""A study and its parts: configurations that can be compared, and the runs of each.

`comparison` makes them.
"""

import dataclasses
import functools
import json
from collections.abc import Sequence

import numpy as np

from bert_tf.report.calibration import reliability
from bert_tf.report.constant import Constant
from bert_tf.report.groups import GroupTable, group_table
from bert_tf.report.inventory import FailedRun, Run
from bert_tf.report.predictions import CLASSIFICATION, WITH_CONFIDENCE, ClassPredictions, Predictions
from bert_tf.report.scores import ACCURACY, Score, scores_among
from bert_tf.report.significance import (
    binomial_standard_error,
    is_binary,
    mean_and_sd,
    standard_error,
    wilson_interval,
)

SIGNIFICANCE = 0.05
MCNEMAR = "McNemar's exact test"
BOOTSTRAP = "paired bootstrap"
# The flags to name first; a run has one of the last two.
MAIN_FLAGS = ("model", "learning_rate", "train_batch_size", "num_train_epochs", "train_steps")
_MAX_SCORES = 100  # columns of the table
_TOLERANCE = 1e-6  # of a score computed again as a mean


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
        other_comparisons: the tests of other scores that are means over examples, by the name of the score.
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
    other_comparisons: dict[str, Comparison] = dataclasses.field(default_factory=dict)

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
        """The predictions of all runs that count, of one kind; empty if a run has none."""
        predictions = [run.predictions for run in self.runs if run.predictions is not None]
        is_whole = len(predictions) == len(self.runs) > 0 and len({type(each) for each in predictions}) == 1
        return predictions if is_whole else []

    @property
    def groups(self) -> GroupTable | None:
        """The scores of groups of dev examples over all runs that count; None if they have none, or different ones."""
        return group_table([run.groups for run in self.runs])

    @property
    def has_values(self) -> bool:
        """True if there are runs that count and all have values per example."""
        return bool(self.runs) and all(run.values is not None for run in self.runs)

    @property
    def values(self) -> np.ndarray:
        """The values per example of all runs, float [seeds, examples]."""
        return np.stack([run.values.values for run in self.runs])

    @property
    def other_values(self) -> dict[str, np.ndarray]:
        """The values per example of other scores, float [seeds, examples], where the headline is a mean as they are."""
        values = [each.values for each in self.predictions]
        if not values or self.headline.key not in values[0]:
            return {}
        return {key: np.stack([each[key] for each in values]) for key in values[0] if key != self.headline.key}

    @property
    def other_means(self) -> list[Score]:
        """The scores of `other_values`."""
        return scores_among(self.other_values)

    @functools.cached_property
    def calibration_errors(self) -> list[float]:
        """The expected calibration error of each run that has the probabilities of its answers."""
        predictions = [run.predictions for run in self.runs if isinstance(run.predictions, WITH_CONFIDENCE)]
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
    def also_tested(self) -> list[Score]:
        """The scores besides the headline that were tested."""
        return scores_among({key for each in self.configurations for key in each.other_comparisons})

    @property
    def untested(self) -> list[Configuration]:
        """The configurations that could be tested, but were left out because there are many better ones."""
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
        varying = varying_flags([each.flags for each in self.configurations])
        flags = self.configurations[0].flags
        return {name: value for name, value in flags.items() if name not in varying and value is not None}


def varying_flags(all_flags: Sequence[dict]) -> list[str]:
    """Returns the names of the flags whose values differ, the main ones first."""
    names = dict.fromkeys([*MAIN_FLAGS, *(name for flags in all_flags for name in flags)])
    texts = [{name: json.dumps(value, sort_keys=True) for name, value in flags.items()} for flags in all_flags]
    return [name for name in names if len({each.get(name, "null") for each in texts}) > 1]
