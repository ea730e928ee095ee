"""Writes the requests that TensorFlow Serving computes before it answers its first client.

write_warmup_requests(folder, {"serving_default": {"text": tf.constant(["It rains ."])}})
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import tensorflow as tf

# TensorFlow Serving reads this file, see its page "SavedModel Warmup".
WARMUP_FILE = Path("assets.extra", "tf_serving_warmup_requests")
# The numbers of the fields in TensorFlow Serving's protos: PredictionLog.predict_log, PredictLog.request,
# PredictRequest.model_spec and .inputs, ModelSpec.signature_name, and key and value of each entry of a map.
_PREDICT_LOG, _REQUEST, _MODEL_SPEC, _INPUTS, _SIGNATURE_NAME, _KEY, _VALUE = 6, 1, 1, 2, 3, 1, 2
_LENGTH_DELIMITED = 2

Inputs = Mapping[str, tf.Tensor]


def write_warmup_requests(folder: Path, requests: Sequence[tuple[str, Inputs]]) -> None:
    """Writes requests into a SavedModel.

    Args:
        folder: of the SavedModel.
        requests: each the name of a signature and its inputs.
    """
    path = folder / WARMUP_FILE
    path.parent.mkdir()
    with tf.io.TFRecordWriter(str(path)) as writer:
        for signature, inputs in requests:
            writer.write(_prediction_log(signature, inputs))


def _prediction_log(signature: str, inputs: Inputs) -> bytes:
    """Returns a `PredictionLog` of tensorflow_serving/apis/prediction_log.proto."""
    request = _field(_MODEL_SPEC, _field(_SIGNATURE_NAME, signature.encode()))
    for name, value in inputs.items():
        tensor = tf.make_tensor_proto(value).SerializeToString()
        request += _field(_INPUTS, _field(_KEY, name.encode()) + _field(_VALUE, tensor))
    return _field(_PREDICT_LOG, _field(_REQUEST, request))


def _field(number: int, content: bytes) -> bytes:
    """Returns a field of a message in the wire format of protocol buffers."""
    return _varint(number << 3 | _LENGTH_DELIMITED) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    digits = []
    while number >= 128:
        digits.append(number % 128 + 128)
        number //= 128
    return bytes([*digits, number])
