"""A fine-tuned model in use: label names and probabilities for texts and pairs."""

import json
import logging
import multiprocessing
import os
import re
import shutil
import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pytest
from support.outputs import rows
from support.tiny import write_corpus, write_tiny_model

from bert_tf.checkpoints.formats import read_checkpoint, write_checkpoint
from bert_tf.errors import UserError
from bert_tf.fine_tuning import fine_tune
from bert_tf.serving.predictor import Predictor, load

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus") / "data", {"train": 64, "dev": 24, "test": 21})


@pytest.fixture(scope="module")
def folder(tmp_path_factory, corpus) -> Path:
    top = tmp_path_factory.mktemp("run")
    tiny = write_tiny_model(top / "tiny")
    folders = {"data_dir": str(corpus), "output_dir": str(top / "out"), "bert_model": str(tiny)}
    settings = {"max_seq_length": 48, "train_batch_size": 8, "learning_rate": 1e-3, "num_train_epochs": 2}
    fine_tune("MRPC", do_predict=True, **folders, **settings)
    return top / "out"


@pytest.fixture(scope="module")
def model(folder) -> Predictor:
    return load(folder)


def read_pairs(path: Path) -> list[tuple[str, str]]:
    return [tuple(row[:2]) for row in rows(path)]


def probabilities(predictions: list) -> np.ndarray:
    return np.array([list(each.probabilities.values()) for each in predictions])


@pytest.mark.parametrize("batch_size", [1, 5, 32])
def test_probabilities_are_those_of_the_run_in_the_order_of_the_texts(model, folder, corpus, batch_size):
    found = model.predict(read_pairs(corpus / "test.tsv"), batch_size=batch_size)
    np.testing.assert_allclose(probabilities(found), np.array(rows(folder / "test_results.tsv"), float), atol=1e-6)


def test_labels_have_their_names_and_the_most_probable_is_chosen(model, corpus):
    for prediction in model.predict(read_pairs(corpus / "test.tsv")):
        assert list(prediction.probabilities) == ["0", "1"] == list(model.labels)
        assert prediction.label == max(prediction.probabilities, key=prediction.probabilities.get)
        assert sum(prediction.probabilities.values()) == pytest.approx(1)


def test_single_texts_and_pairs_may_stand_side_by_side(model):
    texts = ["w1 w2", ("w1", "w2"), ["w1", "w2"], ""]
    mixed = probabilities(model.predict(texts))
    alone = probabilities([each for text in texts for each in model.predict([text])])
    np.testing.assert_allclose(mixed, alone, atol=1e-6)
    assert np.abs(mixed[0] - mixed[1]).max() > 1e-6


def test_no_text_has_no_prediction(model):
    assert model.predict([]) == []


@pytest.mark.parametrize("given", [np.array, tuple, iter])
def test_texts_may_be_an_array_or_come_one_by_one(model, given):
    texts = ["w1 w2", "w3"]
    expected = probabilities(model.predict(texts))
    np.testing.assert_array_equal(probabilities(model.predict(given(texts))), expected)
    pairs = probabilities(model.predict(np.array([texts, texts])))
    np.testing.assert_array_equal(pairs, probabilities(model.predict([tuple(texts), tuple(texts)])))


NO_TEXTS = ["w1 w2", b"w1", None, 3, {"w1": 1}, [1], [("a", "b", "c")], [("a",)], [("a", None)], [b"w1"], ["\ud800"]]


@pytest.mark.parametrize("texts", NO_TEXTS, ids=ascii)
def test_what_is_no_text_is_refused_in_one_line(model, texts):
    with pytest.raises(UserError, match=r"^predict: ") as error:
        model.predict(texts)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("batch_size", [0, -1, 1.5, "3", None, True])
def test_a_batch_size_that_is_no_number_of_texts_is_refused(model, batch_size):
    with pytest.raises(UserError, match=r"^predict: batch_size is .*; it must be a whole number, at least 1"):
        model.predict(["w1"], batch_size=batch_size)


def test_the_second_call_is_fast(model):
    model.predict([("w1 w2 w3", "w4")])
    started = time.perf_counter()
    model.predict([("w5 w6", "w7 w8 w9 w10")])
    assert time.perf_counter() - started < 0.5


def test_threads_get_the_answers_of_their_own_texts(model):
    texts = [[(f"w{number} w{number + 1}", "w3")] * (1 + number % 4) for number in range(16)]
    expected, found = [probabilities(model.predict(each)) for each in texts], {}

    def predict(number: int) -> None:
        found[number] = probabilities(model.predict(texts[number]))

    threads = [threading.Thread(target=predict, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, wanted in enumerate(expected):
        np.testing.assert_allclose(found[number], wanted, atol=1e-6)


def test_a_forked_process_is_refused_in_one_line_instead_of_waiting_forever(model):
    model.predict(["w1"])
    receiver, sender = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(target=send_answer, args=(model, sender), daemon=True)
    process.start()
    said = receiver.poll(20) and receiver.recv()
    process.kill()
    assert said and said.startswith("predict: this process was forked") and "\n" not in said


def send_answer(model: Predictor, sender: Connection) -> None:
    try:
        sender.send(repr(model.predict(["w1"])))
    except UserError as error:
        sender.send(str(error))


def test_the_model_shows_its_labels_and_scores(model):
    assert repr(model).startswith("Predictor(labels=['0', '1'], eval_accuracy=0.")


def test_a_moved_folder_is_enough(folder, tmp_path, model):
    moved = shutil.copytree(folder, tmp_path / "moved")
    text = [("w1 w2", "w3")]
    np.testing.assert_array_equal(probabilities(load(moved).predict(text)), probabilities(model.predict(text)))


@pytest.mark.parametrize(
    "name, message",
    [
        (None, "there is no such folder"),
        ("labels.txt", "labels.txt: cannot be read"),
        ("vocab.txt", "vocab.txt"),
        ("bert_config.json", "bert_config.json"),
        ("checkpoint", "checkpoint"),
    ],
)
def test_a_folder_that_is_not_complete_is_refused_in_one_line(folder, tmp_path, name, message):
    copy = tmp_path / "copy"
    if name:
        shutil.copytree(folder, copy)
        (copy / name).unlink()
        for path in copy.glob("model.ckpt-*"):
            if name == "checkpoint":
                path.unlink()
    with pytest.raises(UserError, match=message) as error:
        load(copy)
    assert "\n" not in str(error.value)


def test_labels_that_do_not_fit_the_weights_are_refused(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / "labels.txt").write_text("0\n1\n2\n")
    with pytest.raises(UserError, match="output_bias"):
        load(copy)


@pytest.mark.parametrize(
    "change, problem",
    [(lambda text: text + "zebra\n", "has 96 pieces"), (lambda text: text.replace("[SEP]", "w"), r"lacks \[SEP\]")],
)
def test_a_vocabulary_of_another_model_is_refused(folder, tmp_path, change, problem):
    path = shutil.copytree(folder, tmp_path / "copy") / "vocab.txt"
    path.write_text(change(path.read_text()))
    with pytest.raises(UserError, match=f"vocab.txt: {problem}"):
        load(path.parent)


def copy_with(folder: Path, tmp_path: Path, name: str, content: bytes | str) -> Path:
    """Copies the run with other bytes, a folder or a pipe in the place of a file; returns the path of that."""
    path = shutil.copytree(folder, tmp_path / "copy") / name
    path.unlink()
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        Path.mkdir(path) if content == "folder" else os.mkfifo(path)
    return path


@pytest.mark.parametrize("content", [b"", b"\xff\xfe0\n", b"0\n0\n", "folder", "pipe"])
def test_labels_that_cannot_be_used_are_refused_in_one_line(folder, tmp_path, content):
    path = copy_with(folder, tmp_path, "labels.txt", content)
    with pytest.raises(UserError, match=r"labels\.txt") as error:
        load(path.parent)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", [b"", b"[1]", b"[" * 100_000, b'{"eval_accuracy": "high"}', "folder", "pipe"])
def test_results_that_cannot_be_used_give_no_scores(folder, tmp_path, content):
    path = copy_with(folder, tmp_path, "results.json", content)
    assert load(path.parent).scores == {}


@pytest.mark.parametrize("length", ["x", -1, 10**9, 2.5, None, True])
def test_a_length_that_the_model_cannot_take_is_not_taken_from_run_json(folder, tmp_path, length):
    copy = shutil.copytree(folder, tmp_path / "copy", dirs_exist_ok=True)
    run = json.loads((copy / "run.json").read_text())
    run["training"]["max_seq_length"] = length
    (copy / "run.json").write_text(json.dumps(run))
    assert load(copy).predict([("w1 " * 100, "w2 " * 100)])[0].label in {"0", "1"}


def changed_copy(folder: Path, tmp_path: Path, arrays: dict[str, np.ndarray], **training: object) -> Path:
    """A copy of the run with other arrays in its checkpoint, and other settings in run.json."""
    copy = shutil.copytree(folder, tmp_path / "copy", dirs_exist_ok=True)
    run = json.loads((copy / "run.json").read_text())
    run["training"] |= training
    (copy / "run.json").write_text(json.dumps(run))
    prefix = next(copy.glob("model.ckpt-*.index")).with_suffix("")
    write_checkpoint(prefix, read_checkpoint(prefix) | arrays)
    return copy


def test_a_model_computes_in_the_precision_of_its_training_and_an_overflow_names_it(folder, tmp_path):
    arrays = read_checkpoint(folder)
    name = "bert/encoder/layer_0/output/dense/kernel"
    huge = {name: arrays[name] + np.float32(1e5)}
    for mixed_precision, overflows in (("float16", True), ("none", False)):
        copy = changed_copy(folder, tmp_path / mixed_precision, huge, mixed_precision=mixed_precision)
        model = load(copy)
        if overflows:
            with pytest.raises(UserError, match=r"predict: .* not finite with --mixed_precision=float16"):
                model.predict([("w1", "w2")])
        else:
            assert model.predict([("w1", "w2")])


def test_a_model_whose_training_is_not_finished_is_loaded_with_a_warning(folder, tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        load(folder)
        assert not caplog.records
        load(changed_copy(folder, tmp_path, {"training/loss_scale": np.float32(1)}, num_train_steps=300))
    [record] = caplog.records
    assert re.search(r"is from step 16 of 300 of a training that is not finished", record.getMessage())
