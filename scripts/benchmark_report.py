"""What benchmark.py found, as figures and as a table."""

import dataclasses
import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmark_process import usable_cores

HOW_IT_COUNTS = (
    "Of peak: the matrix products that real tokens need, in the last layer only what [CLS] needs, three times the "
    "forward pass in training; dropout, normalisation, activations, the optimizer and padding count nothing. The peak "
    "is the fastest product of BERT-base's feed-forward layer, measured in turns with the rest. Inference counts from "
    "the second batch on: the first one of each call builds the graph, which the table gives for itself."
)
OTHERS = "share of the cores that other processes took"
QUIET_PERCENT = 5


@dataclasses.dataclass(frozen=True)
class Figure:
    """One line of the report: a value, and what its repetitions gave.

    A ratio is that of two medians; its `values` are those of the repetitions that stood beside one another.
    """

    section: str
    model: str
    what: str
    unit: str
    value: float
    values: list[float]

    def row(self) -> str:
        """A row of a markdown table."""
        value, low, high = (f"{number:.4g}" for number in (self.value, min(self.values), max(self.values)))
        return f"| {self.section} | {self.model} | {self.what} | {value} {self.unit}".rstrip() + f" | {low} to {high} |"


def median_of(section: str, model: str, what: str, unit: str, values: Sequence[float]) -> Figure:
    """The median of repetitions."""
    return Figure(section, model, what, unit, statistics.median(values), list(values))


def ratio_of(section: str, model: str, what: str, above: Sequence[float], below: Sequence[float]) -> Figure:
    """The ratio of two medians.

    Example:
        >>> ratio_of("training", "base", "ours / theirs", [2.0, 3.0, 9.0], [1.0, 1.5, 3.0]).value
        2.0
    """
    pairs = [a / b for a, b in zip(above, below, strict=True)]
    return Figure(section, model, what, "", statistics.median(above) / statistics.median(below), pairs)


def machine() -> dict[str, str | int]:
    """What this machine is."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "cpu": names[0] if names else platform.processor(),
        "cores": usable_cores(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
    }


def markdown(facts: Mapping, figures: Sequence[Figure]) -> str:
    """The report: ratios first."""
    described = "{cpu}, {cores} cores, {memory_gib} GiB".format(**facts["machine"])
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    head = ["| section | model | {} | {} | spread |", "| --- | --- | --- | --- | --- |"]
    ratios = [figure.row() for figure in figures if not figure.unit]
    medians = [figure.row() for figure in figures if figure.unit]
    others = max((figure.value for figure in figures if figure.what.startswith(OTHERS)), default=0.0)
    # Threads that wait for one another lose much more than the share that others take, each side differently.
    noise = [f"NOT QUIET: other processes took up to {others:.0f}% of the cores; these ratios do not hold."]
    return "\n".join(
        [
            *(noise if others > QUIET_PERCENT else []),
            f"Medians of {facts['repetitions']} repetitions on {described}; {versions}.",
            *("", head[0].format("ratio", "value"), head[1], *ratios),
            *("", head[0].format("measured", "median"), head[1], *medians),
            *("", HOW_IT_COUNTS),
        ]
    )
