#!/usr/bin/env python
r"""Fine-tunes BERT on a text classification task: Google's run_classifier.py on TensorFlow 2.

    python run_classifier.py --task_name=MRPC --do_train --do_eval

trains a small pre-trained BERT and prints loss, accuracy and F1. As in the original:

    python run_classifier.py --task_name=MRPC --do_train --do_eval --data_dir=$GLUE_DIR/MRPC \
        --vocab_file=$BERT_BASE_DIR/vocab.txt --bert_config_file=$BERT_BASE_DIR/bert_config.json \
        --init_checkpoint=$BERT_BASE_DIR/bert_model.ckpt --output_dir=/tmp/mrpc_output
"""

import dataclasses
import math
import os
import sys
from pathlib import Path

from absl import app, flags, logging

from bert_tf.checkpoints.catalogue import DEFAULT_CHECKPOINT
from bert_tf.data.processors import PROCESSORS
from bert_tf.errors import UserError
from bert_tf.training.config import DEFAULTS, ClassifierConfig

# TensorFlow's own messages at the start are noise to most users; TF_CPP_MIN_LOG_LEVEL=0 brings them back.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

FLAGS = flags.FLAGS
_ROOT = Path(__file__).resolve().parent

# What to do.
flags.DEFINE_string("task_name", None, f"The task to train: {', '.join(sorted(PROCESSORS))}.")
flags.DEFINE_bool("do_train", False, "Whether to run training.")
flags.DEFINE_bool("do_eval", False, "Whether to run eval on the dev set.")
flags.DEFINE_bool("do_predict", False, "Whether to run the model in inference mode on the test set.")

# Where things are.
flags.DEFINE_string(
    "data_dir",
    None,
    "The folder of the task's .tsv files. By default data/TASK beside this script, and for MRPC the sample corpus "
    "data/sample/MRPC where that is missing.",
)
flags.DEFINE_string(
    "output_dir",
    None,
    "The folder for checkpoints and results; a killed run goes on from there. By default output/TASK/MODEL.",
)
flags.DEFINE_bool("overwrite_output_dir", False, "Whether to remove an earlier run from output_dir and train anew.")
flags.DEFINE_string(
    "bert_model",
    None,
    "The pre-trained model: a name such as uncased_L-12_H-768_A-12, which is downloaded once, or a folder with "
    f"configuration, vocabulary and checkpoint. By default the small {DEFAULT_CHECKPOINT}.",
)
flags.DEFINE_string(
    "bert_config_file",
    None,
    "In place of bert_model: the JSON file with the pre-trained model's architecture.",
)
flags.DEFINE_string("vocab_file", None, "In place of bert_model: the vocabulary that the model was trained on.")
flags.DEFINE_string(
    "init_checkpoint",
    None,
    "In place of bert_model: the initial checkpoint, usually pre-trained; a fine-tuned one for do_eval and do_predict.",
)

# How texts are read.
flags.DEFINE_bool(
    "do_lower_case",
    True,
    "Whether to lower case the input text. Should be True for uncased models and False for cased models; a "
    "bert_model given by name sets it.",
)
flags.DEFINE_integer(
    "max_seq_length",
    128,
    "The maximum total input sequence length after WordPiece tokenization. Longer sequences are truncated.",
    lower_bound=3,
)

# How to train.
flags.DEFINE_integer("train_batch_size", 32, "Total batch size for training, over all replicas.", lower_bound=1)
flags.DEFINE_float("learning_rate", 5e-5, "The peak learning rate for Adam.", lower_bound=0.0)
flags.DEFINE_float("num_train_epochs", 3.0, "Total number of training epochs to perform.", lower_bound=0.0)
flags.DEFINE_float(
    "warmup_proportion",
    0.1,
    "Proportion of training to perform linear learning rate warmup for. E.g., 0.1 = 10% of training.",
    lower_bound=0.0,
    upper_bound=1.0,
)
flags.DEFINE_integer("warmup_steps", None, "Steps of warmup; wins over warmup_proportion.", lower_bound=0)
flags.DEFINE_float("weight_decay", 0.01, "The decoupled weight decay of Adam.", lower_bound=0.0)
flags.DEFINE_bool(
    "adam_bias_correction",
    True,
    "Whether Adam corrects the bias of its moments. The original does not, which makes training on small tasks fail "
    "now and then.",
)
flags.DEFINE_integer(
    "seed",
    0,
    "Seed of the classifier's first weights, of dropout and of the order of examples.",
    lower_bound=0,
    upper_bound=2**31 - 1,
)
flags.DEFINE_enum(
    "mixed_precision",
    "none",
    ["none", "bfloat16", "float16"],
    "The type to compute in; weights stay float32.",
)
flags.DEFINE_integer(
    "save_checkpoints_steps",
    1000,
    "How often to save the model checkpoint, in steps; after ten minutes it is saved in any case.",
    lower_bound=1,
)
flags.DEFINE_integer("logging_steps", 10, "How often to write a row of train_log.csv, in steps.", lower_bound=1)
flags.DEFINE_integer(
    "iterations_per_loop",
    1000,
    "How many steps to send to the device before their losses are read.",
    lower_bound=1,
)

# How to evaluate and predict.
flags.DEFINE_integer(
    "eval_batch_size", 8, "Total batch size for eval; a CPU computes 32 at a time at least.", lower_bound=1
)
flags.DEFINE_integer(
    "predict_batch_size", 8, "Total batch size for predict; a CPU computes 32 at a time at least.", lower_bound=1
)

# On what.
flags.DEFINE_enum(
    "distribution_strategy",
    None,
    ["mirrored", "multi_worker_mirrored", "tpu"],
    "How to spread the work. By default one device, or mirrored where there are several GPUs. mirrored takes all "
    "devices of this machine, multi_worker_mirrored those of the machines in TF_CONFIG, tpu is --use_tpu.",
)
flags.DEFINE_bool("use_tpu", False, "Whether to use TPU or GPU/CPU.")
flags.DEFINE_string(
    "tpu_name",
    None,
    "The Cloud TPU to use: the name used when creating it, or a grpc://ip.address.of.tpu:8470 url. By default the "
    "TPU of this machine.",
)
flags.DEFINE_string("tpu_zone", None, "[Optional] GCE zone where the Cloud TPU is located in; else asked of metadata.")
flags.DEFINE_string("gcp_project", None, "[Optional] Project name of the Cloud TPU; else asked of metadata.")
flags.DEFINE_string("master", None, "[Optional] The TPU's grpc:// url, as an older name of tpu_name.")
flags.DEFINE_integer(
    "num_tpu_cores", 8, "Only used if `use_tpu` is True. Total number of TPU cores to use.", lower_bound=1
)


def check_flags() -> None:
    """Raises `UserError` where flags contradict one another, before anything is loaded."""
    if not FLAGS.task_name:
        raise UserError(f"task_name: is missing; pass --task_name=MRPC (known: {', '.join(sorted(PROCESSORS))})")
    if FLAGS.task_name.lower() not in PROCESSORS:
        raise UserError(f"task_name: {FLAGS.task_name!r} is unknown; known: {', '.join(sorted(PROCESSORS))}")
    if not (FLAGS.do_train or FLAGS.do_eval or FLAGS.do_predict):
        raise UserError("nothing to do; pass at least one of --do_train, --do_eval, --do_predict")
    files = [name for name in ("bert_config_file", "vocab_file", "init_checkpoint") if FLAGS[name].value]
    if FLAGS.bert_model and files:
        raise UserError(f"bert_model: contradicts --{files[0]}; pass the one or the other")
    if files and not (FLAGS.bert_config_file and FLAGS.vocab_file):
        raise UserError(f"{files[0]}: needs --bert_config_file and --vocab_file beside it; or pass --bert_model")
    if FLAGS.use_tpu and FLAGS.distribution_strategy not in (None, "tpu"):
        raise UserError(f"use_tpu: contradicts --distribution_strategy={FLAGS.distribution_strategy}")
    uses_tpu = FLAGS.use_tpu or FLAGS.distribution_strategy == "tpu"
    for name in ("tpu_name", "tpu_zone", "gcp_project", "master"):
        if FLAGS[name].value and not uses_tpu:
            raise UserError(f"{name}: has a meaning only with --use_tpu")
    if FLAGS.master and FLAGS.tpu_name:
        raise UserError("master: contradicts --tpu_name; pass the one or the other")
    if FLAGS.mixed_precision == "float16" and uses_tpu:
        raise UserError("mixed_precision: TPUs compute in bfloat16, not in float16")
    if FLAGS.overwrite_output_dir and not FLAGS.do_train:
        raise UserError("overwrite_output_dir: has a meaning only with --do_train")
    for name in ("num_train_epochs", "learning_rate"):
        if not 0 < FLAGS[name].value < math.inf:
            raise UserError(f"{name}: is {FLAGS[name].value}; it must be more than 0 and finite")


def data_dir() -> tuple[str, str | None]:
    """The data folder, and the name of the corpus if it is our own."""
    if FLAGS.data_dir:
        return FLAGS.data_dir, None
    task = FLAGS.task_name.upper()
    exported, sample = _ROOT / "data" / task, _ROOT / "data" / "sample" / task
    if exported.is_dir():
        return str(exported), task
    if not sample.is_dir():
        raise UserError(f"data_dir: there is no {exported}; pass --data_dir=FOLDER with the .tsv files of {task}")
    logging.warning(
        "No data_dir and no %s: taking the sample corpus %s, whose numbers are not %s's. "
        "`python scripts/export_mrpc.py` gets the real one.",
        exported,
        sample,
        task,
    )
    return str(sample), "sample"


def model_name() -> str | None:
    """The pre-trained model; None where the original's three flags name its files."""
    return FLAGS.bert_model or (None if FLAGS.bert_config_file else DEFAULT_CHECKPOINT)


def output_dir() -> str:
    """The output folder: output/TASK/MODEL unless a flag says another."""
    if FLAGS.output_dir:
        return FLAGS.output_dir
    model = model_name() or str(Path(FLAGS.init_checkpoint or FLAGS.bert_config_file).resolve().parent)
    return str(Path("output", FLAGS.task_name.upper(), Path(model).resolve().name))


def config() -> ClassifierConfig:
    """The run that the flags describe."""
    folder, dataset = data_dir()
    same = {
        field.name: FLAGS[field.name].value
        for field in dataclasses.fields(ClassifierConfig)
        if field.name in FLAGS and (field.name not in DEFAULTS or FLAGS[field.name].present)
    }
    changed = {
        "data_dir": folder,
        "dataset": dataset,
        "output_dir": output_dir(),
        "model": model_name(),
        "tpu_name": FLAGS.tpu_name or FLAGS.master,
        "distribution_strategy": "tpu" if FLAGS.use_tpu else FLAGS.distribution_strategy,
    }
    return ClassifierConfig(**(same | changed))


def main(argv: list[str]) -> None:
    """Checks the flags, and runs what they describe."""
    if len(argv) > 1:
        raise UserError(f"{argv[1]!r}: what is this? Flags begin with --; see --help")
    check_flags()
    described = config()
    # TensorFlow takes seconds to load: mistakes in flags are told before.
    from bert_tf.training import run as classifier

    classifier.run(described)


def run_main(argv: list[str]) -> None:
    """`main`, with mistakes of the user told in one line."""
    logging.set_verbosity(logging.INFO)
    logging.get_absl_handler().setFormatter(None)
    try:
        main(argv)
    except UserError as error:
        print(f"run_classifier.py: error: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("run_classifier.py: interrupted; the same command goes on from the last checkpoint", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    app.run(run_main)
