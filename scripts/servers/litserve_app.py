r"""Serves an exported SavedModel with LitServe, in batches.

It needs litserve, tensorflow and tensorflow-text:

    python litserve_app.py output/MRPC/all-MiniLM-L6-v2/export/1 8000
    curl -d '{"text": "It rains .", "text_pair": "Rain falls ."}' -H 'Content-Type: application/json' \
        http://127.0.0.1:8000/predict
"""

import sys
from typing import Annotated

import fastapi
import litserve
import pydantic
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

# As UTF-8: a text that has none, because of half of a surrogate pair, is refused.
Text = Annotated[str, pydantic.AfterValidator(str.encode)]


class Texts(pydantic.BaseModel):
    """A request. It is checked before it joins a batch: an exception later would fail all requests of the batch."""

    text: Text
    text_pair: Text = b""


class SavedModel(litserve.LitAPI):
    """Answers texts and pairs.

    Args:
        folder: of the SavedModel.
    """

    def __init__(self, folder: str):
        super().__init__(max_batch_size=16, batch_timeout=0.002)
        self._folder = folder

    def setup(self, device: str) -> None:
        """Loads the model in the worker process."""
        import tensorflow as tf
        import tensorflow_text  # noqa: F401 - registers the operations of the tokenizer

        self._constant = tf.constant
        self._model = tf.saved_model.load(self._folder)
        self._signature = self._model.signatures["serving_default"]

    def decode_request(self, request: Texts) -> Texts:
        """Returns the request; LitServe checks it by the annotation."""
        return request

    def batch(self, inputs: list[Texts]) -> list[Texts]:
        """Returns the requests of a batch."""
        return inputs

    def predict(self, batch: list[Texts]) -> list[dict]:
        """Answers a batch."""
        names = self._signature.structured_input_signature[1]
        columns = {name: self._constant([getattr(texts, name) for texts in batch]) for name in names}
        outputs = {name: output.numpy() for name, output in self._signature(**columns).items()}
        return [{name: _plain(output[row]) for name, output in outputs.items()} for row in range(len(batch))]

    def unbatch(self, output: list[dict]) -> list[dict]:
        """Returns the answers of a batch."""
        return output


def refuse(request: fastapi.Request, error: RequestValidationError) -> JSONResponse:
    """Says what a request needs. FastAPI's own answer repeats the request, and fails where that is no UTF-8."""
    return JSONResponse({"detail": "text and text_pair must be strings"}, status_code=422)


def _plain(value: object) -> object:
    """Returns the label of one text as a string, and numbers as lists."""
    return value.decode() if isinstance(value, bytes) else value.tolist()


if __name__ == "__main__":
    server = litserve.LitServer(SavedModel(sys.argv[1]), accelerator="cpu")
    server.app.add_exception_handler(RequestValidationError, refuse)
    server.run(host="127.0.0.1", port=int(sys.argv[2]), log_level="warning", generate_client_file=False)
