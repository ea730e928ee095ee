"""A tiny model learns a grammar whose perplexity is known, from random weights.

A sentence has a word of each of four classes, in their order; each class has four words, all equally frequent. So the
class of a word follows from its neighbors, and nothing says which word of the class it is.
"""

import json
import math
import random
from pathlib import Path

import pytest

from bert_tf.programs import create_pretraining_data, run_pretraining
from bert_tf.programs.pretraining_config import PretrainingConfig
from bert_tf.programs.pretraining_data_config import PretrainingDataConfig

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
CLASSES = [[f"{kind}{number}" for number in range(4)] for kind in ("adjective", "noun", "verb", "adverb")]
VOCAB = SPECIAL + [word for words in CLASSES for word in words]
SHAPE = {
    "vocab_size": len(VOCAB),
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": 64,
    "type_vocab_size": 2,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
}


def smallest_loss() -> float:
    """The mean loss of a model that knows the grammar, in nats for each masked word.

    Of the words to find, 80 % are seen as [MASK], 10 % as they are and 10 % as a random piece. A piece of another class
    than that of its place is such a random one. One of its class may be either: it is the true word with the
    probability `stays`, and each of the other three with the probability `other`.
    """
    pieces, choices = len(VOCAB), len(CLASSES[0])
    any_word = math.log(choices)
    seen = 0.1 / choices + choices * 0.1 / (choices * pieces)
    stays, other = (0.1 / choices + 0.1 / (choices * pieces)) / seen, 0.1 / (choices * pieces) / seen
    random_piece = -math.log(stays) / pieces - (choices - 1) / pieces * math.log(other)
    random_piece += (pieces - choices) / pieces * any_word
    return 0.8 * any_word + 0.1 * -math.log(stays) + 0.1 * random_piece


def write_texts(path: Path, documents: int, seed: int) -> None:
    choose = random.Random(seed).choice
    sentences = [[" ".join(map(choose, CLASSES)) for _ in range(8)] for _ in range(documents)]
    path.write_text("\n\n".join("\n".join(document) for document in sentences), encoding="utf-8")


def write_records(folder: Path, name: str, documents: int, seed: int) -> str:
    write_texts(folder / f"{name}.txt", documents, seed)
    config = PretrainingDataConfig(
        input_file=str(folder / f"{name}.txt"),
        output_file=str(folder / f"{name}.tfrecord"),
        vocab_file=str(folder / "vocab.txt"),
        max_seq_length=32,
        max_predictions_per_seq=5,
        dupe_factor=1,
        do_lower_case=True,
    )
    create_pretraining_data.create_pretraining_data(config)
    return config.output_file


def test_the_smallest_loss_is_that_of_a_perplexity_of_about_3_6():
    assert math.exp(smallest_loss()) == pytest.approx(3.599, abs=0.001)


@pytest.mark.slow
def test_a_tiny_model_reaches_the_perplexity_of_the_grammar(tmp_path):
    (tmp_path / "vocab.txt").write_text("\n".join(VOCAB), encoding="utf-8")
    (tmp_path / "bert_config.json").write_text(json.dumps(SHAPE), encoding="utf-8")
    config = PretrainingConfig(
        input_file=write_records(tmp_path, "train", documents=2000, seed=0),
        eval_file=write_records(tmp_path, "dev", documents=500, seed=1),
        bert_config_file=str(tmp_path / "bert_config.json"),
        output_dir=str(tmp_path / "output"),
        max_seq_length=32,
        max_predictions_per_seq=5,
        train_steps=800,
        warmup_steps=80,
        learning_rate=3e-3,
        masked_lm_only=True,
    )
    config = run_pretraining.with_defaults(config)
    found = run_pretraining.run_task(config, run_pretraining.find_records(config))
    assert found["masked_lm_loss"] == pytest.approx(smallest_loss(), rel=0.03)
    assert found["eval_masked_lm_perplexity"] == pytest.approx(math.exp(found["masked_lm_loss"]))
