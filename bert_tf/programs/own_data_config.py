"""The flags of own data: its files, its columns and its labels."""

import dataclasses

from bert_tf.errors import UserError
from bert_tf.training.fields import FlagConfig, flag, flags_of

OWN_FILES = "own files: --train_file=reviews.csv, or --data_dir=FOLDER with train.csv and dev.csv"


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
        None,
        "Own labeled examples for do_eval. By default a part of train_file, see dev_split.",
        resume=False,
        is_path=True,
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
        "The column of the second text of a pair; also needs text_column. By default both are known by their names, "
        "such as sentence1 and sentence2.",
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
        "Seed of what dev_split holds out: another flag than seed, so that runs with several seeds have one dev set.",
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
        "What stands between the labels of one example with multi_label. By default a comma, or a semicolon or a "
        "vertical bar if there are no commas.",
        resume=True,
    )

    @property
    def names_own_files(self) -> bool:
        """True if a flag names own files."""
        return self.first_named_file is not None

    @property
    def first_named_file(self) -> str | None:
        """The flag that names the first of the own files, such as `train_file`; None if none does."""
        return next((name for name in ("train_file", "dev_file", "test_file") if getattr(self, name)), None)

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
                raise UserError(f"{field}: only valid for {OWN_FILES}")
