"""The flags of `run_pretraining.py`: those of every run, and those of records and the two tasks."""

import dataclasses
from collections.abc import Mapping
from typing import ClassVar

from bert_tf.data.pretraining_format import RecordForm
from bert_tf.errors import UserError
from bert_tf.training.config import MAX_BATCH_SIZE, MAX_TRAINED_EXAMPLES, RunConfig, with_recipe
from bert_tf.training.fields import FlagConfig, flag

# The model of a run that names none: small, with the head of masked words.
DEFAULT_MODEL = "splade-tiny"
# Settings that replace a model's defaults, for the sample corpus.
RECIPES = {DEFAULT_MODEL: {"learning_rate": 1e-3, "train_batch_size": 32, "train_steps": 200, "warmup_steps": 20}}
# The original's number of batches to evaluate.
MAX_EVAL_STEPS = 100


@dataclasses.dataclass(frozen=True, kw_only=True)
class RecordConfig(FlagConfig):
    """Records of create_pretraining_data: their files and their form, and what is learned from them."""

    input_file: str | None = flag(
        None,
        "The TFRecord files to train on, and to evaluate without eval_file: names and patterns such as "
        "'data/*.tfrecord', with commas between them. Those of a bucket are copied to a temporary folder, see TMPDIR. "
        "By default what create_pretraining_data writes by default.",
        resume=False,
    )
    eval_file: str | None = flag(
        None, "TFRecord files that are not trained on, to evaluate; named as those of input_file.", resume=False
    )
    max_seq_length: int | None = flag(
        128,
        "The maximum total input sequence length after WordPiece tokenization. Must match data generation.",
        resume=True,
        recipe=True,
        lower_bound=3,
    )
    max_predictions_per_seq: int | None = flag(
        20,
        "Maximum number of masked LM predictions per sequence. Must match data generation.",
        resume=True,
        recipe=True,
        lower_bound=1,
    )
    max_eval_steps: int | None = flag(
        None,
        "Maximum number of eval steps. After the last record evaluation begins again at the first, as in the original. "
        f"By default {MAX_EVAL_STEPS} of input_file; of eval_file by default each record counts once.",
        resume=False,
        lower_bound=1,
        upper_bound=MAX_BATCH_SIZE,
    )
    masked_lm_only: bool | None = flag(
        False,
        "Whether to learn only the masked words, and not whether a text follows another: for records without pairs.",
        resume=True,
        recipe=True,
    )
    mask_anew: bool = flag(
        False,
        "Whether each step masks other word pieces than the records do, as many of each text. Pieces are chosen one by "
        "one, also in records whose words are masked whole (--do_whole_word_mask). The choice follows from seed and "
        "step. Evaluation keeps the masks of the records.",
        resume=True,
    )

    @property
    def form(self) -> RecordForm:
        """The form of the records; of a settled config."""
        return RecordForm(self.max_seq_length, self.max_predictions_per_seq)

    @property
    def eval_limit(self) -> int | None:
        """The number of batches to evaluate; None if each record counts once."""
        return self.max_eval_steps or (None if self.eval_file else MAX_EVAL_STEPS)


@dataclasses.dataclass(frozen=True, kw_only=True)
class PretrainingConfig(RecordConfig, RunConfig):
    """A run of `run_pretraining.py`. Without do_train and do_eval it does both.

    Attributes:
        task_name: the name of the task in results and default folders.
        do_predict: not used, and so are predict_batch_size and data_dir: there is nothing to predict.
        do_lower_case: not used; the records have word pieces already.
        num_train_epochs: not used; the steps are counted.
        warmup_proportion: not used, either.

    Example:
        >>> config = PretrainingConfig(do_train=True)
        >>> config.task_name, config.splits
        ('pretraining', ['train'])
    """

    program: ClassVar[str] = "run_pretraining"
    recipes: ClassVar[Mapping[str, Mapping[str, float]]] = RECIPES
    evaluation_settings: ClassVar[tuple[str, ...]] = (
        *("mixed_precision", "max_seq_length", "eval_batch_size"),
        *("input_file", "eval_file", "max_predictions_per_seq", "max_eval_steps", "masked_lm_only"),
    )

    do_train: bool | None = flag(
        None, "Whether to run training. Without do_train and do_eval both are done.", resume=False
    )
    do_eval: bool | None = flag(None, "Whether to run eval on eval_file, or else on input_file.", resume=False)
    model: str | None = flag(
        None,
        "The model to train further: a name such as uncased_L-12_H-768_A-12, which is downloaded once, or a folder "
        "with configuration, vocabulary and checkpoint, or hf://ORGANIZATION/NAME for a model of the Hugging Face hub. "
        f"By default {DEFAULT_MODEL}.",
        resume=True,
        name="bert_model",
        is_path=True,
        is_model=True,
    )
    bert_config_file: str | None = flag(
        None,
        "Instead of bert_model: the JSON file with the model's architecture. Without init_checkpoint training starts "
        "from random weights.",
        resume=True,
        is_path=True,
    )
    vocab_file: str | None = flag(
        None,
        "The vocabulary of the records. By default vocab.txt beside init_checkpoint or bert_config_file.",
        resume=True,
        is_path=True,
    )
    init_checkpoint: str | None = flag(
        None, "With bert_config_file: the initial checkpoint, usually pre-trained.", resume=True, is_path=True
    )
    gradient_accumulation_steps: int = flag(
        1,
        "The number of passes in which an update of train_batch_size examples is computed, to save memory; it must "
        "divide train_batch_size. Each pass counts by its masked words and its examples, so the update is nearly that "
        "of the whole batch.",
        resume=True,
        lower_bound=1,
        upper_bound=MAX_BATCH_SIZE,
    )
    learning_rate: float | None = flag(
        5e-5,
        with_recipe("The peak learning rate for Adam.", "learning_rate", RECIPES),
        resume=True,
        recipe=True,
        positive=True,
    )
    train_batch_size: int | None = flag(
        32,
        with_recipe("Total batch size for training, over all replicas.", "train_batch_size", RECIPES),
        resume=True,
        recipe=True,
        lower_bound=1,
        upper_bound=MAX_BATCH_SIZE,
    )
    train_steps: int | None = flag(
        100_000,
        with_recipe("Number of training steps.", "train_steps", RECIPES),
        resume=True,
        recipe=True,
        name="num_train_steps",
        lower_bound=1,
    )
    warmup_steps: int | None = flag(
        10_000,
        with_recipe("Number of warmup steps.", "warmup_steps", RECIPES),
        resume=True,
        recipe=True,
        name="num_warmup_steps",
        lower_bound=0,
    )
    task_name: str = "pretraining"
    do_predict: bool = False
    predict_batch_size: int = 8
    data_dir: str | None = None
    do_lower_case: bool | None = None
    num_train_epochs: float | None = None
    warmup_proportion: float = 0.0

    def __post_init__(self) -> None:
        does_all = self.do_train is None and self.do_eval is None
        for name in ("do_train", "do_eval"):
            if getattr(self, name) is None:
                object.__setattr__(self, name, does_all)
        super().__post_init__()
        if self.eval_file and not (self.do_eval or self.eval_steps):
            raise UserError("eval_file: only valid with --do_eval or --eval_steps")

    def check_model(self) -> None:
        """Raises `UserError` if the model is named twice or only in part. A vocabulary may be beside its files."""
        files = [name for name in ("bert_config_file", "vocab_file", "init_checkpoint") if getattr(self, name)]
        if self.model and files:
            raise UserError(f"bert_model: contradicts --{files[0]}; pass only one of them")
        if files and not self.bert_config_file:
            raise UserError(f"{files[0]}: also needs --bert_config_file; or pass --bert_model")

    def num_train_steps(self, num_examples: int) -> int:
        """Returns the number of steps; of a settled config."""
        return self.train_steps

    def epochs(self, num_examples: int) -> float:
        """Returns how often training uses each example; of a settled config."""
        return round(self.train_steps * self.train_batch_size / num_examples, 2)

    def is_longer_than(self, training: Mapping[str, object]) -> bool:
        """Returns True if an earlier training, by the settings in its run.json, had fewer steps."""
        steps = training.get("train_steps")
        return isinstance(steps, int) and self.train_steps > steps

    def check_size(self, num_examples: int) -> None:
        """Raises `UserError` if training takes more examples than can be counted; of a settled config."""
        possible = MAX_TRAINED_EXAMPLES // self.train_batch_size
        if self.train_steps > possible:
            raise UserError(f"num_train_steps: is {self.train_steps}; at most {possible} of this batch are possible")
