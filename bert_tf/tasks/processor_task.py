"""A task whose examples a `DataProcessor` reads: what the kinds of labels have in common."""

import abc
import collections
import json
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from bert_tf import run_files
from bert_tf.data.examples import InputExample, examples_digest
from bert_tf.data.features import Features, make_features
from bert_tf.data.processors import DataProcessor
from bert_tf.data.tokenization import FullTokenizer
from bert_tf.tasks.example_reader import ExampleReader
from bert_tf.tasks.task import Task


class ProcessorTask(Task):
    """Predicts the labels of texts or pairs of texts.

    Args:
        name: of the task.
        processor: reads its files and knows its labels and metrics.

    Attributes:
        labels: the names of the labels, in the order of the head's outputs; empty for numbers.

    Raises:
        UserError: the processor's labels or metrics are wrong.
    """

    def __init__(self, name: str, processor: DataProcessor):
        self.name = name
        self._processor = processor
        self._reader = ExampleReader(processor)
        self.labels = self._reader.labels
        self._kind = self._reader.targets.kind
        self._metrics = self._reader.metrics
        self.headline = f"eval_{self._metrics[0]}"
        self.score_names = self._reader.score_names
        self.group_name = processor.group_name

    def read(self, split: str, data_dir: str) -> list[InputExample]:
        """Reads a split with the processor and checks its examples; raises the errors of `ExampleReader`."""
        return self._reader.read(split, data_dir)

    def digest(self, examples: Sequence[InputExample]) -> str:
        """Returns the digest of texts and labels."""
        return examples_digest(examples)

    def featurize(self, examples: Sequence[InputExample], tokenizer: FullTokenizer, max_seq_length: int) -> Features:
        """Converts examples to word pieces and targets."""
        return make_features(examples, max_seq_length, tokenizer, self.targets(examples))

    def per_group(
        self, answers: np.ndarray, examples: Sequence[InputExample], batch_size: int
    ) -> dict[str, dict[str, float]]:
        """Returns the scores of each group of examples, in the order of the examples; see `Task.per_group`."""
        rows = collections.defaultdict(list)
        for row, example in enumerate(examples):
            if example.group is not None:
                rows[example.group].append(row)
        return {group: self._scores_of(answers, examples, batch_size, rows[group]) for group in rows}

    def _scores_of(
        self, answers: np.ndarray, examples: Sequence[InputExample], batch_size: int, rows: Sequence[int]
    ) -> dict[str, float]:
        scores = self.evaluate(answers[rows], [examples[row] for row in rows], batch_size).scores
        return {"examples": len(rows), **scores}

    @abc.abstractmethod
    def targets(self, examples: Sequence[InputExample]) -> dict[str, tf.Tensor]:
        """Returns what the head's loss needs, by name: [examples, ...]."""

    def describe(self) -> Mapping[str, str]:
        """Returns the kind of the labels, and their names, one a line, in the order of the head's outputs."""
        kind = {run_files.TASK: json.dumps({"kind": self._kind}) + "\n"}
        return kind | ({run_files.LABELS: "".join(f"{label}\n" for label in self.labels)} if self.labels else {})

    def facts(self, examples: Sequence[InputExample]) -> Mapping[str, object]:
        """Returns whether there are pairs of texts among the examples, as `pairs`."""
        return {"pairs": any(example.text_b is not None for example in examples)}


def tab_separated(rows: np.ndarray) -> list[str]:
    r"""Returns the numbers of each row, [examples, numbers], in one line, as the original writes them.

    Example:
        >>> tab_separated(np.array([[0.25, 0.75]], np.float32))
        ['0.25\t0.75']
    """
    return ["\t".join(map(str, row)) for row in rows]
