"""A tiny model and a tiny corpus, as files and as objects."""

import random
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf
import tf_keras

from bert_tf.checkpoints.formats import write_checkpoint
from bert_tf.data.features import Features
from bert_tf.modeling.config import BertConfig
from bert_tf.modeling.encoder import BertEncoder
from bert_tf.modeling.heads import ClassificationHead

WORDS = [f"w{number}" for number in range(90)]


def write_corpus(folder: Path, sizes: Mapping[str, int]) -> Path:
    """Random pairs of random words, as the notebook exports them."""
    words = random.Random(0)
    folder.mkdir()
    for name, size in sizes.items():
        rows = [
            "\t".join([*(" ".join(words.choices(WORDS, k=words.randint(1, 21))) for _ in "ab"), str(number % 2)])
            for number in range(size)
        ]
        (folder / f"{name}.tsv").write_text("".join(f"{row}\n" for row in rows))
    return folder


def write_tiny_model(folder: Path, dropout: float = 0.1, pieces: Sequence[str] = WORDS) -> Path:
    """Two layers of width 32, random, in the original's files."""
    vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *pieces]
    config = BertConfig(
        vocab_size=len(vocab),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
        type_vocab_size=2,
        # Ten times BERT's, so that texts differ in their probabilities without pre-training.
        initializer_range=0.2,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
    )
    folder.mkdir()
    (folder / "vocab.txt").write_text("".join(f"{piece}\n" for piece in vocab), encoding="utf-8")
    (folder / "bert_config.json").write_text(config.to_json_string())
    tf_keras.utils.set_random_seed(1)
    write_checkpoint(folder / "bert_model.ckpt", BertEncoder(config).variables_by_name)
    return folder


TINY = BertConfig(
    vocab_size=200,
    hidden_size=16,
    num_hidden_layers=1,
    num_attention_heads=2,
    intermediate_size=24,
    max_position_embeddings=48,
    type_vocab_size=2,
)


def make_tiny_head(dtype: str = "float32") -> ClassificationHead:
    """A tiny encoder with dropout and a classifier, the same at each call."""
    head = ClassificationHead(BertEncoder(TINY, dtype=dtype), num_labels=2)
    random = np.random.default_rng(0)
    for name, variable in head.variables_by_name.items():
        variable.assign(random.normal(name.endswith("gamma"), 0.1, variable.shape))
    return head


def make_tiny_features(num_examples: int = 22) -> Features:
    """Random texts of 3 to 40 pieces; the first piece is the number of the example."""
    random = np.random.default_rng(1)
    rows = [[i, *random.integers(0, 200, random.integers(2, 40)).tolist()] for i in range(num_examples)]
    ids = tf.ragged.constant(rows, tf.int32, ragged_rank=1)
    labels = tf.constant(random.integers(0, 2, num_examples), tf.int32)
    return Features(ids, ids % 2, {"label_ids": labels}, max_seq_length=40)
