"""The task for each kind of labels."""

from bert_tf.data.processors import DataProcessor
from bert_tf.data.targets import Number, OneLabel, SomeLabels
from bert_tf.tasks.classification import ClassificationTask
from bert_tf.tasks.loss_settings import UNCHANGED, LossSettings
from bert_tf.tasks.multi_label import MultiLabelTask
from bert_tf.tasks.processor_checks import check_processor
from bert_tf.tasks.processor_task import ProcessorTask
from bert_tf.tasks.regression import RegressionTask


def make_task(name: str, processor: DataProcessor, loss: LossSettings = UNCHANGED) -> ProcessorTask:
    """Creates the task for the kind of labels that a processor has.

    Args:
        name: of the task.
        processor: reads its files and knows its labels and metrics.
        loss: changes to the loss of training, for a classification only.

    Raises:
        UserError: the processor's labels or metrics are wrong, or the loss cannot be changed so.

    Example:
        >>> from bert_tf.data.processors import MrpcProcessor
        >>> make_task("MRPC", MrpcProcessor()).headline
        'eval_accuracy'
    """
    targets = check_processor(processor)
    loss.check(targets)
    makers = {
        OneLabel.kind: lambda: ClassificationTask(name, processor, loss),
        Number.kind: lambda: RegressionTask(name, processor),
        SomeLabels.kind: lambda: MultiLabelTask(name, processor),
    }
    return makers[targets.kind]()
