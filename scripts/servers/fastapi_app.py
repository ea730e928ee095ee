r"""Serves an exported SavedModel with FastAPI.

It needs fastapi, uvicorn, tensorflow and tensorflow-text:

    python fastapi_app.py output/MRPC/all-MiniLM-L6-v2/export/1 8000
    curl -d '{"text": "It rains .", "text_pair": "Rain falls ."}' -H 'Content-Type: application/json' \
        http://127.0.0.1:8000/predict
"""

import sys
from typing import Annotated

import fastapi
import pydantic
import tensorflow as tf
import tensorflow_text  # noqa: F401 - registers the operations of the tokenizer
import uvicorn
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

# As UTF-8: a text that has none, because of half of a surrogate pair, is refused.
Text = Annotated[str, pydantic.AfterValidator(str.encode)]


class Texts(pydantic.BaseModel):
    """A request."""

    text: Text
    text_pair: Text = b""


app = fastapi.FastAPI()
model = tf.saved_model.load(sys.argv[1])
signature = model.signatures["serving_default"]
names = signature.structured_input_signature[1]


@app.post("/predict")
def predict(texts: Texts) -> dict:
    """Answers one text or pair. FastAPI calls it in threads, which a SavedModel allows."""
    outputs = signature(**{name: tf.constant([getattr(texts, name)]) for name in names})
    return {name: _plain(output.numpy()[0]) for name, output in outputs.items()}


@app.exception_handler(RequestValidationError)
def refuse(request: fastapi.Request, error: RequestValidationError) -> JSONResponse:
    """Says what a request needs. FastAPI's own answer repeats the request, and fails where that is no UTF-8."""
    return JSONResponse({"detail": "text and text_pair must be strings"}, status_code=422)


def _plain(value: object) -> object:
    """Returns the label of one text as a string, and numbers as lists."""
    return value.decode() if isinstance(value, bytes) else value.tolist()


uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), log_level="warning")
