"""Reads the examples of a task, checked before anything is computed. Needs no TensorFlow.

reader = ExampleReader(MrpcProcessor())
examples = reader.read("dev", "data/MRPC")
"""

import math
from collections.abc import Sequence

from absl import logging

from bert_tf.data.examples import InputExample
from bert_tf.data.processors import DataProcessor
from bert_tf.data.targets import Number
from bert_tf.errors import UserError
from bert_tf.tasks.metrics import reported_metrics
from bert_tf.tasks.processor_checks import check_processor, read_checked

# A new head predicts numbers near 0, and each update moves a weight by no more than the learning rate. Of numbers up
# to 3 a tiny model learned a correlation of 0.84, of the same numbers times 20 one of 0.19.
_LARGE_NUMBER = 20


class ExampleReader:
    """Reads the splits of a task.

    Args:
        processor: of the task.

    Attributes:
        targets: what the labels of the task are.
        labels: their names, in the order of the head's outputs; empty for numbers.
        metrics: those that an evaluation reports, the main one first.
        score_names: all the scores that an evaluation gives.

    Raises:
        UserError: something is wrong with the processor.
    """

    def __init__(self, processor: DataProcessor):
        self._processor = processor
        self.targets = check_processor(processor)
        self.labels = list(self.targets.labels)
        self.metrics = reported_metrics(self.targets.kind, processor.metrics)
        self.score_names = [*(f"eval_{name}" for name in self.metrics), "eval_loss", "loss"]
        self._has_pairs: dict[str, bool] = {}

    def read(self, split: str, data_dir: str) -> list[InputExample]:
        """Reads a split.

        Args:
            split: `"train"`, `"dev"` or `"test"`.
            data_dir: the folder of the data.

        Raises:
            UserError: the examples cannot be read, one is wrong, or this split has pairs of texts and an earlier one
                has not.
        """
        examples = read_checked(self._processor, split, data_dir, self.targets)
        self._has_pairs[split] = examples[0].text_b is not None
        if len(set(self._has_pairs.values())) > 1:
            kinds = (f"{name} has {'pairs' if has else 'single texts'}" for name, has in self._has_pairs.items())
            raise UserError(f"{type(self._processor).__name__}: {', '.join(kinds)}; give all splits text_b or none")
        if split == "train" and self.targets.kind == Number.kind:
            _warn_of_large_numbers(examples)
        return examples


def _warn_of_large_numbers(examples: Sequence[InputExample]) -> None:
    largest = max(abs(float(example.label)) for example in examples)
    if largest > _LARGE_NUMBER:
        logging.warning(
            "train: the numbers reach %g, and training learns only small ones well: divide them by %g.",
            largest,
            10 ** math.floor(math.log10(largest)),
        )
