"""The flags of `run_squad.py`: those of every run, and those of questions and answers."""

import dataclasses
from collections.abc import Mapping
from typing import ClassVar

from bert_tf.checkpoints.catalogue import DEFAULT_CHECKPOINT
from bert_tf.data.spans import SPECIAL_PIECES, WindowSettings
from bert_tf.errors import UserError
from bert_tf.models.question_settings import LARGEST
from bert_tf.tasks.squad_answers import AnswerSettings
from bert_tf.training.config import MAX_BATCH_SIZE, RunConfig, with_recipe
from bert_tf.training.fields import FlagConfig, flag

# Settings that replace a model's defaults, as measured on part of the training articles of the sample corpus.
RECIPES = {
    DEFAULT_CHECKPOINT: {
        "learning_rate": 3e-4,
        "train_batch_size": 16,
        "num_train_epochs": 4.0,
        "pad_to_max_length": False,
    }
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class QuestionConfig(FlagConfig):
    """Questions: their files, and the windows in which a model reads their documents."""

    train_file: str | None = flag(None, "SQuAD json for training. E.g., train-v1.1.json", resume=False, is_path=True)
    predict_file: str | None = flag(
        None,
        "SQuAD json for predictions. E.g., dev-v1.1.json or test-v1.1.json. If it has the answers, the predictions are "
        "scored.",
        resume=False,
        is_path=True,
    )
    version_2_with_negative: bool = flag(
        False,
        "If true, the SQuAD examples contain some that do not have an answer.",
        resume=True,
    )
    max_seq_length: int | None = flag(
        384,
        "The maximum total input sequence length after WordPiece tokenization. Longer documents are read in several "
        "windows.",
        resume=True,
        recipe=True,
        lower_bound=5,
    )
    doc_stride: int | None = flag(
        WindowSettings.doc_stride,
        "When splitting up a long document into chunks, how much stride to take between chunks.",
        resume=True,
        recipe=True,
        lower_bound=1,
        upper_bound=LARGEST,
    )
    max_query_length: int | None = flag(
        WindowSettings.max_query_length,
        "The maximum number of tokens for the question. Questions longer than this will be truncated to this length.",
        resume=True,
        recipe=True,
        lower_bound=1,
        upper_bound=LARGEST,
    )
    pad_to_max_length: bool | None = flag(
        WindowSettings.pad_to_max_length,
        "Whether to compute padding, too, as the original does, whose model can place an answer there. Without it "
        f"only word pieces are computed: faster, with other numbers. By default false for {DEFAULT_CHECKPOINT}.",
        resume=True,
        recipe=True,
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class AnswerConfig(FlagConfig):
    """The choice of answers among all spans of a document."""

    n_best_size: int = flag(
        AnswerSettings.n_best_size,
        "The total number of n-best predictions to generate in the nbest_predictions.json output file.",
        resume=False,
        lower_bound=1,
        upper_bound=LARGEST,
    )
    max_answer_length: int = flag(
        AnswerSettings.max_answer_length,
        "The maximum length of an answer that can be generated. This is needed because the start and end predictions "
        "are not conditioned on one another.",
        resume=False,
        lower_bound=1,
        upper_bound=LARGEST,
    )
    null_score_diff_threshold: float = flag(
        0.0, "If null_score - best_non_null is greater than the threshold predict null.", resume=False
    )
    exact_answer_text: bool = flag(
        False,
        "Whether an answer is just the characters that its word pieces come from. By default, as in the original, it "
        "is all of the words that it touches where lowercasing changes the number of characters or a piece is unknown: "
        "in Chinese that can be a whole sentence.",
        resume=False,
    )
    verbose_logging: bool = flag(
        False,
        "If true, all of the warnings related to data processing will be printed. A number of warnings are expected "
        "for a normal SQuAD evaluation.",
        resume=False,
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class SquadConfig(QuestionConfig, AnswerConfig, RunConfig):
    """A run of `run_squad.py`.

    Attributes:
        task_name: the name of the task in results and default folders.
        data_dir: not used; the files have flags of their own.
        do_eval: True if the predictions are scored; `run_squad` finds that out from `predict_file`.
        eval_batch_size: the same as `predict_batch_size`.

    Example:
        >>> config = SquadConfig(do_train=True, do_predict=True, version_2_with_negative=True)
        >>> config.task_name, config.splits
        ('SQuAD-v2.0', ['train', 'dev'])
    """

    program: ClassVar[str] = "run_squad"
    recipes: ClassVar[Mapping[str, Mapping[str, float]]] = RECIPES
    evaluation_settings: ClassVar[tuple[str, ...]] = (
        *RunConfig.evaluation_settings,
        *("predict_file", "n_best_size", "max_answer_length", "null_score_diff_threshold", "exact_answer_text"),
        "pad_to_max_length",
    )

    do_export: bool = flag(
        False,
        "Whether to write the model as a SavedModel that takes raw texts into output_dir/export/NUMBER at the end.",
        resume=False,
    )
    do_predict: bool = flag(
        False, "Whether to answer the questions of predict_file, and to score the answers.", resume=False
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
    task_name: str = "SQuAD"
    data_dir: str | None = None
    do_eval: bool = False
    eval_batch_size: int = 8

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.version_2_with_negative:
            object.__setattr__(self, "task_name", "SQuAD-v2.0")
        object.__setattr__(self, "eval_batch_size", self.predict_batch_size)
        if not self.version_2_with_negative and self.null_score_diff_threshold:
            raise UserError("null_score_diff_threshold: only valid with --version_2_with_negative")

    @property
    def answer_settings(self) -> AnswerSettings:
        """The choice of answers as one value."""
        return AnswerSettings(
            n_best_size=self.n_best_size,
            max_answer_length=self.max_answer_length,
            version_2_with_negative=self.version_2_with_negative,
            null_score_diff_threshold=self.null_score_diff_threshold,
            verbose_logging=self.verbose_logging,
            exact_answer_text=self.exact_answer_text,
        )

    @property
    def splits(self) -> list[str]:
        """The splits that the run needs: `"train"` is train_file, `"dev"` predict_file."""
        wanted = {"train": self.do_train, "dev": self.do_predict or self.eval_steps}
        return [split for split, is_wanted in wanted.items() if is_wanted]

    def check_question_length(self) -> None:
        """Raises `UserError` if a question may be as long as a whole window; of a settled config."""
        if self.max_seq_length <= self.max_query_length + SPECIAL_PIECES:
            raise UserError(
                f"max_seq_length: {self.max_seq_length} must be greater than max_query_length "
                f"({self.max_query_length}) + {SPECIAL_PIECES}"
            )

    def _check_evaluations(self) -> None:
        for name in ("eval_steps", "keep_best", "early_stopping_patience"):
            if getattr(self, name) is not None and not self.do_train:
                raise UserError(f"{name}: only valid with --do_train")
        if self.eval_all_checkpoints and not self.do_predict:
            raise UserError("eval_all_checkpoints: only valid with --do_predict")
