"""Classification of a text or a pair of texts: the original's run_classifier.py.

task = ClassificationTask("MRPC", MrpcProcessor())
examples = task.read("dev", "data/MRPC")
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from bert_tf import run_files
from bert_tf.data.examples import InputExample, examples_digest
from bert_tf.data.features import Features, convert_examples_to_features
from bert_tf.data.processors import DataProcessor
from bert_tf.data.tokenization import FullTokenizer
from bert_tf.modeling.encoder import BertEncoder
from bert_tf.modeling.heads import ClassificationHead
from bert_tf.tasks import metrics
from bert_tf.tasks.example_reader import ExampleReader
from bert_tf.tasks.task import Evaluation, Task


class ClassificationTask(Task):
    """Choosing one of some labels.

    Args:
        name: of the task.
        processor: reads its files and knows its labels and metrics.

    Raises:
        UserError: the processor's labels or metrics are wrong.
    """

    headline = "eval_accuracy"

    def __init__(self, name: str, processor: DataProcessor):
        self.name = name
        self._reader = ExampleReader(processor)
        self.labels = self._reader.labels
        self._metrics = sorted({"accuracy", *processor.metrics})
        self.score_names = [*(f"eval_{name}" for name in self._metrics), "eval_loss", "loss"]

    def read(self, split: str, data_dir: str) -> list[InputExample]:
        """Reads a split with the processor and checks its examples; raises the errors of `ExampleReader`."""
        return self._reader.read(split, data_dir)

    def digest(self, examples: Sequence[InputExample]) -> str:
        """Returns the digest of texts and labels."""
        return examples_digest(examples)

    def featurize(self, examples: Sequence[InputExample], tokenizer: FullTokenizer, max_seq_length: int) -> Features:
        """Converts examples to word pieces and label ids."""
        return convert_examples_to_features(examples, self.labels, max_seq_length, tokenizer)

    def make_head(self, encoder: BertEncoder, seed: int) -> ClassificationHead:
        """Creates a linear classifier."""
        return ClassificationHead(encoder, len(self.labels), seed)

    def evaluate(self, answers: np.ndarray, examples: Sequence[InputExample], batch_size: int) -> Evaluation:
        """Computes the original's `eval_accuracy`, `eval_loss` and `loss`, and what else the processor asks for.

        The value of an example is 1 if it is right, and else 0: their mean is the accuracy.
        """
        label_map = {label: index for index, label in enumerate(self.labels)}
        label_ids = np.array([label_map[example.label] for example in examples])
        losses, predictions = metrics.per_example_loss(answers, label_ids), answers.argmax(axis=1)
        scores = {f"eval_{name}": metrics.METRICS[name](label_ids, predictions) for name in self._metrics}
        scores |= {"eval_loss": float(losses.mean()), "loss": metrics.mean_of_batches(losses, batch_size)}
        return Evaluation(scores, (predictions == label_ids).astype(float))

    def result_files(
        self, split: str, answers: np.ndarray, examples: Sequence[InputExample]
    ) -> Mapping[str, Iterable[str]]:
        """Returns `eval_predictions.tsv` of a dev set, or the original's `test_results.tsv`."""
        probabilities = ("\t".join(str(probability) for probability in row) for row in answers)
        if split == "test":
            return {run_files.TEST_RESULTS: probabilities}
        header = "\t".join(("guid", "label", *self.labels))
        rows = (f"{each.guid}\t{each.label}\t{row}" for each, row in zip(examples, probabilities, strict=True))
        return {run_files.EVAL_PREDICTIONS: (header, *rows)}

    def describe(self) -> Mapping[str, str]:
        """Returns the labels, one a line, in the order of the head's outputs."""
        return {run_files.LABELS: "".join(f"{label}\n" for label in self.labels)}
