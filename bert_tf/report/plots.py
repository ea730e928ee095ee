"""Draws the scores of a study: by seed, by training time, by confidence, and predicted numbers by label.

Each function returns one `<svg>` element; see `drawing`.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bert_tf.report.calibration import Reliability
from bert_tf.report.drawing import ACCENT, FAINT, INK, OTHER, WARNING, WIDTH, create, styled, svg
from bert_tf.report.escaping import one_line
from bert_tf.report.formatting import shortened
from bert_tf.report.inventory import Run
from bert_tf.report.predictions import AnswerPredictions, ClassPredictions, NumberPredictions, TagPredictions
from bert_tf.report.scores import Score
from bert_tf.report.significance import mean_and_sd
from bert_tf.report.study import Configuration, Study

_LABEL_CHARACTERS = 52
_ANSWER_CHARACTERS = 24
# Seeds with the same score must not hide one another: they stand this far apart, in rows.
_JITTER = 0.36
_CROSS = {"marker": "x", "markersize": 12, "markeredgewidth": 2.2, "color": WARNING, "linestyle": "none"}
_MAX_POINTS = 2000  # of a scatter plot
MAX_CONFIGURATIONS = 40  # more than a reader compares in a figure


def scores_by_configuration(study: Study, prefix: str) -> str:
    """Draws the headline of each seed as a ring, the mean as a bar, and collapsed runs as large crosses.

    Args:
        study: its best configurations are drawn.
        prefix: of the ids in the SVG; each figure of a page needs its own.
    """
    shown = [each for each in study.configurations[:MAX_CONFIGURATIONS] if each.runs or each.collapsed]
    with styled():
        figure, axes = create(WIDTH, 0.7 + 0.56 * len(shown))
        for row, configuration in enumerate(shown):
            values, collapsed = _shown(configuration.runs), _shown(configuration.collapsed)
            axes.axhline(row, color=FAINT, linewidth=0.6, zorder=0)
            axes.plot(collapsed, row + _spread(len(collapsed)), **_CROSS)
            axes.plot(values, row + _spread(len(values)), "o", markersize=5.5, color=ACCENT, markerfacecolor="none")
            axes.plot(np.mean(values) if values else [], row if values else [], "|", markersize=14, color=INK)
            label = f"{configuration.number}. {shortened(one_line(configuration.label), _LABEL_CHARACTERS)}"
            text = axes.annotate(
                label, (0, row), (0, 14), xycoords=("axes fraction", "data"), textcoords="offset points"
            )
            text.set_in_layout(False)
        axes.set_ylim(len(shown) - 0.6, -0.95)
        axes.margins(x=0.04)
        axes.yaxis.set_visible(False)
        axes.spines["left"].set_visible(False)
        axes.set_xlabel(axis_label(study.headline))
        _draw_constant_across(axes, study)
        points = " ".join(map(_describe, shown))
        return svg(figure, prefix, f"Dev {study.headline.phrase} of each seed. {points}{constant_in_words(study)}")


def _spread(number: int) -> np.ndarray:
    """Returns small offsets around 0, one for each point of a row."""
    return np.linspace(-_JITTER / 2, _JITTER / 2, number) if number > 1 else np.zeros(number)


def _draw_constant_across(axes: Axes, study: Study) -> None:
    """Draws the score of the best constant answer as an upright line with its name on top."""
    if constant_score(study) is None:
        return
    axes.axvline(constant_score(study), color=OTHER, linewidth=1, linestyle=(0, (4, 3)), zorder=0)
    left, right = axes.get_xlim()
    is_right = constant_score(study) > (left + right) / 2
    text = axes.annotate(
        _constant_label(study),
        (constant_score(study), 1),
        (-4 if is_right else 4, 0),
        xycoords=("data", "axes fraction"),
        textcoords="offset points",
        ha="right" if is_right else "left",
        fontsize=8.5,
    )
    text.set_in_layout(False)


def draw_constant(axes: Axes, study: Study, at_start: bool = False) -> None:
    """Draws the score of the best constant answer as a level line with its name above its start or its end."""
    if constant_score(study) is None:
        return
    axes.axhline(constant_score(study), color=OTHER, linewidth=1, linestyle=(0, (4, 3)), zorder=0)
    axes.annotate(
        _constant_label(study),
        (0 if at_start else 1, constant_score(study)),
        (3 if at_start else 0, 3),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        ha="left" if at_start else "right",
        fontsize=8.5,
    )


def constant_score(study: Study) -> float | None:
    """Returns the score of the best constant answer in the numbers of the axes; None if it has none."""
    if study.constant is None or study.constant.score is None:
        return None
    return study.headline.scale * study.constant.score


def _constant_label(study: Study) -> str:
    return f"always “{shortened(one_line(study.constant.answer), _ANSWER_CHARACTERS)}”"


def constant_in_words(study: Study) -> str:
    """Returns the constant answer's part of a figure's description."""
    if constant_score(study) is None:
        return ""
    number = study.headline.unit(study.headline.number(study.constant.score))
    return f" Always “{study.constant.answer}”: {number}."


def _shown(runs: Sequence[Run]) -> list[float]:
    return [run.headline.scale * run.score for run in runs]


def axis_label(headline: Score) -> str:
    """Returns the label of an axis with dev scores."""
    return shortened(one_line(f"dev {headline.heading_in_text}"), _LABEL_CHARACTERS)


def _describe(configuration: Configuration) -> str:
    values = ", ".join(configuration.headline.number(run.score) for run in configuration.runs) or "none"
    collapsed = f", collapsed {len(configuration.collapsed)}" * bool(configuration.collapsed)
    return f"{configuration.number}, {configuration.label}: {values}{collapsed}."


def score_by_time(study: Study, prefix: str) -> str | None:
    """Draws the mean headline against the mean training time, each point with its configuration's number.

    Returns:
        The figure; None if fewer than two configurations have a time.
    """
    configurations = study.configurations[:MAX_CONFIGURATIONS]
    timed = [(each, each.summary("train_runtime")[0]) for each in configurations]
    timed = [(each, seconds / 60) for each, seconds in timed if seconds is not None]
    if len(timed) < 2:
        return None
    collapsed = [run for each in configurations for run in each.collapsed if "train_runtime" in run.results]
    collapsed_minutes = [run.results["train_runtime"] / 60 for run in collapsed]
    with styled():
        figure, axes = create(WIDTH, 2.9)
        for configuration, minutes in timed:
            mean, sd = mean_and_sd(_shown(configuration.runs))
            axes.errorbar(minutes, mean, yerr=sd, fmt="o", markersize=4.5, color=ACCENT, ecolor=OTHER, elinewidth=0.8)
            axes.annotate(str(configuration.number), (minutes, mean), (4, 3), textcoords="offset points")
        axes.plot(collapsed_minutes, _shown(collapsed), **_CROSS)
        axes.set_xlim(0, 1.12 * max(collapsed_minutes + [minutes for _, minutes in timed]) or None)
        axes.margins(y=0.12)
        axes.set_xlabel("training time, minutes")
        axes.set_ylabel(axis_label(study.headline))
        draw_constant(axes, study, at_start=True)
        points = "; ".join(
            f"{each.number}: {study.headline.unit(study.headline.number(each.score))} in {minutes:.1f} minutes"
            for each, minutes in timed
        )
        description = f"Mean {study.headline.phrase} against training time. {points}.{constant_in_words(study)}"
        return svg(figure, prefix, description)


def reliability_diagram(
    diagram: Reliability, predictions: type[ClassPredictions | AnswerPredictions | TagPredictions], prefix: str
) -> str:
    """Draws the share of correct predictions against confidence, and below it the share of predictions in each bin.

    Args:
        diagram: what to draw.
        predictions: their kind, which has the names of the axes.
        prefix: of the ids in the SVG; each figure of a page needs its own.
    """
    with styled():
        figure = Figure(figsize=(WIDTH, 3.6), layout="constrained")
        axes, shares = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
        low = min(diagram.confidence.min(), diagram.accuracy.min())
        low = np.floor(10 * low) / 10 if low < 1 else 0.9
        axes.plot([low, 1], [low, 1], color=OTHER, linewidth=0.9, linestyle=(0, (4, 3)))
        axes.plot(diagram.confidence, diagram.accuracy, "o-", color=ACCENT, markersize=4.5, linewidth=1.2)
        axes.set_ylabel(predictions.share_correct)
        shares.vlines(diagram.confidence, 0, 100 * diagram.share, color=ACCENT, linewidth=4)
        shares.set_ylim(0, None)
        shares.set_ylabel("% of all")
        shares.set_xlabel(f"confidence: probability of the {predictions.answer}")
        shares.set_xlim(low, 1.01)
        pairs = zip(diagram.confidence, diagram.accuracy, diagram.share, strict=True)
        points = (f"{confidence:.2f}: {accuracy:.2f} of {share:.0%}" for confidence, accuracy, share in pairs)
        names = f"confidence, {predictions.share_correct} and share of predictions"
        return svg(figure, prefix, f"Reliability diagram: {names}. {'; '.join(points)}.")


def predicted_by_label(predictions: Sequence[NumberPredictions], prefix: str) -> str:
    """Draws the mean predicted number over seeds against the label, and a line on which they are the same."""
    labels, predicted = predictions[0].labels, np.mean([each.predicted for each in predictions], axis=0)
    some = np.linspace(0, len(labels) - 1, min(len(labels), _MAX_POINTS)).astype(int)
    low, high = min(labels.min(), predicted.min()), max(labels.max(), predicted.max())
    with styled():
        figure, axes = create(WIDTH, 3.6)
        axes.plot([low, high], [low, high], color=OTHER, linewidth=0.9, linestyle=(0, (4, 3)))
        axes.plot(labels[some], predicted[some], "o", markersize=3.5, color=ACCENT, markerfacecolor="none")
        axes.set_xlabel("label")
        axes.set_ylabel("prediction")
        description = (
            f"Predicted numbers from {predicted.min():.3g} to {predicted.max():.3g} against labels from "
            f"{labels.min():.3g} to {labels.max():.3g}, {len(some)} points."
        )
        return svg(figure, prefix, description)
