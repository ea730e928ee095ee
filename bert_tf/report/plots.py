"""Draws the figures of a report, as SVG for an HTML page.

Each function returns one `<svg>` element. Its colors are CSS variables of the page, so it follows light and dark mode.
Text stays text, in the page's font. The figures are about as wide as a phone, so they need not shrink there.
"""

import functools
import io
import re
import warnings
from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from bert_tf.report.calibration import Reliability
from bert_tf.report.comparison import Configuration
from bert_tf.report.escaping import html_text, one_line
from bert_tf.report.formatting import shortened
from bert_tf.report.runs import Run
from bert_tf.report.scores import Score
from bert_tf.report.significance import mean_and_sd

# Matplotlib has no CSS variables: it draws in these placeholders, which are replaced by the page's colors.
_INK, _FAINT, _ACCENT, _BAND, _OTHER = "#000001", "#000002", "#000003", "#000004", "#000005"
_COLORS = {
    _INK: "var(--ink)",
    _FAINT: "var(--rule)",
    _ACCENT: "var(--accent)",
    _BAND: "var(--band)",
    _OTHER: "var(--other)",
}
_STYLE = {
    "axes.edgecolor": _INK,
    "axes.labelcolor": _INK,
    "axes.labelsize": 9.5,
    "axes.linewidth": 0.6,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "font.family": "sans-serif",
    "font.size": 9.5,
    "svg.fonttype": "none",
    "svg.hashsalt": "bert_tf",
    "text.color": _INK,
    "text.parse_math": False,
    "xtick.color": _INK,
    "xtick.labelsize": 9,
    "xtick.major.width": 0.6,
    "ytick.color": _INK,
    "ytick.labelsize": 9,
    "ytick.major.width": 0.6,
}
_WIDTH = 4.6
_LABEL_CHARACTERS = 52
_MAX_POINTS = 400  # of a curve; a figure is about as many pixels wide
MAX_CONFIGURATIONS = 40  # more than a reader compares in a figure


def training_loss(configuration: Configuration, all_configurations: Sequence[Configuration], prefix: str) -> str | None:
    """Draws training loss against step: the mean over seeds and a band from the lowest to the highest seed.

    Args:
        configuration: the one to draw.
        all_configurations: those of the study, drawn thin; they set the axes, so that all figures have the same.
        prefix: of the ids in the SVG; each figure of a page needs its own.

    Returns:
        The figure; None if no run has a log.
    """
    own = _loss_curves(configuration)
    if own is None:
        return None
    curves = [curve for curve in map(_loss_curves, all_configurations) if curve is not None]
    with mpl.rc_context(_STYLE):
        figure, axes = _create(_WIDTH * 0.78, 2.1)
        for steps, losses in curves:
            axes.plot(steps, losses.mean(axis=0), color=_OTHER, linewidth=0.7)
        steps, losses = own
        axes.fill_between(steps, losses.min(axis=0), losses.max(axis=0), color=_BAND, linewidth=0)
        axes.plot(steps, losses.mean(axis=0), color=_ACCENT, linewidth=1.6)
        axes.set_ylim(0, 1.05 * max(losses.max() for _, losses in curves) or None)
        axes.set_xlim(0, max(steps[-1] for steps, _ in curves) or None)
        axes.set_xlabel("step")
        axes.set_ylabel("training loss")
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        first, last = losses.mean(axis=0)[[0, -1]]
        seeds = f"{len(losses)} seed{'s' * (len(losses) > 1)}"
        subject = f"Training loss of configuration {configuration.number}, {configuration.label}, {seeds}: "
        return _svg(
            figure, prefix, f"{subject}from {first:.3f} at step {steps[0]:.0f} to {last:.3f} at {steps[-1]:.0f}."
        )


def _loss_curves(configuration: Configuration) -> tuple[np.ndarray, np.ndarray] | None:
    """Returns steps [rows] and losses [seeds, rows], for the steps that all logs of a configuration have."""
    logs = [run.train_log for run in configuration.runs if run.train_log is not None]
    if not logs:
        return None
    steps = functools.reduce(np.intersect1d, [log[:, 0] for log in logs])
    if not steps.size:
        return None
    return _thinned(steps, np.stack([log[np.isin(log[:, 0], steps), 1] for log in logs]))


def _thinned(steps: np.ndarray, losses: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Puts neighboring points together if there are too many. A loss stays the mean since the previous point."""
    if len(steps) <= _MAX_POINTS:
        return steps, losses
    starts = np.linspace(0, len(steps), _MAX_POINTS, endpoint=False).astype(int)
    weights = np.diff(steps, prepend=0)
    weights[0] = max(weights[0], 1)
    sums = np.add.reduceat(losses * weights, starts, axis=1)
    return steps[np.append(starts[1:], len(steps)) - 1], sums / np.add.reduceat(weights, starts)


def scores_by_configuration(configurations: Sequence[Configuration], prefix: str) -> str:
    """Draws the headline of each seed as a ring, the mean as a bar, and collapsed runs as crosses."""
    shown = [each for each in configurations if each.runs or each.collapsed]
    with mpl.rc_context(_STYLE):
        figure, axes = _create(_WIDTH, 0.55 + 0.44 * len(shown))
        for row, configuration in enumerate(shown):
            values, collapsed = _shown(configuration.runs), _shown(configuration.collapsed)
            axes.axhline(row, color=_FAINT, linewidth=0.6, zorder=0)
            axes.plot(values, [row] * len(values), "o", markersize=5.5, color=_ACCENT, markerfacecolor="none")
            axes.plot(collapsed, [row] * len(collapsed), "x", markersize=6, color=_INK)
            axes.plot(np.mean(values) if values else [], row if values else [], "|", markersize=11, color=_INK)
            label = f"{configuration.number}. {shortened(one_line(configuration.label), _LABEL_CHARACTERS)}"
            text = axes.annotate(
                label, (0, row), (0, 8.5), xycoords=("axes fraction", "data"), textcoords="offset points"
            )
            text.set_in_layout(False)
        axes.set_ylim(len(shown) - 0.6, -0.75)
        axes.margins(x=0.04)
        axes.yaxis.set_visible(False)
        axes.spines["left"].set_visible(False)
        headline = configurations[0].headline
        axes.set_xlabel(_axis_label(headline))
        return _svg(figure, prefix, f"Dev {headline.phrase} of each seed. " + " ".join(map(_describe, shown)))


def _shown(runs: Sequence[Run]) -> list[float]:
    return [run.headline.scale * run.score for run in runs]


def _axis_label(headline: Score) -> str:
    return shortened(one_line(f"dev {headline.heading_in_text}"), _LABEL_CHARACTERS)


def _describe(configuration: Configuration) -> str:
    values = ", ".join(configuration.headline.number(run.score) for run in configuration.runs) or "none"
    collapsed = f", collapsed {len(configuration.collapsed)}" * bool(configuration.collapsed)
    return f"{configuration.number}, {configuration.label}: {values}{collapsed}."


def score_by_time(configurations: Sequence[Configuration], prefix: str) -> str | None:
    """Draws the mean headline against the mean training time, each point with its configuration's number.

    Returns:
        The figure; None if fewer than two configurations have a time.
    """
    timed = [(each, each.summary("train_runtime")[0]) for each in configurations]
    timed = [(each, seconds / 60) for each, seconds in timed if seconds is not None]
    if len(timed) < 2:
        return None
    with mpl.rc_context(_STYLE):
        figure, axes = _create(_WIDTH, 2.9)
        for configuration, minutes in timed:
            mean, sd = mean_and_sd(_shown(configuration.runs))
            axes.errorbar(minutes, mean, yerr=sd, fmt="o", markersize=4.5, color=_ACCENT, ecolor=_OTHER, elinewidth=0.8)
            axes.annotate(str(configuration.number), (minutes, mean), (4, 3), textcoords="offset points")
        axes.set_xlim(0, 1.12 * max(minutes for _, minutes in timed) or None)
        axes.margins(y=0.12)
        axes.set_xlabel("training time, minutes")
        headline = configurations[0].headline
        axes.set_ylabel(_axis_label(headline))
        points = "; ".join(
            f"{each.number}: {headline.unit(headline.number(each.score))} in {minutes:.1f} minutes"
            for each, minutes in timed
        )
        return _svg(figure, prefix, f"Mean {headline.phrase} against training time. {points}.")


def reliability_diagram(diagram: Reliability, prefix: str) -> str:
    """Draws accuracy against confidence, and below it the share of predictions in each bin."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(_WIDTH, 3.6), layout="constrained")
        axes, shares = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
        low = min(diagram.confidence.min(), diagram.accuracy.min())
        low = np.floor(10 * low) / 10 if low < 1 else 0.9
        axes.plot([low, 1], [low, 1], color=_OTHER, linewidth=0.9, linestyle=(0, (4, 3)))
        axes.plot(diagram.confidence, diagram.accuracy, "o-", color=_ACCENT, markersize=4.5, linewidth=1.2)
        axes.set_ylabel("accuracy")
        shares.vlines(diagram.confidence, 0, 100 * diagram.share, color=_ACCENT, linewidth=4)
        shares.set_ylim(0, None)
        shares.set_ylabel("% of all")
        shares.set_xlabel("confidence: probability of the predicted class")
        shares.set_xlim(low, 1.01)
        pairs = zip(diagram.confidence, diagram.accuracy, diagram.share, strict=True)
        points = (f"{confidence:.2f}: {accuracy:.2f} of {share:.0%}" for confidence, accuracy, share in pairs)
        return _svg(
            figure, prefix, f"Reliability diagram: confidence, accuracy and share of predictions. {'; '.join(points)}."
        )


# From Matplotlib to a page.


def _create(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()


def _svg(figure: Figure, prefix: str, description: str) -> str:
    """Returns the bare `<svg>` element, without prologue, metadata and styles. All ids start with `prefix`."""
    figure.patch.set_alpha(0)
    for axes in figure.axes:
        axes.patch.set_alpha(0)
    file = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with warnings.catch_warnings():
        # The text is drawn in the page's font, so glyphs missing from Matplotlib's own font do not matter.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        FigureCanvasSVG(figure).print_svg(file, metadata=nothing)
    text = file.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<(metadata|style)\b.*?</\1>", "", text, flags=re.DOTALL)
    text = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{prefix}-", text)
    for placeholder, color in _COLORS.items():
        text = text.replace(placeholder, color)
    text = re.sub(r" font-family: [^;\"]*;", "", text)
    size = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', text)
    head = f'<svg role="img" aria-label="{html_text(description)}" viewBox="{size[0][9:-1]}">'
    return head + text[text.index(">") + 1 :].strip()
