"""Classification of a text or a pair of texts: the original's run_classifier.py.

task = ClassificationTask("MRPC", MrpcProcessor())
examples = task.read("dev", "data/MRPC")
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import tensorflow as tf
from absl import logging

from bert_tf import run_files
from bert_tf.data.examples import InputExample
from bert_tf.data.processors import DataProcessor
from bert_tf.modeling.encoder import BertEncoder
from bert_tf.modeling.heads import ClassificationHead
from bert_tf.tasks import metrics
from bert_tf.tasks.loss_settings import UNCHANGED, LossSettings
from bert_tf.tasks.metrics import METRICS
from bert_tf.tasks.processor_task import ProcessorTask, tab_separated
from bert_tf.tasks.task import Evaluation


class ClassificationTask(ProcessorTask):
    """Chooses one of some labels.

    Args:
        name: see `ProcessorTask`.
        processor: see `ProcessorTask`.
        loss: changes to the loss of training.
    """

    def __init__(self, name: str, processor: DataProcessor, loss: LossSettings = UNCHANGED):
        super().__init__(name, processor)
        self._loss = loss
        self._has_said_no_area = False

    def targets(self, examples: Sequence[InputExample]) -> dict[str, tf.Tensor]:
        """Returns `label_ids`, int32 [examples], and `weights`, float32 [examples], if the classes have weights."""
        label_ids = self._label_ids(examples)
        targets = {"label_ids": tf.constant(label_ids, tf.int32)}
        if self._loss.class_weight:
            targets["weights"] = tf.constant(self._loss.example_weights(label_ids, self.labels), tf.float32)
        return targets

    def _label_ids(self, examples: Sequence[InputExample]) -> np.ndarray:
        label_map = {label: index for index, label in enumerate(self.labels)}
        return np.array([label_map[example.label] for example in examples])

    def make_head(self, encoder: BertEncoder, seed: int) -> ClassificationHead:
        """Creates a linear classifier."""
        return ClassificationHead(encoder, len(self.labels), seed, self._loss.label_smoothing)

    def evaluate(self, answers: np.ndarray, examples: Sequence[InputExample], batch_size: int) -> Evaluation:
        """Computes the original's `eval_accuracy`, `eval_loss` and `loss`, and what else the processor asks for.

        The value of an example is 1 if it is right, and else 0: their mean is the accuracy.
        """
        label_ids, predictions = self._label_ids(examples), answers.argmax(axis=1)

        def compute(name: str) -> float | None:
            if name == "auc":
                return self._area(label_ids, answers)
            return METRICS[self._kind][name](label_ids, predictions)

        scores = metrics.eval_scores(self._metrics, compute)
        losses = metrics.loss_scores(metrics.per_example_loss(answers, label_ids), batch_size)
        return Evaluation(scores | losses, (predictions == label_ids).astype(float))

    def _area(self, label_ids: np.ndarray, probabilities: np.ndarray) -> float | None:
        area = metrics.auc(label_ids, probabilities[:, 1])
        if area is None and not self._has_said_no_area:
            logging.warning("The dev set has examples of one label only, so there is no eval_auc.")
            self._has_said_no_area = True
        return area

    def per_class(self, answers: np.ndarray, examples: Sequence[InputExample]) -> dict[str, dict[str, float]]:
        """Returns the scores of each label if the processor asks for them; see `Task.per_class`."""
        if not self._processor.reports_classes:
            return {}
        one_hot = np.eye(len(self.labels), dtype=bool)
        is_class, is_predicted = one_hot[self._label_ids(examples)], one_hot[answers.argmax(axis=1)]
        return metrics.per_class_scores(is_class, is_predicted, self.labels)

    def result_files(
        self, split: str, answers: np.ndarray, examples: Sequence[InputExample]
    ) -> Mapping[str, Iterable[str]]:
        """Returns `eval_predictions.tsv` of a dev set; or the original's `test_results.tsv`, and the same with names.

        A test set has no labels; its `label` is the most probable one.
        """
        probabilities, header = tab_separated(answers), "\t".join(("guid", "label", *self.labels))
        if split == "dev":
            labels = [example.label for example in examples]
            return {run_files.EVAL_PREDICTIONS: [header, *_rows(examples, labels, probabilities)]}
        labels = [self.labels[index] for index in answers.argmax(axis=1)]
        rows = _rows(examples, labels, probabilities)
        return {run_files.TEST_RESULTS: probabilities, run_files.TEST_PREDICTIONS: [header, *rows]}


def _rows(examples: Sequence[InputExample], labels: Sequence[str], probabilities: Sequence[str]) -> list[str]:
    rows = zip(examples, labels, probabilities, strict=True)
    return [f"{example.guid}\t{label}\t{row}" for example, label, row in rows]
