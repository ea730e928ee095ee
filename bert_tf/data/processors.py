r"""Reads the files of a task into `InputExample`s: the processors of the original's run_classifier.py.

A task of your own is one class. It names its labels and, for each of its files, the columns of the texts and of
the label, counted from 0. An entry in `PROCESSORS` makes it available as `--task_name`:

    >>> import pathlib, tempfile
    >>> class ReviewProcessor(DataProcessor):
    ...     # Reviews under a header line: an id, "bad" or "good", the text.
    ...     labels = ("bad", "good")
    ...     train = TsvFile("train.tsv", text_a=2, label=1)
    ...     dev = TsvFile("dev.tsv", text_a=2, label=1)
    ...     test = TsvFile("test.tsv", text_a=1)
    >>> with tempfile.TemporaryDirectory() as data_dir:
    ...     path = pathlib.Path(data_dir, "dev.tsv")
    ...     _ = path.write_text("id\tlabel\ttext\n7\tgood\tWarm and funny .\n", encoding="utf-8")
    ...     ReviewProcessor().get_dev_examples(data_dir)
    [InputExample(guid='dev-1', text_a='Warm and funny .', text_b=None, label='good')]

For files that are not TSV, override `get_train_examples`, `get_dev_examples` and `get_test_examples`, as in the
original.
"""

import re
from collections.abc import Mapping
from typing import ClassVar

from bert_tf.data import glue
from bert_tf.data.data_processor import DataProcessor
from bert_tf.data.glue import ColaProcessor, GlueProcessor, MnliProcessor, MrpcProcessor
from bert_tf.data.own_code import own_code
from bert_tf.data.tsv import TsvFile
from bert_tf.errors import UserError

__all__ = ["PROCESSORS", "ColaProcessor", "DataProcessor", "MnliProcessor", "MrpcProcessor", "TsvFile", "XnliProcessor"]


class XnliProcessor(DataProcessor):
    """XNLI: MultiNLI's question in another language.

    There is no test set.

    Attributes:
        language: the code of the language in the files, "zh" as in the original.
    """

    labels = ("contradiction", "entailment", "neutral")
    label_aliases: ClassVar[Mapping[str, str]] = {"contradictory": "contradiction"}
    language = "zh"

    @property
    def train(self) -> TsvFile:
        """MultiNLI's training set, machine-translated."""
        return TsvFile(f"multinli/multinli.train.{self.language}.tsv", text_a=0, text_b=1, label=2)

    @property
    def dev(self) -> TsvFile:
        """The development set, which has all languages in one file."""
        return TsvFile("xnli.dev.tsv", text_a=6, text_b=7, label=1, only=(0, self.language))


PROCESSORS: dict[str, type[DataProcessor]] = {
    "AX": glue.AxProcessor,
    "CoLA": ColaProcessor,
    "MNLI": MnliProcessor,
    "MNLI-MM": glue.MnliMismatchedProcessor,
    "MRPC": MrpcProcessor,
    "QNLI": glue.QnliProcessor,
    "QQP": glue.QqpProcessor,
    "RTE": glue.RteProcessor,
    "SST-2": glue.Sst2Processor,
    "STS-B": glue.StsbProcessor,
    "WNLI": glue.WnliProcessor,
    "XNLI": XnliProcessor,
}
# Other names for some of them, without capitals, dashes and underscores.
_OTHER_NAMES = {"diagnostic": "AX", "mnlim": "MNLI", "mnlimatched": "MNLI", "mnlimismatched": "MNLI-MM"}


def is_known_task(task_name: str | None) -> bool:
    """Returns True if `PROCESSORS` has the task; see `find_processor_class`.

    Example:
        >>> is_known_task("sst2"), is_known_task("reviews")
        (True, False)
    """
    return task_name is not None and _find_key(task_name) is not None


def find_processor_class(task_name: str) -> type[DataProcessor]:
    """Returns the entry of `PROCESSORS` for a task.

    Capitals, dashes and underscores do not matter. An exact name comes first, and then one that differs in capitals.

    Raises:
        UserError: the task is unknown; the message lists the known ones.

    Example:
        >>> find_processor_class("sst2").__name__
        'Sst2Processor'
    """
    key = _find_key(task_name)
    if key is None:
        known = ", ".join(sorted(map(str, PROCESSORS)))
        raise UserError(f"task_name: {task_name!r} is unknown; known: {known}")
    found = PROCESSORS[key]
    if not isinstance(found, type):
        raise UserError(f"PROCESSORS[{task_name!r}]: is not a class; enter the class itself, without parentheses")
    return found


def _find_key(task_name: str) -> str | None:
    for spell in (str, str.lower, _plain):
        keys = {spell(str(key)): key for key in PROCESSORS}
        if spell(str(task_name)) in keys:
            return keys[spell(str(task_name))]
    return _OTHER_NAMES.get(_plain(str(task_name)))


def _plain(name: str) -> str:
    return re.sub("[-_ ]", "", name).lower()


def find_processor(task_name: str) -> DataProcessor:
    """Creates the processor of a task.

    Raises:
        UserError: see `find_processor_class`; or the class cannot be created without arguments.

    Example:
        >>> find_processor("MRPC").get_labels()
        ['0', '1']
    """
    processor_class = find_processor_class(task_name)
    with own_code(processor_class, "__init__"):
        return processor_class()


def glue_class(task_name: str) -> type[GlueProcessor] | None:
    """Returns the class of a task of GLUE, whichever way its name is written; None for other tasks.

    Example:
        >>> glue_class("mnli_mismatched").__name__, glue_class("XNLI")
        ('MnliMismatchedProcessor', None)
    """
    found = PROCESSORS.get(_find_key(task_name))
    return found if isinstance(found, type) and issubclass(found, GlueProcessor) else None


def canonical_name(task_name: str) -> str:
    """Returns the name of a task as folders have it: GLUE's own for a task of GLUE, else the name in capitals.

    Example:
        >>> canonical_name("cola"), canonical_name("sst2"), canonical_name("reviews")
        ('CoLA', 'SST-2', 'REVIEWS')
    """
    return _find_key(task_name) if glue_class(task_name) else task_name.upper()
