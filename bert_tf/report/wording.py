"""Turns a comparison into sentences. Plain text: the caller escapes it."""

from collections.abc import Callable, Sequence

from bert_tf.data.processors import multilingual_class
from bert_tf.data.targets import QUESTION_ANSWERING, TOKEN_CLASSIFICATION
from bert_tf.errors import counted
from bert_tf.report.comparison import MAX_TESTED
from bert_tf.report.formatting import (
    flag_text,
    folder_names,
    listed,
    lower_first,
    p_text,
    percent,
    score_spread,
    shortened,
)
from bert_tf.report.inventory import Inventory
from bert_tf.report.predictions import CLASSIFICATION, MULTI_LABEL, REGRESSION
from bert_tf.report.significance import MANY_EXAMPLES, RESAMPLES
from bert_tf.report.study import BOOTSTRAP, MCNEMAR, SIGNIFICANCE, Configuration, Study
from bert_tf.report.tasks import TaskRow, glue_score

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
_WINDOWS = {
    QUESTION_ANSWERING: " A text is read in windows, and the speeds count these.",
    TOKEN_CLASSIFICATION: " A long sentence is read in several windows, and the speeds count these.",
}
_FEWER_RESAMPLES = f"On more than {MANY_EXAMPLES:,} examples there are fewer resamples, at least 1,000."


# All runs.


def folder(inventory: Inventory) -> str | None:
    """Returns where the runs are; None if there are none."""
    return None if inventory.top is None else f"The names of runs are those of their folders in {inventory.top}."


def overview(studies: Sequence[Study], inventory: Inventory) -> str:
    """Returns a one-sentence summary of the runs."""
    configurations = sum(len(study.configurations) for study in studies)
    sentence = f"{counted(len(inventory.runs), 'finished run')} of {counted(configurations, 'configuration')}"
    collapsed = sum(len(each.collapsed) for study in studies for each in study.configurations)
    kinds = (
        (collapsed, "collapsed"),
        (len(inventory.unfinished), "unfinished"),
        (len(inventory.failed), "without results"),
    )
    return sentence + "".join(f", {number:,} {what}" for number, what in kinds if number) + "."


def separation(studies: Sequence[Study]) -> str | None:
    """Returns why there are several studies of a task; None if there is only one of each."""
    groups = _by_task(studies)
    several = {task: group for task, group in groups.items() if len(group) > 1}
    return " ".join(_separation(task, several[task], len(groups) > 1) for task in several) or None


def _separation(task: str, studies: Sequence[Study], is_one_of_many: bool) -> str:
    facts, differing = _facts(studies)
    differences = [f"{name} ({listed(list(dict.fromkeys(each[name] for each in facts)))})" for name in differing]
    runs = f"The runs of {flag_text(task)}" if is_one_of_many else "The runs"
    return (
        f"{runs} form {len(studies):,} studies, which are neither pooled nor compared with one another, because they "
        f"differ in {listed(differences, '; ')}."
    )


def _by_task(studies: Sequence[Study]) -> dict[str, list[Study]]:
    groups: dict[str, list[Study]] = {}
    for study in studies:
        groups.setdefault(study.task, []).append(study)
    return groups


def titles(studies: Sequence[Study]) -> list[str]:
    """Returns for each study its task and data, and whatever else distinguishes it from the others of the task."""
    found: dict[int, str] = {}
    for group in _by_task(studies).values():
        all_facts, differing = _facts(group)
        data = folder_names([facts["data"] for facts in all_facts])
        names = [name for name in differing if name != "data"]
        for study, facts, dataset in zip(group, all_facts, data, strict=True):
            subject = facts["task"] if dataset == facts["task"] else f"{facts['task']} on {dataset}"
            found[id(study)] = listed([subject, *(f"{name} {facts[name]}" for name in names)])
    return [found[id(study)] for study in studies]


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
        **_training_language(study),
        "training examples": f"digest {study.train_data[:_DIGEST_DIGITS]}" if study.train_data else "unknown",
        "dev examples": f"{study.num_dev_examples or 'an unknown number'}, digest {study.dev_set[:_DIGEST_DIGITS]}",
        **{name: flag_text(version) for name, version in study.versions.items()},
    }


def _training_language(study: Study) -> dict[str, str]:
    """Returns the language of the training set of a task in several languages."""
    found = multilingual_class(study.task)
    language = study.configurations[0].flags.get("train_language")
    return {"training language": flag_text(language or found.language)} if found else {}


# Several tasks.


def tasks_note(rows: Sequence[TaskRow]) -> list[str]:
    """Returns the explanation of the table of tasks."""
    sentences = [
        "The best configuration of each task: mean ± standard deviation over its seeds, on the dev set. Shares and "
        "correlations are shown times 100."
    ]
    if any(row.dataset == "sample" for row in rows):
        sentences.append("The sample corpus is not the corpus of its task.")
    return sentences


def glue(rows: Sequence[TaskRow]) -> str | None:
    """Returns GLUE's score; None if a task is missing."""
    score = glue_score(rows)
    if score is None:
        return None
    return (
        f"GLUE score: {score:.1f}, the mean over the nine tasks of the mean of each task's metrics. It is that of the "
        "dev sets; the leaderboard's is that of the test sets."
    )


# A study.


def conclusion(study: Study) -> list[str]:
    """Returns the results of a study, one sentence each."""
    best = study.best
    if best is None:
        return ["No run of this study counts, so there is no mean."]
    value = study.headline.unit(score_spread(study.headline, best.summary(study.headline.key)))
    sentences = [
        f"The {'best ' * (len(study.configurations) > 1)}mean {study.headline.phrase} is {value} "
        f"({best.label}; {counted(len(best.runs), 'seed')}).",
        *(
            f"Its {score.phrase} is {score.unit(score_spread(score, best.summary(score.key)))}."
            for score in best.other_means
        ),
        *_comparison_sentences(study),
    ]
    if study.constant and (study.constant.share is not None or study.constant_comparison):
        sentences.append(_constant_sentence(study))
    return sentences


def _constant_sentence(study: Study) -> str:
    configuration = f"the {'best ' * (len(study.configurations) > 1)}configuration"
    if study.constant.share is None:
        quality = f"would have a mean squared error of {-study.constant.values.mean():.3g}"
    else:
        quality = f"would be right for {percent(study.constant.share)} % of the dev examples"
    sentence = f"{constant_answer(study)} {quality}"
    if study.constant_comparison is None:
        return f"{sentence}."
    return f"{sentence}; {compared_in(study)}{configuration} is {constant_verdict(study)}."


def constant_answer(study: Study) -> str:
    """Returns the best constant answer in words."""
    answers = {
        REGRESSION: f"Always answering the mean of {study.constant.answer}",
        QUESTION_ANSWERING: "Never giving an answer",
        TOKEN_CLASSIFICATION: f"Tagging every word {study.constant.answer}",
    }
    return answers.get(study.kind) or f"Always answering “{shortened(study.constant.answer)}”"


def compared_in(study: Study) -> str:
    """Returns in what values the test compares, if that is not the headline."""
    kinds = {
        CLASSIFICATION: "in accuracy ",
        MULTI_LABEL: "in F1 per example ",
        REGRESSION: "in squared error ",
        TOKEN_CLASSIFICATION: "in F1 per sentence ",
    }
    return "" if study.headline_is_mean else kinds.get(study.kind, "")


def value_name(study: Study) -> str:
    """Returns the name of the values that paired tests compare where the headline is no mean."""
    return "F1 per sentence" if study.kind == TOKEN_CLASSIFICATION else "value per example"


def constant_verdict(study: Study) -> str:
    """Returns how the best configuration compares with the constant answer."""
    comparison, verdict = study.constant_comparison, "not significantly different from"
    if comparison.is_significant:
        is_better = study.best.values.mean() > study.constant.values.mean()
        verdict = f"significantly {'better' if is_better else 'worse'} than"
    p = p_text(comparison.adjusted)
    return f"{verdict} that (adjusted p {'' if p.startswith('<') else '= '}{p})"


def _comparison_sentences(study: Study) -> list[str]:
    others = study.configurations[1:]
    tested = [each for each in others if each.comparison]
    sentences = []
    if tested:
        sentences.append(f"{_test_result(len(study.ties), len(tested))} (adjusted p < {SIGNIFICANCE:g}).")
    untested = len(others) - len(tested)
    if untested:
        verb = "was" if untested == 1 else "were"
        sentences.append(f"{counted(untested, 'configuration')} {verb} not tested against it.")
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
    examples = f"The dev set has {counted(study.num_dev_examples, 'example')}"
    if not study.headline_is_mean:
        uncertainty = _uncertainty(study, "{:.2g}".format, "{:.4g}".format)
        return (
            f"{examples}. The best configuration's mean {value_name(study)} is {study.best.values.mean():.4g}, with "
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
    collapsed = ", collapsed runs included" * study.can_collapse
    return (
        "Mean ± standard deviation over seeds; a single seed has no standard deviation. Worst seed: the lowest "
        f"{study.headline.phrase}{collapsed}. Run time: training plus evaluation, the mean over runs."
        + _WINDOWS.get(study.kind, "")
    )


def methods(study: Study) -> list[str]:
    """Returns how the configurations were compared, and the limits of the tests."""
    tested = [each for each in study.configurations if each.comparison]
    comparisons = [each.comparison for each in tested]
    if study.constant_comparison:
        comparisons.append(study.constant_comparison)
    if not comparisons:
        return []
    others = [each for configuration in tested for each in configuration.other_comparisons.values()]
    methods_used = {each.method for each in (*comparisons, *others)}
    used = [text for method, text in _METHODS.items() if method in methods_used]
    resampled = any(each.method == BOOTSTRAP for each in comparisons)
    family = counted(len(comparisons) + len(study.untested), "comparison")
    fewest = min(len(each.runs) for each in (study.best, *tested)) if resampled else 1
    return [
        _hypothesis(study, tested),
        *_also_tested(study),
        *used,
        *[_FEWER_RESAMPLES] * (resampled and not study.is_binary and study.num_dev_examples > MANY_EXAMPLES),
        *[_ONE_SEED] * (fewest == 1),
        *["With so few seeds, the spread over seeds and therefore p are rough estimates."] * (2 <= fewest < 5),
        *[f"Only the {MAX_TESTED} configurations next to the best are tested."] * bool(study.untested),
        f"The p-values are adjusted for {family} by Holm's method.",
        *[_optimism(study)] * (len(study.configurations) > 1),
        "A large p does not show that the two are equal, only that these examples and seeds do not show a difference.",
    ]


def _also_tested(study: Study) -> list[str]:
    return [
        f"The {score.phrase} is tested in the same way, with the same best configuration; its p-values are adjusted "
        "apart from the others."
        for score in study.also_tested
    ]


def _optimism(study: Study) -> str:
    return (
        "The best configuration was chosen on the same examples that are used for the test, so its "
        f"{study.headline.phrase} is optimistic."
    )


def _hypothesis(study: Study, tested: Sequence[Configuration]) -> str:
    phrase = study.headline.phrase
    if not tested:
        answer = lower_first(constant_answer(study))
        equal = phrase if study.headline_is_mean else f"mean {value_name(study)}"
        return f"p is two-sided, for equal {equal} of the configuration and of {answer} on the same dev examples."
    constants = {
        REGRESSION: "The constant answer",
        QUESTION_ANSWERING: "Never giving an answer",
        TOKEN_CLASSIFICATION: "Tagging every word O",
    }
    subject = constants.get(study.kind, "The majority class")
    also = f" {subject} is tested against the best one in the same way." * bool(study.constant_comparison)
    if study.headline_is_mean:
        return f"p is two-sided, for equal {phrase} of a configuration and the best one on the same dev examples.{also}"
    return (
        f"The {phrase} is not a mean over examples, so the test compares the mean {value_name(study)}: p is two-sided, "
        f"for equal means of a configuration and the best one on the same dev examples.{also}"
    )


def left_out(study: Study) -> list[str]:
    """Returns a sentence on the collapsed runs of each configuration, with the mean that would include them."""
    return [_collapsed(each) for each in study.configurations if each.collapsed]


def _collapsed(configuration: Configuration) -> str:
    headline, runs = configuration.headline, [*configuration.runs, *configuration.collapsed]
    mean = sum(run.score for run in runs) / len(runs)
    names = listed([run.name for run in configuration.collapsed])
    is_of_words = runs[0].kind == TOKEN_CLASSIFICATION
    what = "the same type or none for all words" if is_of_words else "the same answer for all dev examples"
    return (
        f"Collapsed, {what}: {names} ({configuration.label}). Left out of all means and tests; the mean "
        f"{headline.phrase} including {'it' if len(configuration.collapsed) == 1 else 'them'} would be "
        f"{headline.unit(headline.number(mean))}."
    )
