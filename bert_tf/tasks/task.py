"""The contract between a task and the training path.

A `Task` knows text and files' content, and no graph. A `Head` (bert_tf/modeling/heads.py) knows tensors, and no text.
`bert_tf/training/` knows only these two.
"""

import abc
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from bert_tf.data.features import Features
from bert_tf.data.tokenization import FullTokenizer
from bert_tf.modeling.encoder import BertEncoder
from bert_tf.modeling.heads import Head

# Of every other score, a higher value is better.
LOWER_IS_BETTER = (
    *("eval_loss", "loss", "eval_mse"),
    *("eval_masked_lm_loss", "eval_masked_lm_perplexity", "eval_next_sentence_loss"),
)


class Example(Protocol):
    """An example of any task; `guid` names it."""

    guid: str


class Evaluation(NamedTuple):
    """The result of an evaluation.

    Attributes:
        scores: numbers of the dev set by name, such as `eval_accuracy`; they go into eval_results.txt.
        values: one number for each example, float [examples], higher is better. Paired tests compare these.
    """

    scores: dict[str, float]
    values: np.ndarray


class Task(abc.ABC):
    """The parts of a run that depend on the task: examples, head, scores and files.

    Attributes:
        name: such as `MRPC`.
        headline: the score that runs are ranked by; higher is better.
        score_names: all the scores that an evaluation gives.
        group_name: what the groups of `per_group` are, such as `"language"`.
    """

    name: str
    headline: str
    score_names: Sequence[str]
    group_name: str = "group"

    @abc.abstractmethod
    def read(self, split: str, data_dir: str) -> Sequence[Example]:
        """Reads the examples of a split.

        Args:
            split: `"train"`, `"dev"` or `"test"`.
            data_dir: the folder of the data.

        Raises:
            UserError: the data cannot be read.
        """

    @abc.abstractmethod
    def digest(self, examples: Sequence[Example]) -> str:
        """Returns a short name for these examples. It changes with everything that training can learn from them."""

    @abc.abstractmethod
    def featurize(self, examples: Sequence[Example], tokenizer: FullTokenizer, max_seq_length: int) -> Features:
        """Converts examples to word pieces, with the targets that the head's loss needs."""

    @abc.abstractmethod
    def make_head(self, encoder: BertEncoder, seed: int) -> Head:
        """Creates the head; `seed` is that of its initial weights."""

    def combine(self, answers: np.ndarray, features: Features, examples: Sequence[Example]) -> Sequence:
        """Returns one answer for each example; by default each row of the features is an example.

        Args:
            answers: of the head, [rows, ...].
            features: in the same order.
            examples: that the features were made of.
        """
        return answers

    @abc.abstractmethod
    def evaluate(self, answers: Sequence, examples: Sequence[Example], batch_size: int) -> Evaluation:
        """Scores the answers to the dev set.

        Args:
            answers: one for each example, from `combine`.
            examples: in the same order.
            batch_size: of the evaluation; the original's `loss` is a mean over batches.
        """

    def per_class(self, answers: Sequence, examples: Sequence[Example]) -> dict[str, dict[str, float]]:
        """Returns precision, recall, F1 and the number of examples of each class, by its name; by default none."""
        return {}

    def per_group(self, answers: Sequence, examples: Sequence[Example], batch_size: int) -> dict[str, dict[str, float]]:
        """Returns the scores of each group of examples, such as a language, by its name; by default none.

        The arguments are those of `evaluate`. Next to its scores a group has `examples`, the number of them.
        """
        return {}

    def remarks(self, answers: Sequence, examples: Sequence[Example]) -> Iterable[str]:
        """Returns lines about an evaluation to print below its scores; by default none."""
        return ()

    @abc.abstractmethod
    def result_files(self, split: str, answers: Sequence, examples: Sequence[Example]) -> Mapping[str, Iterable[str]]:
        """Returns the lines of the files that evaluation (`"dev"`) or prediction (`"test"`) leaves, by file name."""

    @abc.abstractmethod
    def describe(self) -> Mapping[str, str]:
        """Returns the files that the output folder needs so that the head can be used again: contents by name."""

    def facts(self, examples: Sequence[Example]) -> Mapping[str, object]:
        """Returns what run.json is to remember of the training examples; by default nothing."""
        return {}
