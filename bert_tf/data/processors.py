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

from bert_tf.data import glue
from bert_tf.data.data_processor import DataProcessor
from bert_tf.data.glue import ColaProcessor, GlueProcessor, MnliProcessor, MrpcProcessor
from bert_tf.data.multilingual import MultilingualProcessor, PawsxProcessor, XnliProcessor
from bert_tf.data.own_code import own_code
from bert_tf.data.tsv import TsvFile
from bert_tf.errors import UserError

__all__ = [
    "PROCESSORS",
    "ColaProcessor",
    "DataProcessor",
    "MnliProcessor",
    "MrpcProcessor",
    "PawsxProcessor",
    "TsvFile",
    "XnliProcessor",
]

PROCESSORS: dict[str, type[DataProcessor]] = {
    "AX": glue.AxProcessor,
    "CoLA": ColaProcessor,
    "MNLI": MnliProcessor,
    "MNLI-MM": glue.MnliMismatchedProcessor,
    "MRPC": MrpcProcessor,
    "PAWS-X": PawsxProcessor,
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


def find_processor(
    task_name: str, train_language: str | None = None, eval_languages: str | None = None
) -> DataProcessor:
    """Creates the processor of a task.

    Args:
        task_name: one of `PROCESSORS`, in any spelling.
        train_language: see `MultilingualProcessor.choose_languages`; other tasks have no languages to choose.
        eval_languages: the same.

    Raises:
        UserError: see `find_processor_class`; or the class cannot be created without arguments, or the corpus does not
            have a language.

    Example:
        >>> find_processor("MRPC").get_labels()
        ['0', '1']
    """
    processor_class = find_processor_class(task_name)
    with own_code(processor_class, "__init__"):
        processor = processor_class()
    if isinstance(processor, MultilingualProcessor):
        processor.choose_languages(train_language, eval_languages)
    return processor


def glue_class(task_name: str) -> type[GlueProcessor] | None:
    """Returns the class of a task of GLUE, whichever way its name is written; None for other tasks.

    Example:
        >>> glue_class("mnli_mismatched").__name__, glue_class("XNLI")
        ('MnliMismatchedProcessor', None)
    """
    return _class_of(task_name, GlueProcessor)


def multilingual_class(task_name: str | None) -> type[MultilingualProcessor] | None:
    """Returns the class of a task in several languages, whichever way its name is written; None for other tasks.

    Example:
        >>> multilingual_class("paws_x").__name__, multilingual_class("MNLI")
        ('PawsxProcessor', None)
    """
    return None if task_name is None else _class_of(task_name, MultilingualProcessor)


def _class_of(task_name: str, kind: type[DataProcessor]) -> type[DataProcessor] | None:
    found = PROCESSORS.get(_find_key(task_name))
    return found if isinstance(found, type) and issubclass(found, kind) else None


def canonical_name(task_name: str) -> str:
    """Returns the name of a task as folders have it: GLUE's own for a task of GLUE, else the name in capitals.

    A task in several languages has one name, however it is written.

    Example:
        >>> canonical_name("cola"), canonical_name("pawsx"), canonical_name("reviews")
        ('CoLA', 'PAWS-X', 'REVIEWS')
    """
    if glue_class(task_name):
        return _find_key(task_name)
    return (_find_key(task_name) if multilingual_class(task_name) else task_name).upper()
