"""The table of several tasks: the best configuration of each, with the metrics that GLUE reports, and GLUE's mean."""

import dataclasses
import re
from collections.abc import Sequence

from bert_tf.data.targets import QUESTION_ANSWERING
from bert_tf.report.formatting import flag_text, folder_names, score_spread
from bert_tf.report.scores import ACCURACY, EXACT_MATCH, F1, Score, score
from bert_tf.report.study import Configuration, Study

# By the name of the task without signs (Wang et al. 2019, table 1). MNLI's two dev sets are one task.
_METRICS = {
    "cola": ("eval_matthews",),
    "sst2": (ACCURACY,),
    "mrpc": (F1, ACCURACY),
    "stsb": ("eval_pearson", "eval_spearman"),
    "qqp": (F1, ACCURACY),
    "mnli": (ACCURACY,),
    "mnlimm": (ACCURACY,),
    "qnli": (ACCURACY,),
    "rte": (ACCURACY,),
    "wnli": (ACCURACY,),
}
# By the kind of the task, for the others: SQuAD's (Rajpurkar et al. 2016, section 6.1).
_METRICS_OF_KINDS = {QUESTION_ANSWERING: (F1, EXACT_MATCH)}
TASKS_HEADER = ("Task", "Data", "Metric", "Score", "Seeds", "Best configuration")
_PARTS = {"mnlimm": "mnli"}
_SAMPLE = "sample"  # its numbers are not those of the task


@dataclasses.dataclass(frozen=True)
class TaskRow:
    """The row of a task.

    Attributes:
        number: of its study, from 1.
        task: its name.
        dataset: the name of the data.
        metrics: their names.
        score: mean and standard deviation over the seeds of the best configuration, for each metric; shares and
            correlations times 100, as GLUE reports them.
        seeds: of that configuration.
        configuration: the flags in which it differs from the others of its study.
        mean: of the metrics, as in `score`; None if the task has none of GLUE's or a metric is missing.
    """

    number: int
    task: str
    dataset: str
    metrics: str
    score: str
    seeds: int
    configuration: str
    mean: float | None


def task_rows(studies: Sequence[Study]) -> list[TaskRow]:
    """Returns a row for each task, that of its largest study, if possible with a run that counts; none for one task."""
    first: dict[str, tuple[int, Study]] = {}
    # A sort keeps the order of equals.
    for number, study in sorted(enumerate(studies, start=1), key=lambda pair: pair[1].best is None):
        first.setdefault(_plain(study.task), (number, study))
    first = dict(sorted(first.items(), key=lambda item: item[1][0]))
    datasets = folder_names([flag_text(study.dataset) for _, study in first.values()])
    rows = [_row(*each, dataset) for each, dataset in zip(first.values(), datasets, strict=True)]
    return rows if len(rows) > 1 else []


def in_order_of_tasks(studies: Sequence[Study]) -> list[Study]:
    """Puts the studies of a task next to one another: GLUE's tasks in its order, then the others as they come."""
    order = [*_METRICS, *(_plain(study.task) for study in studies)]
    return sorted(studies, key=lambda study: order.index(_plain(study.task)))


def _plain(task: str) -> str:
    """Returns the name of a task without signs and capitals.

    Example:
        >>> _plain("SST-2")
        'sst2'
    """
    return re.sub(r"[\W_]", "", task.lower())


def _row(number: int, study: Study, dataset: str) -> TaskRow:
    names, best = _metrics(study), study.configurations[0]
    scores = [_as_glue_reports(score(name)) for name in names if best.summary(name)[0] is not None]
    is_whole = len(scores) == len(names) > 0 and study.dataset != _SAMPLE
    scores = scores or [_as_glue_reports(study.headline)]
    return TaskRow(
        number=number,
        task=flag_text(study.task),
        dataset=dataset,
        metrics=" / ".join(each.name for each in scores),
        score=" / ".join(score_spread(each, best.summary(each.key)) for each in scores),
        seeds=len(best.runs),
        configuration=best.label if best.runs else "all runs collapsed",
        mean=_mean(best, scores) if is_whole else None,
    )


def _metrics(study: Study) -> tuple[str, ...]:
    return _METRICS.get(_plain(study.task)) or _METRICS_OF_KINDS.get(study.kind, ())


def _as_glue_reports(score: Score) -> Score:
    """Returns a score that is shown times 100 if it is a share or a correlation."""
    return dataclasses.replace(score, is_share=score.highest == 1)


def _mean(best: Configuration, scores: Sequence[Score]) -> float:
    return sum(each.scale * best.summary(each.key)[0] for each in scores) / len(scores)


def glue_score(rows: Sequence[TaskRow]) -> float | None:
    """Returns the mean over GLUE's nine tasks of the mean of each task's metrics; None unless all are there."""
    means: dict[str, list[float]] = {}
    for row in rows:
        name = _plain(row.task)
        if name in _METRICS and row.mean is not None:
            means.setdefault(_PARTS.get(name, name), []).append(row.mean)
    if len(means) < len(_METRICS) - len(_PARTS):
        return None
    return sum(sum(each) / len(each) for each in means.values()) / len(means)
