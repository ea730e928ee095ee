"""Writes a test set's predictions as GLUE's leaderboard takes them (https://gluebenchmark.com/submit)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from bert_tf.data.examples import InputExample
from bert_tf.data.glue import GlueProcessor
from bert_tf.tasks.task import Task

_HIGHEST_SIMILARITY = 5.0


class GlueSubmission:
    """A task of GLUE that also leaves the file for the leaderboard; in all else it is the task itself.

    Args:
        task: the task.
        processor: its processor, which knows the name of the file.
    """

    def __init__(self, task: Task, processor: GlueProcessor):
        self._task = task
        self._processor = processor

    def __getattr__(self, name: str) -> object:
        return getattr(self._task, name)

    def result_files(
        self, split: str, answers: np.ndarray, examples: Sequence[InputExample]
    ) -> Mapping[str, Iterable[str]]:
        """Returns the task's own files, and for a test set also the leaderboard's."""
        files = self._task.result_files(split, answers, examples)
        if split != "test":
            return files
        return {**files, self._processor.submission: submission_lines(answers, self._processor.labels)}


def submission_lines(answers: np.ndarray, labels: Sequence[str]) -> Iterator[str]:
    r"""Yields the lines of a submission: a header, then the index of each row and its prediction.

    Args:
        answers: probabilities [examples, labels], or numbers [examples] or [examples, 1].
        labels: the names; empty for numbers, which are limited to STS-B's scale from 0 to 5.

    Example:
        >>> list(submission_lines(np.array([[0.9, 0.1], [0.2, 0.8]]), ["entailment", "not_entailment"]))
        ['index\tprediction', '0\tentailment', '1\tnot_entailment']
        >>> list(submission_lines(np.array([5.25, 2.5]), []))
        ['index\tprediction', '0\t5.0', '1\t2.5']
    """
    yield "index\tprediction"
    if labels:
        predictions = (labels[index] for index in answers.argmax(axis=1))
    else:
        predictions = np.clip(answers.reshape(len(answers)).astype(float), 0.0, _HIGHEST_SIMILARITY).tolist()
    for index, prediction in enumerate(predictions):
        yield f"{index}\t{prediction}"
