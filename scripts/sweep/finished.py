"""Recognizes runs that an earlier sweep finished with the same flags on the same data."""

import dataclasses

from absl import flags

from bert_tf import run_files
from bert_tf.data.examples import examples_digest
from bert_tf.data.processors import PROCESSORS
from bert_tf.files import read_json_or_empty
from grid import Run

FLAGS = flags.FLAGS
# Flags that do not change the results, or that results.json stores in another form.
NOT_COMPARED = ("output_dir", "overwrite_output_dir", "distribution_strategy", "tpu_name")


@dataclasses.dataclass(frozen=True)
class Data:
    """The data of all runs, in the form in which a run records it.

    Attributes:
        folder: its folder.
        train_data: the digest of the training set, in run.json.
        dev_data: the digest of the development set, in results.json.
    """

    folder: str
    train_data: str
    dev_data: str


def read_data(folder: str) -> Data:
    """Reads the data once for all runs.

    Raises:
        UserError: the files cannot be read, so that every run would fail.
    """
    processor = PROCESSORS[FLAGS.task_name.lower()]()
    train, dev = processor.get_train_examples(folder), processor.get_dev_examples(folder)
    return Data(folder, examples_digest(train), examples_digest(dev))


def finished_accuracy(run: Run, data: Data) -> float | None:
    """Returns the accuracy of a run that finished earlier with the same flags on the same data, else None."""
    results = read_json_or_empty(run.folder / run_files.RESULTS)
    accuracy = results.get("eval_accuracy")
    if not isinstance(accuracy, float) or not has_same_flags(run, results, data.folder):
        return None
    return accuracy if has_same_data(run, results, data) else None


def has_same_flags(run: Run, results: dict, data_dir: str) -> bool:
    """Returns True if the run that left these results had the same flags as `run`."""
    found = results.get("flags")
    if not isinstance(found, dict):
        return False
    wanted = {name: FLAGS[name].value for name in found if name in FLAGS and name not in NOT_COMPARED}
    if not FLAGS["do_lower_case"].present:
        wanted.pop("do_lower_case", None)  # its default depends on the model
    wanted |= {**run.settings, "data_dir": data_dir}
    return all(found.get(name) == value for name, value in wanted.items())


def has_same_data(run: Run, results: dict, data: Data) -> bool:
    """Returns True if the run that left these results was trained and evaluated on this data."""
    training = read_json_or_empty(run.folder / run_files.RUN).get("training")
    trained = isinstance(training, dict) and training.get("train_data") == data.train_data
    return trained and results.get("dev_data") == data.dev_data
