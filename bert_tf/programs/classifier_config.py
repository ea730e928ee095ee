"""The flags of `run_classifier.py`: those of every run, those of own data, and those of its tasks."""

import dataclasses
import unicodedata
from pathlib import Path
from typing import ClassVar

from bert_tf.data.own_files import task_name_of
from bert_tf.data.processors import (
    PROCESSORS,
    canonical_name,
    find_processor_class,
    glue_class,
    is_known_task,
    multilingual_class,
)
from bert_tf.errors import UserError, shown
from bert_tf.programs.language_config import LanguageConfig
from bert_tf.programs.own_data_config import OWN_FILES, OwnDataConfig
from bert_tf.remote import as_path, is_remote
from bert_tf.tasks.loss_settings import LossSettings
from bert_tf.training.config import RunConfig
from bert_tf.training.fields import FlagConfig, flag

_KNOWN = ", ".join(sorted(PROCESSORS))


@dataclasses.dataclass(frozen=True, kw_only=True)
class LossConfig(FlagConfig):
    """Changes to the loss of training."""

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
        """The changes as one value."""
        return LossSettings(self.class_weight, self.label_smoothing)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClassifierConfig(OwnDataConfig, LanguageConfig, LossConfig, RunConfig):
    """A run of `run_classifier.py`."""

    evaluation_settings: ClassVar[tuple[str, ...]] = (*RunConfig.evaluation_settings, "xnli_language")

    task_name: str | None = flag(
        None,
        f"The task to train: {_KNOWN}. For own files any name; by default that of the file or folder.",
        resume=True,
        ignores_case=True,
    )
    glue_submission: bool = flag(
        False,
        "Whether do_predict also writes the file that GLUE's leaderboard takes, such as SST-2.tsv, into output_dir.",
        resume=False,
    )

    do_export: bool = flag(
        False,
        "Whether to write the model as a SavedModel that takes raw texts into output_dir/export/NUMBER at the end.",
        resume=False,
    )

    def __post_init__(self) -> None:
        FlagConfig.__post_init__(self)
        if self.has_own_data:
            self._check_own_task()
        else:
            self._check_known_task()
        super().__post_init__()
        self._check_languages()
        self._check_glue_submission()
        if self.do_export and self.output_dir and is_remote(self.output_dir):
            raise UserError(
                "do_export: needs a local output_dir; scripts/export.py OUTPUT_DIR FOLDER exports from a bucket"
            )

    @property
    def has_own_data(self) -> bool:
        """True if the task is not a known one but own files."""
        return self.names_own_files or bool(self.data_dir and not is_known_task(self.task_name))

    @property
    def own_data(self) -> str | None:
        """The file or folder that own data are named after; None if the examples are Python objects."""
        return getattr(self, self.first_named_file) if self.names_own_files else self.data_dir

    def _names_training_set(self) -> bool:
        return bool(self.train_file or self.data_dir)

    def _check_known_task(self) -> None:
        if not self.task_name:
            raise UserError(f"task_name: is missing; pass --task_name=MRPC (known: {_KNOWN}), or {OWN_FILES}")
        if not is_known_task(self.task_name):
            raise UserError(f"task_name: {shown(self.task_name)} is unknown; known: {_KNOWN}; for {OWN_FILES}")
        find_processor_class(self.task_name)
        name = canonical_name(self.task_name)
        if glue_class(self.task_name) or name.lower() != self.task_name.lower():
            # One task has one name, so that runs of `sst2` and `SST-2` are runs of the same task.
            object.__setattr__(self, "task_name", name)
        self.check_no_own_data()

    def _check_own_task(self) -> None:
        self.check_own_data()
        if self.names_own_files and self.data_dir:
            raise UserError(f"data_dir: contradicts --{self.first_named_file}; pass only one of them")
        if self.do_train and not self._names_training_set():
            raise UserError("train_file: is missing; pass --train_file=FILE with labeled examples to train on")
        if not self.task_name:
            object.__setattr__(self, "task_name", task_name_of(as_path(self.own_data)) if self.own_data else "own")
        if not _is_folder_name(self.task_name):
            raise UserError(f"task_name: {shown(self.task_name)} is no name for a folder; use letters and digits")

    def _check_languages(self) -> None:
        found = None if self.has_own_data else multilingual_class(self.task_name)
        if found:
            self.settle_languages(found)
        else:
            self.check_no_languages()

    def _check_glue_submission(self) -> None:
        if not self.glue_submission:
            return
        if not self.do_predict:
            raise UserError("glue_submission: only valid with --do_predict")
        if self.has_own_data or not glue_class(self.task_name):
            raise UserError(f"glue_submission: {self.task_name} is no task of GLUE's leaderboard; leave the flag out")


def _is_folder_name(name: str) -> bool:
    has_controls = any(unicodedata.category(char) == "Cc" for char in name)
    return Path(name).name == name == name.strip() and name != ".." and not has_controls


@dataclasses.dataclass(frozen=True, kw_only=True)
class InMemoryConfig(ClassifierConfig):
    """A run whose examples are Python objects, for `bert_tf.fine_tune`."""

    @property
    def has_own_data(self) -> bool:
        """True: the task is none of the known ones."""
        return True

    def _names_training_set(self) -> bool:
        return True

    def check_own_data(self) -> None:
        """Raises `UserError` if flags of own data contradict one another, or name files."""
        super().check_own_data()
        for field in ("train_file", "data_dir"):
            if getattr(self, field):
                raise UserError(f"{field}: contradicts train=...; pass only one of them")
        if self.dev_file:
            raise UserError("dev_file: contradicts train=...; pass dev=...")
