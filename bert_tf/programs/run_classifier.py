r"""Fine-tunes BERT on a text classification task: Google's run_classifier.py on TensorFlow 2.

    python run_classifier.py --task_name=MRPC --do_train --do_eval

trains a small pre-trained BERT and prints loss, accuracy and F1. Own texts, in a CSV, TSV or JSON lines file:

    python run_classifier.py --train_file=reviews.csv --do_train --do_eval

As in the original:

    python run_classifier.py --task_name=MRPC --do_train --do_eval --data_dir=$GLUE_DIR/MRPC \
        --vocab_file=$BERT_BASE_DIR/vocab.txt --bert_config_file=$BERT_BASE_DIR/bert_config.json \
        --init_checkpoint=$BERT_BASE_DIR/bert_model.ckpt --output_dir=/tmp/mrpc_output
"""

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping, Sequence

from absl import logging

from bert_tf import run_files
from bert_tf.cluster import is_chief
from bert_tf.data.examples import InputExample, examples_digest
from bert_tf.data.folders import exported_dir, sample_dir
from bert_tf.data.processors import DataProcessor, canonical_name, glue_class
from bert_tf.errors import UserError, printable
from bert_tf.files import read_json_or_empty
from bert_tf.flags import config_from_flags, run_program
from bert_tf.programs.classifier_config import ClassifierConfig
from bert_tf.programs.default_model import model_folder, with_default_model, with_output_dir
from bert_tf.programs.export import export_finished
from bert_tf.programs.own_task import find_processor_of
from bert_tf.remote import as_path
from bert_tf.streams import hide_start_up_messages
from bert_tf.tasks.example_reader import ExampleReader
from bert_tf.training.early_checks import (
    check_keep_best,
    check_model,
    check_resumable,
    check_training_size,
)
from bert_tf.training.interruption import advice_after_interruption


def with_defaults(config: ClassifierConfig) -> ClassifierConfig:
    """Fills in the model, the data folder and the output folder that the user did not name.

    Raises:
        UserError: there is no data for the task.
    """
    return _with_data_dir(_with_output_dir(config))


def _with_data_dir(config: ClassifierConfig) -> ClassifierConfig:
    if config.has_own_data:
        return dataclasses.replace(config, dataset=config.own_data or config.task_name)
    if config.data_dir:
        return config
    task = canonical_name(config.task_name)
    exported, sample = exported_dir(task), sample_dir(task)
    if exported.is_dir():
        return dataclasses.replace(config, data_dir=str(exported), dataset=task)
    if sample is None:
        raise UserError(f"data_dir: there is no {exported}; {_ways_to_data(config)}")
    logging.warning(
        "No data_dir and no %s: using the sample corpus %s, whose numbers are not %s's. "
        "`python scripts/export_mrpc.py` gets the real one.",
        exported,
        sample,
        task,
    )
    return dataclasses.replace(config, data_dir=str(sample), dataset="sample")


def _ways_to_data(config: ClassifierConfig) -> str:
    found, task = glue_class(config.task_name), canonical_name(config.task_name)
    if found:
        return f"`python scripts/export_glue.py {task}` gets it, or pass --data_dir=$GLUE_DIR/{found.folder}"
    return f"pass --data_dir=FOLDER with the .tsv files of {task}"


def _with_output_dir(config: ClassifierConfig) -> ClassifierConfig:
    name = config.task_name if config.has_own_data else canonical_name(config.task_name)
    return with_output_dir(with_default_model(config), name)


def check_scores_are_kept(config: ClassifierConfig) -> None:
    """Refuses to replace the scores of one task of GLUE by those of another, such as MNLI's by MNLI-MM's.

    Raises:
        UserError: the output folder holds a run of another task of GLUE.
    """
    if not config.do_eval or config.do_train or config.has_own_data or not glue_class(config.task_name):
        return
    training = read_json_or_empty(as_path(config.output_dir) / run_files.RUN).get("training")
    trained = str(training.get("task_name")) if isinstance(training, dict) else config.task_name
    if glue_class(trained) and canonical_name(trained) != config.task_name:
        problem = f"holds a run of {trained}, and an evaluation on {config.task_name} would replace its scores"
        remedy = f"pass --bert_model={config.output_dir} and another --output_dir"
        raise UserError(f"output_dir: {config.output_dir}: {problem}; {remedy}")


def read_examples(processor: DataProcessor, config: ClassifierConfig) -> dict[str, list[InputExample]]:
    """Reads the splits that the run needs.

    Raises:
        UserError: a file is missing, a row is wrong, or a flag does not fit the labels, the scores or the test set.
    """
    reader = ExampleReader(processor)
    config.loss_settings.check(reader.targets)
    check_keep_best(config, reader.score_names)
    with _folder_of_another_task_named(config):
        examples = {split: reader.read(split, config.data_dir) for split in config.splits}
    if config.glue_submission:
        processor.check_test_set(examples["test"])
    return examples


@contextlib.contextmanager
def _folder_of_another_task_named(config: ClassifierConfig) -> Iterator[None]:
    """Says that `data_dir` is the folder of another task of GLUE: as the error if its files cannot be read."""
    wanted = None if config.has_own_data else glue_class(config.task_name)
    found = wanted and glue_class(as_path(config.data_dir).name)
    if not found or found.folder == wanted.folder:
        yield
        return
    problem = f"data_dir: {printable(config.data_dir)}: is the folder of {found.folder}, not of {config.task_name}"
    try:
        yield
    except UserError:
        remedy = f"pass --data_dir=$GLUE_DIR/{wanted.folder}, or --task_name={found.folder}"
        raise UserError(f"{problem}; {remedy}") from None
    logging.warning("%s.", problem)


def run_task(
    config: ClassifierConfig, processor: DataProcessor, examples: Mapping[str, Sequence[InputExample]]
) -> dict:
    """Trains, evaluates and predicts, as `config` asks.

    Args:
        config: the run.
        processor: of the task.
        examples: the result of `read_examples`.

    Returns:
        What this run put into `results.json`.

    Raises:
        UserError: a mistake in flags, model, output folder or environment.
    """
    if config.do_train:
        check_training_size(config, len(examples["train"]))
        check_resumable(config, examples_digest(examples["train"]))
    check_model(config)
    # TensorFlow takes seconds to load: mistakes in flags, data and models are reported before.
    from bert_tf.tasks.glue_submission import GlueSubmission
    from bert_tf.tasks.kinds import make_task
    from bert_tf.training.run import run

    task = make_task(config.task_name, processor, config.loss_settings)
    results = run(GlueSubmission(task, processor) if config.glue_submission else task, config, examples)
    if config.do_export and is_chief(config.distribution_strategy):
        export_finished(model_folder(config), config.output_dir)
    return results


def main() -> None:
    """Runs what the flags describe."""
    config = with_defaults(config_from_flags(ClassifierConfig))
    check_scores_are_kept(config)
    processor = find_processor_of(config)
    hide_start_up_messages()
    run_task(config, processor, read_examples(processor, config))


def advice() -> str:
    """Returns what the user can do after Ctrl-C."""
    return advice_after_interruption(_with_output_dir(config_from_flags(ClassifierConfig)))


def run_main() -> None:
    """Starts the program."""
    run_program(main, ClassifierConfig, advice=advice)
