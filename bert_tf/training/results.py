"""The numbers of results.json: what repeats a run, its speed, and how well it used its devices."""

import dataclasses
import platform
from importlib import metadata

import numpy as np

from bert_tf.checkpoints.locate import CheckpointFiles
from bert_tf.data.features import Features
from bert_tf.devices import Devices
from bert_tf.modeling.encoder import BertEncoder
from bert_tf.modeling.flops import forward_flops, training_flops
from bert_tf.modeling.heads import Head
from bert_tf.tasks.task import Task
from bert_tf.training.config import RunConfig
from bert_tf.training.efficiency import efficiency
from bert_tf.training.loop import Training, TrainingResult
from bert_tf.training.machine import machine_facts
from bert_tf.training.output_dir import OutputDir

_PACKAGES = ("bert-tf", "tensorflow", "tensorflow-text", "tf-keras", "tf-models-official")


def run_facts(task: Task, config: RunConfig, output_dir: OutputDir) -> dict:
    """Returns flags, versions and seed. Evaluation alone keeps the values that training wrote."""
    flags = dataclasses.asdict(config)
    del flags["dataset"]
    facts = {
        "program": config.program,
        "dataset": config.dataset or config.data_dir,
        "headline": task.headline,
        "model": config.model or config.init_checkpoint,
        "seed": config.seed,
        "flags": flags,
        "versions": versions(),
    }
    if config.do_train:
        return facts
    evaluated = {"dataset": facts["dataset"]} if config.do_eval else {}
    return facts | output_dir.read_results() | evaluated


def versions() -> dict[str, str]:
    """Returns the versions of Python and the packages that compute."""
    return {"python": platform.python_version(), **{name: metadata.version(name) for name in _PACKAGES}}


def evaluation_facts(config: RunConfig, files: CheckpointFiles, devices: Devices) -> dict:
    """Returns what describes an evaluation: the weights, the settings that its scores depend on, and the machine."""
    return {
        "checkpoint": str(files.checkpoint),
        **{name: getattr(config, name) for name in config.evaluation_settings},
        "versions": versions(),
        "machine": machine_facts(devices),
    }


def training_results(training: Training, result: TrainingResult, features: Features, was_finished: bool) -> dict:
    """Returns what training adds to results.json.

    If the run was finished before, nothing was trained in this process, so it has no efficiency to report.
    """
    steps, encoder = len(result.losses), training.head.encoder
    lengths = features.lengths[training.order(len(features))[:steps]]
    results = {
        **speed("train", result.seconds, lengths.size, steps),
        "train_tokens_per_second": int(lengths.sum()) / result.seconds,
        "train_loss": float(result.losses.mean()),
        "epoch": round(lengths.size / len(features), 2),
        "total_flos": 6.0 * result.num_tokens * _num_parameters_without_embeddings(encoder),
    }
    if not was_finished:
        flops = training_flops(encoder.config, lengths, training.head.positions, training.head.flops_of_a_row)
        results |= _efficiency("train", flops, result.seconds, encoder, training.devices)
    return results


def validation_results(training: Training, result: TrainingResult) -> dict:
    """Returns what evaluations while training add to results.json: which step is the best, and where training ended.

    They are there if best weights were kept, or if training stopped early.
    """
    validation, steps = training.validation, len(result.losses)
    curve = validation.curve
    found = {}
    if validation.keeps_best:
        found["best"] = {"metric": curve.metric, "step": curve.best_step, "value": curve.best_score}
    if steps < training.num_train_steps:
        found["stopped_early"] = steps
    return found


def evaluation_results(features: Features, seconds: float, batch_size: int, head: Head, devices: Devices) -> dict:
    """Returns what the speed of an evaluation adds to results.json."""
    flops = forward_flops(head.encoder.config, features.lengths, head.positions, head.flops_of_a_row)
    return {
        **speed("eval", seconds, len(features), -(-len(features) // batch_size)),
        "eval_tokens_per_second": int(features.lengths.sum()) / seconds,
        **_efficiency("eval", flops, seconds, head.encoder, devices),
    }


def speed(prefix: str, seconds: float, examples: int, steps: int) -> dict[str, float]:
    """Returns `PREFIX_runtime` in seconds, `PREFIX_samples_per_second` and `PREFIX_steps_per_second`."""
    return {
        f"{prefix}_runtime": seconds,
        f"{prefix}_samples_per_second": examples / seconds,
        f"{prefix}_steps_per_second": steps / seconds,
    }


def _num_parameters_without_embeddings(encoder: BertEncoder) -> int:
    return sum(int(np.prod(v.shape)) for name, v in encoder.variables_by_name.items() if "_embeddings" not in name)


def _efficiency(prefix: str, flops: float, seconds: float, encoder: BertEncoder, devices: Devices) -> dict:
    return efficiency(prefix, flops, seconds, encoder.compute_dtype, devices.num_replicas)
