"""What a comparison shows, in sentences and in numbers as they are printed. Plain text: who prints it escapes it."""

import dataclasses
from collections.abc import Sequence

from bert_tf.report.comparison import BOOTSTRAP, MCNEMAR, SIGNIFICANCE, Configuration, Study
from bert_tf.report.runs import Found
from bert_tf.report.statistics import RESAMPLES

_NONE = "\N{EN DASH}"
_DIGITS = 8  # of a digest: enough to tell a few data sets apart
_METHODS = {
    BOOTSTRAP: f"Paired bootstrap: {RESAMPLES:,} resamples of the dev examples, the same for both sides, and of each "
    "side's seeds (S - 1 of S, which keeps the variance of their mean unbiased).",
    MCNEMAR: "McNemar's exact test, where both sides have one seed: the binomial test on the examples that one has "
    "right and the other wrong.",
}
_ONE_SEED = (
    "Where a side has a single seed, its spread over seeds is not known and not in the test, which then tells trained "
    "models apart, not configurations: another seed may turn the result."
)


def count(number: int, noun: str) -> str:
    """A number and its noun.

    Example:
        >>> count(1, "run"), count(2, "run")
        ('1 run', '2 runs')
    """
    return f"{number} {noun}{'' if number == 1 else 's'}"


def percent(share: float | None) -> str:
    """A share in percent without the sign.

    Example:
        >>> percent(0.8431)
        '84.3'
    """
    return _NONE if share is None else f"{100 * share:.1f}"


def spread(mean_and_sd: tuple[float | None, float | None], scale: float = 1, digits: int = 1) -> str:
    """A mean and its standard deviation.

    Example:
        >>> spread((0.8431, 0.0123), 100)
        '84.3 ± 1.2'
    """
    mean, sd = mean_and_sd
    if mean is None:
        return _NONE
    return f"{scale * mean:.{digits}f}" + (f" ± {scale * sd:.{digits}f}" if sd is not None else "")


def p_text(p_value: float) -> str:
    """A p-value.

    Example:
        >>> p_text(0.0004), p_text(0.0312), p_text(0.41)
        ('< 0.001', '0.031', '0.41')
    """
    if p_value < 0.001:
        return "< 0.001"
    return f"{p_value:.2f}" if p_value >= 0.1 else f"{p_value:.3f}"


def duration(seconds: float | None) -> str:
    """Seconds as minutes and seconds, or hours and minutes.

    Example:
        >>> duration(104.2), duration(7260)
        ('1 min 44 s', '2 h 1 min')
    """
    if seconds is None:
        return _NONE
    minutes, rest = divmod(round(seconds), 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def run_seconds(configuration: Configuration) -> float | None:
    """The mean time of a run: training and evaluation; None where either is not known."""
    train, evaluation = (configuration.summary(key)[0] for key in ("train_runtime", "eval_runtime"))
    return None if train is None or evaluation is None else train + evaluation


def seeds(configuration: Configuration) -> str:
    """How many seeds count, and how many do not.

    Example:
        >>> seeds(Configuration({}))
        '0'
    """
    left_out = not_counted(configuration)
    return str(len(configuration.runs)) + (f" (and {', '.join(left_out)})" if left_out else "")


def not_counted(configuration: Configuration) -> list[str]:
    """How many runs collapsed and failed, where there are any."""
    kinds = ((configuration.collapsed, "collapsed"), (configuration.failed, "without results"))
    return [f"{len(runs)} {what}" for runs, what in kinds if runs]


def mark(study: Study, configuration: Configuration) -> str:
    """What stands beside a configuration: that it is the best, or cannot be told from it."""
    if len(study.configurations) == 1:
        return ""
    if configuration is study.best:
        return "best"
    if configuration.test is None:
        return ""
    return "" if configuration.test.distinguishable else "not told from the best"


def p_cell(study: Study, configuration: Configuration) -> str:
    """The adjusted p-value of the comparison with the best."""
    if configuration is study.best:
        return _NONE
    return p_text(configuration.test.adjusted) if configuration.test else "not tested"


# The table.

HEADER = (
    "#",
    "Configuration",
    "Seeds",
    "Accuracy, %",
    "F1, %",
    "Eval loss",
    "Worst seed, %",
    "p",
    "Train ex./s",
    "Eval ex./s",
    "Run time",
)
TABLE_NOTE = (
    "Mean ± standard deviation over seeds; one seed has none. Worst seed: the lowest accuracy, collapsed runs "
    "included. Run time: training and evaluation, the mean of a run."
)


@dataclasses.dataclass(frozen=True)
class Cell:
    """A cell of the table: what it shows, and the number or text by which it sorts; None sorts last."""

    text: str
    value: float | str | None


def cells(study: Study, configuration: Configuration) -> list[Cell]:
    """A configuration's row under `HEADER`."""
    accuracy, f1, loss = (configuration.summary(f"eval_{key}") for key in ("accuracy", "f1", "loss"))
    train_speed, eval_speed = (configuration.summary(f"{key}_samples_per_second")[0] for key in ("train", "eval"))
    marked, worst, test = mark(study, configuration), configuration.worst, configuration.test
    seconds = run_seconds(configuration)
    return [
        Cell(str(configuration.number), configuration.number),
        Cell(configuration.label + f" ({marked})" * bool(marked), configuration.label),
        Cell(seeds(configuration), len(configuration.runs)),
        Cell(spread(accuracy, 100), accuracy[0]),
        Cell(spread(f1, 100), f1[0]),
        Cell(spread(loss, digits=3), loss[0]),
        Cell(
            f"{percent(worst.results['eval_accuracy'])} (seed {worst.seed})" if worst else _NONE,
            worst and worst.results["eval_accuracy"],
        ),
        Cell(p_cell(study, configuration), test and test.adjusted),
        Cell(spread((train_speed, None)), train_speed),
        Cell(spread((eval_speed, None)), eval_speed),
        Cell(duration(seconds), seconds),
    ]


# Sentences.


def overview(studies: Sequence[Study], found: Found) -> str:
    """How much was found."""
    configurations = sum(len(study.configurations) for study in studies)
    sentence = f"{count(len(found.runs), 'finished run')} of {count(configurations, 'configuration')}"
    collapsed = sum(len(each.collapsed) for study in studies for each in study.configurations)
    parts = [f"{collapsed} collapsed"] * bool(collapsed) + [f"{len(found.failed)} without results"] * bool(found.failed)
    return sentence + "".join(f", {part}" for part in parts) + "."


def separation(studies: Sequence[Study]) -> str | None:
    """Why the studies are apart; None where there is one."""
    if len(studies) < 2:
        return None
    facts = [_facts(study) for study in studies]
    differences = [f"{name} ({', '.join(dict.fromkeys(fact[name] for fact in facts))})" for name in _differing(facts)]
    return (
        f"The runs form {len(studies)} studies that are not pooled and not compared with one another, since they "
        f"differ in {'; '.join(differences)}."
    )


def title(study: Study, studies: Sequence[Study]) -> str:
    """Task and data of a study, and what else sets it apart from the others."""
    facts = _facts(study)
    differing = _differing([_facts(each) for each in studies])
    rest = [f"{name} {facts[name]}" for name in differing if name not in ("task", "data")]
    return ", ".join([f"{study.task} on {study.dataset}", *rest])


def _facts(study: Study) -> dict[str, str]:
    return {
        "task": study.task,
        "data": study.dataset,
        "training examples": (study.train_data or "unknown")[:_DIGITS],
        "dev examples": f"{study.num_dev_examples or 'an unknown number'}, digest {study.dev_set[:_DIGITS]}",
        **{str(name): str(version) for name, version in study.versions.items()},
    }


def _differing(facts: Sequence[dict[str, str]]) -> list[str]:
    names = dict.fromkeys(name for fact in facts for name in fact)
    for name in names:
        for fact in facts:
            fact.setdefault(name, "none")
    return [name for name in names if len({fact[name] for fact in facts}) > 1]


def conclusion(study: Study) -> list[str]:
    """What the study shows, a sentence each."""
    best = study.best
    if best is None:
        return ["No run of this study counts: there is nothing to average."]
    spread_text = spread(best.summary("eval_accuracy"), 100)
    sentences = [
        f"The {'best ' * (len(study.configurations) > 1)}mean accuracy is {spread_text} % ({best.label}; "
        f"{count(len(best.runs), 'seed')}).",
        *_comparison_sentences(study),
    ]
    if study.majority:
        label, share = study.majority
        sentences.append(f"Always answering “{label}” would be right on {percent(share)} %.")
    return sentences


def _comparison_sentences(study: Study) -> list[str]:
    others = study.configurations[1:]
    tested = [each for each in others if each.test]
    sentences = []
    if tested:
        tied = len(study.undistinguished)
        sentences.append(f"{_told_apart(tied, len(tested))} (adjusted p < {SIGNIFICANCE:g}).")
    if len(others) > len(tested):
        sentences.append(f"{count(len(others) - len(tested), 'configuration')} could not be tested against it.")
    return sentences


def _told_apart(tied: int, tested: int) -> str:
    if tested == 1:
        return f"The one other configuration tested {'cannot' if tied else 'can'} be told from it"
    if tied in (0, tested):
        return f"{'None' if tied else 'Each'} of the {tested} other configurations tested can be told from it"
    return f"Of the {tested} other configurations tested, {tied} cannot be told from it and {tested - tied} can"


def precision(study: Study) -> str | None:
    """How far an accuracy can be trusted on that many examples; None where their number is not known."""
    error = study.standard_error
    if error is None:
        return None
    return (
        f"The dev set has {study.num_dev_examples:,} examples: an accuracy of {percent(study.best.accuracy)} % on so "
        f"many carries a standard error of {100 * error:.1f} points, the root of p(1 \N{MINUS SIGN} p)/n, and so a "
        f"95 % interval of about ± {196 * error:.1f} points. More seeds do not narrow it."
    )


def methods(study: Study) -> list[str]:
    """How the configurations were compared, and what that does not show."""
    tested = [each for each in study.configurations if each.test]
    if not tested:
        return []
    used = [text for method, text in _METHODS.items() if any(each.test.method == method for each in tested)]
    resampled = [len(each.runs) for each in tested if each.test.method == BOOTSTRAP]
    fewest = min([*resampled, len(study.best.runs)]) if resampled else 1
    return [
        "p is two-sided, for equal accuracy of a configuration and the best one on the same dev examples.",
        *used,
        *[_ONE_SEED] * (fewest == 1),
        *["With so few seeds their spread is known roughly, and so is p."] * (2 <= fewest < 5),
        f"The p-values are adjusted for {count(len(tested), 'comparison')} by Holm's method.",
        "The best was picked by the examples it is tested on, so its accuracy flatters it; and a large p does not show "
        "that two are equal, only that these examples and seeds cannot tell them apart.",
    ]


def left_out(study: Study) -> list[str]:
    """The collapsed runs and what the mean would be with them."""
    sentences = []
    for each in study.configurations:
        if each.collapsed:
            runs = [*each.runs, *each.collapsed]
            mean = sum(run.results["eval_accuracy"] for run in runs) / len(runs)
            folders = ", ".join(str(run.folder) for run in each.collapsed)
            sentences.append(
                f"Collapsed, all dev examples given one class: {folders} ({each.label}). It is in no mean and no test; "
                f"with it the mean accuracy would be {percent(mean)} %."
            )
    return sentences
