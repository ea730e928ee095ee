"""The programs that make runs: the tasks that each is for, and its command."""

import dataclasses
from collections.abc import Mapping

from bert_tf.data.targets import PRETRAINING, QUESTION_ANSWERING, TOKEN_CLASSIFICATION
from bert_tf.report.predictions import CLASSIFICATION


@dataclasses.dataclass(frozen=True)
class Program:
    """A program that fine-tunes and evaluates.

    Attributes:
        command: starts it from the repository's folder.
        evaluates: the flag with which it evaluates.
        kind: of its tasks, if a run's folder does not say it.
        no_flags: settings of a run that are none of its flags.
        flag_names: the flags whose names differ from those of the settings.
    """

    command: str
    evaluates: str
    kind: str
    no_flags: tuple[str, ...] = ()
    flag_names: Mapping[str, str] = dataclasses.field(default_factory=dict)


RUN_CLASSIFIER = Program("python run_classifier.py", "--do_eval", CLASSIFICATION)
RUN_SQUAD = Program("python scripts/run_squad.py", "--do_predict", QUESTION_ANSWERING, no_flags=("task_name",))
RUN_NER = Program("python scripts/run_ner.py", "--do_eval", TOKEN_CLASSIFICATION, no_flags=("task_name",))
RUN_PRETRAINING = Program(
    "python scripts/run_pretraining.py",
    "--do_eval",
    PRETRAINING,
    no_flags=("task_name", "do_lower_case", "warmup_proportion"),
    flag_names={"train_steps": "num_train_steps", "warmup_steps": "num_warmup_steps"},
)
# By the value of `program` in results.json; without one it is run_classifier.
PROGRAMS = {
    "run_classifier": RUN_CLASSIFIER,
    "run_squad": RUN_SQUAD,
    "run_ner": RUN_NER,
    "run_pretraining": RUN_PRETRAINING,
}


def program_for(kind: str) -> Program:
    """Returns the program for tasks of a kind.

    Example:
        >>> program_for("question_answering").command
        'python scripts/run_squad.py'
    """
    return next((program for program in PROGRAMS.values() if program.kind == kind), RUN_CLASSIFIER)
