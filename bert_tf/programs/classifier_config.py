"""The flags of `run_classifier.py`: those of every run, and those of a classification."""

import dataclasses

from bert_tf.data.processors import PROCESSORS, canonical_name, find_processor_class, glue_class
from bert_tf.errors import UserError
from bert_tf.tasks.loss_settings import LossSettings
from bert_tf.training.config import RunConfig
from bert_tf.training.fields import FlagConfig, flag

_KNOWN = ", ".join(sorted(PROCESSORS))


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClassifierConfig(RunConfig):
    """A run of `run_classifier.py`."""

    task_name: str | None = flag(None, f"The task to train: {_KNOWN}.", resume=True, ignores_case=True)
    class_weight: str | None = flag(
        None,
        "The weights of the labels in the loss of training: balanced, so that each label has the same part, or a "
        "number for each label in their order, such as 1,5. By default all examples count the same.",
        resume=True,
    )
    label_smoothing: float = flag(
        0.0,
        "The share of the probability that the loss of training spreads over all labels, for example 0.1.",
        resume=True,
        lower_bound=0.0,
        upper_bound=0.99,
    )

    @property
    def loss_settings(self) -> LossSettings:
        """The changes to the loss of training."""
        return LossSettings(self.class_weight, self.label_smoothing)
    glue_submission: bool = flag(
        False,
        "Whether do_predict also writes the file that GLUE's leaderboard takes, such as SST-2.tsv, into output_dir.",
        resume=False,
    )

    def __post_init__(self) -> None:
        FlagConfig.__post_init__(self)
        if not self.task_name:
            raise UserError(f"task_name: is missing; pass --task_name=MRPC (known: {_KNOWN})")
        find_processor_class(self.task_name)
        if glue_class(self.task_name):
            # One task has one name, so that runs of `sst2` and `SST-2` are runs of the same task.
            object.__setattr__(self, "task_name", canonical_name(self.task_name))
        super().__post_init__()
        self._check_glue_submission()

    def _check_glue_submission(self) -> None:
        if not self.glue_submission:
            return
        if not self.do_predict:
            raise UserError("glue_submission: only valid with --do_predict")
        if not glue_class(self.task_name):
            raise UserError(f"glue_submission: {self.task_name} is no task of GLUE's leaderboard; leave the flag out")
