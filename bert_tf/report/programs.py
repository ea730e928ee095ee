"""The programs that make runs: the tasks that each is for, and its command."""

import dataclasses
from collections.abc import Mapping

from bert_tf.report.predictions import CLASSIFICATION, QUESTION_ANSWERING


@dataclasses.dataclass(frozen=True)
class Program:
    """A program that fine-tunes and evaluates.

    Attributes:
        command: starts it from the repository's folder.
        evaluates: the flag with which it evaluates.
        kind: of the tasks, if a run's folder does not say it.
    """

    command: str
    evaluates: str
    kind: str


RUN_CLASSIFIER = Program("python run_classifier.py", "--do_eval", CLASSIFICATION)
RUN_SQUAD = Program("python scripts/run_squad.py", "--do_predict", QUESTION_ANSWERING)
# By the value of `program` in results.json; without one it is run_classifier.
PROGRAMS = {"run_classifier": RUN_CLASSIFIER, "run_squad": RUN_SQUAD}


def program_for(kind: str) -> Program:
    """Returns the program for tasks of a kind.

    Example:
        >>> program_for("question_answering").command
        'python scripts/run_squad.py'
    """
    return RUN_SQUAD if kind == RUN_SQUAD.kind else RUN_CLASSIFIER


def task_name(kind: str, flags: Mapping[str, object]) -> str:
    """Returns the name of the task of a run whose flags do not name it.

    Example:
        >>> task_name("question_answering", {"version_2_with_negative": True})
        'SQuAD 2.0'
    """
    if kind != QUESTION_ANSWERING:
        return "unknown"
    return "SQuAD 2.0" if flags.get("version_2_with_negative") else "SQuAD 1.1"
