"""The scores of groups of examples, such as languages: what results.json says of them, and their table in the log."""

from collections.abc import Mapping, Sequence

import numpy as np

from bert_tf.errors import printable

_PREFIX = "eval_"
_MEAN = "mean"
_LEAST_WIDTH = 8


def group_results(group_name: str, per_group: Mapping[str, Mapping[str, float]]) -> dict:
    """Returns what groups add to `evaluation` in results.json; nothing if there are none.

    Args:
        group_name: what the groups are.
        per_group: of each group `examples`, the number of its examples, and its scores.

    Example:
        >>> scores = {"de": {"examples": 1, "eval_accuracy": 1.0}, "fr": {"examples": 3, "eval_accuracy": 0.5}}
        >>> group_results("language", scores)["groups"]["mean"]
        {'eval_accuracy': 0.75}
    """
    if not per_group:
        return {}
    return {"groups": {"name": group_name, "scores": dict(per_group), "mean": _means(per_group)}}


def _means(per_group: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Returns the mean over the groups of each score that all of them have; each group counts the same."""
    names = _score_names(list(per_group.values()))
    return {name: float(np.mean([scores[name] for scores in per_group.values()])) for name in names}


def _score_names(groups: Sequence[Mapping[str, float]]) -> list[str]:
    return [name for name in groups[0] if name.startswith(_PREFIX) and all(name in scores for scores in groups)]


def per_group_table(group_name: str, per_group: Mapping[str, Mapping[str, float]]) -> str:
    """Returns a table of plain text, with the means over the groups as its last row.

    Args:
        group_name: what the groups are.
        per_group: see `group_results`.

    Example:
        >>> scores = {"de": {"examples": 1, "eval_accuracy": 1.0}, "fr": {"examples": 3, "eval_accuracy": 0.5}}
        >>> print(per_group_table("language", scores))
          language  examples  accuracy
          de               1     1.000
          fr               3     0.500
          mean             4     0.750
    """
    means = _means(per_group)
    total = sum(scores["examples"] for scores in per_group.values())
    rows = [*per_group.items(), (_MEAN, {"examples": total, **means})]
    names = [printable(name) for name in (group_name, *(name for name, _ in rows))]
    width = max(map(len, names))
    headings = [name.removeprefix(_PREFIX) for name in means]
    widths = [max(_LEAST_WIDTH, len(heading)) for heading in headings]
    lines = [_line(f"{names[0]:{width}}", "examples", headings, widths)]
    for name, (_, scores) in zip(names[1:], rows, strict=True):
        numbers = [f"{scores[score]:.3f}" for score in means]
        lines.append(_line(f"{name:{width}}", str(scores["examples"]), numbers, widths))
    return "\n".join(lines)


def _line(name: str, examples: str, cells: Sequence[str], widths: Sequence[int]) -> str:
    numbers = [f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True)]
    return "  ".join(["", name, f"{examples:>8}", *numbers])
