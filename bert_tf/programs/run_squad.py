r"""Fine-tunes BERT on SQuAD, and answers questions: Google's run_squad.py on TensorFlow 2.

    python scripts/run_squad.py --do_train --do_predict

trains a small pre-trained BERT on the sample corpus, answers its questions and scores the answers. As in the original:

    python scripts/run_squad.py --vocab_file=$BERT_BASE_DIR/vocab.txt \
        --bert_config_file=$BERT_BASE_DIR/bert_config.json --init_checkpoint=$BERT_BASE_DIR/bert_model.ckpt \
        --do_train=True --train_file=$SQUAD_DIR/train-v1.1.json \
        --do_predict=True --predict_file=$SQUAD_DIR/dev-v1.1.json \
        --train_batch_size=12 --learning_rate=3e-5 --num_train_epochs=2.0 \
        --max_seq_length=384 --doc_stride=128 --output_dir=/tmp/squad_base/
"""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

from absl import logging

from bert_tf.cluster import is_chief
from bert_tf.data.folders import exported_dir, sample_dir
from bert_tf.data.spans import WindowSettings
from bert_tf.data.squad_examples import SquadExample, read_squad_examples, squad_digest, squad_file_name
from bert_tf.errors import UserError, printable
from bert_tf.flags import config_from_flags, run_program
from bert_tf.programs.default_model import earlier_settings, model_folder, with_default_model, with_output_dir
from bert_tf.programs.export import export_finished
from bert_tf.programs.squad_config import SquadConfig
from bert_tf.streams import hide_start_up_messages
from bert_tf.tasks.squad_metrics import SCORES, SCORES_2
from bert_tf.training.config import settle
from bert_tf.training.early_checks import check_keep_best, check_model, check_resumable, check_training_size
from bert_tf.training.interruption import advice_after_interruption


def with_defaults(config: SquadConfig) -> SquadConfig:
    """Fills in the model, the files and the output folder that the user did not name.

    Raises:
        UserError: one of two files is missing.
    """
    return _with_files(_with_output_dir(config))


def _with_output_dir(config: SquadConfig) -> SquadConfig:
    return with_output_dir(with_default_model(config), config.task_name)


def _with_files(config: SquadConfig) -> SquadConfig:
    fields = {"train": "train_file", "dev": "predict_file"}
    wanted = [fields[split] for split in config.splits]
    missing = [field for field in wanted if not getattr(config, field)]
    if not missing:
        return dataclasses.replace(config, dataset=config.predict_file or config.train_file)
    if config.train_file or config.predict_file:
        raise UserError(f"{missing[0]}: is missing; pass --{missing[0]}=FILE, in SQuAD's JSON form")
    folder, dataset = _default_folder()
    names = {split: squad_file_name(split, config.version_2_with_negative) for split in config.splits}
    files = {fields[split]: str(folder / name) for split, name in names.items()}
    return dataclasses.replace(config, **files, dataset=dataset)


def _default_folder() -> tuple[Path, str]:
    """Returns data/SQuAD, or else the sample corpus; and the name of these data in results."""
    folder = exported_dir("SQuAD")
    if folder.is_dir():
        return folder, "SQuAD"
    sample = sample_dir("SQuAD")
    logging.warning(
        "No train_file and no predict_file: using the sample corpus %s, whose numbers are not SQuAD's.", sample
    )
    return sample, "sample"


def read_examples(config: SquadConfig) -> dict[str, list[SquadExample]]:
    """Reads the questions of the splits that the run needs: `"train"`, and `"dev"` or, without answers, `"test"`.

    Raises:
        UserError: a file is missing or wrong, or has no answers although the run needs them.
    """
    check_keep_best(config, SCORES_2 if config.version_2_with_negative else SCORES)
    examples = {}
    if config.do_train:
        examples["train"] = read_squad_examples(config.train_file, True, config.version_2_with_negative).examples
    if "dev" in config.splits:
        questions = read_squad_examples(config.predict_file, False, config.version_2_with_negative).examples
        examples["dev" if _can_be_scored(questions, config) else "test"] = questions
    return examples


def _can_be_scored(questions: Sequence[SquadExample], config: SquadConfig) -> bool:
    """Returns True if the file has the answers to all questions; raises `UserError` if a flag needs those it lacks."""
    unanswered = next((question for question in questions if question.answers is None), None)
    if unanswered is None:
        return True
    for field in ("eval_steps", "eval_all_checkpoints"):
        if getattr(config, field):
            problem = f"{config.predict_file} has no answers, for example to the question {unanswered.qas_id}"
            raise UserError(f"{field}: {problem}, so predictions cannot be scored")
    return False


def run_task(config: SquadConfig, examples: Mapping[str, Sequence[SquadExample]]) -> dict:
    """Trains, predicts and scores, as `config` asks.

    Args:
        config: the run.
        examples: the result of `read_examples`.

    Returns:
        What this run put into `results.json`.

    Raises:
        UserError: a mistake in flags, model, output folder or environment.
    """
    if config.do_train:
        check_training_size(config, len(examples["train"]))
        check_resumable(config, squad_digest(examples["train"]))
    check_model(config)
    earlier = earlier_settings(config)
    _check_version(config, earlier)
    settled = settle(config, earlier)
    settled.check_question_length()
    # TensorFlow takes seconds to load: mistakes in flags, data and models are reported before.
    from bert_tf.tasks.question_answering import QuestionAnsweringTask
    from bert_tf.training.run import run

    windows = WindowSettings(settled.doc_stride, settled.max_query_length, settled.pad_to_max_length)
    task = QuestionAnsweringTask(config.task_name, windows, config.answer_settings)
    results = run(task, dataclasses.replace(config, do_eval=config.do_predict and "dev" in examples), examples)
    if config.do_export and is_chief(config.distribution_strategy):
        export_finished(model_folder(config), config.output_dir)
    return results


def _check_version(config: SquadConfig, earlier: Mapping[str, object]) -> None:
    was_with_negative = earlier.get("version_2_with_negative", config.version_2_with_negative)
    if was_with_negative != config.version_2_with_negative:
        how, remedy = ("with", "pass it here, too") if was_with_negative else ("without", "leave it out here, too")
        folder = printable(model_folder(config))
        raise UserError(f"version_2_with_negative: {folder} holds a model that was trained {how} it; {remedy}")


def main() -> None:
    """Runs what the flags describe."""
    config = with_defaults(config_from_flags(SquadConfig))
    examples = read_examples(config)
    hide_start_up_messages()
    run_task(config, examples)


def advice() -> str:
    """Returns what the user can do after Ctrl-C."""
    return advice_after_interruption(_with_output_dir(config_from_flags(SquadConfig)))


def run_main() -> None:
    """Starts the program."""
    run_program(main, SquadConfig, advice=advice)
