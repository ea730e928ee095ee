"""Answers to questions, each a span of a document: the original's run_squad.py.

task = QuestionAnsweringTask("SQuAD", WindowSettings(), AnswerSettings())
examples = task.read("dev", "data/SQuAD")
"""

import dataclasses
import itertools
import json
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from bert_tf import run_files
from bert_tf.data.spans import WindowSettings
from bert_tf.data.squad_examples import SquadExample, read_squad_examples, squad_digest, squad_file_name
from bert_tf.data.targets import QUESTION_ANSWERING
from bert_tf.data.tokenization import FullTokenizer
from bert_tf.data.windows import WindowFeatures, convert_examples_to_features
from bert_tf.modeling.encoder import BertEncoder
from bert_tf.modeling.heads import SpanHead
from bert_tf.remote import as_path
from bert_tf.tasks.squad_answers import AnswerSettings, SpanAnswer, evaluation_lines, find_answer, prediction_files
from bert_tf.tasks.squad_metrics import (
    SCORES,
    SCORES_2,
    QuestionScore,
    score_question,
    squad_2_scores,
    squad_scores,
    threshold_advice,
)
from bert_tf.tasks.task import Evaluation, Task


class QuestionAnsweringTask(Task):
    """Finds the answers to questions in documents.

    Args:
        name: of the task.
        windows: how documents are read.
        answers: how an answer is chosen.
    """

    headline = "eval_f1"

    def __init__(self, name: str, windows: WindowSettings, answers: AnswerSettings):
        self.name = name
        self._windows = windows
        self._settings = answers
        self.score_names = SCORES_2 if answers.version_2_with_negative else SCORES

    def read(self, split: str, data_dir: str) -> list[SquadExample]:
        """Reads `train-v1.1.json` or `dev-v1.1.json`, or those of version 2.0, in `data_dir`."""
        version_2 = self._settings.version_2_with_negative
        file = as_path(data_dir) / squad_file_name(split, version_2)
        return read_squad_examples(file, split == "train", version_2).examples

    def digest(self, examples: Sequence[SquadExample]) -> str:
        """Returns the digest of documents, questions and answers."""
        return squad_digest(examples)

    def featurize(
        self, examples: Sequence[SquadExample], tokenizer: FullTokenizer, max_seq_length: int
    ) -> WindowFeatures:
        """Converts questions and documents to windows of word pieces, with the places of the answers for training."""
        is_training = examples[0].start_position is not None
        settings = dataclasses.asdict(self._windows) | {"with_places": self._settings.exact_answer_text}
        return convert_examples_to_features(examples, tokenizer, max_seq_length, is_training=is_training, **settings)

    def make_head(self, encoder: BertEncoder, seed: int) -> SpanHead:
        """Creates the layer that finds start and end."""
        return SpanHead(encoder, seed, masks_padding=not self._windows.pad_to_max_length)

    def combine(
        self, answers: np.ndarray, features: WindowFeatures, examples: Sequence[SquadExample]
    ) -> list[SpanAnswer]:
        """Chooses the answer to each question among the spans of all its windows.

        Args:
            answers: the logits of start and end, float32 [windows, 2, positions].
            features: the windows.
            examples: the questions.
        """
        settings = dataclasses.replace(self._settings, do_lower_case=features.tokenizer.do_lower_case)
        first_rows = np.searchsorted(features.example_index, np.arange(len(examples) + 1))
        found = []
        for example, (start, end) in zip(examples, itertools.pairwise(first_rows.tolist()), strict=True):
            rows = range(start, end)
            windows = [(features.window(row), *answers[row, :, : features.lengths[row]]) for row in rows]
            found.append(find_answer(example, windows, features.tokenizer.inv_vocab, settings))
        return found

    def evaluate(self, answers: Sequence[SpanAnswer], examples: Sequence[SquadExample], batch_size: int) -> Evaluation:
        """Computes SQuAD's exact match and F1; the value of a question is its F1."""
        scores = self._question_scores(answers, examples)
        values = np.array([score.f1 for score in scores])
        if not self._settings.version_2_with_negative:
            return Evaluation(squad_scores(scores), values)
        has_answer = [bool(example.answers) for example in examples]
        texts, score_diffs = zip(*((answer.text, answer.score_diff) for answer in answers), strict=True)
        return Evaluation(squad_2_scores(scores, has_answer, texts, score_diffs), values)

    def _question_scores(self, answers: Sequence[SpanAnswer], examples: Sequence[SquadExample]) -> list[QuestionScore]:
        version_2 = self._settings.version_2_with_negative
        pairs = zip(answers, examples, strict=True)
        return [score_question(answer.text, example.answers, version_2) for answer, example in pairs]

    def remarks(self, answers: Sequence[SpanAnswer], examples: Sequence[SquadExample]) -> Iterable[str]:
        """Yields the scores as SQuAD's official script writes them, and a better threshold if there is one."""
        exact_match, f1 = (100.0 * np.mean(self._question_scores(answers, examples), axis=0)).tolist()
        yield f"In percent, as SQuAD's script prints them: exact match {exact_match:.2f}, F1 {f1:.2f}."
        if self._settings.version_2_with_negative:
            texts, score_diffs = zip(*((answer.best_text, answer.score_diff) for answer in answers), strict=True)
            golds = [example.answers for example in examples]
            advice = threshold_advice(texts, golds, score_diffs, self._settings.null_score_diff_threshold)
            yield from [advice] if advice else []

    def result_files(
        self, split: str, answers: Sequence[SpanAnswer], examples: Sequence[SquadExample]
    ) -> Mapping[str, Iterable[str]]:
        """Returns the original's files; for a dev set also `eval_predictions.tsv`."""
        files = prediction_files(answers, examples, self._settings)
        if split != "dev":
            return files
        scores = self._question_scores(answers, examples)
        return {**files, run_files.EVAL_PREDICTIONS: evaluation_lines(answers, examples, scores)}

    def describe(self) -> Mapping[str, str]:
        """Returns the kind of the task, and whether questions can be without an answer."""
        facts = {"kind": QUESTION_ANSWERING, "version_2_with_negative": self._settings.version_2_with_negative}
        return {run_files.TASK: json.dumps(facts) + "\n"}
