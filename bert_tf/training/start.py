"""Before a run computes anything: what it starts from, and whether the output folder allows it.

start = find_start(task, config, train_examples, output_dir, devices)
begin(task, start, train_examples, training, output_dir)  # before the first step of training
"""

import dataclasses
from collections.abc import Mapping, Sequence

from absl import logging

from bert_tf import run_files
from bert_tf.checkpoints.casing import check_casing, find_casing
from bert_tf.checkpoints.formats import read_checkpoint
from bert_tf.checkpoints.identity import model_digest
from bert_tf.checkpoints.locate import CheckpointFiles
from bert_tf.data.tokenization import FullTokenizer
from bert_tf.devices import Devices
from bert_tf.errors import UserError, first_few, printable
from bert_tf.modeling.config import BertConfig
from bert_tf.remote import AnyPath, as_path
from bert_tf.tasks.task import Example, Task
from bert_tf.training.config import MODEL_FIELDS, RunConfig, names_model_of, resume_differences, resume_fields, settle
from bert_tf.training.early_checks import check_names_weights, named_model, started_otherwise
from bert_tf.training.fields import flag_name, flags_of
from bert_tf.training.interruption import is_stopped
from bert_tf.training.loop import Training
from bert_tf.training.machine import machine_differences, machine_facts
from bert_tf.training.output_dir import OutputDir

# The flags that name a model, those of its weights first.
_NAMED_BY = ("model", "init_checkpoint", "bert_config_file")
# What others call weights, and what a run writes next to its own.
_FOREIGN_WEIGHTS = ("bert_model.ckpt.index", "model.safetensors", "model.safetensors.index.json", "pytorch_model.bin")
_MODEL_FILES = (run_files.CONFIG, run_files.VOCAB, run_files.LABELS)


@dataclasses.dataclass(frozen=True)
class Start:
    """The model and the step that a run starts from.

    Attributes:
        config: of the run; no field is open.
        files: the model's configuration, vocabulary and weights.
        step: of the checkpoint in the output folder that training resumes from; 0 if there is none.
        is_last: True if that checkpoint says itself that its training has ended.
        dev_data: the digest of the dev set, if training evaluates on it; None otherwise.
        num_train_steps: of the training that made the model; None if that is unknown.
    """

    config: RunConfig
    files: CheckpointFiles
    step: int = 0
    is_last: bool = False
    dev_data: str | None = None
    num_train_steps: int | None = None

    def is_finished(self, num_train_steps: int) -> bool:
        """Returns True if nothing is left to do of a training of this number of steps."""
        return self.is_last or self.step >= num_train_steps


def find_start(
    task: Task,
    config: RunConfig,
    train_examples: Sequence[Example] | None,
    output_dir: OutputDir,
    devices: Devices,
    dev_examples: Sequence[Example] | None = None,
) -> Start:
    """Finds the model and the step that a run starts from.

    Args:
        task: of the run.
        config: as the user gave it.
        train_examples: the training set; None without training.
        output_dir: of this run, opened.
        devices: of this run.
        dev_examples: the dev set; None for a run that does not read it.

    Raises:
        UserError: the output folder holds something else than the flags name, there is no such model, or it belongs
            to another task.
    """
    if config.do_train:
        dev_data = task.digest(dev_examples) if config.eval_steps else None
        start = _start_of_training(task, settle(config, {}), train_examples, dev_data, output_dir, devices)
    else:
        start = _start_of_inference(task, config, output_dir)
    return dataclasses.replace(start, config=_with_casing(start.config, start.files))


def _with_casing(config: RunConfig, files: CheckpointFiles) -> RunConfig:
    if config.do_lower_case is None:
        config = dataclasses.replace(config, do_lower_case=find_casing(files, config.model).do_lower_case)
    check_casing(config.do_lower_case, files, config.model)
    return config


# Training.


def _start_of_training(
    task: Task,
    config: RunConfig,
    examples: Sequence[Example],
    dev_data: str | None,
    output_dir: OutputDir,
    devices: Devices,
) -> Start:
    devices.check_batch_size(config.train_batch_size, config.gradient_accumulation_steps)
    config.check_size(len(examples))
    step = find_resumable_step(config, task.digest(examples), output_dir, dev_data)
    if step:
        output_dir.check_description(task.describe())
        files, is_last = _files_of_output_folder(output_dir, step), output_dir.is_of_finished_run(step)
        return Start(config, files, step, is_last, dev_data)
    files = named_model(config)
    if output_dir.path.resolve() in {as_path(file).resolve().parent for file in dataclasses.astuple(files) if file}:
        raise UserError(f"output_dir: {output_dir.path}: is the folder of the model to start from; name another")
    _check_replaces_no_model(config, output_dir)
    return Start(config, files, dev_data=dev_data)


def _check_replaces_no_model(config: RunConfig, output_dir: OutputDir) -> None:
    """Raises `UserError` for the folder of a model that no run wrote: training would replace its vocabulary."""
    if (output_dir.path / run_files.RUN).exists():
        return
    names = _FOREIGN_WEIGHTS if config.overwrite_output_dir else (*_FOREIGN_WEIGHTS, *_MODEL_FILES)
    found = [name for name in names if (output_dir.path / name).exists()]
    if found:
        raise UserError(
            f"output_dir: {output_dir.path}: holds a model that no run wrote there ({first_few(found)}), and training "
            "would replace its files; name another folder"
        )


def find_resumable_step(config: RunConfig, train_data: str, output_dir: OutputDir, dev_data: str | None = None) -> int:
    """Returns the step of the checkpoint to resume from; 0 to train from the beginning.

    With `overwrite_output_dir` an earlier run does not count, unless this very command started it and was stopped: a
    job that is restarted again and again gets to its end.

    Args:
        config: of this run, settled.
        train_data: the digest of the training set.
        output_dir: of this run.
        dev_data: the digest of the dev set, if training evaluates on it.

    Raises:
        UserError: the output folder holds a run that this one cannot resume.
    """
    if config.overwrite_output_dir:
        return _step_of_stopped_command(config, train_data, output_dir, dev_data)
    earlier, step = output_dir.read_run(), output_dir.start_step()
    if earlier is None and step:
        raise UserError(
            f"output_dir: {output_dir.path}: holds a checkpoint of something else; "
            "name another folder, or pass --overwrite_output_dir"
        )
    differences = _differences(config, train_data, dev_data, earlier) if earlier else []
    if differences:
        raise started_otherwise(config, differences, earlier)
    return step


def _step_of_stopped_command(config: RunConfig, train_data: str, output_dir: OutputDir, dev_data: str | None) -> int:
    try:
        earlier, step = output_dir.read_run(), output_dir.start_step()
    except UserError as error:
        logging.warning("%s. --overwrite_output_dir removes it.", error)
        return 0
    is_same_command = earlier and earlier.get("overwrites") and not _differences(config, train_data, dev_data, earlier)
    return step if is_same_command and is_stopped(output_dir.path, earlier, step) else 0


def _differences(config: RunConfig, train_data: str, dev_data: str | None, earlier: Mapping) -> list[str]:
    training = earlier["training"]
    if not names_model_of(config, training) and model_digest(named_model(config)) == _model_of_run(earlier, config):
        # The same model under another path.
        config = _with_model_of(training, config)
    differences = resume_differences(config, training)
    if training.get("train_data") != train_data:
        differences.append(f"train_data was {training.get('train_data')!r}, is {train_data!r}")
    if dev_data and earlier.get("dev_data", dev_data) != dev_data:
        differences.append(f"dev_data was {earlier['dev_data']!r}, is {dev_data!r}")
    return differences


def _model_of_run(run: Mapping, config: RunConfig) -> str | None:
    """Returns the digest of the model that a run was started from; None if it cannot be known any more."""
    if "model" in run:
        return run["model"]
    # Earlier versions noted only how it was named.
    try:
        return model_digest(named_model(_with_model_of(run["training"], config)))
    except UserError:
        return None


def _with_model_of(training: Mapping, config: RunConfig) -> RunConfig:
    return dataclasses.replace(config, **{field: training.get(field) for field in MODEL_FIELDS})


# Evaluation and prediction without training.


def _start_of_inference(task: Task, config: RunConfig, output_dir: OutputDir) -> Start:
    files = _fine_tuned_files(config, output_dir)
    folder = OutputDir(files.checkpoint.parent, is_writer=False)
    run = folder.read_run()
    # A folder that others wrote describes nothing.
    if run or any((folder.path / name).exists() for name in task.describe()):
        folder.check_description(task.describe())
    training = (run or {}).get("training", {})
    return Start(settle(config, training), files, num_train_steps=training.get("num_train_steps"))


def _fine_tuned_files(config: RunConfig, output_dir: OutputDir) -> CheckpointFiles:
    """Returns the model that the flags name, or else that of the output folder; refuses to choose between two."""
    step = output_dir.start_step()
    if not step:
        check_names_weights(config)
        return named_model(config)
    found = _files_of_output_folder(output_dir, step)
    if not config.names_model:
        if not found.config_file.is_file():
            raise UserError(
                f"{found.config_file.name} is missing in {output_dir.path}; copy it and the vocabulary there, or pass "
                "--bert_config_file and --vocab_file"
            )
        return found
    named = named_model(config)
    if named.checkpoint and named.checkpoint.parent.resolve() == output_dir.path.resolve():
        return named
    _check_is_origin(config, named, output_dir, found)
    return found if found.config_file.is_file() else dataclasses.replace(named, checkpoint=found.checkpoint)


def _check_is_origin(config: RunConfig, named: CheckpointFiles, output_dir: OutputDir, found: CheckpointFiles) -> None:
    """Raises `UserError` unless the model of the output folder can have been fine-tuned from the named one."""
    run = output_dir.read_run()
    if run and not _is_model_of(run, config, named, found):
        started = next((run["training"][field] for field in _NAMED_BY if run["training"].get(field)), "another model")
        problem = f"holds a model that was fine-tuned from {started}"
    elif not run and _cannot_be_origin(named, found):
        problem = f"holds {found.checkpoint.name}"
    else:
        logging.info("The model is %s; what the flags name is where its training started.", found.checkpoint)
        return
    field = next(field for field in _NAMED_BY if getattr(config, field))
    flag = flag_name(field, flags_of(config)[field])
    raise UserError(
        f"output_dir: {output_dir.path}: {problem}, but --{flag} names {getattr(config, field)}; "
        "name another output folder for it, or leave the flag out"
    )


def _is_model_of(run: Mapping, config: RunConfig, named: CheckpointFiles, found: CheckpointFiles) -> bool:
    if names_model_of(config, run["training"]):
        return True
    if named.checkpoint is None:
        # The original's command for an evaluation need not name a checkpoint.
        return _has_same_architecture(named, found)
    return model_digest(named) == _model_of_run(run, config)


def _cannot_be_origin(named: CheckpointFiles, found: CheckpointFiles) -> bool:
    """Returns True if a model is fine-tuned itself, or of another size or vocabulary than a fine-tuned one."""
    if named.checkpoint and _has_head_like(named.checkpoint, found.checkpoint):
        return True
    is_described = found.config_file.is_file() and found.vocab_file.is_file()
    return is_described and not _has_same_architecture(named, found)


def _has_same_architecture(files: CheckpointFiles, others: CheckpointFiles) -> bool:
    configs = (BertConfig.from_json_file(each.config_file) for each in (files, others))
    vocabularies = (FullTokenizer(each.vocab_file, True).vocab for each in (files, others))
    return len(set(configs)) == 1 and next(vocabularies) == next(vocabularies)


def _has_head_like(checkpoint: AnyPath, fine_tuned: AnyPath) -> bool:
    """Returns True if a checkpoint has a variable outside of BERT that a fine-tuned checkpoint has as well."""
    names = read_checkpoint(checkpoint).keys() & read_checkpoint(fine_tuned).keys()
    return any(not name.startswith(("bert/", "cls/")) and name != "global_step" for name in names)


def _files_of_output_folder(output_dir: OutputDir, step: int) -> CheckpointFiles:
    return CheckpointFiles(output_dir.config_file, output_dir.vocab_file, output_dir.checkpoint(step))


# The output folder.


def begin(task: Task, start: Start, examples: Sequence[Example], training: Training, output_dir: OutputDir) -> None:
    """Marks the output folder as this run's, after all that a user can do wrong has been checked."""
    machine = machine_facts(training.devices)
    if not start.step:
        run = {
            "training": _settings(task, start.config, examples, training),
            "model": model_digest(start.files),
            "overwrites": start.config.overwrite_output_dir,
            "machines": [machine],
            **task.facts(examples),
        }
        if start.dev_data:
            run["dev_data"] = start.dev_data
        model_files = {output_dir.config_file.name: training.head.encoder.config.to_json_string(), **task.describe()}
        output_dir.start_run(run, model_files, start.files.vocab_file, start.config.overwrite_output_dir)
    elif not start.is_finished(training.num_train_steps) and output_dir.is_writer:
        _resume_on(machine, output_dir)


def _settings(task: Task, config: RunConfig, examples: Sequence[Example], training: Training) -> dict[str, object]:
    facts = {"train_data": task.digest(examples), "num_train_steps": training.num_train_steps}
    return resume_fields(config) | facts


def _resume_on(machine: Mapping[str, object], output_dir: OutputDir) -> None:
    """Notes the machine that a run resumes on, and warns if it computes other last bits than the one before."""
    run = output_dir.read_run()
    machines = run.get("machines") or [{}]
    differences = machine_differences(machines[-1], machine)
    if differences:
        _warn_of_other_bits(differences if machines[-1] else [], output_dir)
        output_dir.write_run({**run, "machines": [*machines, machine]})


def _warn_of_other_bits(differences: Sequence[str], output_dir: OutputDir) -> None:
    """Warns that a resumed run ends with other bits: because of these differences, or because its version was another.

    The versions that noted no machine gave update k the rate of step k + 1.
    """
    if differences:
        logging.warning(
            "Resuming on another machine than before (%s): the weights will not be bit-identical to those of a run "
            "that was never stopped.",
            "; ".join(differences),
        )
    else:
        logging.warning(
            "%s: was started by an earlier version, which gave each update the learning rate of the next step. From "
            "here on the rates are those of this version, so the weights will be those of neither; pass "
            "--overwrite_output_dir to train again.",
            printable(output_dir.path),
        )
