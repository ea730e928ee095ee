"""What one run is: the config that flags become, its defaults, and what makes it the same run as another.

config = ClassifierConfig(task_name="MRPC", data_dir="data/MRPC", output_dir="output", do_train=True)
"""

import dataclasses

from bert_tf.checkpoints.catalogue import DEFAULT_CHECKPOINT

# The original's defaults, and what a model needs other ones for, as measured.
DEFAULTS = {
    "do_lower_case": True,
    "max_seq_length": 128,
    "train_batch_size": 32,
    "learning_rate": 5e-5,
    "num_train_epochs": 3.0,
}
RECIPES = {DEFAULT_CHECKPOINT: {"learning_rate": 1e-4, "train_batch_size": 32, "num_train_epochs": 4.0}}

# A killed run may be gone on with only if these are what it was started with.
TRAINING_FIELDS = (
    "task_name",
    "model",
    "bert_config_file",
    "vocab_file",
    "init_checkpoint",
    "do_lower_case",
    "max_seq_length",
    "train_batch_size",
    "learning_rate",
    "num_train_epochs",
    "warmup_proportion",
    "warmup_steps",
    "weight_decay",
    "adam_bias_correction",
    "mixed_precision",
    "distribution_strategy",
    "seed",
)


@dataclasses.dataclass(frozen=True)
class ClassifierConfig:
    """One run. Fields that are flags mean what `run_classifier.py --help` says of them.

    The fields that are in `DEFAULTS` are None where the user said nothing.

    Attributes:
        dataset: what to call the data in results.json; `data_dir` by default.
        model: a name of the catalogue or a folder; None to take the three files that follow it.
        distribution_strategy: see `distribution.create_strategy`.
    """

    task_name: str
    data_dir: str
    output_dir: str
    dataset: str | None = None
    model: str | None = None
    bert_config_file: str | None = None
    vocab_file: str | None = None
    init_checkpoint: str | None = None
    do_lower_case: bool | None = None
    max_seq_length: int | None = None
    do_train: bool = False
    do_eval: bool = False
    do_predict: bool = False
    train_batch_size: int | None = None
    eval_batch_size: int = 8
    predict_batch_size: int = 8
    learning_rate: float | None = None
    num_train_epochs: float | None = None
    warmup_proportion: float = 0.1
    warmup_steps: int | None = None
    weight_decay: float = 0.01
    adam_bias_correction: bool = True
    mixed_precision: str = "none"
    seed: int = 0
    save_checkpoints_steps: int = 1000
    iterations_per_loop: int = 1000
    logging_steps: int = 10
    overwrite_output_dir: bool = False
    distribution_strategy: str | None = None
    tpu_name: str | None = None
    tpu_zone: str | None = None
    gcp_project: str | None = None
    num_tpu_cores: int = 8
