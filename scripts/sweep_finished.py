"""What an earlier sweep has finished: the same runs, with the same flags and on the same data."""

import dataclasses
import json
from pathlib import Path

from absl import flags
from sweep_grid import Run

from bert_tf.data.examples import examples_digest
from bert_tf.data.processors import PROCESSORS

FLAGS = flags.FLAGS
# What does not tell one run's results from another's, or is written down in other words than the flag's.
NOT_COMPARED = ("output_dir", "overwrite_output_dir", "distribution_strategy", "tpu_name")


@dataclasses.dataclass(frozen=True)
class Data:
    """The data of all runs, as they note it.

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
        UserError: the files cannot be read; no run could.
    """
    processor = PROCESSORS[FLAGS.task_name.lower()]()
    train, dev = processor.get_train_examples(folder), processor.get_dev_examples(folder)
    return Data(folder, examples_digest(train), examples_digest(dev))


def finished_accuracy(run: Run, data: Data) -> float | None:
    """The accuracy of a run that was finished earlier with the same flags and on the same data, else None."""
    results = read_results(run)
    accuracy = results.get("eval_accuracy")
    if not isinstance(accuracy, float) or not has_same_flags(run, results, data.folder):
        return None
    return accuracy if has_same_data(run, results, data) else None


def has_same_flags(run: Run, results: dict, data_dir: str) -> bool:
    """Whether a run that left these results had the flags that it has now."""
    found = results.get("flags")
    if not isinstance(found, dict):
        return False
    wanted = {name: FLAGS[name].value for name in found if name in FLAGS and name not in NOT_COMPARED}
    if not FLAGS["do_lower_case"].present:
        wanted.pop("do_lower_case", None)  # depends on the model then
    wanted |= {**run.settings, "data_dir": data_dir}
    return all(found.get(name) == value for name, value in wanted.items())


def has_same_data(run: Run, results: dict, data: Data) -> bool:
    """Whether a run that left these results was trained and evaluated on this data."""
    training = read_json(run.folder / "run.json").get("training")
    trained = isinstance(training, dict) and training.get("train_data") == data.train_data
    return trained and results.get("dev_data") == data.dev_data


def read_results(run: Run) -> dict:
    """A run's results.json; empty where there is none that can be read."""
    return read_json(run.folder / "results.json")


def read_json(path: Path) -> dict:
    """A file's JSON object; empty where there is none that can be read."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
