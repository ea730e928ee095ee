"""A run from files to results: training, evaluation and prediction of any task.

    task = ClassificationTask("MRPC", MrpcProcessor())
    run(task, RunConfig(data_dir="data/MRPC", output_dir="output", do_train=True))

`run` is the table of contents: its sections follow in the order in which they happen.
"""

import dataclasses
import time
from collections.abc import Mapping, Sequence

import numpy as np
from absl import logging

from bert_tf.data.features import Features
from bert_tf.data.tokenization import FullTokenizer
from bert_tf.devices import Devices, create_devices
from bert_tf.errors import counted, printable
from bert_tf.modeling.heads import Head
from bert_tf.tasks.task import Example, Task
from bert_tf.training.agreement import Agreement, facts_of_run
from bert_tf.training.config import RunConfig
from bert_tf.training.determinism import deterministic_operations
from bert_tf.training.early_checks import check_keep_best
from bert_tf.training.efficiency import bfloat16_hint
from bert_tf.training.evaluation import DevSet, describe, empty_curve, evaluate_checkpoints, make_validation
from bert_tf.training.inference import inference_batch_size, predict
from bert_tf.training.loop import Training, TrainingResult
from bert_tf.training.model import build_head
from bert_tf.training.output_dir import OutputDir
from bert_tf.training.overflow import check_finite
from bert_tf.training.per_class import per_class_table
from bert_tf.training.per_group import group_results, per_group_table
from bert_tf.training.progress import ProgressBar
from bert_tf.training.results import (
    evaluation_facts,
    evaluation_results,
    run_facts,
    training_results,
    validation_results,
)
from bert_tf.training.start import Start, begin, find_start
from bert_tf.training.truncation import say_truncated, truncation_facts


def run(task: Task, config: RunConfig, examples: Mapping[str, Sequence[Example]] | None = None) -> dict:
    """Trains, evaluates and predicts, as `config` asks.

    Changes no global seed, policy or file descriptor of the process. TensorFlow's operations are deterministic while
    the run lasts.

    Args:
        task: what to train for.
        config: the run.
        examples: those of each split that the run needs, if they were read already.

    Returns:
        What this run put into `results.json`.

    Raises:
        UserError: a mistake in flags, files or environment.
    """
    if config.keep_best is not None:
        check_keep_best(config, task.score_names)
    examples = read_examples(task, config) if examples is None else examples
    devices = find_devices(config)
    output_dir = find_output_dir(config, devices)
    with (
        deterministic_operations(),
        devices.report_lost_workers(),
        Agreement(devices) as agreement,
        output_dir.opened(),
    ):
        start = find_start(task, config, examples.get("train"), output_dir, devices, examples.get("dev"))
        agreement.check(lambda: facts_of_run(task, start, examples, devices))
        config = start.config
        tokenizer = FullTokenizer(start.files.vocab_file, config.do_lower_case)
        head, step = build_head(task, start, tokenizer, devices)
        features = {split: task.featurize(x, tokenizer, config.max_seq_length) for split, x in examples.items()}
        say_truncated(features, head.encoder.config.max_position_embeddings)
        results = run_facts(task, config, output_dir) | truncation_facts(features)
        if config.do_train:
            total = config.num_train_steps(len(examples["train"]))
            validation = make_validation(task, head, config, features, examples, devices)
            training = Training(head, config, total, devices, validation=validation)
            begin(task, start, examples["train"], training, output_dir)
            trained = train(config, training, features["train"], start, output_dir)
            results |= training_results(training, trained, features["train"], start.is_finished(total))
            results |= validation_results(training, trained)
            start, step = dataclasses.replace(start, num_train_steps=total), trained.step
        if config.do_eval:
            results |= evaluate(task, start, step, head, features["dev"], examples["dev"], output_dir, devices)
        if "test" in features:
            write_predictions(task, config, head, features["test"], examples["test"], output_dir, devices)
        if config.eval_all_checkpoints:
            results |= evaluate_all(task, start, head, features["dev"], examples["dev"], output_dir, devices)
        output_dir.write_results(results)
    return results


# Before anything is computed.


def read_examples(task: Task, config: RunConfig) -> dict[str, Sequence[Example]]:
    """Reads the splits that the run needs, so that mistakes in the data are reported first."""
    return {split: task.read(split, config.data_dir) for split in config.splits}


def find_devices(config: RunConfig) -> Devices:
    """Creates the devices that the flags name."""
    return create_devices(
        config.distribution_strategy, config.tpu_name, config.tpu_zone, config.gcp_project, config.num_tpu_cores
    )


def find_output_dir(config: RunConfig, devices: Devices) -> OutputDir:
    """Returns the output folder; only the chief's object writes to it."""
    return OutputDir(config.output_dir, is_writer=devices.is_chief)


# The three things that a run can do.


def train(
    config: RunConfig, training: Training, features: Features, start: Start, output_dir: OutputDir
) -> TrainingResult:
    """Trains to the end; the head has the weights to evaluate then."""
    _announce(config, training, len(features), start, output_dir)
    total, per_step, validation = training.num_train_steps, config.train_batch_size, training.validation
    finished = total if start.is_finished(total) else start.step
    with ProgressBar("train", total, per_step, finished, disable=not training.devices.is_chief) as bar:
        validation.report = lambda step: bar.say(f"step {step}: {describe(validation.curve, step)}")
        result = training.run(features, output_dir, start.step, bar.update)
    if training.devices.is_chief:
        _say_how_it_ended(training, result)
    ended = validation_results(training, result)
    # What follows may be interrupted, and must not be taken for an interruption of the training.
    if ended:
        output_dir.write_results(ended)
    return result


def _announce(config: RunConfig, training: Training, num_examples: int, start: Start, output_dir: OutputDir) -> None:
    steps = training.num_train_steps
    if start.is_finished(steps):
        more = "" if config.overwrite_output_dir else "; --overwrite_output_dir would train it again"
        logging.info("%s: is finished%s.", output_dir.path, more)
        return
    logging.info(
        "Training %s on %d examples: %g epochs, batch size %d, learning rate %g, %d of %d steps warm-up; %s.",
        config.model or config.init_checkpoint or "from scratch",
        num_examples,
        config.epochs(num_examples),
        config.train_batch_size,
        config.learning_rate,
        config.num_warmup_steps(steps),
        steps,
        training.devices.label,
    )
    if config.num_warmup_steps(steps) >= steps:
        logging.warning(
            "The warm-up is as long as the training, so the learning rate never reaches its peak; pass fewer --%s.",
            config.warmup_flag,
        )
    if start.step:
        logging.info("Resuming after step %d.", start.step)
    hint = bfloat16_hint(config.mixed_precision)
    if hint:
        logging.info(hint)


def _say_how_it_ended(training: Training, result: TrainingResult) -> None:
    curve, steps = training.validation.curve, len(result.losses)
    if steps < training.num_train_steps:
        logging.info(
            "Stopped after step %d of %d: for %s %s has not been better than at step %d.",
            steps,
            training.num_train_steps,
            counted(curve.evaluations_since_best, "evaluation"),
            curve.metric,
            curve.best_step,
        )
    if training.validation.keeps_best:
        logging.info(
            "The weights are those of step %d, the best: %s = %.4f.", result.step, curve.metric, curve.best_score
        )


def evaluate(
    task: Task,
    start: Start,
    step: int,
    head: Head,
    features: Features,
    examples: Sequence[Example],
    output_dir: OutputDir,
    devices: Devices,
) -> dict:
    """Scores the dev set and writes the scores; returns what results.json says about it."""
    config = start.config
    started = time.perf_counter()
    answers = compute_answers("eval", head, features, config.eval_batch_size, devices, config.mixed_precision)
    seconds = time.perf_counter() - started
    answers = task.combine(answers, features, examples)
    evaluation = task.evaluate(answers, examples, config.eval_batch_size)
    scores = {**evaluation.scores, "global_step": step}
    per_class = task.per_class(answers, examples)
    per_group = task.per_group(answers, examples, config.eval_batch_size)
    for name, lines in task.result_files("dev", answers, examples).items():
        output_dir.write_lines(name, lines)
    output_dir.write_eval_values((example.guid for example in examples), evaluation.values)
    output_dir.write_eval_results(scores)
    if devices.is_chief:
        logging.info("***** Eval results *****\n%s", "\n".join(f"  {key} = {scores[key]}" for key in sorted(scores)))
        if per_class:
            logging.info("***** Eval results by class *****\n%s", per_class_table(per_class))
        if per_group:
            table = per_group_table(task.group_name, per_group)
            logging.info("***** Eval results by %s *****\n%s", task.group_name, table)
        for line in task.remarks(answers, examples):
            logging.info(line)
    speed = evaluation_results(features, seconds, config.eval_batch_size, head, devices)
    facts = {"dev_data": task.digest(examples), "num_train_steps": start.num_train_steps}
    facts |= {"per_class": per_class} if per_class else {}
    described = evaluation_facts(config, start.files, devices) | group_results(task.group_name, per_group)
    return {**scores, **speed, **facts, "evaluation": described}


def write_predictions(
    task: Task,
    config: RunConfig,
    head: Head,
    features: Features,
    examples: Sequence[Example],
    output_dir: OutputDir,
    devices: Devices,
) -> None:
    """Writes the task's predictions of the test set."""
    answers = compute_answers("predict", head, features, config.predict_batch_size, devices, config.mixed_precision)
    answers = task.combine(answers, features, examples)
    for name, lines in task.result_files("test", answers, examples).items():
        output_dir.write_lines(name, lines)
        if devices.is_chief:
            logging.info("Wrote %s for %d examples.", printable(output_dir.path / name), len(examples))


def evaluate_all(
    task: Task,
    start: Start,
    head: Head,
    features: Features,
    examples: Sequence[Example],
    output_dir: OutputDir,
    devices: Devices,
) -> dict:
    """Evaluates each checkpoint of the model's folder; returns what results.json says about them."""
    config = start.config
    folder = output_dir.path if config.do_train else start.files.checkpoint.parent
    dev_set = DevSet(task, head, features, examples, config, devices)
    return evaluate_checkpoints(head, dev_set, empty_curve(task, config), folder, output_dir)


def compute_answers(
    name: str, head: Head, features: Features, batch_size: int, devices: Devices, mixed_precision: str
) -> np.ndarray:
    """Computes the head's answers with a progress bar; see `predict`.

    Raises:
        UserError: an answer is not finite.
    """
    batch_size = inference_batch_size(batch_size, len(features))
    with ProgressBar(name, len(features), 1, disable=not devices.is_chief) as bar:
        answers = predict(head, features, batch_size, devices, bar.update)
    check_finite(name, answers, mixed_precision)
    return answers
