"""The flags of `run_classifier.py`: those of every run, and those of a classification."""

import dataclasses

from bert_tf.data.processors import PROCESSORS, find_processor_class
from bert_tf.errors import UserError
from bert_tf.training.config import RunConfig
from bert_tf.training.fields import FlagConfig, flag

_KNOWN = ", ".join(sorted(PROCESSORS))


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClassifierConfig(RunConfig):
    """A run of `run_classifier.py`."""

    task_name: str | None = flag(None, f"The task to train: {_KNOWN}.", resume=True, ignores_case=True)

    def __post_init__(self) -> None:
        FlagConfig.__post_init__(self)
        if not self.task_name:
            raise UserError(f"task_name: is missing; pass --task_name=MRPC (known: {_KNOWN})")
        find_processor_class(self.task_name)
        super().__post_init__()
