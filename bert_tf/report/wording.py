"""Turns a comparison into sentences. Plain text: the caller escapes it."""

from collections.abc import Callable, Sequence

from bert_tf.report.calibration import CALIBRATION_BINS
from bert_tf.report.comparison import BOOTSTRAP, MAX_TESTED, MCNEMAR, SIGNIFICANCE, Configuration, Study
from bert_tf.report.formatting import count, flag_text, listed, p_text, percent, score_spread, shortened, spread
from bert_tf.report.mistakes import Mistake
from bert_tf.report.runs import Inventory
from bert_tf.report.significance import MANY_EXAMPLES, RESAMPLES, mean_and_sd

_DIGEST_DIGITS = 8  # enough to distinguish a few data sets
_MINUS = "\N{MINUS SIGN}"
_METHODS = {
    BOOTSTRAP: f"Paired bootstrap: {RESAMPLES:,} resamples of the dev examples (the same for both sides) and of each "
    f"side's seeds (S {_MINUS} 1 of S, which keeps the variance of their mean unbiased).",
    MCNEMAR: "McNemar's exact test, used if no side has several seeds: a binomial test on the examples that only one "
    "of the two has right.",
}
_ONE_SEED = (
    "If a side has a single seed, its spread over seeds is unknown and not part of the test. The test then compares "
    "trained models, not configurations: another seed may change the result."
)
_FEWER_RESAMPLES = f"On more than {MANY_EXAMPLES:,} examples there are fewer resamples, at least 1,000."
_LOSS_NOTE = (
    "Mean over seeds, with a band from the lowest to the highest seed; the thin lines are the other configurations. "
    "Each point is the mean loss since the previous point."
)


# All runs.


def overview(studies: Sequence[Study], inventory: Inventory) -> str:
    """Returns a one-sentence summary of the runs."""
    configurations = sum(len(study.configurations) for study in studies)
    sentence = f"{count(len(inventory.runs), 'finished run')} of {count(configurations, 'configuration')}"
    collapsed = sum(len(each.collapsed) for study in studies for each in study.configurations)
    kinds = (
        (collapsed, "collapsed"),
        (len(inventory.unfinished), "unfinished"),
        (len(inventory.failed), "without results"),
    )
    return sentence + "".join(f", {number:,} {what}" for number, what in kinds if number) + "."


def separation(studies: Sequence[Study]) -> str | None:
    """Returns why there are several studies; None if there is only one."""
    if len(studies) < 2:
        return None
    facts, differing = _facts(studies)
    differences = [f"{name} ({listed(list(dict.fromkeys(each[name] for each in facts)))})" for name in differing]
    return (
        f"The runs form {len(studies):,} studies, which are neither pooled nor compared with one another, because they "
        f"differ in {listed(differences, '; ')}."
    )


def titles(studies: Sequence[Study]) -> list[str]:
    """Returns for each study its task and data, and whatever else distinguishes it from the others."""
    all_facts, differing = _facts(studies)
    names = [name for name in differing if name not in ("task", "data")]
    return [
        listed([f"{facts['task']} on {facts['data']}", *(f"{name} {facts[name]}" for name in names)])
        for facts in all_facts
    ]


def _facts(studies: Sequence[Study]) -> tuple[list[dict[str, str]], list[str]]:
    """Returns what studies may differ in, with the same names for all of them, and the names that do differ."""
    all_facts = [_facts_of(study) for study in studies]
    names = dict.fromkeys(name for facts in all_facts for name in facts)
    facts = [{name: each.get(name, "none") for name in names} for each in all_facts]
    return facts, [name for name in names if len({each[name] for each in facts}) > 1]


def _facts_of(study: Study) -> dict[str, str]:
    return {
        "task": flag_text(study.task),
        "data": flag_text(study.dataset),
        "main score": study.headline.name,
        "training examples": (study.train_data or "unknown")[:_DIGEST_DIGITS],
        "dev examples": f"{study.num_dev_examples or 'an unknown number'}, digest {study.dev_set[:_DIGEST_DIGITS]}",
        **{name: flag_text(version) for name, version in study.versions.items()},
    }


# A study.


def conclusion(study: Study) -> list[str]:
    """Returns the results of a study, one sentence each."""
    best = study.best
    if best is None:
        return ["No run of this study counts, so there is no mean."]
    value = study.headline.unit(score_spread(study.headline, best.summary(study.headline.key)))
    sentences = [
        f"The {'best ' * (len(study.configurations) > 1)}mean {study.headline.phrase} is {value} "
        f"({best.label}; {count(len(best.runs), 'seed')}).",
        *_comparison_sentences(study),
    ]
    if study.majority:
        sentences.append(_majority_sentence(study))
    return sentences


def _majority_sentence(study: Study) -> str:
    majority = study.majority
    sentence = f"{_constant_answer(study)} would be right for {percent(majority.share)} % of the dev examples"
    if majority.comparison is None:
        return f"{sentence}."
    verdict = "not significantly different from"
    if majority.comparison.is_significant:
        verdict = f"significantly {'better' if study.best.score > majority.share else 'worse'} than"
    configuration = f"the {'best ' * (len(study.configurations) > 1)}configuration"
    p = p_text(majority.comparison.adjusted)
    return f"{sentence}; {configuration} is {verdict} that (adjusted p {'' if p.startswith('<') else '= '}{p})."


def _constant_answer(study: Study) -> str:
    return f"Always answering “{shortened(study.majority.label)}”"


def _comparison_sentences(study: Study) -> list[str]:
    others = study.configurations[1:]
    tested = [each for each in others if each.comparison]
    sentences = []
    if tested:
        sentences.append(f"{_test_result(len(study.ties), len(tested))} (adjusted p < {SIGNIFICANCE:g}).")
    untested = len(others) - len(tested)
    if untested:
        verb = "was" if untested == 1 else "were"
        sentences.append(f"{count(untested, 'configuration')} {verb} not tested against it.")
    return sentences


def _test_result(ties: int, tested: int) -> str:
    different = "significantly different from it"
    if tested == 1:
        return f"The one other configuration tested is {'not ' * bool(ties)}{different}"
    if ties in (0, tested):
        return f"{'None' if ties else 'Each'} of the {tested} other configurations tested is {different}"
    verb = "is" if tested - ties == 1 else "are"
    others = "is" if ties == 1 else "are"
    return f"Of the {tested} other configurations tested, {tested - ties} {verb} {different} and {ties} {others} not"


def precision(study: Study) -> str | None:
    """Returns how precise a score on this number of examples is; None if the standard error is unknown."""
    headline = study.headline
    if study.standard_error is None:
        return None
    examples = f"The dev set has {count(study.num_dev_examples, 'example')}"
    if not study.headline_is_mean:
        uncertainty = _uncertainty(study, "{:.2g}".format, "{:.4g}".format)
        return (
            f"{examples}. The best configuration's mean value per example is {study.best.values.mean():.4g}, with "
            f"{uncertainty}; more seeds do not narrow it. The {headline.phrase} itself has another standard error."
        )
    formula = f"the square root of p(1 {_MINUS} p)/n" if study.is_binary else "standard deviation over examples / √n"
    value = headline.unit(headline.number(study.best.score))
    points = "{:.2g}".format if not headline.is_share else lambda error: f"{100 * error:.1f} points"
    uncertainty = _uncertainty(study, points, headline.number, f" ({formula})")
    return f"{examples}, so the {headline.phrase} of {value} has {uncertainty}. More seeds do not narrow it."


def _uncertainty(
    study: Study, error_text: Callable[[float], str], number: Callable[[float], str], formula: str = ""
) -> str:
    """Returns standard error and interval. If all is right or all is wrong, the formula gives 0, which says nothing."""
    error = study.standard_error
    standard = f"a standard error of {error_text(error)}{formula}"
    if study.interval is None:
        return f"{standard} and a 95 % interval of about ± {error_text(1.96 * error)}"
    low, high = map(number, study.interval)
    unit = study.headline.unit if study.headline_is_mean else str
    return f"{f'{standard} and ' * (error > 0)}a 95 % interval from {low} to {unit(high)} (Wilson 1927)"


def table_caption(study: Study) -> str:
    """Returns the caption of the table on the page, where headings can be clicked."""
    return f"Configurations, sorted by mean {study.headline.phrase}, the best first. Click a heading to sort by it."


def table_note(study: Study) -> str:
    """Returns the explanation of the table's columns."""
    collapsed = ", collapsed runs included" * study.has_classes
    return (
        "Mean ± standard deviation over seeds; a single seed has no standard deviation. Worst seed: the lowest "
        f"{study.headline.phrase}{collapsed}. Run time: training plus evaluation, the mean over runs."
    )


def methods(study: Study) -> list[str]:
    """Returns how the configurations were compared, and the limits of the tests."""
    tested = [each for each in study.configurations if each.comparison]
    comparisons = [each.comparison for each in tested]
    if study.majority and study.majority.comparison:
        comparisons.append(study.majority.comparison)
    if not comparisons:
        return []
    used = [text for method, text in _METHODS.items() if any(each.method == method for each in comparisons)]
    resampled = any(each.method == BOOTSTRAP for each in comparisons)
    family = count(len(comparisons) + len(study.untested), "comparison")
    fewest = min(len(each.runs) for each in (study.best, *tested)) if resampled else 1
    return [
        _hypothesis(study, tested),
        *used,
        *[_FEWER_RESAMPLES] * (resampled and not study.is_binary and study.num_dev_examples > MANY_EXAMPLES),
        *[_ONE_SEED] * (fewest == 1),
        *["With so few seeds, the spread over seeds and therefore p are rough estimates."] * (2 <= fewest < 5),
        *[f"Only the {MAX_TESTED} configurations next to the best are tested."] * bool(study.untested),
        f"The p-values are adjusted for {family} by Holm's method.",
        *[_optimism(study)] * (len(study.configurations) > 1),
        "A large p does not show that the two are equal, only that these examples and seeds do not show a difference.",
    ]


def _optimism(study: Study) -> str:
    return (
        "The best configuration was chosen on the same examples that are used for the test, so its "
        f"{study.headline.phrase} is optimistic."
    )


def _hypothesis(study: Study, tested: Sequence[Configuration]) -> str:
    phrase = study.headline.phrase
    if not tested:
        answer = _constant_answer(study).replace("Always", "always")
        return f"p is two-sided, for equal {phrase} of the configuration and of {answer} on the same dev examples."
    if study.headline_is_mean:
        majority = " The majority class is tested against the best one in the same way." * bool(
            study.majority and study.majority.comparison
        )
        return (
            f"p is two-sided, for equal {phrase} of a configuration and the best one on the same dev examples."
            f"{majority}"
        )
    return (
        f"The {phrase} is not a mean over examples, so the test compares the mean value per example: p is two-sided, "
        "for equal means of a configuration and the best one on the same dev examples."
    )


def left_out(study: Study) -> list[str]:
    """Returns a sentence on the collapsed runs of each configuration, with the mean that would include them."""
    return [_collapsed(each) for each in study.configurations if each.collapsed]


def _collapsed(configuration: Configuration) -> str:
    headline, runs = configuration.headline, [*configuration.runs, *configuration.collapsed]
    mean = sum(run.score for run in runs) / len(runs)
    folders = ", ".join(str(run.folder) for run in configuration.collapsed)
    return (
        f"Collapsed, the same class for all dev examples: {folders} ({configuration.label}). Left out of all means and "
        f"tests; the mean {headline.phrase} including {'it' if len(configuration.collapsed) == 1 else 'them'} would be "
        f"{headline.unit(headline.number(mean))}."
    )


# Figures and details of the page.


def no_figures(shown: int) -> str:
    """Returns why a study has no figures."""
    return f"Figures and mistakes are shown for the {shown} largest studies."


def _of_best(study: Study, shown: int) -> str:
    """Returns which configurations a figure shows, if it does not show all."""
    return f" The {shown} best configurations." * (shown < len(study.configurations))


def scores_caption(study: Study, shown: int) -> str:
    """Returns the caption of the figure with all seeds."""
    cross = " Cross: a collapsed run." * study.has_classes
    return f"Dev {study.headline.phrase}. Ring: a seed. Bar: the mean.{cross}{_of_best(study, shown)}"


def time_caption(study: Study, shown: int) -> str:
    """Returns the caption of the figure with training times."""
    return (
        f"Mean {study.headline.phrase} and mean training time. The lines are one standard deviation long each way; the "
        f"numbers are those of the table.{_of_best(study, shown)}"
    )


def loss_note(study: Study, shown: int) -> list[str]:
    """Returns the explanation of the figures of the training loss."""
    missing = sum(run.train_log is None for each in study.configurations for run in each.runs)
    left_out = [f"Left out: {count(missing, 'run')} without a usable log."] * bool(missing)
    return [_LOSS_NOTE + _of_best(study, min(shown, len(study.configurations))), *left_out]


def calibration(best: Configuration) -> str:
    """Returns the calibration error of the best configuration and its definition."""
    error = spread(mean_and_sd(best.calibration_errors), digits=3)
    return (
        f"The expected calibration error is {error}: the difference between accuracy and mean confidence in each of "
        f"{CALIBRATION_BINS} bins of equal width between 0 and 1, averaged over the predictions (Guo et al. 2017)."
    )


def calibration_caption(best: Configuration) -> str:
    """Returns the caption of the reliability diagram."""
    return (
        f"Predictions of {count(len(best.runs), 'seed')}{' together' * (len(best.runs) > 1)}. On the dashed line, "
        "accuracy equals confidence; below it, the model is overconfident."
    )


def confusion_caption(best: Configuration) -> str:
    """Returns the caption of the confusion matrix."""
    together = f", {count(len(best.runs), 'seed')} together" * (len(best.runs) > 1)
    return f"Dev examples by label and prediction{together}."


def mistakes_note(best: Configuration, number: int, reason: str | None) -> list[str]:
    """Returns the explanation of the list of mistakes, and the reason if their texts are missing."""
    if not number:
        return ["There are no mistakes on the dev set."]
    of_seeds = f" (mean of {len(best.runs)} seeds)" * (len(best.runs) > 1)
    missing = [f"Their texts are not shown: {reason}."] if reason else []
    return [f"The wrong predictions with the highest probability{of_seeds}.", *missing]


def mistakes_heading(number: int) -> str:
    """Returns the heading of the list of mistakes."""
    return f"The {count(number, 'most confident mistake')}" if number else "Mistakes"


def mistake(mistake: Mistake) -> str:
    """Returns label and prediction of a mistake."""
    guid, predicted, label = map(shortened, (mistake.guid, mistake.predicted, mistake.label))
    return f"{guid}: predicted {predicted} with {mistake.probability:.1%}, labeled {label}"


def no_confusion(best: Configuration) -> str:
    """Returns why there is no confusion matrix."""
    return f"The confusion matrix of {len(best.runs[0].predictions.classes):,} classes is too large to show."


def no_predictions(study: Study) -> str | None:
    """Returns the reason if class probabilities are expected and missing; None for tasks without classes."""
    if study.best is None or study.best.has_predictions or not study.has_classes:
        return None
    return (
        "The best configuration has runs without usable class probabilities, so calibration, confusion matrix and "
        "mistakes are not shown."
    )
