"""Facts in run.json about the texts that a model was trained on. Needs no TensorFlow.

run = {"training": {"task_name": "MRPC", "text_column": None}}
takes_pairs(run)  # True
"""

from collections.abc import Mapping

from bert_tf.data.columns import WantedColumns
from bert_tf.data.processors import find_processor, is_known_task


def takes_pairs(run: Mapping) -> bool | None:
    """Returns True if a model was trained on pairs of texts; None if nothing says so.

    Args:
        run: the content of run.json. Runs of earlier versions say only the name of their task.

    Example:
        >>> takes_pairs({"training": {"task_name": "MRPC"}}), takes_pairs({"pairs": False}), takes_pairs({})
        (True, False, None)
    """
    if isinstance(run.get("pairs"), bool):
        return run["pairs"]
    name = _training(run).get("task_name")
    if not isinstance(name, str) or not is_known_task(name):
        return None
    train = find_processor(name).train
    return None if train is None else train.text_b is not None


def named_columns(run: Mapping) -> WantedColumns:
    """Returns the columns of the texts that the user named for the training.

    Args:
        run: the content of run.json.

    Example:
        >>> named_columns({"training": {"text_column": "Kommentar"}})
        WantedColumns(text='Kommentar', pair=None, label=None)
    """
    names = (_training(run).get(field) for field in ("text_column", "text_pair_column"))
    return WantedColumns(*(name if isinstance(name, str) else None for name in names))


def _training(run: Mapping) -> Mapping:
    training = run.get("training")
    return training if isinstance(training, dict) else {}
