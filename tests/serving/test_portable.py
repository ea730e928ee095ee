"""Models for LiteRT and ONNX Runtime compute what the fine-tuned model computes."""

import functools
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from support.commands import subprocess_environment
from support.fine_tuned import write_fine_tuned

from bert_tf.errors import UserError
from bert_tf.exports.portable import Runtime
from bert_tf.modeling.config import ACTIVATION_NAMES
from bert_tf.models.fine_tuned import FineTunedModel, read_fine_tuned
from bert_tf.serving.graph import ServingGraph
from bert_tf.serving.portable import Engine, Shape

pytestmark = pytest.mark.slow

ANY_SHAPE = Shape()
NAMES = ("input_word_ids", "input_mask", "input_type_ids")
LABELS = {"classification": ("bad", "good", "neither"), "regression": (), "multi_label": ("new", "old")}


def litert() -> Runtime:
    from bert_tf.exports.litert_graph import write_litert
    from bert_tf.serving.litert_model import LiteRTModel

    return Runtime(".tflite", write_litert, LiteRTModel)


def onnx() -> Runtime:
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    from bert_tf.exports.onnx_graph import write_onnx
    from bert_tf.serving.onnx_model import OnnxModel

    return Runtime(".onnx", write_onnx, OnnxModel)


@pytest.fixture(scope="module", params=[litert, onnx])
def runtime(request) -> Runtime:
    return request.param()


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> FineTunedModel:
    return read_fine_tuned(write_fine_tuned(tmp_path_factory.mktemp("model") / "run"))


def exported(
    runtime: Runtime, model: FineTunedModel, folder: Path, shape: Shape = ANY_SHAPE, int8: bool = False
) -> Engine:
    path = folder / f"model{runtime.suffix}"
    runtime.write(model, shape, path, int8)
    return runtime.open(path)


@pytest.fixture(scope="module")
def engine(runtime, model, tmp_path_factory) -> Engine:
    return exported(runtime, model, tmp_path_factory.mktemp("export"))


def random_pieces(rows: int, length: int) -> list[np.ndarray]:
    """Texts of all lengths, the longest first, in random pieces."""
    random = np.random.default_rng(rows * 100 + length)
    lengths = np.linspace(length, 2, rows).astype(int)[:, None]
    mask = (np.arange(length) < lengths).astype(np.int32)
    types = (np.arange(length) >= lengths // 2).astype(np.int32) * mask
    return [random.integers(5, 95, [rows, length]).astype(np.int32) * mask, mask, types]


def expected(model: FineTunedModel, pieces: list[np.ndarray]) -> np.ndarray:
    return graph_of(model.folder).answers_of_pieces(*pieces).numpy()


@functools.cache
def graph_of(folder: Path) -> ServingGraph:
    return ServingGraph(read_fine_tuned(folder))


@pytest.mark.parametrize("kind", LABELS)
def test_answers_of_each_kind_are_those_of_the_model(runtime, tmp_path, kind):
    model = read_fine_tuned(write_fine_tuned(tmp_path / "run", kind, LABELS[kind]))
    engine, pieces = exported(runtime, model, tmp_path), random_pieces(6, 30)
    assert engine.answer_shape == ((len(LABELS[kind]),) if LABELS[kind] else ())
    answers = engine.answers_of_pieces(*pieces)
    assert answers.dtype == np.float32 and np.ptp(answers[..., 0] if LABELS[kind] else answers) > 0.01
    np.testing.assert_allclose(answers, expected(model, pieces), rtol=1e-6, atol=1e-6)


def with_activation(folder: Path, name: str) -> FineTunedModel:
    config = json.loads((folder / "bert_config.json").read_text())
    (folder / "bert_config.json").write_text(json.dumps({**config, "hidden_act": name}))
    return read_fine_tuned(folder)


def test_exact_gelu_is_computed(runtime, tmp_path):
    model, pieces = with_activation(write_fine_tuned(tmp_path / "run"), "gelu_erf"), random_pieces(3, 9)
    answers = exported(runtime, model, tmp_path).answers_of_pieces(*pieces)
    np.testing.assert_allclose(answers, expected(model, pieces), atol=1e-6)


@pytest.mark.parametrize("name", ACTIVATION_NAMES)
def test_every_activation_is_computed_in_onnx(tmp_path, name):
    model, pieces = with_activation(write_fine_tuned(tmp_path / "run"), name), random_pieces(3, 9)
    answers = exported(onnx(), model, tmp_path).answers_of_pieces(*pieces)
    np.testing.assert_allclose(answers, expected(model, pieces), atol=1e-6)


def test_one_file_takes_batches_of_all_shapes(engine, model):
    for rows, length in ((1, 3), (7, 33), (1, 64), (2, 3), (1, 3)):
        pieces = random_pieces(rows, length)
        np.testing.assert_allclose(engine.answers_of_pieces(*pieces), expected(model, pieces), atol=1e-6)


@pytest.mark.parametrize("shape", [Shape(4, 32), Shape(1, None)])
def test_a_file_of_one_shape_takes_batches_of_others_in_parts_and_padded(runtime, model, tmp_path, shape):
    engine = exported(runtime, model, tmp_path, shape)
    for rows, length in ((1, 3), (4, 32), (9, 20)):
        pieces = random_pieces(rows, length)
        np.testing.assert_allclose(engine.answers_of_pieces(*pieces), expected(model, pieces), atol=1e-6)


def test_more_pieces_than_the_only_length_are_refused(runtime, model, tmp_path):
    engine = exported(runtime, model, tmp_path, Shape(1, 16))
    with pytest.raises(ValueError, match="takes 16 positions, not 17"):
        engine.answers_of_pieces(*random_pieces(1, 17))


def test_int8_is_smaller_and_near(runtime, model, tmp_path):
    small, pieces = exported(runtime, model, tmp_path, int8=True), random_pieces(20, 30)
    difference = np.abs(small.answers_of_pieces(*pieces) - expected(model, pieces))
    assert 1e-5 < difference.mean() < 0.02 and difference.max() < 0.1
    weights = sum(array.nbytes for array in model.arrays.values())
    assert (tmp_path / f"model{runtime.suffix}").stat().st_size < weights


def test_an_int8_model_answers_a_text_alone_as_in_a_batch(runtime, model, tmp_path):
    small, pieces = exported(runtime, model, tmp_path, int8=True), random_pieces(12, 30)
    lengths = pieces[1].sum(axis=1)
    alone = [
        small.answers_of_pieces(*(each[row : row + 1, :length] for each in pieces))
        for row, length in enumerate(lengths)
    ]
    np.testing.assert_allclose(small.answers_of_pieces(*pieces), np.concatenate(alone), atol=1e-5)


def test_threads_get_their_own_answers(engine):
    batches = [random_pieces(1 + number % 3, 5 + number) for number in range(24)]
    wanted = [engine.answers_of_pieces(*pieces) for pieces in batches]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda pieces: engine.answers_of_pieces(*pieces), batches * 4))
    for answers, right in zip(found, wanted * 4, strict=True):
        np.testing.assert_allclose(answers, right, atol=1e-6)


def test_a_damaged_file_is_one_line(runtime, model, tmp_path):
    exported(runtime, model, tmp_path)
    path = tmp_path / f"model{runtime.suffix}"
    whole = path.read_bytes()
    for content in (b"", b"text", whole[:1000], whole[: len(whole) // 2], bytes(1000) + whole[1000:]):
        path.write_bytes(content)
        with pytest.raises(UserError, match=r"cannot be read .*; export the model again") as error:
            runtime.open(path)
        assert "\n" not in str(error.value)


def test_an_onnx_file_of_another_model_is_refused_when_it_is_opened(tmp_path):
    engine = onnx().open
    from onnx import TensorProto, helper, save

    inputs, outputs = ([helper.make_tensor_value_info(name, TensorProto.FLOAT, ["rows", "length"])] for name in "xy")
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "other", inputs, outputs)
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / "model.onnx")
    with pytest.raises(UserError, match=r"\(its inputs are not those of an export\); export the model again"):
        engine(tmp_path / "model.onnx")


def test_a_litert_file_of_another_model_is_refused_when_it_is_opened(tmp_path):
    module = tf.Module()
    specs = [tf.TensorSpec([1, 4], tf.float32, name) for name in NAMES]
    module.answer = tf.function(lambda ids, mask, types: {"y": ids * mask + types}, input_signature=specs)
    tf.saved_model.save(module, str(tmp_path / "saved"), {"serving_default": module.answer.get_concrete_function()})
    converter = tf.lite.TFLiteConverter.from_saved_model(str(tmp_path / "saved"))
    (tmp_path / "model.tflite").write_bytes(converter.convert())
    with pytest.raises(UserError, match=r"\(its inputs are not those of an export\); export the model again"):
        litert().open(tmp_path / "model.tflite")


def test_litert_needs_no_operation_that_is_not_built_in(model, tmp_path):
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    for int8 in (False, True):
        exported(litert(), model, tmp_path, int8=int8)
        # Flex and custom operations are not in this resolver, and allocating fails without them.
        resolver = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        interpreter = Interpreter(str(tmp_path / "model.tflite"), experimental_op_resolver_type=resolver)
        interpreter.allocate_tensors()
        answers = interpreter.get_signature_runner()(**dict(zip(NAMES, random_pieces(2, 9), strict=True)))
        assert answers["probabilities"].shape == (2, 2)


def test_onnx_is_a_valid_model_of_standard_operators(model, tmp_path):
    runtime = onnx()
    import onnx as package

    exported(runtime, model, tmp_path)
    graph = package.load(tmp_path / "model.onnx")
    package.checker.check_model(graph, full_check=True)
    assert [(each.domain, each.version) for each in graph.opset_import] == [("", 17)]
    assert [each.name for each in graph.graph.input] == list(NAMES)
    assert [each.name for each in graph.graph.output] == ["probabilities"]


def test_computing_needs_no_tensorflow(runtime, model, tmp_path):
    exported(runtime, model, tmp_path)
    code = (
        "import sys, numpy as np\n"
        f"from {runtime.open.__module__} import {runtime.open.__name__} as Model\n"
        f"engine = Model('model{runtime.suffix}')\n"
        "print(engine.answers_of_pieces(*np.ones([3, 1, 9], np.int32)).shape)\n"
        "print({'tensorflow', 'keras', 'tf_keras', 'matplotlib', 'sklearn'}.intersection(sys.modules))\n"
    )
    environment = subprocess_environment(PYTHONPATH=os.pathsep.join(sys.path))
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.stdout == "(1, 2)\nset()\n", done.stderr
