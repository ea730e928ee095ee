r"""Serves an exported SavedModel with MLServer, in KServe's v2 protocol.

It needs mlserver, tensorflow and tensorflow-text:

    python mlserver_app.py output/MRPC/all-MiniLM-L6-v2/export/1 8000
    curl -H 'Content-Type: application/json' http://127.0.0.1:8000/v2/models/bert/infer -d '{"inputs": [
        {"name": "text", "datatype": "BYTES", "shape": [1], "data": ["It rains ."]},
        {"name": "text_pair", "datatype": "BYTES", "shape": [1], "data": ["Rain falls ."]}]}'
"""

import asyncio
import sys

import numpy as np
import tensorflow as tf
import tensorflow_text  # noqa: F401 - registers the operations of the tokenizer
from mlserver import MLModel, MLServer, ModelSettings, Settings
from mlserver.codecs import NumpyCodec, StringCodec
from mlserver.errors import InferenceError
from mlserver.settings import ModelParameters
from mlserver.types import InferenceRequest, InferenceResponse, RequestInput, ResponseOutput


class SavedModel(MLModel):
    """Answers texts and pairs, as many as a request has."""

    async def load(self) -> bool:
        """Loads the model."""
        self._model = tf.saved_model.load(self.settings.parameters.uri)
        self._signature = self._model.signatures["serving_default"]
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Answers a request, in a thread, so that others are answered at the same time."""
        names = self._signature.structured_input_signature[1]
        columns = {each.name: _texts(each) for each in payload.inputs}
        if columns.keys() != names.keys() or len({len(column) for column in columns.values()}) != 1:
            raise InferenceError(f"inputs: needs {' and '.join(sorted(names))}, with as many texts each")
        outputs = await asyncio.to_thread(self._answer, columns)
        return InferenceResponse(model_name=self.name, outputs=outputs)

    def _answer(self, columns: dict[str, list[bytes]]) -> list[ResponseOutput]:
        tensors = {name: tf.constant(column, tf.string) for name, column in columns.items()}
        return [_encoded(name, output.numpy()) for name, output in self._signature(**tensors).items()]


def _texts(received: RequestInput) -> list[bytes]:
    values = received.data.root
    if not isinstance(values, list) or not all(isinstance(value, (str, bytes)) for value in values):
        raise InferenceError(f"{received.name}: has data that are no texts")
    return [value.encode() if isinstance(value, str) else value for value in values]


def _encoded(name: str, output: np.ndarray) -> ResponseOutput:
    if output.dtype != object:
        return NumpyCodec.encode_output(name, output)
    texts = [text.decode() for text in output.ravel()]
    return StringCodec.encode_output(name, texts, use_bytes=False).model_copy(update={"shape": list(output.shape)})


async def _serve(folder: str, port: int) -> None:
    settings = Settings(
        host="127.0.0.1", http_port=port, grpc_port=port + 1, metrics_endpoint=None, parallel_workers=0, debug=False
    )
    model = ModelSettings(name="bert", implementation=SavedModel, parameters=ModelParameters(uri=folder))
    await MLServer(settings).start([model])


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], int(sys.argv[2])))
