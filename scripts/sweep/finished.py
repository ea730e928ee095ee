"""Recognizes runs that finished with the same flags on the same data."""

import dataclasses

from bert_tf import run_files
from bert_tf.data.examples import examples_digest
from bert_tf.files import read_json_or_empty
from bert_tf.programs.classifier_config import ClassifierConfig
from bert_tf.programs.own_task import find_processor_of
from bert_tf.programs.run_classifier import read_examples
from bert_tf.training.config import settle
from grid import Run

# Fields of a run's config that do not change its results, or that results.json does not have among the flags.
NOT_COMPARED = ("output_dir", "overwrite_output_dir", "dataset")


@dataclasses.dataclass(frozen=True)
class Data:
    """The data of all runs, in the form in which a run records it.

    Attributes:
        train_data: the digest of the training set, in run.json.
        dev_data: the digest of the development set, in results.json.
    """

    train_data: str
    dev_data: str


def read_data(config: ClassifierConfig) -> Data:
    """Reads the data once for all runs.

    Raises:
        UserError: the files cannot be read, so that every run would fail.
    """
    examples = read_examples(find_processor_of(config), config)
    return Data(examples_digest(examples["train"]), examples_digest(examples["dev"]))


def finished_score(run: Run, data: Data) -> str | None:
    """Returns the score of a run that finished earlier with the same flags on the same data, else None."""
    results = read_json_or_empty(run.folder / run_files.RESULTS)
    is_same = has_same_flags(run, results) and has_same_data(run, results, data)
    return describe_score(results) if is_same else None


def describe_score(results: dict) -> str | None:
    """Returns the main score of the run's task; None if the run was not evaluated.

    Example:
        >>> describe_score({"headline": "eval_accuracy", "eval_accuracy": 0.87, "eval_f1": 0.91})
        'accuracy 0.8700'
    """
    name = results.get("headline")
    score = results.get(name)
    return f"{name.removeprefix('eval_')} {score:.4f}" if isinstance(score, float) else None


def has_same_flags(run: Run, results: dict) -> bool:
    """Returns True if the run that left these results had the same flags as `run`."""
    found = results.get("flags")
    wanted = dataclasses.asdict(settle(run.config, {}))
    if wanted["do_lower_case"] is None:
        del wanted["do_lower_case"]  # the files of the model decided it
    return isinstance(found, dict) and all(
        name in found and found[name] == value for name, value in wanted.items() if name not in NOT_COMPARED
    )


def has_same_data(run: Run, results: dict, data: Data) -> bool:
    """Returns True if the run that left these results was trained and evaluated on this data."""
    training = read_json_or_empty(run.folder / run_files.RUN).get("training")
    trained = isinstance(training, dict) and training.get("train_data") == data.train_data
    return trained and results.get("dev_data") == data.dev_data
