"""Predicts the labels of texts, or numbers for them, with a fine-tuned model.

model = load("output/MRPC/all-MiniLM-L6-v2")
model.predict([("It rains .", "Rain falls ."), ("It rains .", "It snows .")])
"""

import os
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import tensorflow as tf

from bert_tf.checkpoints.load import fill
from bert_tf.data.batches import batch_lengths, evaluation_order, unpadded_batch
from bert_tf.data.examples import InputExample, is_unicode
from bert_tf.data.features import make_features
from bert_tf.data.tokenization import FullTokenizer
from bert_tf.errors import UserError, shown
from bert_tf.modeling.encoder import BertEncoder
from bert_tf.modeling.heads import Batch, Head
from bert_tf.serving.fine_tuned import read_fine_tuned
from bert_tf.serving.predictions import KINDS, AnyPrediction
from bert_tf.training.model import POLICIES
from bert_tf.training.overflow import check_finite


class Predictor:
    """A fine-tuned model; `load` makes one.

    Args:
        kind: of the labels: `"classification"`, `"regression"` or `"multi_label"`.
        head: encoder and head, with their weights.
        tokenizer: of the encoder's vocabulary.
        labels: in the order of the head's outputs; empty for a regression.
        max_seq_length: longer texts are truncated, as in training.
        scores: of its evaluation, if there was one.

    Attributes:
        kind: of the labels.
        labels: the names of the labels.
        scores: such as `eval_accuracy`; empty without an evaluation.
    """

    def __init__(
        self,
        kind: str,
        head: Head,
        tokenizer: FullTokenizer,
        labels: Sequence[str],
        max_seq_length: int,
        scores: dict[str, float],
    ):
        self.kind = kind
        self.labels = tuple(labels)
        self.scores = scores
        self._head = head
        self._tokenizer = tokenizer
        self._max_seq_length = max_seq_length
        self._mixed_precision = head.encoder.compute_dtype.replace("float32", "none")
        # Weights are cast and joined once, and one graph serves batches of all shapes.
        self._weights = head.encoder.product_weights()
        names = ("input_word_ids", "input_mask", "input_type_ids")
        shapes = {name: tf.TensorSpec([None, None], tf.int32) for name in names}
        shapes["token_rows"] = tf.TensorSpec([None], tf.int32)
        self._answers = tf.function(self._compute, input_signature=[shapes], autograph=False)

    def __repr__(self) -> str:
        scores = "".join(f", {name}={score:.4g}" for name, score in self.scores.items())
        subject = f"labels={list(self.labels)}" if self.labels else self.kind
        return f"Predictor({subject}{scores})"

    def predict(self, texts: Iterable[str | tuple[str, str]], batch_size: int = 32) -> list[AnyPrediction]:
        """Predicts for each text or pair of texts. The first call takes some seconds, later calls do not.

        Args:
            texts: a list, an array or a column of a table; each a string, or two strings for a model of pairs.
            batch_size: how many to compute at a time; it does not change the answers.

        Returns:
            One prediction for each text, in their order. A classifier's has `label` and `probabilities`, that of a
            regression `value`, and that of a model for any number of labels `labels` and `probabilities`.

        Raises:
            UserError: a text is neither a string nor two strings, `batch_size` is no number of texts, or a number
                overflows.
        """
        if isinstance(texts, (str, bytes, Mapping)) or not isinstance(texts, Iterable):
            raise UserError("predict: needs a list of texts; put the text in a list, as in predict([text])")
        if not isinstance(batch_size, (int, np.integer)) or batch_size < 1:
            raise UserError(f"predict: batch_size is {batch_size!r:.60}; it must be a whole number, at least 1")
        examples = [_example(text) for text in texts]
        if not examples:
            return []
        answers = self._answer_in_batches(examples, int(batch_size))
        return [KINDS[self.kind].make_prediction(self.labels, answer) for answer in answers]

    def _answer_in_batches(self, examples: Sequence[InputExample], batch_size: int) -> np.ndarray:
        features = make_features(examples, self._max_seq_length, self._tokenizer, targets={})
        order = evaluation_order(features.lengths, min(batch_size, len(examples)))
        found = []
        lengths = batch_lengths(features.lengths, order, self._max_seq_length)
        for rows, length in zip(order, lengths, strict=True):
            real = rows[rows >= 0]
            batch = unpadded_batch(features, tf.constant(real), int(length), int(features.lengths[real].sum()))
            found.append(self._answers(batch).numpy())
        answers = np.concatenate(found)[np.argsort(order[order >= 0])]
        check_finite("predict", answers, self._mixed_precision)
        return answers

    def _compute(self, batch: Batch) -> tf.Tensor:
        return self._head.answers(self._head(batch, weights=self._weights))


def load(folder: str | os.PathLike) -> Predictor:
    """Loads a fine-tuned model from the output folder of a finished run. It computes as the run did.

    Args:
        folder: see `read_fine_tuned`.

    Raises:
        UserError: something is missing or broken; no label is invented.
    """
    model = read_fine_tuned(folder)
    dtype = POLICIES[model.compute_dtype.replace("float32", "none")]
    head = KINDS[model.kind].make_head(BertEncoder(model.config, dtype, initializer="zeros"), model.labels)
    fill(head, model.arrays, model.folder)
    return Predictor(model.kind, head, model.tokenizer(), model.labels, model.max_seq_length, dict(model.scores))


def _example(text: str | tuple[str, str]) -> InputExample:
    parts = [text] if isinstance(text, str) else text
    is_pair_or_text = isinstance(parts, (tuple, list, np.ndarray)) and len(parts) == 1 + (parts is text)
    if not is_pair_or_text or not all(isinstance(part, str) for part in parts):
        raise UserError(f"predict: {shown(text)} is neither a text nor a pair of texts; give strings, or tuples of two")
    if not all(map(is_unicode, parts)):
        raise UserError(f"predict: {shown(text)} has half of a surrogate pair, which is no character; decode it again")
    return InputExample("", *parts)
