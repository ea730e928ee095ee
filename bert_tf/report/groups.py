"""Scores of groups of the dev examples, such as languages: as results.json has them, and their table over seeds."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from bert_tf.report.reading import finite_number
from bert_tf.report.scores import Score, in_range, is_score, scores_among
from bert_tf.report.significance import mean_and_sd

_MAX_GROUPS = 1000
_MAX_NAME = 200

Spread = tuple[float | None, float | None]


@dataclasses.dataclass(frozen=True)
class Groups:
    """The groups of a run's dev examples.

    Attributes:
        name: what they are, such as "language".
        numbers: of the examples of each group.
        scores: of each group, by their names in results.json.
    """

    name: str
    numbers: Mapping[str, int]
    scores: Mapping[str, Mapping[str, float]]


@dataclasses.dataclass(frozen=True)
class GroupTable:
    """The scores of groups over seeds.

    Attributes:
        name: what the groups are, such as "language".
        scores: the columns.
        rows: name, number of examples, and mean and standard deviation of each score.
        means: the same of the mean over the groups, which all count the same.
    """

    name: str
    scores: Sequence[Score]
    rows: Sequence[tuple[str, int, Sequence[Spread]]]
    means: Sequence[Spread]


def parse_groups(value: object) -> Groups | None:
    """Returns the groups that results.json describes; None if the value is something else.

    Example:
        >>> parse_groups({"name": "language", "scores": {"de": {"examples": 2, "eval_accuracy": 0.5}}}).numbers
        {'de': 2}
        >>> parse_groups({"name": "language", "scores": {"de": {"examples": 2, "eval_accuracy": 84.3}}})
    """
    scores = value.get("scores") if isinstance(value, dict) else None
    if not isinstance(scores, dict) or not 0 < len(scores) <= _MAX_GROUPS or not all(map(_is_group, scores.values())):
        return None
    if not isinstance(value.get("name"), str) or not 0 < len(value["name"]) <= _MAX_NAME:
        return None
    numbers = {group: found["examples"] for group, found in scores.items()}
    usable = {group: {key: float(found[key]) for key in found if is_score(key)} for group, found in scores.items()}
    return Groups(value["name"], numbers, usable)


def _is_group(value: object) -> bool:
    if not isinstance(value, dict) or type(value.get("examples")) is not int or not finite_number(value["examples"]):
        return False
    scores = {key: finite_number(score) for key, score in value.items() if is_score(key)}
    return value["examples"] > 0 and all(each is not None and in_range(key, each) for key, each in scores.items())


def group_table(seeds: Sequence[Groups | None]) -> GroupTable | None:
    """Returns the table of runs that have the same groups; None if they have others, or none.

    Args:
        seeds: the groups of each run.
    """
    first = seeds[0] if seeds else None
    if first is None or any(each is None or _kind(each) != _kind(first) for each in seeds):
        return None
    found = [set(scores) for each in seeds for scores in each.scores.values()]
    columns = scores_among(set.intersection(*found))
    rows = [
        (group, number, [mean_and_sd([each.scores[group][score.key] for each in seeds]) for score in columns])
        for group, number in first.numbers.items()
    ]
    means = [mean_and_sd([_mean(each, score.key) for each in seeds]) for score in columns]
    return GroupTable(first.name, columns, rows, means) if columns else None


def _kind(groups: Groups) -> tuple:
    return groups.name, groups.numbers


def _mean(groups: Groups, key: str) -> float:
    return float(np.mean([scores[key] for scores in groups.scores.values()]))
