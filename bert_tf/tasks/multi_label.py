"""Any number of labels for a text or a pair of texts: each label is there or not.

task = MultiLabelTask("emotions", processor)
examples = task.read("dev", "data/emotions")
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import tensorflow as tf

from bert_tf import run_files
from bert_tf.data.examples import InputExample
from bert_tf.data.targets import table_separator
from bert_tf.modeling.encoder import BertEncoder
from bert_tf.modeling.heads import MultiLabelHead
from bert_tf.tasks import metrics
from bert_tf.tasks.metrics import METRICS
from bert_tf.tasks.processor_task import ProcessorTask, tab_separated
from bert_tf.tasks.task import Evaluation


class MultiLabelTask(ProcessorTask):
    """Chooses any number of some labels; see `ProcessorTask`."""

    def targets(self, examples: Sequence[InputExample]) -> dict[str, tf.Tensor]:
        """Returns `has_label`, int32 [examples, labels]."""
        return {"has_label": tf.constant(self._has_label(examples), tf.int32)}

    def _has_label(self, examples: Sequence[InputExample]) -> np.ndarray:
        found = (set(example.label) for example in examples)
        return np.array([[label in labels for label in self.labels] for labels in found])

    def make_head(self, encoder: BertEncoder, seed: int) -> MultiLabelHead:
        """Creates a linear layer with an output for each label."""
        return MultiLabelHead(encoder, len(self.labels), seed)

    def evaluate(self, answers: np.ndarray, examples: Sequence[InputExample], batch_size: int) -> Evaluation:
        """Computes F1, `eval_subset_accuracy`, `eval_loss` and the original's `loss`.

        A label is predicted if its probability is at least 0.5. The value of an example is F1 of its labels.
        """
        has_label, predictions = self._has_label(examples), answers >= MultiLabelHead.threshold
        scores = metrics.eval_scores(self._metrics, lambda name: METRICS[self._kind][name](has_label, predictions))
        losses = metrics.loss_scores(metrics.multi_label_loss(answers, has_label), batch_size)
        return Evaluation(scores | losses, metrics.example_f1(has_label, predictions))

    def per_class(self, answers: np.ndarray, examples: Sequence[InputExample]) -> dict[str, dict[str, float]]:
        """Returns the scores of each label if the processor asks for them; see `Task.per_class`."""
        if not self._processor.reports_classes:
            return {}
        predictions = answers >= MultiLabelHead.threshold
        return metrics.per_class_scores(self._has_label(examples), predictions, self.labels)

    def result_files(
        self, split: str, answers: np.ndarray, examples: Sequence[InputExample]
    ) -> Mapping[str, Iterable[str]]:
        """Returns `eval_predictions.tsv` of a dev set; or `test_results.tsv`, and the same with names."""
        probabilities, header = tab_separated(answers), "\t".join(("guid", "labels", *self.labels))
        labels = (example.label for example in examples) if split == "dev" else map(self._chosen, answers)
        separator = table_separator(self.labels)
        rows = zip(examples, labels, probabilities, strict=True)
        lines = [f"{example.guid}\t{separator.join(found)}\t{row}" for example, found, row in rows]
        if split == "dev":
            return {run_files.EVAL_PREDICTIONS: [header, *lines]}
        return {run_files.TEST_RESULTS: probabilities, run_files.TEST_PREDICTIONS: [header, *lines]}

    def _chosen(self, probabilities: np.ndarray) -> list[str]:
        return [self.labels[index] for index in np.flatnonzero(probabilities >= MultiLabelHead.threshold)]
