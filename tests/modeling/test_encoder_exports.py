"""Exported graphs do not depend on the machine, and convert to LiteRT."""

import dataclasses
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from support.encoders import SMALL, random_inputs, randomize
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from bert_tf.modeling.encoder import BertEncoder


def machine_dependent(graph: tf.compat.v1.GraphDef) -> set[str]:
    """Operations of a graph and its functions that only some machines have, or that are compiled for one of them."""
    functions = graph.library.function
    nodes = [*graph.node, *(node for function in functions for node in function.node_def)]
    found = {node.op for node in nodes if node.op.startswith(("FusedBatchNorm", "_Mkl", "_Fused", "Xla"))}
    compiled = [place for place in (*nodes, *functions) if place.attr["_XlaMustCompile"].b]
    return found | ({"compiled by XLA"} if compiled else set())


def graphs_of(folder: Path) -> list[tf.compat.v1.GraphDef]:
    saved = SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    return [part.graph_def for part in saved.meta_graphs]


def operations(graphs: Iterable[tf.compat.v1.GraphDef]) -> set[str]:
    return {node.op for graph in graphs for function in graph.library.function for node in function.node_def}


def encode_function(
    encoder: BertEncoder, shape: list[int | None], **arguments
) -> tf.types.experimental.GenericFunction:
    specs = {name: tf.TensorSpec(shape, tf.int32, name=name) for name in random_inputs()}

    @tf.function(input_signature=[specs], autograph=False)
    def encode(inputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        outputs = encoder(inputs, **arguments)
        return {name: outputs[name] for name in ("sequence_output", "pooled_output")}

    return encode


def saved_functional_model(encoder: BertEncoder, folder: Path) -> None:
    inputs = {name: tf_keras.Input([None], dtype=tf.int32, name=name) for name in random_inputs()}
    tf_keras.Model(inputs, tf_keras.layers.Dense(2)(encoder(inputs)["pooled_output"])).save(folder)


def saved_function(encoder: BertEncoder, folder: Path) -> None:
    module = tf.Module()
    module.encoder, module.encode = encoder, encode_function(encoder, [None, None])
    module.encode(random_inputs())
    tf.saved_model.save(module, str(folder), signatures=module.encode)


@pytest.mark.slow
@pytest.mark.parametrize("save", [saved_functional_model, saved_function])
def test_a_saved_model_does_not_depend_on_the_machine(tmp_path, save):
    save(BertEncoder(SMALL, fuse=True), tmp_path)
    graphs = graphs_of(tmp_path)
    assert {"MatMul", "Softmax", "Rsqrt"} <= operations(graphs)
    assert [machine_dependent(graph) for graph in graphs] == [set()]


@pytest.mark.parametrize("arguments", [{}, {"training": True}])
def test_a_graph_that_is_not_fused_does_not_depend_on_the_machine(arguments):
    function = encode_function(BertEncoder(SMALL, fuse=False), [None, None], **arguments)
    assert machine_dependent(function.get_concrete_function().graph.as_graph_def()) == set()


def test_a_fused_graph_of_training_is_compiled_for_the_machine():
    encoder = BertEncoder(SMALL, fuse=False)
    encoder.fuse = True
    function = encode_function(encoder, [None, None], training=True)
    assert "compiled by XLA" in machine_dependent(function.get_concrete_function().graph.as_graph_def())


@pytest.mark.slow
def test_a_loaded_function_gives_the_same_outputs(tmp_path):
    encoder = BertEncoder(SMALL)
    saved_function(encoder, tmp_path)
    loaded = tf.saved_model.load(str(tmp_path))
    found, expected = loaded.encode(random_inputs()), encoder(random_inputs())
    for name in ("sequence_output", "pooled_output"):
        np.testing.assert_allclose(found[name], expected[name], rtol=0, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("hidden_act", ["gelu", "gelu_erf", "relu", "tanh"])
@pytest.mark.parametrize("shape, batches", [([1, 20], [(1, 20)]), ([None, None], [(1, 20), (4, 13), (2, 1)])])
def test_a_graph_converts_to_litert_with_built_in_operations_alone(shape, batches, hidden_act):
    config = dataclasses.replace(SMALL, hidden_act=hidden_act, num_hidden_layers=1)
    encoder = BertEncoder(config, fuse=False)
    randomize(encoder, seed=1)
    function = encode_function(encoder, shape)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()], encoder)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    run = tf.lite.Interpreter(model_content=converter.convert()).get_signature_runner()
    for batch, length in batches:
        inputs = random_inputs(config, batch, length)
        found = run(**{name: tensor.numpy() for name, tensor in inputs.items()})
        for name, expected in function(inputs).items():
            np.testing.assert_allclose(found[name], expected, rtol=0, atol=1e-4, err_msg=name)
