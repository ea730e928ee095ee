r"""Pre-trains BERT on masked words and next sentences: Google's run_pretraining.py on TensorFlow 2.

    python scripts/create_pretraining_data.py && python scripts/run_pretraining.py

trains a small BERT further on the sample corpus and evaluates it. As in the original:

    python scripts/run_pretraining.py --input_file=/tmp/tf_examples.tfrecord --output_dir=/tmp/pretraining_output \
        --do_train=True --do_eval=True --bert_config_file=$BERT_BASE_DIR/bert_config.json \
        --init_checkpoint=$BERT_BASE_DIR/bert_model.ckpt --train_batch_size=32 --max_seq_length=128 \
        --max_predictions_per_seq=20 --num_train_steps=20 --num_warmup_steps=10 --learning_rate=2e-5

Without --init_checkpoint training starts from random weights. The model goes on in other programs:

    python scripts/run_classifier.py --bert_model=/tmp/pretraining_output --do_train --do_eval --output_dir=mine
"""

import dataclasses
from collections.abc import Mapping

from bert_tf.checkpoints.locate import latest_checkpoint
from bert_tf.data.folders import exported_dir
from bert_tf.data.pretraining_format import check_first_records
from bert_tf.data.record_files import RecordFiles, open_record_files, problems_reported
from bert_tf.data.vocabulary import load_vocab
from bert_tf.errors import UserError, printable
from bert_tf.flags import config_from_flags, run_program
from bert_tf.models.pretraining_models import fills_only_masks
from bert_tf.programs.default_model import earlier_settings, with_output_dir
from bert_tf.programs.pretraining_config import DEFAULT_MODEL, PretrainingConfig
from bert_tf.remote import AnyPath, as_path
from bert_tf.run_files import VOCAB
from bert_tf.streams import hide_start_up_messages
from bert_tf.tasks.pretraining_metrics import MASKED_LM_SCORES, SCORES
from bert_tf.training.config import settle
from bert_tf.training.early_checks import (
    check_keep_best,
    check_model,
    check_resumable,
    check_training_size,
    named_model,
)
from bert_tf.training.interruption import advice_after_interruption

_DEFAULT_FILE = "tf_examples.tfrecord"


def with_defaults(config: PretrainingConfig) -> PretrainingConfig:
    """Fills in the model, its vocabulary, the records and the output folder that the user did not name.

    Raises:
        UserError: there are no records, or there is no vocabulary.
    """
    config = _with_records(_with_output_dir(_with_vocabulary(config)))
    return dataclasses.replace(config, dataset=config.eval_file or config.input_file)


def _with_output_dir(config: PretrainingConfig) -> PretrainingConfig:
    if config.do_train and not config.names_model:
        config = dataclasses.replace(config, model=DEFAULT_MODEL)
    return with_output_dir(config, config.task_name)


def _with_vocabulary(config: PretrainingConfig) -> PretrainingConfig:
    """Fills in the vocabulary beside the checkpoint or the configuration: the original has no flag for it."""
    if not config.bert_config_file or config.vocab_file:
        return config
    named = [file for file in (config.init_checkpoint, config.bert_config_file) if file]
    places = [as_path(file).parent / VOCAB for file in named]
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        raise UserError(f"vocab_file: there is no {printable(places[-1])}; pass the one that made the records")
    return dataclasses.replace(config, vocab_file=str(found))


def _with_records(config: PretrainingConfig) -> PretrainingConfig:
    if config.input_file or (config.eval_file and not config.do_train):
        return config
    file = exported_dir(config.task_name) / _DEFAULT_FILE
    if not file.is_file():
        raise UserError(
            f"input_file: is missing, and there is no {printable(file)}; run create_pretraining_data, or pass "
            "--input_file=FILE"
        )
    return dataclasses.replace(config, input_file=str(file))


def find_records(config: PretrainingConfig) -> dict[str, RecordFiles]:
    """Finds the records that the run needs: `"train"` and `"dev"`.

    Raises:
        UserError: there is no such model, a file is missing or wrong, or its first record has another form than the
            flags say.
    """
    check_model(config)
    config = settle(config, earlier_settings(config))
    check_keep_best(config, MASKED_LM_SCORES if config.masked_lm_only else SCORES)
    _check_heads(config)
    records = {}
    if "train" in config.splits:
        records["train"] = open_record_files(config.input_file, "input_file")
    if "dev" in config.splits:
        records["dev"] = _dev_records(config, records.get("train"))
    for split, files in records.items():
        check_first_records(files, config.form, others_fit=split == "dev" and "train" in records)
    return records


def _check_heads(config: PretrainingConfig) -> None:
    """Raises `UserError` if a model that is evaluated has no head for the wanted scores, or its run has more scores."""
    if config.do_train:
        return
    checkpoint = latest_checkpoint(config.output_dir)
    has_all = not fills_only_masks(checkpoint or named_model(config).checkpoint)
    if not has_all and not config.masked_lm_only:
        name = printable(checkpoint or named_model(config).checkpoint)
        raise UserError(f"{name}: has no head for next sentences; pass --masked_lm_only")
    if has_all and config.masked_lm_only and checkpoint:
        folder = printable(config.output_dir)
        problem = f"the model in {folder} finds next sentences too, and their scores would stay in its results"
        remedy = f"leave it out, or pass --bert_model={folder} and another --output_dir"
        raise UserError(f"masked_lm_only: {problem}; {remedy}")


def _dev_records(config: PretrainingConfig, train: RecordFiles | None) -> RecordFiles:
    if config.eval_file:
        files = open_record_files(config.eval_file, "eval_file")
    else:
        files = train or open_record_files(config.input_file, "input_file")
    limit = config.eval_limit
    return files.first(limit * config.eval_batch_size) if limit else files


def run_task(config: PretrainingConfig, records: Mapping[str, RecordFiles]) -> dict:
    """Trains and evaluates, as `config` asks.

    Args:
        config: the run.
        records: the result of `find_records`.

    Returns:
        What this run put into `results.json`.

    Raises:
        UserError: a mistake in flags, model, records, output folder or environment.
    """
    if config.do_train:
        check_training_size(config, len(records["train"]))
        check_resumable(config, records["train"].digest)
    settled = settle(config, earlier_settings(config))
    ids = ids_for_masking(config) if config.mask_anew else None
    # TensorFlow takes seconds to load: mistakes in flags, data and models are reported before.
    from bert_tf.modeling.masking import Masking
    from bert_tf.tasks.pretraining import PretrainingSettings, PretrainingTask
    from bert_tf.training.run import run

    settings = PretrainingSettings(
        max_predictions_per_seq=settled.max_predictions_per_seq,
        with_next_sentence=not settled.masked_lm_only,
        masking=Masking(*ids) if ids else None,
        max_eval_steps=config.eval_limit,
    )
    with problems_reported(records.values()):
        return run(PretrainingTask(config.task_name, settings), config, records)


def ids_for_masking(config: PretrainingConfig) -> tuple[int, int, tuple[int, int]]:
    """Returns the arguments of `Masking`: the number of pieces, and the ids of `[MASK]`, and of `[CLS]` and `[SEP]`.

    Raises:
        UserError: the vocabulary has no `[MASK]`.
    """
    file = _vocabulary_of(config)
    vocab = load_vocab(file)
    if "[MASK]" not in vocab:
        raise UserError(f"mask_anew: {printable(file)} lacks [MASK]; give the vocabulary of a BERT, or leave it out")
    return max(vocab.values()) + 1, vocab["[MASK]"], (vocab["[CLS]"], vocab["[SEP]"])


def _vocabulary_of(config: PretrainingConfig) -> AnyPath:
    has_checkpoint = not config.overwrite_output_dir and latest_checkpoint(config.output_dir)
    return as_path(config.output_dir) / VOCAB if has_checkpoint else named_model(config).vocab_file


def main() -> None:
    """Runs what the flags describe."""
    config = with_defaults(config_from_flags(PretrainingConfig))
    records = find_records(config)
    hide_start_up_messages()
    run_task(config, records)


def advice() -> str:
    """Returns what the user can do after Ctrl-C."""
    return advice_after_interruption(_with_output_dir(_with_vocabulary(config_from_flags(PretrainingConfig))))


def run_main() -> None:
    """Starts the program."""
    run_program(main, PretrainingConfig, advice=advice)
