"""Turns figures, tables and single predictions into sentences for the page. Plain text: the caller escapes it."""

from collections.abc import Sequence

from bert_tf.data.targets import QUESTION_ANSWERING, TOKEN_CLASSIFICATION
from bert_tf.errors import counted
from bert_tf.report import wording
from bert_tf.report.calibration import CALIBRATION_BINS
from bert_tf.report.command import is_call
from bert_tf.report.formatting import listed, lower_first, percent, score_spread, shortened, spread
from bert_tf.report.groups import GroupTable
from bert_tf.report.inventory import Run
from bert_tf.report.mistakes import Mistake
from bert_tf.report.predictions import CLASSIFICATION, REGRESSION
from bert_tf.report.scores import LOSS
from bert_tf.report.scores import score as score_of
from bert_tf.report.significance import mean_and_sd
from bert_tf.report.study import Configuration, Study
from bert_tf.report.wrong_answers import MISSING, NEEDLESS, WRONG, WrongAnswer, WrongAnswers

_LOSS_NOTE = (
    "Training loss: the mean over seeds, with a band from the lowest to the highest seed; the thin lines are the other "
    "configurations. Each point is the mean loss since the previous point."
)
_SENTENCES = (
    " A sentence is right if all its tags are, and its confidence is the product of the probabilities of its tags."
)
_MINUS = "\N{MINUS SIGN}"
_NO_ANSWER = "no answer"
_MAX_QUESTION = 1000
_KEPT = "A dot marks the step whose weights were kept"
_NOT_KEPT = "A ring marks the best step; the weights are those of the last one"


# Key numbers: a number and what it is.


def key_numbers(study: Study) -> list[tuple[str, str]]:
    """Returns the few numbers to see first, each with its meaning."""
    if study.best is None:
        return []
    headline, best = study.headline, study.best
    value = headline.unit(score_spread(headline, best.summary(headline.key)))
    which = f"{'best ' * (len(study.configurations) > 1)}mean {headline.phrase}, {counted(len(best.runs), 'seed')}"
    same = f"of the same {'runs' if len(best.runs) > 1 else 'run'}"
    others = [
        (score.unit(score_spread(score, best.summary(score.key))), f"mean {score.phrase} {same}")
        for score in best.other_means
    ]
    numbers = [(value, f"{which}: {best.label}"), *others, *_interval(study), *_constant(study)]
    return [*numbers, (f"{len(study.runs):,}", _run_counts(study))]


def _interval(study: Study) -> list[tuple[str, str]]:
    if study.interval is None or not study.headline_is_mean:
        return []
    low, high = (study.headline.number(bound) for bound in study.interval)
    meaning = f"95 % interval, on {counted(study.num_dev_examples, 'dev example')} (Wilson)"
    return [(study.headline.unit(f"{low} to {high}"), meaning)]


def _constant(study: Study) -> list[tuple[str, str]]:
    """Returns the score of the best constant answer, or if it has none, the share of examples that it is right for."""
    if study.constant is None or (study.constant.score is None and study.constant.share is None):
        return []
    if study.constant.score is None:
        value, what = f"{percent(study.constant.share)} %", "right"
    else:
        value, what = study.headline.unit(study.headline.number(study.constant.score)), study.headline.phrase
    meaning = f"{what} by {lower_first(wording.constant_answer(study))}"
    if study.constant_comparison is None:
        return [(value, meaning)]
    best = "the best" if len(study.configurations) > 1 else "the model"
    return [(value, f"{meaning}; {wording.compared_in(study)}{best} is {wording.constant_verdict(study)}")]


def _run_counts(study: Study) -> str:
    runs = "finished run" if len(study.runs) == 1 else "finished runs"
    collapsed = sum(len(each.collapsed) for each in study.configurations)
    configurations = counted(len(study.configurations), "configuration")
    return f"{runs} of {configurations}{f', {collapsed} collapsed' * bool(collapsed)}"


# Figures.


def no_figures(shown: int) -> str:
    """Returns why a study has no figures."""
    return f"Figures and mistakes are shown for the first {shown} studies."


def _of_best(study: Study, shown: int) -> str:
    """Returns which configurations a figure shows, if it does not show all."""
    return f" The {shown} best configurations." * (shown < len(study.configurations))


def scores_caption(study: Study, shown: int) -> str:
    """Returns the caption of the figure with all seeds."""
    has_collapsed = any(each.collapsed for each in study.configurations)
    cross = " Cross: a collapsed run." * has_collapsed
    return (
        f"Dev {study.headline.phrase}. Ring: a seed; none hides another, because they stand a little above or below "
        f"their line. Bar: the mean.{cross}{_dashed(study)}{_of_best(study, shown)}"
    )


def _dashed(study: Study) -> str:
    if study.constant is None or study.constant.score is None:
        return ""
    return f" Dashed: {lower_first(wording.constant_answer(study))}."


def time_caption(study: Study, shown: int) -> str:
    """Returns the caption of the figure with training times."""
    return (
        f"Mean {study.headline.phrase} and mean training time. The lines are one standard deviation long each way; the "
        f"numbers are those of the table.{_of_best(study, shown)}"
    )


def training_note(study: Study, shown: int, has_dev_curves: bool) -> list[str]:
    """Returns the explanation of the figures of the training."""
    missing = sum(run.train_log is None for each in study.configurations for run in each.runs)
    sentences = [_LOSS_NOTE + _of_best(study, min(shown, len(study.configurations)))]
    if has_dev_curves:
        kept = any(run.best is not None for run in study.runs)
        sentences.append(f"Dev scores: a line for each seed. {_KEPT if kept else _NOT_KEPT}.{_dashed(study)}")
    if any(each.collapsed for each in study.configurations):
        sentences.append("Broken lines: collapsed runs.")
    return [*sentences, *[f"Left out: {counted(missing, 'run')} without a usable log."] * bool(missing)]


# The best configuration in detail.


def command_note(best: Configuration) -> str:
    """Returns what the command does."""
    seeds = f", the first of {counted(len(best.runs), 'seed')}" * (len(best.runs) > 1)
    run = best.runs[0]
    kind = "call, whose examples were objects of Python," if is_call(run) else "command"
    end = "" if run.is_evaluation else " In its folder it finds the run finished."
    return f"The {kind} of its run with seed {run.seed}{seeds}.{end}"


def calibration(best: Configuration) -> str:
    """Returns the calibration error of the best configuration and its definition."""
    error = spread(mean_and_sd(best.calibration_errors), digits=3)
    share = best.predictions[0].share_correct
    return (
        f"The expected calibration error is {error}: the difference between {share} and mean confidence in each of "
        f"{CALIBRATION_BINS} bins of equal width between 0 and 1, averaged over the predictions (Guo et al. 2017)."
        + _SENTENCES
        * (best.runs[0].kind == TOKEN_CLASSIFICATION)
    )


def calibration_caption(best: Configuration) -> str:
    """Returns the caption of the reliability diagram."""
    return (
        f"Predictions of {counted(len(best.runs), 'seed')}{' together' * (len(best.runs) > 1)}. On the dashed line, "
        f"{best.predictions[0].share_correct} equals confidence; below it, the model is overconfident."
    )


def numbers_caption(best: Configuration) -> str:
    """Returns the caption of the figure of predicted numbers."""
    of_seeds = f", the mean of {len(best.runs)} seeds," * (len(best.runs) > 1)
    return f"The prediction{of_seeds} for each dev example. On the dashed line it equals the label."


def confusion_caption(best: Configuration) -> str:
    """Returns the caption of the confusion matrix."""
    together = f", {counted(len(best.runs), 'seed')} together" * (len(best.runs) > 1)
    return f"Dev examples by label and prediction{together}."


def no_confusion(best: Configuration) -> str:
    """Returns why there is no confusion matrix."""
    return f"The confusion matrix of {len(best.predictions[0].classes):,} classes is too large to show."


def confusion(label: str, predicted: str, number: int) -> str:
    """Returns a frequent confusion of two classes."""
    return f"“{label}” predicted as “{predicted}”: {number:,}"


def classes_caption(best: Configuration, shown: int) -> str:
    """Returns the caption of the table of classes."""
    total = len(best.predictions[0].classes)
    lowest = f" The {shown} of {total:,} with the lowest F1." * (shown < total)
    seeds = ", mean ± standard deviation over seeds" * (len(best.runs) > 1)
    return f"Scores of each class{seeds}.{lowest} Click a heading to sort by it."


def groups_heading(table: GroupTable) -> str:
    """Returns the heading of the table of groups."""
    return f"Scores by {shortened(table.name)}"


def groups_caption(best: Configuration, table: GroupTable, shown: int) -> str:
    """Returns the caption of the table of groups, with the means over all of them."""
    means = [
        f"{score.phrase} {score.unit(score_spread(score, mean))}"
        for score, mean in zip(table.scores, table.means, strict=True)
    ]
    seeds = ", mean ± standard deviation over seeds" * (len(best.runs) > 1)
    total = len(table.rows)
    first = f" The first {shown} of {total:,}." * (shown < total)
    return (
        f"Scores of each {shortened(table.name)}{seeds}.{first} Mean over all {total:,}, which count the same: "
        f"{listed(means)}. Click a heading to sort by it."
    )


def mistakes_heading(best: Configuration, number: int) -> str:
    """Returns the heading of the list of mistakes."""
    if not number:
        return "Mistakes"
    kinds = {CLASSIFICATION: "most confident mistake", REGRESSION: "largest error"}
    return f"The {counted(number, kinds.get(best.runs[0].kind, 'worst mistake'))}"


def mistakes_note(best: Configuration, mistakes: Sequence[Mistake], reason: str | None) -> list[str]:
    """Returns the explanation of the list of mistakes, and the reason if their texts are missing."""
    if not mistakes:
        return ["There are no mistakes on the dev set."]
    of_seeds = f" (mean of {len(best.runs)} seeds)" * (len(best.runs) > 1)
    kinds = {
        CLASSIFICATION: "The wrong predictions with the highest probability",
        REGRESSION: "The predictions that are farthest from their labels",
    }
    what = kinds.get(best.runs[0].kind, "The predictions with the most wrong labels")
    is_pair = any(each.example is not None and each.example.text_b is not None for each in mistakes)
    marked = ["The words that only one text of a pair has are marked, if the two have enough in common."] * is_pair
    missing = [f"Their texts are not shown: {reason}."] if reason else []
    return [f"{what}{of_seeds}.", *marked, *missing]


def mistake(mistake: Mistake) -> str:
    """Returns label and prediction of a mistake."""
    guid, predicted, label = map(shortened, (mistake.guid, mistake.predicted, mistake.label))
    sure = "" if mistake.probability is None else f" with {mistake.probability:.1%}"
    return f"{guid}: predicted {predicted}{sure}, labeled {label}"


# Wrong answers to questions.


def answers_heading(groups: Sequence[WrongAnswers]) -> str:
    """Returns the heading of the wrong answers."""
    return "The most confident mistakes" if groups else "Mistakes"


def answers_note(best: Configuration, groups: Sequence[WrongAnswers], reason: str | None) -> list[str]:
    """Returns the explanation of the wrong answers, and the reason if their texts are missing."""
    if not groups:
        return ["There are no mistakes on the dev set."]
    several = (
        f" The answer and its probability are those of {len(best.runs)} seeds together: a seed with another answer "
        "counts as probability 0."
    ) * (len(best.runs) > 1)
    sentences = [f"Answers that are no exact match, sorted by probability times 1 {_MINUS} F1.{several}"]
    if reason:
        return [*sentences, f"Questions and texts are not shown: {reason}."]
    return [
        *sentences,
        "In each text the gold answers and the prediction are marked; a prediction that is there several times is "
        "marked next to a gold answer.",
    ]


def answers_of_kind(best: Configuration, answers: WrongAnswers) -> str:
    """Returns the heading of the wrong answers of one kind."""
    kinds = {
        WRONG: "Wrong answers",
        NEEDLESS: "Answered, although the text has no answer",
        MISSING: "Not answered, although the text has an answer",
    }
    shown = f"; the {len(answers.worst)} surest" * (len(answers.worst) < answers.number)
    questions = counted(len(best.predictions[0].guids), "question")
    return f"{kinds[answers.kind]}: {answers.number:,} of {questions}{shown}"


def question_name(answer: WrongAnswer) -> str:
    """Returns the id of a question and the title of its article."""
    title = answer.question.title if answer.question is not None else ""
    return ", ".join(shortened(text) for text in (title.replace("_", " "), answer.guid) if text)


def answer_facts(answer: WrongAnswer) -> list[tuple[str, str]]:
    """Returns the question, the answer and the gold answers, each with its name."""
    gold = list(dict.fromkeys(answer.answers))
    facts = [
        ("Predicted", f"{_quoted(answer.predicted)} with {percent(answer.probability)} %, F1 {percent(answer.f1)} %"),
        ("Gold", listed([_quoted(text) for text in gold], " or ") if gold else _NO_ANSWER),
    ]
    question = [("Question", shortened(answer.question.text, _MAX_QUESTION))] if answer.question is not None else []
    return [*question, *facts]


def _quoted(text: str) -> str:
    return f"“{shortened(text)}”" if text else _NO_ANSWER


def no_predictions(study: Study) -> str | None:
    """Returns the reason if class probabilities or answers are expected and missing; None for other tasks."""
    if study.best is None or study.best.predictions:
        return None
    missing = "The best configuration has runs without usable"
    if study.has_classes:
        return f"{missing} class probabilities, so calibration, confusion matrix and mistakes are not shown."
    if study.kind == QUESTION_ANSWERING:
        return f"{missing} answers, so calibration and mistakes are not shown."
    if study.kind == TOKEN_CLASSIFICATION:
        return f"{missing} tags, so calibration, types and mistakes are not shown."
    return None


# The table of runs.


def kept_step(run: Run) -> str:
    """Returns the step whose weights a run kept, and the score by which it was chosen."""
    best = run.best
    if best is None:
        return "the last"
    score = score_of(best.metric)
    value = f"{best.value:.3f}" if best.metric == LOSS else score.unit(score.number(best.value))
    name = "loss" if best.metric == LOSS else score.phrase
    return f"{best.step:,.0f} ({name} {value})"
