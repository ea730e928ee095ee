"""The measured figures, and the table that shows them."""

import dataclasses
import statistics
from collections.abc import Mapping, Sequence

HOW_IT_COUNTS = (
    "Of peak: the matrix products that real tokens need, in the last layer those that the head needs, three times the "
    "forward pass in training; dropout, normalization, activations, the optimizer and padding are not counted. The "
    "peak is the fastest product of BERT-base's feed-forward layer, measured in turns with the rest. Inference is "
    "counted from the second batch on: the first batch of each call builds the graph, and has its own row."
)
OTHERS = "share of the cores that other processes took"
QUIET_PERCENT = 5


@dataclasses.dataclass(frozen=True)
class Figure:
    """One line of the report.

    Attributes:
        section: the section of the benchmark.
        model: the model's name.
        what: what was measured.
        unit: the unit of the values; empty for a ratio.
        value: the median of the repetitions, or the ratio of two medians.
        values: the repetitions, or the ratios of repetitions that followed each other.
    """

    section: str
    model: str
    what: str
    unit: str
    value: float
    values: list[float]

    def row(self) -> str:
        """Returns the figure as a row of a Markdown table."""
        value, low, high = (f"{number:.4g}" for number in (self.value, min(self.values), max(self.values)))
        return f"| {self.section} | {self.model} | {self.what} | {value} {self.unit}".rstrip() + f" | {low} to {high} |"


def median_of(section: str, model: str, what: str, unit: str, values: Sequence[float]) -> Figure:
    """Returns the median of repetitions as a figure."""
    return Figure(section, model, what, unit, statistics.median(values), list(values))


def ratio_of(section: str, model: str, what: str, above: Sequence[float], below: Sequence[float]) -> Figure:
    """Returns the ratio of two medians as a figure.

    Example:
        >>> ratio_of("training", "base", "ours / theirs", [2.0, 3.0, 9.0], [1.0, 1.5, 3.0]).value
        2.0
    """
    pairs = [a / b for a, b in zip(above, below, strict=True)]
    return Figure(section, model, what, "", statistics.median(above) / statistics.median(below), pairs)


def markdown(facts: Mapping, figures: Sequence[Figure]) -> str:
    """Returns the report as Markdown, with the ratios first.

    Args:
        facts: `machine`, see `machine.describe_machine`, `versions` by package, and the number of `repetitions`.
        figures: all that was measured.
    """
    described = "{cpu}, {cores} cores, {memory_gib} GiB".format(**facts["machine"])
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    head = ["| section | model | {} | {} | spread |", "| --- | --- | --- | --- | --- |"]
    ratios = [figure.row() for figure in figures if not figure.unit]
    medians = [figure.row() for figure in figures if figure.unit]
    others = max((figure.value for figure in figures if figure.what.startswith(OTHERS)), default=0.0)
    # Threads wait for each other, so that a side loses much more than this share, and each side loses differently.
    noise = [f"NOT QUIET: other processes took up to {others:.0f}% of the cores; these ratios are not valid."]
    return "\n".join(
        [
            *(noise if others > QUIET_PERCENT else []),
            f"Medians of {facts['repetitions']} repetitions on {described}; {versions}.",
            *("", head[0].format("ratio", "value"), head[1], *ratios),
            *("", head[0].format("measured", "median"), head[1], *medians),
            *("", HOW_IT_COUNTS),
        ]
    )
