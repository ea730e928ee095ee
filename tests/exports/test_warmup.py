"""The warm-up requests are what TensorFlow Serving reads, and the model answers them."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_text  # noqa: F401 - registers the operations of the tokenizer
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from support.fine_tuned import write_fine_tuned

from bert_tf.exports.saved_model import export
from bert_tf.models.fine_tuned import read_fine_tuned

pytestmark = pytest.mark.slow

# The parts of TensorFlow Serving's prediction_log.proto, predict.proto and model.proto that matter here.
MESSAGES = {
    "PredictionLog": [("predict_log", 6, ".PredictLog")],
    "PredictLog": [("request", 1, ".PredictRequest")],
    "PredictRequest": [("model_spec", 1, ".ModelSpec"), ("inputs", 2, ".PredictRequest.InputsEntry")],
    "ModelSpec": [("name", 1, "string"), ("signature_name", 3, "string")],
}
ENTRY = [("key", 1, "string"), ("value", 2, ".tensorflow.TensorProto")]


def prediction_log_class() -> type:
    """The class of a message that is declared as TensorFlow Serving declares it."""
    file = descriptor_pb2.FileDescriptorProto(name="serving.proto", syntax="proto3")
    file.dependency.append("tensorflow/core/framework/tensor.proto")
    for name, fields in MESSAGES.items():
        declare(file.message_type.add(name=name), fields)
        if name == "PredictRequest":
            entry = file.message_type[-1].nested_type.add(name="InputsEntry")
            entry.options.map_entry = True
            declare(entry, ENTRY)
    pool = descriptor_pool.Default()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("PredictionLog"))


def declare(message, fields: list[tuple[str, int, str]]) -> None:
    kinds = descriptor_pb2.FieldDescriptorProto
    for name, number, kind in fields:
        field = message.field.add(name=name, number=number, type=kinds.TYPE_STRING, label=kinds.LABEL_OPTIONAL)
        if kind != "string":
            field.type, field.type_name = kinds.TYPE_MESSAGE, kind
        if kind.endswith("Entry"):
            field.label = kinds.LABEL_REPEATED


@pytest.fixture(scope="module")
def log_class() -> type:
    return prediction_log_class()


@pytest.fixture(scope="module", params=[True, False], ids=["pairs", "single texts"])
def exported(request, tmp_path_factory) -> Path:
    top = tmp_path_factory.mktemp("export")
    return export(
        read_fine_tuned(write_fine_tuned(top / "run", run={"training": {}, "pairs": request.param})), top / "export"
    )


@pytest.fixture(scope="module")
def requests(exported, log_class) -> list:
    records = tf.data.TFRecordDataset(str(exported / "assets.extra" / "tf_serving_warmup_requests"))
    return [log_class.FromString(record.numpy()).predict_log.request for record in records]


def test_the_requests_are_for_both_signatures_and_several_sizes(requests):
    found = {(each.model_spec.signature_name, batch_size(each)) for each in requests}
    assert found == {(name, size) for name in ("serving_default", "pieces") for size in (1, 8)}


def batch_size(request) -> int:
    return {tf.make_ndarray(value).shape[0] for value in request.inputs.values()}.pop()


def test_the_model_answers_them(exported, requests):
    signatures = tf.saved_model.load(str(exported)).signatures
    for request in requests:
        inputs = {name: tf.constant(tf.make_ndarray(value)) for name, value in request.inputs.items()}
        answers = signatures[request.model_spec.signature_name](**inputs)
        assert answers["probabilities"].shape == (batch_size(request), 2)
        assert np.isfinite(answers["probabilities"]).all()
