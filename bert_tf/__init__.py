"""Google's BERT on TensorFlow 2: the same programs, flags, files, checkpoints and numbers.

    import bert_tf

    model = bert_tf.fine_tune("MRPC", data_dir="data/MRPC", output_dir="output")
    model.predict([("It rains .", "Rain falls .")])

Importing it takes no time: each name is loaded when it is used first.
"""

import contextlib
import importlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bert_tf.checkpoints.load import load_tokenizer
    from bert_tf.data.examples import InputExample
    from bert_tf.data.processors import DataProcessor
    from bert_tf.data.tokenization import FullTokenizer
    from bert_tf.data.tsv import TsvFile
    from bert_tf.errors import UserError
    from bert_tf.fine_tuning import fine_tune
    from bert_tf.modeling.config import BertConfig
    from bert_tf.modeling.encoder import BertEncoder
    from bert_tf.serving.predictor import load
    from bert_tf.serving.text_encoder import load_encoder

_MODULES = {
    "BertConfig": "bert_tf.modeling.config",
    "BertEncoder": "bert_tf.modeling.encoder",
    "DataProcessor": "bert_tf.data.processors",
    "FullTokenizer": "bert_tf.data.tokenization",
    "InputExample": "bert_tf.data.examples",
    "TsvFile": "bert_tf.data.tsv",
    "UserError": "bert_tf.errors",
    "fine_tune": "bert_tf.fine_tuning",
    "load": "bert_tf.serving.predictor",
    "load_encoder": "bert_tf.serving.text_encoder",
    "load_tokenizer": "bert_tf.checkpoints.load",
}

__all__ = [
    "BertConfig",
    "BertEncoder",
    "DataProcessor",
    "FullTokenizer",
    "InputExample",
    "TsvFile",
    "UserError",
    "fine_tune",
    "load",
    "load_encoder",
    "load_tokenizer",
]


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with _loading(name):
        return getattr(importlib.import_module(_MODULES[name]), name)


@contextlib.contextmanager
def _loading(name: str) -> Iterator[None]:
    """Replaces what TensorFlow and Keras raise when they cannot be loaded by a `UserError`."""
    from bert_tf.errors import missing_package, reading

    # TensorFlow loads Keras 3, which fails in several ways if it is set up for PyTorch or JAX.
    remedy = "unset KERAS_BACKEND, repair ~/.keras/keras.json, or set TF_USE_LEGACY_KERAS=1 before Python starts"
    with reading(f"{__name__}.{name}", remedy, "Keras cannot be loaded"):
        try:
            yield
        except ModuleNotFoundError as error:
            raise missing_package(error) from error


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
