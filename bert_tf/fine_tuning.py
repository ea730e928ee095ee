"""Fine-tuning from Python: what `run_classifier.py` does, as one call."""

import dataclasses
import os
from collections.abc import Iterable, Sequence, Set

from bert_tf.data.cells import label_of
from bert_tf.data.examples import examples_digest
from bert_tf.data.found_labels import is_label_name
from bert_tf.data.in_memory import in_memory
from bert_tf.data.own_data import OwnDataProcessor, files_of
from bert_tf.data.own_files import Opener, OwnFiles, find_files
from bert_tf.data.processors import DataProcessor
from bert_tf.errors import UserError, shown, user_error_for, with_type
from bert_tf.paths import checked_path
from bert_tf.programs.classifier_config import ClassifierConfig, InMemoryConfig
from bert_tf.programs.default_model import model_folder
from bert_tf.programs.own_task import find_processor_of, own_data_options
from bert_tf.programs.run_classifier import check_scores_are_kept, read_examples, run_task, with_defaults
from bert_tf.remote import as_path
from bert_tf.serving.predictor import Predictor, load
from bert_tf.tasks.example_reader import ExampleReader
from bert_tf.training.fields import flag_name, flags_of


def fine_tune(
    task_name: str | None = None,
    *,
    train: object = None,
    dev: object = None,
    labels: Sequence[str] | None = None,
    **flags: object,
) -> Predictor:
    """Trains and evaluates as `run_classifier.py --do_train --do_eval` does, on a known task or on own examples.

    A call that was interrupted resumes if it is made again; a finished one is loaded. The weights are those of the
    program, bit by bit. The process keeps its seeds, its policy and its random numbers; TensorFlow's operations are
    deterministic while the call lasts.

    Args:
        task_name: such as `"MRPC"`. For own examples any name; without one, their content gives it.
        train: own examples to train on: a table of pandas with named columns, a list of (text, label), of
            (text_a, text_b, label) or of dicts, a tuple of texts and labels, or the path of a file.
        dev: own examples to evaluate on, in one of these forms; without them a part of `train` is held out.
        labels: the names of the labels in the order of the model's outputs; without them they are found in `train`.
        **flags: the program's flags by their names, such as `data_dir`, `output_dir`, `bert_model`, `learning_rate`.

    Returns:
        The fine-tuned model. Its scores are printed too.

    Raises:
        UserError: a mistake in flags, examples, files or environment.

    Example:
        model = fine_tune(train=[("It rains .", "weather"), ("It costs 3 euros .", "price"), ...])
        model.predict(["It snows ."])
    """
    fields = {"do_train": True, "do_eval": True} | _fields(flags)
    if train is None:
        _check_absent(dev=dev, labels=labels)
        config = with_defaults(ClassifierConfig(task_name=task_name, **fields))
        check_scores_are_kept(config)
        processor = find_processor_of(config)
    else:
        config, processor = _own_run(task_name, train, dev, labels, fields)
    results = run_task(config, processor, read_examples(processor, config))
    names = [name for name in ExampleReader(processor).score_names if name in results and name.startswith("eval_")]
    if names:
        print(f"{config.output_dir}: " + ", ".join(f"{name} = {results[name]:.4f}" for name in names))
    return load(model_folder(config))


def _fields(flags: dict[str, object]) -> dict[str, object]:
    """Returns the flags by the names of their fields."""
    fields = {flag_name(field, declared): field for field, declared in flags_of(ClassifierConfig).items()}
    unknown = sorted(flags.keys() - fields.keys())
    if unknown:
        raise UserError(f"fine_tune: {unknown[0]!r} is not a flag of run_classifier.py; see its --help")
    return {fields[name]: value for name, value in flags.items()}


def _check_absent(**arguments: object) -> None:
    given = [name for name, value in arguments.items() if value is not None]
    if given:
        raise UserError(f"{given[0]}: only valid with train=..., own examples to train on")


def _own_run(
    task_name: str | None, train: object, dev: object, labels: Sequence[str] | None, fields: dict[str, object]
) -> tuple[ClassifierConfig, DataProcessor]:
    """Returns config and processor for own examples. Their digest is the name of the task if the user gave none."""
    config = InMemoryConfig(task_name=task_name, **fields)
    options = own_data_options(config)
    options = options._replace(labels=options.labels._replace(names=_names(labels)))
    if dev is not None:
        config.check_dev_split("dev=...; pass only one of them")
    processor = OwnDataProcessor(_openers(train, dev, config.test_file), options)
    if task_name is None:
        digest = examples_digest(processor.get_train_examples())
        config = dataclasses.replace(config, task_name=f"own-{digest[:8]}")
    return dataclasses.replace(with_defaults(config), dataset=config.task_name), processor


def _names(labels: Sequence[str] | None) -> tuple[str, ...] | None:
    if labels is None:
        return None
    # A set has another order in each process.
    if isinstance(labels, (str, bytes, Set)) or not isinstance(labels, Iterable):
        raise UserError(f"labels: is {with_type(labels)}; give a list of the names")
    names = tuple(map(_name, labels))
    if not names:
        raise UserError(f"labels: is {with_type(labels)}; give a list of the names")
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UserError(f"labels: has {shown(twice)} twice; list each name once")
    return names


def _name(label: object) -> str:
    with user_error_for(ValueError, "labels", f"has {with_type(label)}", "give names"):
        name = label_of(label)
    if not isinstance(name, str) or not name:
        raise UserError(f"labels: has {with_type(label)}; give names")
    if not is_label_name(name):
        raise UserError(f"labels: has {shown(name)}; give names of characters that can be seen, at most 200")
    return name


def _openers(train: object, dev: object, test_file: str | None) -> dict[str, Opener]:
    """Returns what opens the examples of each split."""
    found = _openers_of(train, "train")
    for split, data in (("dev", dev), ("test", test_file)):
        found |= {} if data is None else _openers_of(data, split)
    return found


def _openers_of(data: object, split: str) -> dict[str, Opener]:
    if not isinstance(data, (str, os.PathLike)):
        source = in_memory(data, split)
        return {split: lambda wanted: source}
    path = checked_path(data, split)
    return files_of(find_files(path, None, None) if split == "train" else OwnFiles(**{split: as_path(path)}))
