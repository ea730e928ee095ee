"""Draws the course of the trainings of a configuration: losses, and the dev score of evaluations while training.

Each function returns one `<svg>` element; see `drawing`. The figures of a study have the same axes.
"""

import functools
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from bert_tf.errors import counted
from bert_tf.report.drawing import ACCENT, BAND, INK, OTHER, WARNING, WIDTH, create, styled, svg
from bert_tf.report.inventory import Run
from bert_tf.report.plots import MAX_CONFIGURATIONS, axis_label, constant_in_words, constant_score, draw_constant
from bert_tf.report.scores import LOSS, Score
from bert_tf.report.study import Configuration, Study

# Steps [rows] and values [rows], or values of several seeds [seeds, rows].
Curve = tuple[np.ndarray, np.ndarray]

_MAX_POINTS = 400  # of a curve; a figure is about as many pixels wide
_SIZE = (WIDTH, 2.3)
_COLLAPSED = {"color": WARNING, "linewidth": 1, "linestyle": (0, (4, 2))}


def losses(configuration: Configuration, study: Study, prefix: str) -> str | None:
    """Draws training loss against step: the mean over seeds and a band from the lowest to the highest seed.

    The dev loss of each seed is a dotted line if the run was evaluated while it trained.

    Args:
        configuration: the one to draw.
        study: the others of it are drawn thin; they set the axes, so that all figures have the same.
        prefix: of the ids in the SVG; each figure of a page needs its own.

    Returns:
        The figure; None if no run has a log.
    """
    own = _mean_curve(configuration)
    collapsed = [_thinned(*_split(run.train_log.losses)) for run in configuration.collapsed if run.train_log]
    if own is None and not collapsed:
        return None
    shown = study.configurations[:MAX_CONFIGURATIONS]
    curves = [curve for curve in map(_mean_curve, shown) if curve is not None]
    dev_curves = [_curve(run, LOSS) for each in shown for run in each.runs if has_curve(run, LOSS)]
    drawn = [*curves, *collapsed, *map(_split, dev_curves)]
    with styled():
        figure, axes = create(*_SIZE)
        _draw_training_losses(axes, own, curves, collapsed)
        _draw_dev_curves(axes, configuration.runs, LOSS, 1, "dev, each seed")
        axes.set_ylim(0, 1.05 * max(values.max() for _, values in drawn) or None)
        _draw_steps(axes, [steps[-1] for steps, _ in drawn])
        axes.set_ylabel("loss" if dev_curves else "training loss")
        if any(has_curve(run, LOSS) for run in configuration.runs):
            axes.legend(frameon=False, fontsize=8.5, loc="best", handlelength=1.6)
        return svg(figure, prefix, _describe_losses(configuration, own))


def _draw_training_losses(axes: Axes, own: Curve | None, others: Sequence[Curve], collapsed: Sequence[Curve]) -> None:
    for steps, values in others:
        axes.plot(steps, values.mean(axis=0), color=OTHER, linewidth=0.7)
    for steps, values in collapsed:
        axes.plot(steps, values, **_COLLAPSED)
    if own is not None:
        steps, values = own
        axes.fill_between(steps, values.min(axis=0), values.max(axis=0), color=BAND, linewidth=0)
        axes.plot(steps, values.mean(axis=0), color=ACCENT, linewidth=1.6, label="training")


def _describe_losses(configuration: Configuration, own: Curve | None) -> str:
    subject = f"Training loss of configuration {configuration.number}, {configuration.label}"
    if own is None:
        return f"{subject}, {counted(len(configuration.collapsed), 'collapsed run')}."
    steps, values = own
    first, last = values.mean(axis=0)[[0, -1]]
    course = f"from {first:.3f} at step {steps[0]:.0f} to {last:.3f} at {steps[-1]:.0f}"
    return f"{subject}, {counted(len(values), 'seed')}: {course}."


def dev_scores(configuration: Configuration, study: Study, prefix: str) -> str | None:
    """Draws the headline of evaluations while training against step, one line for each seed, its best step marked.

    Returns:
        The figure; None if no run of the configuration was evaluated while it trained.
    """
    key, scale = study.headline.key, study.headline.scale
    drawn = [run for run in configuration.runs if has_curve(run, key)]
    collapsed = [run for run in configuration.collapsed if has_curve(run, key)]
    if not drawn and not collapsed:
        return None
    others = [run for each in study.configurations[:MAX_CONFIGURATIONS] for run in each.runs if has_curve(run, key)]
    all_curves = [_curve(run, key) for run in (*others, *collapsed)]
    with styled():
        figure, axes = create(*_SIZE)
        for run in others:
            steps, values = _split(_sparse(_curve(run, key)))
            axes.plot(steps, scale * values, color=OTHER, linewidth=0.6)
        for run in collapsed:
            steps, values = _split(_sparse(_curve(run, key)))
            axes.plot(steps, scale * values, **_COLLAPSED)
        _draw_dev_curves(axes, drawn, key, scale)
        draw_constant(axes, study)
        _set_heights(axes, [scale * curve[:, 1] for curve in all_curves], constant_score(study))
        _draw_steps(axes, [curve[-1, 0] for curve in all_curves])
        axes.set_ylabel(axis_label(study.headline))
        return svg(figure, prefix, _describe_scores(configuration, drawn, study) + constant_in_words(study))


def _describe_scores(configuration: Configuration, runs: Sequence[Run], study: Study) -> str:
    subject = f"Dev {study.headline.phrase} of configuration {configuration.number}, {configuration.label}, by step."
    return " ".join([subject, *(f"Seed {run.seed}: {_describe_best(run, study.headline)}." for run in runs)])


def _describe_best(run: Run, headline: Score) -> str:
    step, value = best_evaluation(run)
    return f"best {headline.number(value)} at step {step:.0f}"


def best_evaluation(run: Run) -> tuple[float, float]:
    """Returns step and headline of the evaluation whose weights a run kept, or of the best one if it kept the last."""
    curve = _curve(run, run.headline.key)
    if run.best is not None and (curve[:, 0] == run.best.step).any():
        row = int((curve[:, 0] == run.best.step).argmax())
    else:
        row = int(curve[:, 1].argmax())
    return float(curve[row, 0]), float(curve[row, 1])


def has_curve(run: Run, key: str) -> bool:
    """Returns True if a run was evaluated while it trained, with this score."""
    return run.train_log is not None and key in run.train_log.scores


def _curve(run: Run, key: str) -> np.ndarray:
    return run.train_log.scores[key]


def _draw_dev_curves(axes: Axes, runs: Sequence[Run], key: str, scale: int, label: str | None = None) -> None:
    """Draws a line for each run, with a dot on the step that was kept, or a ring on the best if the last was kept."""
    drawn = [run for run in runs if has_curve(run, key)]
    for run in drawn:
        curve = _curve(run, key)
        steps, values = _split(_sparse(curve))
        color = INK if key == LOSS else ACCENT
        axes.plot(steps, scale * values, color=color, linewidth=1.1, linestyle=(0, (1, 1.2)) if key == LOSS else "-")
        axes.lines[-1].set_label(label if run is drawn[0] else None)
        if has_curve(run, run.headline.key):
            step = best_evaluation(run)[0]
            value = scale * curve[curve[:, 0] == step, 1]
            filling = color if run.best is not None else "none"
            axes.plot([step] * len(value), value, "o", markersize=7, color=color, markerfacecolor=filling)


def _set_heights(axes: Axes, curves: Sequence[np.ndarray], constant: float | None) -> None:
    """Gives all figures of a study the same range, with room above the highest point."""
    numbers = np.concatenate([*curves, [] if constant is None else [constant]])
    room = 0.08 * (np.ptp(numbers) or abs(numbers[0]) or 1)
    axes.set_ylim(numbers.min() - room, numbers.max() + room)


def _draw_steps(axes: Axes, last_steps: Sequence[float]) -> None:
    axes.set_xlim(0, 1.02 * max(last_steps) or None)
    axes.set_xlabel("step")
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))


def _split(table: np.ndarray) -> Curve:
    return table[:, 0], table[:, 1]


def _sparse(curve: np.ndarray) -> np.ndarray:
    """Leaves out points of a curve that has more than a figure can show."""
    return curve[:: max(1, len(curve) // _MAX_POINTS)]


def _mean_curve(configuration: Configuration) -> Curve | None:
    """Returns steps [rows] and losses [seeds, rows], for the steps that all logs of a configuration have."""
    logs = [run.train_log.losses for run in configuration.runs if run.train_log is not None]
    if not logs:
        return None
    steps = functools.reduce(np.intersect1d, [log[:, 0] for log in logs])
    if not steps.size:
        return None
    return _thinned(steps, np.stack([log[np.isin(log[:, 0], steps), 1] for log in logs]))


def _thinned(steps: np.ndarray, losses: np.ndarray) -> Curve:
    """Puts neighboring points together if there are too many. A loss stays the mean since the previous point."""
    if len(steps) <= _MAX_POINTS:
        return steps, losses
    starts = np.linspace(0, len(steps), _MAX_POINTS, endpoint=False).astype(int)
    weights = np.diff(steps, prepend=0)
    weights[0] = max(weights[0], 1)
    sums = np.add.reduceat(losses * weights, starts, axis=-1)
    return steps[np.append(starts[1:], len(steps)) - 1], sums / np.add.reduceat(weights, starts)
