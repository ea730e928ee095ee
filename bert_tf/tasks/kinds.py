"""The task for each kind of labels."""

from bert_tf.data.processors import DataProcessor
from bert_tf.data.targets import Number, OneLabel, SomeLabels
from bert_tf.tasks.classification import ClassificationTask
from bert_tf.tasks.example_reader import ExampleReader
from bert_tf.tasks.multi_label import MultiLabelTask
from bert_tf.tasks.processor_task import ProcessorTask
from bert_tf.tasks.regression import RegressionTask

_TASKS = {OneLabel.kind: ClassificationTask, Number.kind: RegressionTask, SomeLabels.kind: MultiLabelTask}


def make_task(name: str, processor: DataProcessor) -> ProcessorTask:
    """Creates the task for the kind of labels that a processor has.

    Args:
        name: of the task.
        processor: reads its files and knows its labels and metrics.

    Raises:
        UserError: the processor's labels or metrics are wrong.

    Example:
        >>> from bert_tf.data.processors import MrpcProcessor
        >>> make_task("MRPC", MrpcProcessor()).headline
        'eval_accuracy'
    """
    return _TASKS[ExampleReader(processor).targets.kind](name, processor)
