"""Exports are numbered, written once, whole or not at all, and the same on every machine."""

import dataclasses
import os
import resource
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_text  # noqa: F401 - registers the operations of the tokenizer
from support.commands import Command
from support.fine_tuned import write_fine_tuned
from support.outputs import assert_same_bits
from support.paths import ROOT
from tensorflow.core.protobuf import saved_model_pb2

from bert_tf.errors import UserError
from bert_tf.exports.saved_model import export
from bert_tf.models.fine_tuned import FineTunedModel, read_fine_tuned
from bert_tf.serving.export_facts import newest_export
from bert_tf.serving.predictor import load

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    return write_fine_tuned(tmp_path_factory.mktemp("run") / "run")


@pytest.fixture(scope="module")
def model(run) -> FineTunedModel:
    return read_fine_tuned(run)


@pytest.fixture(scope="module")
def exported(model, tmp_path_factory) -> Path:
    """An export that no test changes."""
    return export(model, tmp_path_factory.mktemp("export"))


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def changed(model: FineTunedModel) -> FineTunedModel:
    arrays = {**model.arrays, "output_bias": model.arrays["output_bias"] + np.float32(1e-6)}
    return dataclasses.replace(model, arrays=arrays)


def test_the_same_model_is_written_once_and_a_changed_one_gets_the_next_number(model, tmp_path):
    first = export(model, tmp_path)
    written = (first / "saved_model.pb").stat().st_mtime_ns
    assert export(model, tmp_path) == first == tmp_path / "1"
    assert (first / "saved_model.pb").stat().st_mtime_ns == written
    assert export(changed(model), tmp_path) == tmp_path / "2"
    assert export(model, tmp_path) == tmp_path / "3"
    assert names_in(tmp_path) == ["1", "2", "3"]


def test_what_others_put_into_the_folder_is_left_there(model, tmp_path):
    (tmp_path / "4").mkdir()
    (tmp_path / "4" / "notes.txt").write_text("mine")
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "saved_model.pb").write_bytes(b"of others")
    assert export(model, tmp_path) == tmp_path / "8"
    assert (tmp_path / "4" / "notes.txt").read_text() == "mine"
    assert (tmp_path / "7" / "saved_model.pb").read_bytes() == b"of others"


def test_an_export_of_another_version_gets_a_successor(model, tmp_path):
    facts = export(model, tmp_path) / "assets" / "export.json"
    facts.write_text(facts.read_text().replace('"format": 1', '"format": 0'))
    assert export(model, tmp_path) == tmp_path / "2"


def test_an_export_has_these_files_and_no_other(model, exported):
    assert sorted(path.relative_to(exported).as_posix() for path in exported.rglob("*") if path.is_file()) == [
        "assets.extra/tf_serving_warmup_requests",
        "assets/export.json",
        "assets/labels.txt",
        "assets/vocab.txt",
        "bert_tf_export.json",
        "fingerprint.pb",
        "saved_model.pb",
        "variables/variables.data-00000-of-00001",
        "variables/variables.index",
    ]
    assert (exported / "assets" / "labels.txt").read_text() == "bad\ngood\n"
    assert (exported / "assets" / "vocab.txt").read_bytes() == model.vocab_file.read_bytes()


def limit_files(flags: list[str], outputs: list[Path], environment: Mapping[str, str]) -> None:
    """Exports in a process that can write no large file, as on a full disk."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(environment["LIMIT"]), resource.RLIM_INFINITY))
    try:
        export(read_fine_tuned(flags[0]), flags[1])
    except UserError as error:
        outputs[0].write_text(str(error))


@pytest.mark.parametrize("limit", [20_000, 500_000], ids=["variables", "graph"])
def test_a_full_disk_is_one_line_and_leaves_nothing(run, tmp_path, limit):
    command = Command(tmp_path / "process", [str(run), str(tmp_path / "e")], limit_files, LIMIT=str(limit))
    command.process.join(600)
    message = command.outputs[0].read_text()
    assert message.startswith(f"{tmp_path}/e/1: cannot be written (") and "\n" not in message
    assert message.endswith("; make room or name another folder")
    assert names_in(tmp_path / "e") == []


def export_here(flags: list[str], outputs: list[Path], environment: Mapping[str, str]) -> None:
    for path in outputs:
        path.touch()
    export(read_fine_tuned(flags[0]), flags[1])


def test_a_killed_export_leaves_no_number_and_the_next_one_is_whole(run, model, tmp_path):
    command = Command(tmp_path / "process", [str(run), str(tmp_path / "e")], export_here)
    command.kill_when(lambda: any((tmp_path / "e").glob(".1.*/variables")))
    assert newest_export(tmp_path / "e") is None
    assert export(model, tmp_path / "e") == tmp_path / "e" / "1"
    assert load(tmp_path / "e").predict(["w1 w2"]) == load(run).predict(["w1 w2"])


# The machine: its threads, oneDNN, a GPU as far as our code asks for one, and what was traced before.
OTHER_MACHINE = """
import sys
import tensorflow as tf
import bert_tf.devices
from bert_tf.modeling import fusion

tf.config.threading.set_intra_op_parallelism_threads(1)
bert_tf.devices.has_only_cpus = fusion.has_only_cpus = lambda: False
tf.function(lambda x: x + 1)(tf.ones([3]))
from bert_tf.exports.saved_model import export
from bert_tf.models.fine_tuned import read_fine_tuned

export(read_fine_tuned(sys.argv[1]), sys.argv[2])
"""


def plain_names(functions: Iterable[str]) -> dict[str, str]:
    """Names functions by their order; TensorFlow puts how many things a process has made before into the names."""
    found = {}
    for name in sorted(functions, key=lambda name: int(name.rpartition("_")[2])):
        base = name.rpartition("_")[0]
        found[name] = f"{base} {sum(each.startswith(f'{base} ') for each in found.values())}"
    return found


def nodes(folder: Path) -> tuple[list, dict[str, list]]:
    """The graph, function by function."""
    saved = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    graph = saved.meta_graphs[0].graph_def
    functions = {each.signature.name: each for each in graph.library.function}
    names = plain_names(functions)

    def described(node: tf.compat.v1.NodeDef) -> tuple:
        attributes = {}
        for key, value in node.attr.items():
            named = names.get(value.func.name, value.func.name)
            attributes[key] = named or value.SerializeToString(deterministic=True)
        return node.name, node.op, node.device, tuple(node.input), attributes

    return [described(node) for node in graph.node], {
        names[name]: [described(node) for node in function.node_def] for name, function in functions.items()
    }


def test_graph_and_weights_are_the_same_from_whichever_machine(run, exported, tmp_path):
    other = {"PYTHONPATH": str(ROOT), "TF_ENABLE_ONEDNN_OPTS": "0", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", OTHER_MACHINE, str(run), str(tmp_path / "there")]
    subprocess.run(command, env=os.environ | other, check=True, timeout=600, cwd=tmp_path, capture_output=True)
    there = tmp_path / "there" / "1"
    assert nodes(exported) == nodes(there)
    readers = [tf.train.load_checkpoint(str(each / "variables" / "variables")) for each in (exported, there)]
    names = [name for name in readers[0].get_variable_to_shape_map() if name != "_CHECKPOINTABLE_OBJECT_GRAPH"]
    assert len(names) > 30
    assert_same_bits(*({name: each.get_tensor(name) for name in names} for each in readers))
    for name in ("assets/export.json", "assets/labels.txt", "assets.extra/tf_serving_warmup_requests"):
        assert (exported / name).read_bytes() == (there / name).read_bytes()


def test_the_weights_are_variables_and_no_keras_objects(model, exported):
    loaded = tf.saved_model.load(str(exported))
    assert len(loaded.weights) > 30 and not any(each.trainable for each in loaded.weights)
    assert sum(each.shape.num_elements() for each in loaded.weights) == sum(map(np.size, model.arrays.values()))
    assert b"keras" not in (exported / "saved_model.pb").read_bytes().lower()
    assert not (exported / "keras_metadata.pb").exists()


def nodes_of(folder: Path) -> list:
    saved = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    graph = saved.meta_graphs[0].graph_def
    return [*graph.node, *(node for function in graph.library.function for node in function.node_def)]


def test_the_graph_has_vocabulary_and_tables_once(vocab_file, model, tmp_path):
    words = len(vocab_file.read_text(encoding="utf-8").splitlines())
    config = dataclasses.replace(model.config, vocab_size=words)
    embeddings = {"bert/embeddings/word_embeddings": np.zeros([words, config.hidden_size], np.float32)}
    changes = {"config": config, "arrays": {**model.arrays, **embeddings}, "vocab_file": vocab_file}
    folder = export(dataclasses.replace(model, **changes), tmp_path)
    assert (folder / "saved_model.pb").stat().st_size < 3_000_000
    constants = [node.attr["value"].SerializeToString() for node in nodes_of(folder) if node.op == "Const"]
    large = [constant for constant in constants if len(constant) > 10_000]
    assert len(large) > 5 and len(set(large)) == len(large)


def test_of_tensorflow_text_it_has_one_operation_that_all_versions_have(exported):
    # TensorFlow Serving links an older tensorflow-text than the one that wrote the graph.
    operations = {node.op for node in nodes_of(exported)}
    assert {name for name in operations if "Tokenize" in name or ">" in name} == {"FastWordpieceTokenizeWithOffsets"}
