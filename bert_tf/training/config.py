"""The configuration of a run. One field is one flag: default, help, bounds, and whether it may change on resume.

    config = RunConfig(data_dir="data/MRPC", output_dir="output", do_train=True, learning_rate=2e-5)

`bert_tf.flags` makes the absl flags of a program from these fields. A program picks the groups that it needs.
"""

import dataclasses
import math
from collections.abc import Mapping
from typing import ClassVar, TypeVar

from bert_tf.checkpoints.catalogue import DEFAULT_CHECKPOINT
from bert_tf.errors import UserError
from bert_tf.training.fields import FlagConfig, flag, flag_name, flags_of

MAX_BATCH_SIZE = 2**20
# Steps and examples are counted in int32 on the device.
MAX_TRAINED_EXAMPLES = 2**31 - 1

# The flags that name a model.
MODEL_FIELDS = ("model", "bert_config_file", "vocab_file", "init_checkpoint")
# Settings that replace a model's defaults, as measured.
RECIPES = {DEFAULT_CHECKPOINT: {"learning_rate": 1e-4, "train_batch_size": 32, "num_train_epochs": 4.0}}


def with_recipe(help: str, field: str, recipes: Mapping[str, Mapping[str, float]] = RECIPES) -> str:
    """Adds the models that have another default than the flag to its help.

    Example:
        >>> with_recipe("The peak learning rate.", "learning_rate", {"small": {"learning_rate": 3e-4}})
        'The peak learning rate. By default 0.0003 for small.'
    """
    others = ", ".join(f"{recipe[field]:g} for {model}" for model, recipe in recipes.items())
    return f"{help} By default {others}."


@dataclasses.dataclass(frozen=True, kw_only=True)
class ActionConfig(FlagConfig):
    """Chooses training, evaluation and prediction."""

    do_train: bool = flag(False, "Whether to run training.", resume=False)
    do_eval: bool = flag(False, "Whether to run eval on the dev set.", resume=False)
    do_predict: bool = flag(False, "Whether to run the model in inference mode on the test set.", resume=False)
    eval_steps: str | None = flag(
        None,
        "How often to evaluate on the dev set while training: a number of steps, or epoch. The scores go into "
        "train_log.csv and TensorBoard. It works without an evaluation at the end, too.",
        resume=True,
        count_or="epoch",
    )
    eval_all_checkpoints: bool = flag(
        False,
        "Whether the evaluation at the end includes each checkpoint of the folder; see keep_checkpoint_max.",
        resume=False,
    )

    @property
    def splits(self) -> list[str]:
        """The splits of the data that the run needs.

        Example:
            >>> ActionConfig(do_train=True, do_eval=True).splits
            ['train', 'dev']
        """
        wanted = {"train": self.do_train, "dev": self.do_eval or self.eval_steps, "test": self.do_predict}
        return [split for split, is_wanted in wanted.items() if is_wanted]


@dataclasses.dataclass(frozen=True, kw_only=True)
class ValidationConfig(FlagConfig):
    """The use of evaluations while training: to keep the best weights, and to stop early."""

    keep_best: str | None = flag(
        None,
        "The score of the dev set, such as accuracy or loss, by which to choose the weights that training ends with. "
        "By default they are those of the last step. Evaluates each epoch unless eval_steps says otherwise.",
        resume=True,
    )
    early_stopping_patience: int | None = flag(
        None,
        "Training stops after this number of evaluations in a row without a better score: that of keep_best, or else "
        "the task's main score. Evaluates each epoch unless eval_steps says otherwise.",
        resume=True,
        lower_bound=1,
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class FolderConfig(FlagConfig):
    """The folders of data and results.

    Attributes:
        dataset: the name of the data in results.json; the data folder if None.
    """

    data_dir: str | None = flag(
        None,
        "The folder of the task's .tsv files, or of own train, dev and test files. By default data/TASK, and for MRPC "
        "the sample corpus if that is missing.",
        resume=False,
        is_path=True,
    )
    output_dir: str | None = flag(
        None,
        "The folder for checkpoints and results; a killed run resumes from there. By default output/TASK/MODEL.",
        resume=False,
        is_path=True,
    )
    overwrite_output_dir: bool = flag(
        False, "Whether to remove an earlier run from output_dir and train again.", resume=False
    )
    dataset: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelConfig(FlagConfig):
    """The model to start from: a name or folder, or the original's three files."""

    model: str | None = flag(
        None,
        "The pre-trained model: a name such as uncased_L-12_H-768_A-12, which is downloaded once, or a folder with "
        "configuration, vocabulary and checkpoint, or hf://ORGANIZATION/NAME for a model of the Hugging Face hub. By "
        f"default the small {DEFAULT_CHECKPOINT}.",
        resume=True,
        name="bert_model",
        is_path=True,
        is_model=True,
    )
    bert_config_file: str | None = flag(
        None,
        "Instead of bert_model: the JSON file with the pre-trained model's architecture.",
        resume=True,
        is_path=True,
    )
    vocab_file: str | None = flag(
        None, "Instead of bert_model: the vocabulary that the model was trained on.", resume=True, is_path=True
    )
    init_checkpoint: str | None = flag(
        None,
        "Instead of bert_model: the initial checkpoint, usually pre-trained; a fine-tuned one to evaluate "
        "or predict with.",
        resume=True,
        is_path=True,
    )

    def check_model(self) -> None:
        """Raises `UserError` if the model is named twice or only in part."""
        names = ("bert_config_file", "vocab_file", "init_checkpoint")
        files = [name for name in names if getattr(self, name)]
        if self.model and files:
            raise UserError(f"bert_model: contradicts --{files[0]}; pass only one of them")
        if files and not (self.bert_config_file and self.vocab_file):
            raise UserError(f"{files[0]}: also needs --bert_config_file and --vocab_file; or pass --bert_model")

    @property
    def names_model(self) -> bool:
        """True if the flags name a model."""
        return bool(self.model or self.bert_config_file)


@dataclasses.dataclass(frozen=True, kw_only=True)
class TextConfig(FlagConfig):
    """Settings of tokenization."""

    do_lower_case: bool | None = flag(
        None,
        "Whether to lower case the input text. Should be True for uncased models and False for cased models. By "
        "default the files of the model say it.",
        resume=True,
    )
    max_seq_length: int | None = flag(
        128,
        "The maximum total input sequence length after WordPiece tokenization. Longer sequences are truncated.",
        resume=True,
        recipe=True,
        lower_bound=3,
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingConfig(FlagConfig):
    """Settings of training. `Training` takes this group."""

    train_batch_size: int | None = flag(
        32,
        "Total batch size for training, over all replicas.",
        resume=True,
        recipe=True,
        lower_bound=1,
        upper_bound=MAX_BATCH_SIZE,
    )
    gradient_accumulation_steps: int = flag(
        1,
        "The number of passes in which an update of train_batch_size examples is computed, to save memory; it must "
        "divide train_batch_size. The update is the same, except for rounding and for what dropout drops.",
        resume=True,
        lower_bound=1,
        upper_bound=MAX_BATCH_SIZE,
    )
    learning_rate: float | None = flag(
        5e-5,
        with_recipe("The peak learning rate for Adam.", "learning_rate"),
        resume=True,
        recipe=True,
        positive=True,
    )
    num_train_epochs: float | None = flag(
        3.0,
        with_recipe("Total number of training epochs to perform.", "num_train_epochs"),
        resume=True,
        recipe=True,
        positive=True,
    )
    warmup_proportion: float = flag(
        0.1,
        "Proportion of training to perform linear learning rate warmup for. E.g., 0.1 = 10% of training.",
        resume=True,
        lower_bound=0.0,
        upper_bound=1.0,
    )
    warmup_steps: int | None = flag(
        None, "Steps of warmup; takes precedence over warmup_proportion.", resume=True, lower_bound=0
    )
    optimizer: str = flag(
        "adamw",
        "adamw: Adam with decoupled weight decay, as in the original. lamb: for batches of thousands of examples; it "
        "scales each variable's update to the variable's norm.",
        resume=True,
        choices=("adamw", "lamb"),
    )
    weight_decay: float = flag(0.01, "The decoupled weight decay of Adam.", resume=True, lower_bound=0.0)
    adam_bias_correction: bool = flag(
        True,
        "Whether Adam corrects the bias of its moments. The original does not, and training on small tasks then "
        "sometimes fails.",
        resume=True,
    )
    layer_decay: float = flag(
        1.0,
        "The factor between the learning rate of a layer and that of the layer above it, e.g. 0.95. Head, pooler and "
        "the top layer have the full rate, the embeddings the smallest.",
        resume=True,
        positive=True,
        upper_bound=1.0,
    )
    reinit_layers: int = flag(
        0,
        "How many of the top layers start with new weights instead of pre-trained ones; the pooler then does, too.",
        resume=True,
        lower_bound=0,
    )
    recompute: bool = flag(
        False,
        "Whether the backward pass computes each layer again instead of keeping its activations. It takes less memory "
        "and more time, and gives the same weights, bit by bit.",
        resume=False,
    )
    seed: int = flag(
        0,
        "Seed of the head's initial weights, of dropout and of the order of examples.",
        resume=True,
        lower_bound=0,
        upper_bound=2**31 - 1,
    )
    mixed_precision: str | None = flag(
        "none",
        "The type to compute in; weights stay float32. Evaluation alone computes in that of the training.",
        resume=True,
        recipe=True,
        choices=("none", "bfloat16", "float16"),
    )
    save_checkpoints_steps: int = flag(
        1000,
        "How often to save the model checkpoint, in steps; it is also saved every ten minutes.",
        resume=False,
        lower_bound=1,
    )
    keep_checkpoint_max: int = flag(
        1,
        "How many checkpoints to keep, the newest ones; 0 keeps all. With keep_best the best one is among them at the "
        "end.",
        resume=False,
        lower_bound=0,
    )
    logging_steps: int = flag(10, "How often to write a row of train_log.csv, in steps.", resume=False, lower_bound=1)
    iterations_per_loop: int = flag(
        1000, "How many steps to send to the device before their losses are read.", resume=False, lower_bound=1
    )

    def check_passes(self) -> None:
        """Raises `UserError` if the passes of an update cannot share its examples evenly.

        Example:
            >>> TrainingConfig(train_batch_size=32, gradient_accumulation_steps=5).check_passes()
            Traceback (most recent call last):
            ...
            bert_tf.errors.UserError: gradient_accumulation_steps: 5 does not divide the train_batch_size of 32
        """
        if self.train_batch_size % self.gradient_accumulation_steps:
            raise UserError(
                f"gradient_accumulation_steps: {self.gradient_accumulation_steps} does not divide the "
                f"train_batch_size of {self.train_batch_size}"
            )

    def check_size(self, num_examples: int) -> None:
        """Raises `UserError` if training takes more steps or examples than can be counted.

        Example:
            >>> TrainingConfig(train_batch_size=32, num_train_epochs=1e9).check_size(num_examples=100)
            Traceback (most recent call last):
            ...
            bert_tf.errors.UserError: num_train_epochs: is 1e+09; of 100 examples at most 2.14748e+07 are possible
        """
        if self.num_train_steps(num_examples) * self.train_batch_size > MAX_TRAINED_EXAMPLES:
            possible = MAX_TRAINED_EXAMPLES / num_examples
            raise UserError(
                f"num_train_epochs: is {self.num_train_epochs:g}; of {num_examples} examples at most {possible:g} "
                "are possible"
            )

    def num_train_steps(self, num_examples: int) -> int:
        """Returns the steps in which each epoch uses all its examples: the original's number, rounded up.

        Example:
            >>> TrainingConfig(train_batch_size=32, num_train_epochs=3.0).num_train_steps(3668)
            344
        """
        return max(1, math.ceil(num_examples * self.num_train_epochs / self.train_batch_size - 1e-9))

    def epochs(self, num_examples: int) -> float:
        """Returns how often training uses each example."""
        return self.num_train_epochs

    def is_longer_than(self, training: Mapping[str, object]) -> bool:
        """Returns True if an earlier training, by the settings in its run.json, used its examples less often."""
        epochs = training.get("num_train_epochs")
        return isinstance(epochs, float) and self.num_train_epochs > epochs

    def num_warmup_steps(self, num_train_steps: int) -> int:
        """Returns the steps of warmup: `warmup_steps`, or else their proportion, rounded down as in the original."""
        return int(num_train_steps * self.warmup_proportion) if self.warmup_steps is None else self.warmup_steps

    @property
    def warmup_flag(self) -> str:
        """The name of the flag of warmup_steps, which another program may have renamed."""
        return flag_name("warmup_steps", flags_of(self)["warmup_steps"])


@dataclasses.dataclass(frozen=True, kw_only=True)
class InferenceConfig(FlagConfig):
    """Settings of evaluation and prediction."""

    eval_batch_size: int = flag(
        8,
        "Total batch size for eval; a CPU computes at least 32 at a time.",
        resume=False,
        lower_bound=1,
        upper_bound=MAX_BATCH_SIZE,
    )
    predict_batch_size: int = flag(
        8,
        "Total batch size for predict; a CPU computes at least 32 at a time.",
        resume=False,
        lower_bound=1,
        upper_bound=MAX_BATCH_SIZE,
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class DeviceConfig(FlagConfig):
    """The devices to compute on."""

    distribution_strategy: str | None = flag(
        None,
        "How to spread the work. By default one device, or mirrored if there are several GPUs. mirrored takes all "
        "devices of this machine, multi_worker_mirrored those of the machines in TF_CONFIG, tpu is --use_tpu.",
        resume=True,
        choices=("mirrored", "multi_worker_mirrored", "tpu"),
    )
    use_tpu: bool = flag(False, "Whether to use TPU or GPU/CPU.", resume=False)  # distribution_strategy says it as well
    tpu_name: str | None = flag(
        None,
        "The Cloud TPU to use: the name used when creating it, or a grpc://ip.address.of.tpu:8470 url. By default the "
        "TPU of this machine.",
        resume=False,
    )
    tpu_zone: str | None = flag(
        None, "[Optional] GCE zone where the Cloud TPU is located in; by default asked of metadata.", resume=False
    )
    gcp_project: str | None = flag(
        None, "[Optional] Project name of the Cloud TPU; by default asked of metadata.", resume=False
    )
    master: str | None = flag(None, "[Optional] The TPU's grpc:// url, as an older name of tpu_name.", resume=False)
    num_tpu_cores: int | None = flag(
        8, "Only used if `use_tpu` is True. Total number of TPU cores to use.", resume=True, lower_bound=1
    )

    def check_devices(self) -> None:
        """Raises `UserError` if flags of devices contradict one another."""
        if self.use_tpu and self.distribution_strategy not in (None, "tpu"):
            raise UserError(f"use_tpu: contradicts --distribution_strategy={self.distribution_strategy}")
        uses_tpu = self.use_tpu or self.distribution_strategy == "tpu"
        for name in ("tpu_name", "tpu_zone", "gcp_project", "master"):
            if getattr(self, name) and not uses_tpu:
                raise UserError(f"{name}: only valid with --use_tpu")
        if self.master and self.tpu_name and self.master != self.tpu_name:
            raise UserError("master: contradicts --tpu_name; pass only one of them")
        if uses_tpu and getattr(self, "mixed_precision", None) == "float16":
            raise UserError("mixed_precision: TPUs compute in bfloat16, not in float16")


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunConfig(
    ActionConfig,
    ValidationConfig,
    FolderConfig,
    ModelConfig,
    TextConfig,
    TrainingConfig,
    InferenceConfig,
    DeviceConfig,
):
    """All that a training run needs to know. A program's config adds the flags of its task.

    Attributes:
        program: the name of the program whose flags these are.
        recipes: the settings of models that have others than the defaults of the flags.
        evaluation_settings: the fields that an evaluation depends on.

    Raises:
        UserError: a value is out of its bounds, or two values contradict each other.
    """

    program: ClassVar[str] = "run_classifier"
    recipes: ClassVar[Mapping[str, Mapping[str, float]]] = RECIPES
    evaluation_settings: ClassVar[tuple[str, ...]] = (
        *("mixed_precision", "do_lower_case", "max_seq_length", "eval_batch_size", "data_dir"),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_model()
        self.check_devices()
        if not (self.do_train or self.do_eval or self.do_predict):
            actions = [name for name in ("do_train", "do_eval", "do_predict") if name in flags_of(self)]
            raise UserError(f"nothing to do; pass at least one of {', '.join(f'--{name}' for name in actions)}")
        if self.overwrite_output_dir and not self.do_train:
            raise UserError("overwrite_output_dir: only valid with --do_train")
        self._check_evaluations()
        # One thing has one value, so that resume compares what was meant.
        if self.use_tpu:
            object.__setattr__(self, "distribution_strategy", "tpu")
        object.__setattr__(self, "tpu_name", self.tpu_name or self.master)
        if self.distribution_strategy != "tpu":
            object.__setattr__(self, "num_tpu_cores", None)
        if (self.keep_best or self.early_stopping_patience) and not self.eval_steps:
            object.__setattr__(self, "eval_steps", "epoch")
        if self.keep_best:
            object.__setattr__(self, "keep_best", self.keep_best.removeprefix("eval_"))

    def _check_evaluations(self) -> None:
        for name in ("eval_steps", "keep_best", "early_stopping_patience"):
            if getattr(self, name) is not None and not self.do_train:
                raise UserError(f"{name}: only valid with --do_train")
        if self.eval_all_checkpoints and not self.do_eval:
            raise UserError("eval_all_checkpoints: only valid with --do_eval")


AnyRunConfig = TypeVar("AnyRunConfig", bound=RunConfig)


def settle(config: AnyRunConfig, earlier: Mapping[str, object]) -> AnyRunConfig:
    """Fills the fields that the user left open, except `do_lower_case`: the files of the model decide that.

    Args:
        config: the run.
        earlier: what the training of the model was started with, by field; evaluation and prediction without training
            use its values. Empty if that is unknown.
    """
    open_fields = {field: declared.default for field, declared in flags_of(config).items() if declared.recipe}
    values = open_fields | config.recipes.get(config.model, {})
    if not config.do_train:
        values |= {field: earlier[field] for field in open_fields if field in earlier}
    return dataclasses.replace(
        config, **{field: value for field, value in values.items() if getattr(config, field) is None}
    )


def resume_fields(config: RunConfig) -> dict[str, object]:
    """Returns the values that must not change when a run is resumed, by field."""
    return {field: getattr(config, field) for field, declared in flags_of(config).items() if declared.resume}


def names_model_of(config: RunConfig, earlier: Mapping[str, object]) -> bool:
    """Returns True if the flags of a model are those of an earlier run."""
    return all(getattr(config, field) == earlier.get(field) for field in MODEL_FIELDS)


def resume_differences(config: RunConfig, earlier: Mapping[str, object]) -> list[str]:
    """Lists the settings in which a run differs from the one that an output folder holds.

    A flag that the earlier run does not mention had its default, or no meaning: its version did not have the flag. A
    field that is still open does not differ.
    """
    declared = flags_of(config)
    found = []
    for field, value in resume_fields(config).items():
        before = earlier.get(field, declared[field].default)
        is_open = value is None and (field not in earlier or field == "do_lower_case")
        is_same = before == value or (declared[field].ignores_case and str(before).lower() == str(value).lower())
        if not is_same and not is_open:
            found.append(f"{flag_name(field, declared[field])} was {before!r}, is {value!r}")
    return found
