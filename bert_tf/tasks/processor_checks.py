"""Checks a user's processor and its examples before anything is computed."""

from collections.abc import Collection, Mapping, Sequence, Set

from bert_tf.data.examples import InputExample, is_unicode
from bert_tf.data.lists import elements_of
from bert_tf.data.own_code import own_code
from bert_tf.data.processors import DataProcessor
from bert_tf.data.targets import Number, OneLabel, SomeLabels, Targets
from bert_tf.errors import UserError, counted, first_few, printable, with_type
from bert_tf.tasks.metrics import METRICS, NEVER_FIRST, reported_metrics

_LEAST_LABELS = {OneLabel.kind: 2, SomeLabels.kind: 1, Number.kind: 0}


def check_processor(processor: DataProcessor) -> Targets:
    """Checks kind, labels, metrics and aliases of a processor.

    Args:
        processor: of the task.

    Returns:
        What the labels of the task are.

    Raises:
        UserError: something is wrong; the message names the class.
    """
    if not isinstance(processor, DataProcessor):
        is_class = isinstance(processor, type)
        remedy = f"pass an object, {processor.__name__}()" if is_class else "derive its class from DataProcessor"
        raise UserError(f"{with_type(processor)} is not a DataProcessor; {remedy}")
    name = type(processor).__name__
    if type(processor).get_labels is DataProcessor.get_labels:
        # A set has another order in each process.
        _as_list(processor.labels, f"{name}.labels", "write a tuple")
    with own_code(type(processor), "get_labels"):
        labels = _as_list(processor.get_labels(), f"{name}.get_labels")
    _check_labels(labels, name)
    _check_aliases(processor.label_aliases, name, labels)
    with own_code(type(processor), "targets"):
        targets = processor.targets()
    _check_number_of_labels(labels, targets, name)
    _check_metrics(processor.metrics, name, METRICS[targets.kind])
    _check_use_of_metrics(processor.metrics, name, targets)
    return targets


def _as_list(values: object, where: str, remedy: str = "return a list") -> list:
    elements = None if isinstance(values, Set) else elements_of(values)
    if elements is None:
        raise UserError(f"{where}: {with_type(values)} is not a list; {remedy}")
    return elements


def _check_labels(labels: list, name: str) -> None:
    for label in labels:
        if not isinstance(label, str):
            raise UserError(f"{name}: the label {with_type(label)} is not a str; write {str(label)!r}")
        if not is_unicode(label):
            raise UserError(f"{name}: the label {label!r} has half of a surrogate pair, which is no character")
        if not _is_one_line(label):
            raise UserError(f"{name}: the label {label!r} is empty, or has a tab or a line end; name it otherwise")
    twice = [label for label in dict.fromkeys(labels) if labels.count(label) > 1]
    if twice:
        raise UserError(f"{name}: the label {twice[0]!r} is there twice; list each label once")


def _check_number_of_labels(labels: list[str], targets: Targets, name: str) -> None:
    needed = _LEAST_LABELS[targets.kind]
    if len(labels) < needed:
        count = counted(len(labels), "label")
        raise UserError(f"{name}: has {count}, but at least {needed} are needed; set labels, or override get_labels")


def _check_metrics(metrics: object, name: str, known: Collection[str]) -> None:
    example = f'write metrics = ("{next(iter(known))}",)'
    if isinstance(metrics, (str, bytes)) or not isinstance(metrics, (Sequence, Set)):
        raise UserError(f"{name}.metrics: {with_type(metrics)} is not a tuple or list; {example}")
    unknown = [metric for metric in metrics if not isinstance(metric, str) or metric not in known]
    if unknown:
        raise UserError(f"{name}.metrics: {printable(repr(unknown[0]))} is unknown; known: {', '.join(sorted(known))}")


def _check_use_of_metrics(metrics: Collection[str], name: str, targets: Targets) -> None:
    first = reported_metrics(targets.kind, metrics)[0]
    if first in NEVER_FIRST:
        raise UserError(f"{name}.metrics: {first!r} comes first, and cannot rank runs; put another one before it")
    if "auc" in metrics and len(targets.labels) != 2:
        raise UserError(f"{name}.metrics: 'auc' is for two labels, and there are {len(targets.labels)}; leave it out")


def _check_aliases(aliases: object, name: str, labels: list[str]) -> None:
    if not isinstance(aliases, Mapping):
        raise UserError(f"{name}.label_aliases: {with_type(aliases)} is not a dict; map each spelling to a label")
    other_keys = [spelling for spelling in aliases if not isinstance(spelling, str)]
    if other_keys:
        raise UserError(
            f"{name}.label_aliases: the spelling {with_type(other_keys[0])} is not a str; write it in quotes"
        )
    unknown = [label for label in aliases.values() if label not in labels]
    if unknown:
        known = first_few(map(repr, labels))
        raise UserError(f"{name}.label_aliases: {unknown[0]!r} is not a label; the labels are {known}")


def read_checked(processor: DataProcessor, split: str, data_dir: str, targets: Targets) -> list[InputExample]:
    """Reads a split with a processor and checks each example.

    Guids that are missing or numbers become strings. Examples of the test set get `Targets.filler`, if their label
    is none of the task's.

    Args:
        processor: of the task.
        split: `"train"`, `"dev"` or `"test"`.
        data_dir: the folder of the data.
        targets: what the task's labels are.

    Raises:
        UserError: the examples cannot be read, or one is wrong; the message names class, method and example.
    """
    method = f"get_{split}_examples"
    where = f"{type(processor).__name__}.{method}"
    with own_code(type(processor), method):
        examples = _as_list(getattr(processor, method)(data_dir), where)
    if not examples:
        raise UserError(f"{where}: returned no examples; check data_dir")
    examples = [_completed(example, split, number, where, targets) for number, example in enumerate(examples)]
    for number, example in enumerate(examples):
        _check_example(example, f"{where}: example {number} ({printable(example.guid)})", targets)
        if (example.text_b is None) != (examples[0].text_b is None):
            guids = f"{examples[0].guid} and {example.guid}"
            raise UserError(f"{where}: of {guids} one is a pair and one a single text; give all text_b or none")
    return examples


def _completed(example: object, split: str, number: int, where: str, targets: Targets) -> InputExample:
    """Returns the example with a guid and a label, if they can be known."""
    if not isinstance(example, InputExample):
        raise UserError(f"{where}: example {number} is {with_type(example)}; make it an InputExample")
    guid, label = example.guid, example.label
    if not isinstance(guid, str):
        guid = f"{split}-{number}" if guid is None else printable(guid)
    if split == "test" and targets.problem(label):
        label = targets.filler
    # A new object: the user's own class may be created with other arguments, and its objects stay as they are.
    return InputExample(guid, example.text_a, example.text_b, label, getattr(example, "group", None))


def _check_example(example: InputExample, where: str, targets: Targets) -> None:
    if not _is_one_line(example.guid):
        raise UserError(f"{where}: the guid is empty, or has a tab or a line end; change it")
    for name, text in (("text_a", example.text_a), ("text_b", example.text_b)):
        if not isinstance(text, str) and not (name == "text_b" and text is None):
            raise UserError(f"{where}: {name} is {with_type(text)}; make it a str")
        if text and not is_unicode(text):
            raise UserError(f"{where}: {name} has half of a surrogate pair, which is no character; decode it again")
    if example.group is not None and not (isinstance(example.group, str) and _is_one_line(example.group)):
        raise UserError(f"{where}: the group is {with_type(example.group)}; make it a str of one line, or None")
    problem = targets.problem(example.label)
    if problem:
        raise UserError(f"{where}: {problem}")


def _is_one_line(text: str) -> bool:
    return len(text.splitlines()) == 1 and "\t" not in text and not text.endswith(("\n", "\r"))
