"""The flags of `run_classifier.py`: those of every run, and those of a classification."""

import dataclasses
import unicodedata
from pathlib import Path

from bert_tf.data.own_files import task_name_of
from bert_tf.data.processors import PROCESSORS, canonical_name, find_processor_class, glue_class, is_known_task
from bert_tf.errors import UserError, shown
from bert_tf.remote import as_path
from bert_tf.tasks.loss_settings import LossSettings
from bert_tf.training.config import RunConfig
from bert_tf.training.fields import FlagConfig, flag, flags_of

_KNOWN = ", ".join(sorted(PROCESSORS))
_OWN_FILES = "own files: --train_file=reviews.csv, or --data_dir=FOLDER with train.csv and dev.csv"


@dataclasses.dataclass(frozen=True, kw_only=True)
class OwnDataConfig(FlagConfig):
    """Own data: its files, its columns and its labels."""

    train_file: str | None = flag(
        None,
        "Own labeled examples to train on: a CSV, TSV or JSON lines file with named columns, or a folder with a train, "
        "a dev and a test file of these kinds.",
        resume=False,
        is_path=True,
    )
    dev_file: str | None = flag(
        None, "Own labeled examples for do_eval. By default dev_split decides.", resume=False, is_path=True
    )
    test_file: str | None = flag(
        None, "Own texts for do_predict; a column of labels is not needed.", resume=False, is_path=True
    )
    text_column: str | None = flag(
        None,
        "The column of the text in own files: its name, or its number from 0. By default it is known by its name, such "
        "as text, sentence or review.",
        resume=True,
    )
    text_pair_column: str | None = flag(
        None,
        "The column of the second text of a pair. By default it is known by its name, such as text_b or sentence2.",
        resume=True,
    )
    label_column: str | None = flag(
        None,
        "The column of the label. By default it is known by its name, such as label, class or stars.",
        resume=True,
    )
    dev_split: float = flag(
        0.1,
        "The share of train_file that is held out for do_eval if there is no dev_file: the same part "
        "of each class, the same each time, and equal texts together. 0 trains on all examples.",
        resume=True,
        lower_bound=0.0,
        upper_bound=0.9,
    )
    split_seed: int = flag(
        0,
        "Chooses what dev_split holds out. It is not seed, so that runs with several seeds have the same dev set.",
        resume=True,
        lower_bound=0,
        upper_bound=2**31 - 1,
    )
    regression: bool | None = flag(
        None,
        "Whether own labels are numbers to predict rather than classes. By default they are if one has a fraction.",
        resume=True,
    )
    multi_label: bool = flag(
        False,
        "Whether an own example can have any number of labels: a list in JSON lines, or names with a separator.",
        resume=True,
    )
    label_separator: str | None = flag(
        None,
        "What parts the labels of one example with multi_label. By default a comma, or a semicolon or vertical bar if "
        "there are no commas.",
        resume=True,
    )

    @property
    def names_own_files(self) -> bool:
        """True if a flag names own files."""
        return bool(self.train_file or self.dev_file or self.test_file)

    def check_own_data(self) -> None:
        """Raises `UserError` if flags of own data contradict one another."""
        if self.regression and self.multi_label:
            raise UserError("regression: contradicts --multi_label; pass only one of them")
        if self.label_separator is not None and not self.multi_label:
            raise UserError("label_separator: only valid with --multi_label")
        for field in ("text_column", "text_pair_column", "label_column", "label_separator"):
            if getattr(self, field) == "":
                raise UserError(f"{field}: is empty; give a value, or leave the flag out")
        if self.dev_file:
            self.check_dev_split("--dev_file; pass only one of them")

    def check_dev_split(self, dev_set: str) -> None:
        """Raises `UserError` if a share to hold out is given beside a development set, with the words for that one."""
        if self.dev_split != flags_of(self)["dev_split"].default:
            raise UserError(f"dev_split: contradicts {dev_set}")

    def check_no_own_data(self) -> None:
        """Raises `UserError` if a flag of own data is given for a known task."""
        for field, declared in flags_of(OwnDataConfig).items():
            if getattr(self, field) != declared.default:
                raise UserError(f"{field}: only valid for {_OWN_FILES}")


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
class ClassifierConfig(OwnDataConfig, LossConfig, RunConfig):
    """A run of `run_classifier.py`."""

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

    def __post_init__(self) -> None:
        FlagConfig.__post_init__(self)
        if self.has_own_data:
            self._check_own_task()
        else:
            self._check_known_task()
        super().__post_init__()
        self._check_glue_submission()

    @property
    def has_own_data(self) -> bool:
        """True if the task is not a known one but own files."""
        return self.names_own_files or bool(self.data_dir and not is_known_task(self.task_name))

    def _names_training_set(self) -> bool:
        return bool(self.train_file or self.data_dir)

    def _check_known_task(self) -> None:
        if not self.task_name:
            raise UserError(f"task_name: is missing; pass --task_name=MRPC (known: {_KNOWN}), or {_OWN_FILES}")
        if not is_known_task(self.task_name):
            raise UserError(f"task_name: {shown(self.task_name)} is unknown; known: {_KNOWN}; for {_OWN_FILES}")
        find_processor_class(self.task_name)
        if glue_class(self.task_name):
            # One task has one name, so that runs of `sst2` and `SST-2` are runs of the same task.
            object.__setattr__(self, "task_name", canonical_name(self.task_name))
        self.check_no_own_data()

    def _check_own_task(self) -> None:
        self.check_own_data()
        if self.names_own_files and self.data_dir:
            flag = next(name for name in ("train_file", "dev_file", "test_file") if getattr(self, name))
            raise UserError(f"data_dir: contradicts --{flag}; pass only one of them")
        if self.do_train and not self._names_training_set():
            raise UserError("train_file: is missing; pass --train_file=FILE with labeled examples to train on")
        path = self.train_file or self.data_dir or self.dev_file or self.test_file
        if not self.task_name:
            object.__setattr__(self, "task_name", task_name_of(as_path(path)) if path else "own")
        if not _is_folder_name(self.task_name):
            raise UserError(f"task_name: {shown(self.task_name)} is no name for a folder; use letters and digits")

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
