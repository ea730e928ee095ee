"""A LiteRT model in use. Needs the package `ai-edge-litert`, and no TensorFlow.

model = LiteRTModel("litert/model.tflite")
model.answers_of_pieces(ids, mask, types)  # float32 [rows, labels]
"""

import os
import threading

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from bert_tf.cpu import usable_cores
from bert_tf.errors import reading
from bert_tf.modeling.names import INPUTS
from bert_tf.serving.portable import Shape, run_in_shape
from bert_tf.streams import hidden_start_up_messages


class LiteRTModel:
    """Computes answers with a `.tflite` file that `export_litert.py` wrote. Threads may share it.

    Args:
        path: of the file.

    Attributes:
        answer_shape: of one text: `(labels,)`, or `()` for a number.

    Raises:
        UserError: the file is missing or broken.
    """

    def __init__(self, path: str | os.PathLike):
        # LiteRT announces its delegate whatever the log level is.
        with reading(path, "export the model again"), hidden_start_up_messages():
            self._interpreter = Interpreter(os.fspath(path), num_threads=usable_cores())
            self._interpreter.allocate_tensors()
            self._run = self._interpreter.get_signature_runner()
            inputs = self._run.get_input_details()
            if {name: input["dtype"] for name, input in inputs.items()} != dict.fromkeys(INPUTS, np.int32):
                raise ValueError("its inputs are not those of an export")
            batch_size, length = inputs[INPUTS[0]]["shape_signature"]
            (output,) = self._run.get_output_details().values()
        self._shape = Shape(*(None if size < 0 else int(size) for size in (batch_size, length)))
        self.answer_shape = tuple(map(int, output["shape_signature"][1:]))
        # An interpreter has one set of buffers.
        self._lock = threading.Lock()

    def answers_of_pieces(
        self, input_word_ids: np.ndarray, input_mask: np.ndarray, input_type_ids: np.ndarray
    ) -> np.ndarray:
        """Computes the answers of a batch, float32 [rows, labels] or [rows]; the inputs are int32 [rows, length]."""
        with self._lock:
            return run_in_shape(self._answers, self._shape, (input_word_ids, input_mask, input_type_ids))

    def _answers(self, *pieces: np.ndarray) -> np.ndarray:
        (answers,) = self._run(**dict(zip(INPUTS, pieces, strict=True))).values()
        return answers
