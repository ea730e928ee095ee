"""Evaluates a model on the dev set more than once: while it is trained, or each checkpoint of a folder.

dev_set = DevSet(task, head, features, examples, config, devices)
dev_set.scores()
"""

import json
from collections.abc import Mapping, Sequence

from absl import logging

from bert_tf import run_files
from bert_tf.checkpoints.formats import read_checkpoint
from bert_tf.checkpoints.load import fill
from bert_tf.checkpoints.state_file import complete_steps
from bert_tf.data.features import Features
from bert_tf.devices import Devices
from bert_tf.errors import printable
from bert_tf.modeling.heads import Head
from bert_tf.remote import AnyPath
from bert_tf.tasks.task import Example, Task
from bert_tf.training.config import RunConfig
from bert_tf.training.curve import DevCurve, evaluated_steps
from bert_tf.training.inference import Inference, inference_batch_size
from bert_tf.training.output_dir import OutputDir
from bert_tf.training.overflow import check_finite
from bert_tf.training.validation import Validation


class DevSet:
    """The dev set of a task, with a model that may change between evaluations.

    Args:
        task: scores the answers.
        head: the model.
        features: of the dev set.
        examples: in the same order.
        config: of the run, settled.
        devices: where to compute.
    """

    def __init__(
        self,
        task: Task,
        head: Head,
        features: Features,
        examples: Sequence[Example],
        config: RunConfig,
        devices: Devices,
    ):
        self._task = task
        self._features = features
        self._examples = examples
        self._config = config
        self._devices = devices
        batch_size = inference_batch_size(config.eval_batch_size, len(features))
        self._inference = Inference(head, features, batch_size, devices)

    def scores(self) -> dict[str, float]:
        """Returns the task's scores of the model as it is.

        All processes of a training must call it, and get the same: on another kind of CPU the last bits may differ, so
        the scores are those of the first process.

        Raises:
            UserError: an answer is not finite.
        """
        answers = self._inference.answers()
        check_finite("eval", answers, self._config.mixed_precision)
        answers = self._task.combine(answers, self._features, self._examples)
        scores = self._task.evaluate(answers, self._examples, self._config.eval_batch_size).scores
        return json.loads(self._devices.exchange(json.dumps(scores))[0])


def make_validation(
    task: Task,
    head: Head,
    config: RunConfig,
    features: Mapping[str, Features],
    examples: Mapping[str, Sequence[Example]],
    devices: Devices,
) -> Validation | None:
    """Returns what evaluates while training; None if the config does not ask for it.

    Args:
        task: of the run.
        head: the model.
        config: of the run, settled.
        features: by split.
        examples: by split.
        devices: where to compute.
    """
    if not config.eval_steps:
        return None
    num_examples = len(examples["train"])
    total = config.num_train_steps(num_examples)
    return Validation(
        head,
        empty_curve(task, config),
        evaluated_steps(config.eval_steps, num_examples, config.train_batch_size, total),
        DevSet(task, head, features["dev"], examples["dev"], config, devices).scores,
        config.keep_best is not None,
        config.early_stopping_patience,
    )


def empty_curve(task: Task, config: RunConfig) -> DevCurve:
    """Returns a curve whose best step is that of `keep_best`, or else of the task's main score."""
    return DevCurve(task.score_names, f"eval_{config.keep_best}" if config.keep_best else task.headline)


def evaluate_checkpoints(head: Head, dev_set: DevSet, curve: DevCurve, folder: AnyPath, output_dir: OutputDir) -> dict:
    """Evaluates each checkpoint of a folder and writes the scores; returns what results.json says about them.

    Args:
        head: gets the weights of one checkpoint after the other.
        dev_set: of this head.
        curve: an empty one.
        folder: of the checkpoints.
        output_dir: gets `eval_results_all.tsv`.

    Raises:
        UserError: a checkpoint is broken.
    """
    for step in complete_steps(folder):
        checkpoint = folder / f"model.ckpt-{step}"
        fill(head, read_checkpoint(checkpoint), checkpoint)
        curve.add(step, dev_set.scores())
        if output_dir.is_writer:
            logging.info("%s: %s", printable(checkpoint.name), describe(curve, step))
    rows = [{"checkpoint": f"model.ckpt-{step}", "step": step, **curve.scores[step]} for step in curve.scores]
    output_dir.write_lines(
        run_files.EVAL_RESULTS_ALL, ("\t".join(rows[0]), *("\t".join(map(str, row.values())) for row in rows))
    )
    if output_dir.is_writer:
        logging.info(
            "The best of %d checkpoints is model.ckpt-%d (%s %.4f).",
            len(rows),
            curve.best_step,
            curve.metric,
            curve.best_score,
        )
    return {"checkpoints": rows}


def describe(curve: DevCurve, step: int) -> str:
    """Returns the scores of a step in words.

    Example:
        >>> curve = DevCurve(["eval_accuracy"], "eval_accuracy")
        >>> curve.add(50, {"eval_accuracy": 0.75})
        >>> describe(curve, 50)
        'eval_accuracy = 0.7500'
    """
    return ", ".join(f"{name} = {score:.4f}" for name, score in curve.scores[step].items())
