"""Three tasks of `Task` and `Head` alone, a dozen lines each: proof that the training path is general."""

import dataclasses
import random
from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from support.tiny import WORDS

from bert_tf.data.examples import InputExample, examples_digest
from bert_tf.data.features import make_features
from bert_tf.modeling.heads import Head
from bert_tf.tasks.task import Evaluation, Task


class RegressionHead(Head):
    def __init__(self, encoder, seed):
        super().__init__(encoder)
        self.kernel = self.add_variable("output_weights", [1, encoder.config.hidden_size], seed)

    def call(self, batch, dropout_seed=None, weights=None):
        pooled = self.encode(batch, dropout_seed, weights)["pooled_output"]
        return tf.matmul(pooled, self.kernel, transpose_b=True)[:, 0]

    def loss(self, outputs, batch):
        return tf.reduce_sum(tf.square(outputs - batch["scores"])), tf.cast(tf.size(outputs), tf.float32)

    def answers(self, outputs):
        return outputs


class TaggingHead(Head):
    positions = None

    def __init__(self, encoder, seed):
        super().__init__(encoder)
        self.kernel = self.add_variable("tags/kernel", [encoder.config.hidden_size, 3], seed)
        self.bias = self.add_variable("tags/bias", [3])

    def call(self, batch, dropout_seed=None, weights=None):
        hidden = self.encode(batch, dropout_seed, weights)["sequence_output"]
        return tf.einsum("blh,ht->blt", tf.cast(hidden, tf.float32), self.kernel) + self.bias

    def loss(self, outputs, batch):
        mask = tf.cast(batch["input_mask"], tf.float32)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(batch["tag_ids"], outputs)
        return tf.reduce_sum(losses * mask), tf.reduce_sum(mask)

    def answers(self, outputs):
        return tf.argmax(outputs, axis=-1, output_type=tf.int32)


class SpanHead(Head):
    positions = None

    def __init__(self, encoder, seed):
        super().__init__(encoder)
        self.kernel = self.add_variable("cls/squad/output_weights", [2, encoder.config.hidden_size], seed)

    def call(self, batch, dropout_seed=None, weights=None):
        hidden = self.encode(batch, dropout_seed, weights)["sequence_output"]
        logits = tf.einsum("blh,eh->bel", tf.cast(hidden, tf.float32), self.kernel)
        return logits + (tf.cast(batch["input_mask"], tf.float32)[:, tf.newaxis] - 1.0) * 10000.0

    def loss(self, outputs, batch):
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(batch["ends"], outputs)
        return tf.reduce_sum(losses) / 2, tf.cast(tf.shape(losses)[0], tf.float32)

    def answers(self, outputs):
        return tf.argmax(outputs, axis=-1, output_type=tf.int32)


class ToyTask(Task):
    """Random texts; what is to be learned of them is computed from their pieces."""

    headline = "eval_score"
    score_names = ("eval_score",)

    def read(self, split: str, data_dir: str) -> list[InputExample]:
        words = random.Random(split)
        texts = (" ".join(words.choices(WORDS[:20], k=words.randint(3, 30))) for _ in range(40))
        return [InputExample(f"{split}-{number}", text) for number, text in enumerate(texts)]

    def digest(self, examples):
        return examples_digest(examples)

    def featurize(self, examples, tokenizer, max_seq_length):
        features = make_features(examples, max_seq_length, tokenizer, {})
        self.targets = self.make_targets(features.input_ids)
        return dataclasses.replace(features, targets=self.targets)

    def evaluate(self, answers: np.ndarray, examples: Sequence, batch_size: int) -> Evaluation:
        values = self.score(answers)
        return Evaluation({"eval_score": float(values.mean())}, values)

    def result_files(self, split, answers, examples):
        return {f"{split}.txt": [" ".join(map(str, np.ravel(row))) for row in answers]}

    def describe(self):
        return {"task.txt": f"{self.name}\n"}


class RegressionTask(ToyTask):
    """Counts how often one word occurs."""

    name = "regression"

    def make_head(self, encoder, seed):
        return RegressionHead(encoder, seed)

    def make_targets(self, ids):
        return {"scores": tf.reduce_sum(tf.cast(ids == 8, tf.float32), axis=1)}

    def score(self, answers):
        return -np.square(answers - self.targets["scores"].numpy())


class TaggingTask(ToyTask):
    """Tags each piece with the remainder of its id."""

    name = "tagging"

    def make_head(self, encoder, seed):
        return TaggingHead(encoder, seed)

    def make_targets(self, ids):
        return {"tag_ids": ids % 3}

    def score(self, answers):
        pairs = zip(answers, self.targets["tag_ids"].to_list(), strict=True)
        return np.array([np.mean(found[: len(tags)] == tags) for found, tags in pairs])


class SpanTask(ToyTask):
    """Finds the first and the last piece between [CLS] and [SEP]."""

    name = "spans"

    def make_head(self, encoder, seed):
        return SpanHead(encoder, seed)

    def make_targets(self, ids):
        lengths = tf.cast(ids.row_lengths(), tf.int32)
        return {"ends": tf.stack([tf.ones_like(lengths), lengths - 2], axis=1)}

    def score(self, answers):
        return np.mean(answers == self.targets["ends"].numpy(), axis=1)


TASKS = (RegressionTask, TaggingTask, SpanTask)
