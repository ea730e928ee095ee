"""The table of a study's configurations, as text and as numbers to sort by. The caller escapes the text."""

import dataclasses

from bert_tf.report import captions
from bert_tf.report.formatting import NONE, duration, p_text, score_spread, spread
from bert_tf.report.inventory import Run
from bert_tf.report.scores import LOSS
from bert_tf.report.study import Comparison, Configuration, Study

HEADLINE_COLUMN = 3


@dataclasses.dataclass(frozen=True)
class Cell:
    """A cell of the table.

    Attributes:
        text: what it shows.
        value: the number or text to sort by; None sorts last.
    """

    text: str
    value: float | str | None


def header(study: Study) -> list[str]:
    """Returns the headings of the columns."""
    return [
        "#",
        "Configuration",
        "Seeds",
        study.headline.heading,
        *(score.heading for score in study.other_scores),
        "Eval loss",
        study.headline.with_unit("Worst seed"),
        "p",
        *(f"p, {score.phrase}" for score in study.also_tested),
        "Train ex./s",
        "Eval ex./s",
        "Run time",
    ]


def cells(study: Study, configuration: Configuration) -> list[Cell]:
    """Returns the row of a configuration, a cell for each heading."""
    note, comparison = mark(study, configuration), configuration.comparison
    loss = configuration.summary(LOSS)
    train_speed, eval_speed = (configuration.summary(f"{key}_samples_per_second")[0] for key in ("train", "eval"))
    seconds = run_seconds(configuration)
    return [
        Cell(str(configuration.number), configuration.number),
        Cell(configuration.label + f" ({note})" * bool(note), configuration.label),
        Cell(seeds(configuration), len(configuration.runs)),
        *_score_cells(study, configuration),
        Cell(spread(loss, digits=3), loss[0]),
        _worst(configuration),
        _p(study, configuration, comparison),
        *(_p(study, configuration, configuration.other_comparisons.get(score.key)) for score in study.also_tested),
        Cell(spread((train_speed, None)), train_speed),
        Cell(spread((eval_speed, None)), eval_speed),
        Cell(duration(seconds), seconds),
    ]


def _score_cells(study: Study, configuration: Configuration) -> list[Cell]:
    scores = [(score, configuration.summary(score.key)) for score in (study.headline, *study.other_scores)]
    return [Cell(score_spread(score, summary), summary[0]) for score, summary in scores]


def _worst(configuration: Configuration) -> Cell:
    worst = configuration.worst
    if worst is None:
        return Cell(NONE, None)
    return Cell(f"{worst.headline.number(worst.score)} (seed {worst.seed})", worst.score)


def _p(study: Study, configuration: Configuration, comparison: Comparison | None) -> Cell:
    if comparison is None:
        return Cell(NONE if configuration is study.best else "not tested", None)
    return Cell(p_text(comparison.adjusted), comparison.adjusted)


def mark(study: Study, configuration: Configuration) -> str:
    """Returns the remark next to a configuration: "best", or that it is not significantly different."""
    if len(study.configurations) == 1:
        return ""
    if configuration is study.best:
        return "best"
    return "not significantly different from the best" if configuration in study.ties else ""


def seeds(configuration: Configuration) -> str:
    """Returns the number of runs that count and of those that do not, e.g. "3 (and 1 collapsed)"."""
    left_out = not_counted(configuration)
    return str(len(configuration.runs)) + (f" (and {', '.join(left_out)})" if left_out else "")


def not_counted(configuration: Configuration) -> list[str]:
    """Returns how many runs collapsed, are unfinished and have no results, if there are any."""
    kinds = (
        (configuration.collapsed, "collapsed"),
        (configuration.unfinished, "unfinished"),
        (configuration.failed, "without results"),
    )
    return [f"{len(runs)} {what}" for runs, what in kinds if runs]


def run_seconds(configuration: Configuration) -> float | None:
    """Returns the mean time of a run, training plus evaluation; None if either is unknown."""
    train, evaluation = (configuration.summary(key)[0] for key in ("train_runtime", "eval_runtime"))
    return None if train is None or evaluation is None else train + evaluation


# The table of single runs.


def runs(study: Study) -> dict:
    """Returns heading and rows of the table of all runs, by configuration and seed."""
    has_best = any(run.best or run.stopped_early is not None for run in study.runs)
    header = ["Run", "Configuration", "Seed", study.headline.heading, *["Weights of step", "Stopped at"] * has_best]
    rows = [
        _run_row(each, run, has_best)
        for each in study.configurations
        for run in sorted((*each.runs, *each.collapsed), key=lambda run: run.seed)
    ]
    return {"header": header, "rows": rows}


def _run_row(configuration: Configuration, run: Run, has_best: bool) -> list[Cell]:
    score = run.headline.number(run.score) + " (collapsed)" * (run in configuration.collapsed)
    cells = [
        Cell(run.name, run.name),
        Cell(str(configuration.number), configuration.number),
        Cell(str(run.seed), run.seed),
        Cell(score, run.score),
    ]
    if not has_best:
        return cells
    stopped = run.stopped_early
    return [
        *cells,
        Cell(captions.kept_step(run), run.best and run.best.step),
        Cell(NONE if stopped is None else f"{stopped:,.0f}", stopped),
    ]
