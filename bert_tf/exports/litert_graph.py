"""A fine-tuned model as a LiteRT file (TensorFlow Lite): word pieces in, answers out, with built-in operations only.

write_litert(read_fine_tuned("output/MRPC/all-MiniLM-L6-v2"), Shape(), Path("model.tflite"), int8=False)
"""

from pathlib import Path

import tensorflow as tf

from bert_tf.modeling.transformer import Transformer
from bert_tf.models.fine_tuned import FineTunedModel
from bert_tf.serving.export_facts import output_name
from bert_tf.serving.graph import head_answers, make_variables
from bert_tf.serving.portable import Shape
from bert_tf.streams import hidden_start_up_messages


def write_litert(model: FineTunedModel, shape: Shape, path: Path, int8: bool) -> None:
    """Writes encoder and head as a `.tflite` file.

    It takes `input_word_ids`, `input_mask` and `input_type_ids`, int32 [batch, length], and gives `probabilities`,
    float32 [batch, labels], or `value`, float32 [batch].

    Args:
        model: the fine-tuned model.
        shape: of the inputs.
        path: of the file.
        int8: True to keep the weights in 8 bits and to round the inputs of each product to 8 bits while it is computed
            (dynamic range quantization); False for float32.
    """
    graph = _PaddedGraph(model)
    pieces = tf.TensorSpec([shape.batch_size, shape.length], tf.int32)
    compute = tf.function(graph, autograph=False, input_signature=[pieces] * 3)
    # The converter announces itself whatever the log level is.
    with hidden_start_up_messages():
        converter = tf.lite.TFLiteConverter.from_concrete_functions([compute.get_concrete_function()], graph)
        converter.optimizations = [tf.lite.Optimize.DEFAULT] if int8 else []
        path.write_bytes(converter.convert())


class _PaddedGraph(tf.Module):
    """Computes answers in float32, and computes padding as well.

    `ServingGraph` computes none. Then the shapes inside the graph depend on the values of the mask, and LiteRT leaves
    a graph with such shapes to its slow operations.
    """

    def __init__(self, model: FineTunedModel):
        super().__init__()
        self._config, self._kind = model.config, model.kind
        self._products, self._others = make_variables(model, "float32")

    def __call__(
        self, input_word_ids: tf.Tensor, input_mask: tf.Tensor, input_type_ids: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        pieces = {"input_word_ids": input_word_ids, "input_mask": input_mask, "input_type_ids": input_type_ids}
        transformer = Transformer(self._config, self._others, self._products)
        pooled = transformer(pieces, output_range=1)["pooled_output"]
        return {output_name(self._kind): head_answers(self._kind, self._others, pooled)}
