"""Exported models asked in a process that has nothing of ours, and the answers that they must give."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tf_keras

from bert_tf.checkpoints.load import fill
from bert_tf.data.examples import InputExample
from bert_tf.data.features import make_features
from bert_tf.devices import one_device
from bert_tf.modeling.encoder import BertEncoder
from bert_tf.modeling.heads import ClassificationHead, Head, MultiLabelHead, RegressionHead
from bert_tf.models.fine_tuned import FineTunedModel
from bert_tf.training.inference import predict

AnyText = str | bytes
HEADS = {
    "classification": lambda encoder, labels: ClassificationHead(encoder, len(labels)),
    "regression": lambda encoder, labels: RegressionHead(encoder),
    "multi_label": lambda encoder, labels: MultiLabelHead(encoder, len(labels)),
}
# Texts that a server gets sooner or later.
HOSTILE = (
    b"",
    b" \t\r\n\x0b\xc2\xa0\xe3\x80\x80",
    b"w1 " * 33_334,
    b"w" * 100_000,
    b"\xff\xfe w1 \xc3",
    b"\x80" * 1000,
    b"w1\x00w2 \x00",
    b"\xed\xa0\x80 w1 \xed\xbf\xbf",
    "\u202eשלום w3 مرحبا\u202c".encode(),  # noqa: RUF001 - right to left
    "👩‍👩‍👧 w1 🙂🏽 \U0010ffff".encode(),
    b"[CLS] w1 [SEP] [MASK] [PAD] ##w2",
    "ΟΔΟΣ ﬁ İstanbul e\u0301\u0327 한국어 漢字".encode(),
    b'{"text": "w1"} <b>w2</b> \\ \' ; DROP TABLE',
    b"w1 w2 w3",
)
# What a fresh process runs. It imports what an application would, and must not find anything of ours.
_STRANGER = """
import json, sys

class NothingOfOurs:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("bert_tf", "tf_keras", "official", "transformers"):
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, NothingOfOurs())
import tensorflow as tf
import tensorflow_text

def tensor(values):
    is_text = not values or isinstance(values[0], str)
    if is_text:
        return tf.constant([value.encode("latin-1") for value in values], tf.string)
    return tf.constant(values, tf.float32 if isinstance(values[0], float) else tf.int32)

def plain(value):
    return [x.decode("latin-1") for x in value.ravel()] if value.dtype == object else value.tolist()

answers = []
for folder, signature, inputs in json.load(sys.stdin):
    function = tf.saved_model.load(folder).signatures[signature]
    outputs = function(**{name: tensor(values) for name, values in inputs.items()})
    answers.append({name: plain(value.numpy()) for name, value in outputs.items()})
json.dump(answers, sys.stdout)
"""


class Request(NamedTuple):
    """A request to an exported model.

    Attributes:
        folder: of the SavedModel.
        inputs: by name.
        signature: the name of the function.
    """

    folder: Path
    inputs: Mapping[str, Sequence]
    signature: str = "serving_default"


def ask_elsewhere(requests: Sequence[Request]) -> list[dict[str, list]]:
    """Asks exported models in one fresh process; returns the outputs by name, texts in one flat list."""
    asked = [
        (str(folder), signature, {name: list(map(_as_json, values)) for name, values in inputs.items()})
        for folder, inputs, signature in requests
    ]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [sys.executable, "-I", "-c", _STRANGER],
        input=json.dumps(asked),
        env=environment | {"TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert not done.returncode, done.stderr
    return [
        {name: [_as_text(value) for value in values] for name, values in each.items()}
        for each in json.loads(done.stdout)
    ]


def _as_json(value: AnyText | float | Sequence[int]) -> str | float | list[int]:
    if isinstance(value, float):
        return value
    if isinstance(value, str):
        value = value.encode()
    return value.decode("latin-1") if isinstance(value, bytes) else list(value)


def _as_text(value: object) -> object:
    return value.encode("latin-1").decode() if isinstance(value, str) else value


def expected_answers(model: FineTunedModel, texts: Sequence[AnyText], pairs: Sequence[AnyText] = ()) -> np.ndarray:
    """Computes the answers as a run does: tokenizer and features in Python, the encoder in Keras."""
    examples = [InputExample("", *each) for each in zip(texts, pairs or [""] * len(texts), strict=True)]
    features = make_features(examples, model.max_seq_length, model.tokenizer(), {})
    return predict(make_head(model), features, 512, one_device())


def make_head(model: FineTunedModel) -> Head:
    """Builds the Keras model of a run."""
    policy = tf_keras.mixed_precision.Policy(model.compute_dtype.replace("bfloat16", "mixed_bfloat16"))
    head = HEADS[model.kind](BertEncoder(model.config, policy), model.labels)
    fill(head, model.arrays)
    return head
