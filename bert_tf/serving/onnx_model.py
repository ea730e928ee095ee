"""An ONNX model in use. Needs the package `onnxruntime`, and no TensorFlow.

model = OnnxModel("onnx/model.onnx")
model.answers_of_pieces(ids, mask, types)  # float32 [rows, labels]
"""

import os
from collections.abc import Sequence

import numpy as np
from onnxruntime import InferenceSession

from bert_tf.errors import reading
from bert_tf.modeling.names import INPUTS
from bert_tf.serving.portable import Shape, run_in_shape

# The property of a file that says whether the inputs of products are rounded to 8 bits.
ROUNDED = "bert_tf.int8"


class OnnxModel:
    """Computes answers with an `.onnx` file that `export_onnx.py` wrote, on the CPU. Threads may share it.

    Args:
        path: of the file.

    Attributes:
        answer_shape: of one text: `(labels,)`, or `()` for a number.

    Raises:
        UserError: the file is missing or broken.
    """

    def __init__(self, path: str | os.PathLike):
        with reading(path, "export the model again"):
            self._session = InferenceSession(os.fspath(path), providers=["CPUExecutionProvider"])
            inputs = self._session.get_inputs()
            if {input.name: input.type for input in inputs} != dict.fromkeys(INPUTS, "tensor(int32)"):
                raise ValueError("its inputs are not those of an export")
            batch_size, length = inputs[0].shape
            self.answer_shape = tuple(self._session.get_outputs()[0].shape[1:])
            properties = self._session.get_modelmeta().custom_metadata_map
        # A size that is not fixed has a name.
        self._shape = Shape(*(size if isinstance(size, int) else None for size in (batch_size, length)))
        # ONNX Runtime rounds by the largest value of a whole batch: one text would change the answer for another.
        self._is_alone = properties.get(ROUNDED) == "True" and self._shape == Shape()

    def answers_of_pieces(
        self, input_word_ids: np.ndarray, input_mask: np.ndarray, input_type_ids: np.ndarray
    ) -> np.ndarray:
        """Computes the answers of a batch, float32 [rows, labels] or [rows]; the inputs are int32 [rows, length]."""
        pieces = (input_word_ids, input_mask, input_type_ids)
        return self._one_by_one(pieces) if self._is_alone else run_in_shape(self._answers, self._shape, pieces)

    def _one_by_one(self, pieces: Sequence[np.ndarray]) -> np.ndarray:
        """Computes each text alone and without its padding."""
        lengths = np.maximum(1, pieces[1].sum(axis=1))
        return np.concatenate(
            [self._answers(*(each[row : row + 1, :length] for each in pieces)) for row, length in enumerate(lengths)]
        )

    def _answers(self, *pieces: np.ndarray) -> np.ndarray:
        return self._session.run(None, dict(zip(INPUTS, pieces, strict=True)))[0]
