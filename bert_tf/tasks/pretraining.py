"""Masked words and next sentences: the original's run_pretraining.py.

task = PretrainingTask("pretraining", PretrainingSettings())
records = task.read("dev", "data/pretraining")
"""

import dataclasses
import json
from collections.abc import Iterable, Mapping

import numpy as np

from bert_tf import run_files
from bert_tf.data.pretraining_format import RecordForm
from bert_tf.data.pretraining_records import PretrainingRecords, read_pretraining_records
from bert_tf.data.record_files import RecordFiles, open_record_files
from bert_tf.data.targets import PRETRAINING
from bert_tf.data.tokenization import FullTokenizer
from bert_tf.modeling.encoder import BertEncoder
from bert_tf.modeling.masking import Masking
from bert_tf.modeling.pretraining_head import PretrainingHead
from bert_tf.remote import as_path
from bert_tf.tasks.pretraining_metrics import MASKED_LM_SCORES, SCORES, pretraining_scores, record_values
from bert_tf.tasks.task import Evaluation, Task


@dataclasses.dataclass(frozen=True)
class PretrainingSettings:
    """The two tasks of pre-training, and how they are evaluated.

    Attributes:
        max_predictions_per_seq: the number of predictions in a record.
        with_next_sentence: whether next sentences are found, too.
        masking: chooses other pieces than the records do, in each step of training; None takes theirs.
        max_eval_steps: the number of batches to evaluate, see `pretraining_scores`; None for all records, each once.
    """

    max_predictions_per_seq: int = 20
    with_next_sentence: bool = True
    masking: Masking | None = None
    max_eval_steps: int | None = None


class PretrainingTask(Task):
    """Finds masked words, and whether a sentence follows another.

    Args:
        name: of the task.
        settings: of the two tasks.
    """

    headline = "eval_masked_lm_accuracy"

    def __init__(self, name: str, settings: PretrainingSettings):
        self.name = name
        self._settings = settings
        self.score_names = SCORES if settings.with_next_sentence else MASKED_LM_SCORES

    def read(self, split: str, data_dir: str) -> RecordFiles:
        """Finds the records of `train.tfrecord` or `dev.tfrecord` in `data_dir`."""
        return open_record_files(str(as_path(data_dir) / f"{split}.tfrecord"), "data_dir")

    def digest(self, examples: RecordFiles) -> str:
        """Returns the digest of the records."""
        return examples.digest

    def featurize(self, examples: RecordFiles, tokenizer: FullTokenizer, max_seq_length: int) -> PretrainingRecords:
        """Checks all records and finds their lengths."""
        form = RecordForm(max_seq_length, self._settings.max_predictions_per_seq)
        return read_pretraining_records(examples, form, max(tokenizer.vocab.values()) + 1)

    def make_head(self, encoder: BertEncoder, seed: int) -> PretrainingHead:
        """Creates the layers of the two tasks."""
        settings = self._settings
        return PretrainingHead(
            encoder, seed, settings.with_next_sentence, settings.max_predictions_per_seq, settings.masking
        )

    def evaluate(self, answers: np.ndarray, examples: RecordFiles, batch_size: int) -> Evaluation:
        """Computes the original's scores; the value of a record is minus the mean loss of its masked words."""
        with_next_sentence, steps = self._settings.with_next_sentence, self._settings.max_eval_steps
        scores = pretraining_scores(answers, batch_size, steps, with_next_sentence)
        return Evaluation(scores, record_values(answers, with_next_sentence))

    def result_files(self, split: str, answers: np.ndarray, examples: RecordFiles) -> Mapping[str, Iterable[str]]:
        """Returns no files."""
        return {}

    def describe(self) -> Mapping[str, str]:
        """Returns the kind of the task, and whether next sentences are found."""
        facts = {"kind": PRETRAINING, "next_sentence": self._settings.with_next_sentence}
        return {run_files.TASK: json.dumps(facts) + "\n"}
