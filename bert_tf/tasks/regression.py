"""Regression: a number for a text or a pair of texts, as for STS-B in ALBERT's run_classifier.py.

task = RegressionTask("STS-B", StsbProcessor())
examples = task.read("dev", "data/STS-B")
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import tensorflow as tf

from bert_tf import run_files
from bert_tf.data.examples import InputExample
from bert_tf.modeling.encoder import BertEncoder
from bert_tf.modeling.heads import RegressionHead
from bert_tf.tasks import metrics
from bert_tf.tasks.metrics import METRICS
from bert_tf.tasks.processor_task import ProcessorTask
from bert_tf.tasks.task import Evaluation


class RegressionTask(ProcessorTask):
    """Predicts a number; see `ProcessorTask`."""

    def targets(self, examples: Sequence[InputExample]) -> dict[str, tf.Tensor]:
        """Returns `numbers`, float32 [examples]."""
        return {"numbers": tf.constant(_numbers(examples), tf.float32)}

    def make_head(self, encoder: BertEncoder, seed: int) -> RegressionHead:
        """Creates a linear layer with one output."""
        return RegressionHead(encoder, seed)

    def evaluate(self, answers: np.ndarray, examples: Sequence[InputExample], batch_size: int) -> Evaluation:
        """Computes correlations, `eval_mse`, `eval_loss`, which is the same, and the original's `loss`.

        The value of an example is minus its squared error.
        """
        numbers, predictions = _numbers(examples), answers.astype(np.float64)
        errors = np.square(numbers - predictions)
        scores = metrics.eval_scores(self._metrics, lambda name: METRICS[self._kind][name](numbers, predictions))
        return Evaluation(scores | metrics.loss_scores(errors, batch_size), -errors)

    def result_files(
        self, split: str, answers: np.ndarray, examples: Sequence[InputExample]
    ) -> Mapping[str, Iterable[str]]:
        """Returns `eval_predictions.tsv` of a dev set, or a number a line and the same with names."""
        if split == "dev":
            rows = zip(examples, answers, strict=True)
            lines = (f"{example.guid}\t{example.label}\t{answer}" for example, answer in rows)
            return {run_files.EVAL_PREDICTIONS: ("guid\tlabel\tprediction", *lines)}
        lines = (f"{example.guid}\t{answer}" for example, answer in zip(examples, answers, strict=True))
        return {
            run_files.TEST_RESULTS: map(str, answers),
            run_files.TEST_PREDICTIONS: ("guid\tprediction", *lines),
        }


def _numbers(examples: Sequence[InputExample]) -> np.ndarray:
    return np.array([example.label for example in examples], np.float64)
