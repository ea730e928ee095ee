"""A fine-tuned model as an ONNX graph: word pieces in, answers out. Needs the extra `onnx`.

The graph is written operation by operation instead of converted: so it has what ONNX Runtime runs, in few
operations. tf2onnx turns the exact GELU into an `Erfc`, for which ONNX Runtime has no kernel.

write_onnx(read_fine_tuned("output/MRPC/all-MiniLM-L6-v2"), Shape(), Path("model.onnx"), int8=False)
"""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.quantization.quant_utils import add_pre_process_metadata

from bert_tf.data.targets import Number, OneLabel, SomeLabels
from bert_tf.modeling.names import INPUTS
from bert_tf.models.fine_tuned import FineTunedModel
from bert_tf.serving.export_facts import output_name
from bert_tf.serving.onnx_model import ROUNDED
from bert_tf.serving.portable import Shape

# The first operators with a layer normalization (2022). ONNX Runtime reads them since 1.13, and no newer one is needed.
_OPSET, _IR_VERSION = 17, 8


class _Graph:
    """Collects the operations and weights of a graph."""

    def __init__(self):
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def weight(self, name: str, value: np.ndarray) -> str:
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def add(self, operation: str, *inputs: str | float, **attributes: object) -> str:
        """Adds an operation with one output and returns the output's name. Numbers become constants."""
        name = f"{operation}_{len(self.nodes)}"
        names = [each if isinstance(each, str) else self._constant(each) for each in inputs]
        self.nodes.append(helper.make_node(operation, names, [name], name, **attributes))
        return name

    def _constant(self, value: float | list[int]) -> str:
        kind = np.float32 if isinstance(value, float) else np.int64
        return self.weight(f"constant_{len(self.weights)}", np.asarray(value, kind))


def write_onnx(model: FineTunedModel, shape: Shape, path: Path, int8: bool) -> None:
    """Writes encoder and head as an `.onnx` file; see `onnx_graph`.

    Args:
        model: the fine-tuned model.
        shape: of the inputs.
        path: of the file.
        int8: True to keep the weights in 8 bits and to round the inputs of each product to 8 bits while it is computed
            (dynamic quantization); False for float32.
    """
    graph = onnx_graph(model, shape)
    if int8:
        # It advises to pre-process, which joins operations; these are joined already.
        add_pre_process_metadata(graph)
        quantize_dynamic(graph, path, weight_type=QuantType.QInt8, per_channel=True, reduce_range=True)
        graph = onnx.load(path)
    helper.set_model_props(graph, {ROUNDED: str(int8)})
    onnx.save(graph, path)


def onnx_graph(model: FineTunedModel, shape: Shape) -> onnx.ModelProto:
    """Writes encoder and head as an ONNX model.

    Args:
        model: the fine-tuned model.
        shape: of the inputs.

    Returns:
        A model with the inputs `input_word_ids`, `input_mask` and `input_type_ids`, int32 [batch, length], and the
        output `probabilities`, float32 [batch, labels], or `value`, float32 [batch].
    """
    graph = _Graph()
    _ANSWERS[model.kind](graph, _Encoder(graph, model).logits())
    output = output_name(model.kind)
    graph.nodes[-1].output[0] = output
    dims = [shape.batch_size or "batch", shape.length or "length"]
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT32, dims) for name in INPUTS]
    output_dims = dims[:1] + ([len(model.labels)] if model.labels else [])
    outputs = [helper.make_tensor_value_info(output, TensorProto.FLOAT, output_dims)]
    made = helper.make_graph(graph.nodes, "bert", inputs, outputs, graph.weights)
    opsets = [helper.make_opsetid("", _OPSET)]
    return helper.make_model(made, opset_imports=opsets, ir_version=_IR_VERSION, producer_name="bert-tf")


class _Encoder:
    """Writes BERT's encoder, the pooler and the head's linear layer."""

    def __init__(self, graph: _Graph, model: FineTunedModel):
        self._add, self._weight = graph.add, graph.weight
        self._arrays, self._config = model.arrays, model.config

    def logits(self) -> str:
        x = self._embed()
        bias = self._attention_bias()
        last = self._config.num_hidden_layers - 1
        for layer in range(last):
            x = self._layer(layer, x, x, bias)
        # The classifier needs only the first position, so the last layer computes no other.
        x = self._layer(last, self._first_position(x), x, bias)
        pooled = self._add("Tanh", self._dense("bert/pooler/dense", self._add("Squeeze", x, [1])))
        weights = self._weight("output_weights", self._arrays["output_weights"].T)
        product = self._add("MatMul", pooled, weights)
        return self._add("Add", product, self._weight("output_bias", self._arrays["output_bias"]))

    def _embed(self) -> str:
        words = self._add("Gather", self._own("bert/embeddings/word_embeddings"), "input_word_ids")
        types = self._add("Gather", self._own("bert/embeddings/token_type_embeddings"), "input_type_ids")
        length = self._add("Shape", "input_word_ids", start=1, end=2)
        table = self._own("bert/embeddings/position_embeddings")
        positions = self._add("Slice", table, [0], length, [0])
        x = self._add("Add", self._add("Add", words, types), positions)
        return self._norm("bert/embeddings/LayerNorm", x)

    def _attention_bias(self) -> str:
        """[batch, 1, 1, length]: as in the original, a padded position is not minus infinity but 10,000 less."""
        mask = self._add("Cast", self._add("Unsqueeze", "input_mask", [1, 2]), to=TensorProto.FLOAT)
        return self._add("Mul", self._add("Sub", 1.0, mask), -10000.0)

    def _layer(self, layer: int, x: str, context: str, bias: str) -> str:
        """Writes one layer for the positions in `x`, which attend to those in `context`."""
        scope = f"bert/encoder/layer_{layer}"
        attended = self._dense(f"{scope}/attention/output/dense", self._attention(scope, x, context, bias))
        x = self._norm(f"{scope}/attention/output/LayerNorm", self._add("Add", attended, x))
        inner = _ACTIVATIONS[self._config.hidden_act](self._add, self._dense(f"{scope}/intermediate/dense", x))
        inner = self._dense(f"{scope}/output/dense", inner)
        return self._norm(f"{scope}/output/LayerNorm", self._add("Add", inner, x))

    def _attention(self, scope: str, x: str, context: str, bias: str) -> str:
        query = self._heads(f"{scope}/attention/self/query", x, [0, 2, 1, 3])
        key = self._heads(f"{scope}/attention/self/key", context, [0, 2, 3, 1])
        value = self._heads(f"{scope}/attention/self/value", context, [0, 2, 1, 3])
        scale = math.sqrt(self._config.hidden_size // self._config.num_attention_heads)
        scores = self._add("Add", self._add("Div", self._add("MatMul", query, key), scale), bias)
        mixed = self._add("MatMul", self._add("Softmax", scores, axis=-1), value)
        mixed = self._add("Transpose", mixed, perm=[0, 2, 1, 3])
        return self._add("Reshape", mixed, [0, 0, self._config.hidden_size])

    def _heads(self, scope: str, x: str, order: list[int]) -> str:
        heads = self._config.num_attention_heads
        split = self._add("Reshape", self._dense(scope, x), [0, 0, heads, self._config.hidden_size // heads])
        return self._add("Transpose", split, perm=order)

    def _first_position(self, x: str) -> str:
        return self._add("Slice", x, [0], [1], [1])

    def _dense(self, scope: str, x: str) -> str:
        product = self._add("MatMul", x, self._own(f"{scope}/kernel"))
        return self._add("Add", product, self._own(f"{scope}/bias"))

    def _norm(self, scope: str, x: str) -> str:
        gamma, beta = self._own(f"{scope}/gamma"), self._own(f"{scope}/beta")
        return self._add("LayerNormalization", x, gamma, beta, axis=-1, epsilon=self._config.layer_norm_eps)

    def _own(self, name: str) -> str:
        return self._weight(name, self._arrays[name])


Add = Callable[..., str]


def _gelu_erf(add: Add, x: str) -> str:
    """Writes x * Phi(x) as ONNX Runtime recognizes it: it makes one operation of this."""
    gate = add("Add", add("Erf", add("Div", x, math.sqrt(2.0))), 1.0)
    return add("Mul", add("Mul", x, gate), 0.5)


def _gelu(add: Add, x: str) -> str:
    """Writes the tanh approximation, the original's `gelu`."""
    cube = add("Mul", add("Mul", add("Mul", x, x), x), 0.044715)
    gate = add("Tanh", add("Mul", add("Add", x, cube), math.sqrt(2.0 / math.pi)))
    return add("Mul", add("Mul", x, add("Add", gate, 1.0)), 0.5)


_ACTIVATIONS: dict[str, Callable[[Add, str], str]] = {
    "gelu": _gelu,
    "gelu_erf": _gelu_erf,
    "relu": lambda add, x: add("Relu", x),
    "tanh": lambda add, x: add("Tanh", x),
    "linear": lambda add, x: x,
}
# What becomes of the logits, by kind of labels: the heads' `answers`.
_ANSWERS: dict[str, Callable[[_Graph, str], str]] = {
    OneLabel.kind: lambda graph, logits: graph.add("Softmax", logits, axis=-1),
    SomeLabels.kind: lambda graph, logits: graph.add("Sigmoid", logits),
    Number.kind: lambda graph, logits: graph.add("Squeeze", logits, [1]),
}
