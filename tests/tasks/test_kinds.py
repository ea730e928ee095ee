"""The kind of labels chooses the task; a run of each kind, from examples to predictions."""

import json
import random
from pathlib import Path

import numpy as np
import pytest
from support.outputs import read_eval_results, rows
from support.tiny import WORDS, write_tiny_model

from bert_tf.data.examples import InputExample
from bert_tf.data.processors import DataProcessor, MrpcProcessor
from bert_tf.errors import UserError
from bert_tf.serving.predictions import LabelsPrediction, NumberPrediction
from bert_tf.serving.predictor import load
from bert_tf.tasks.kinds import make_task
from bert_tf.tasks.loss_settings import LossSettings
from bert_tf.training.config import RunConfig
from bert_tf.training.run import run


class Words(DataProcessor):
    """Random words; the labels are made of their numbers."""

    def get_train_examples(self, data_dir):
        return [InputExample(None, text, None, self.label_of(text)) for text in texts("train", 96)]

    def get_dev_examples(self, data_dir):
        return [InputExample(None, text, None, self.label_of(text)) for text in texts("dev", 32)]

    def get_test_examples(self, data_dir):
        return [InputExample(None, text) for text in texts("test", 10)]


def texts(split: str, number: int) -> list[str]:
    words = random.Random(split)
    return [" ".join(words.choices(WORDS[:8], k=words.randint(1, 6))) for _ in range(number)]


class Share(Words):
    """The share of one word, from 1 to 3."""

    kind = "regression"

    def label_of(self, text):
        return 1 + 2 * text.split().count("w3") / len(text.split())


class Seen(Words):
    """The words of three that are there."""

    kind = "multi_label"
    labels = ("w1", "w2", "w3")
    reports_classes = True

    def label_of(self, text):
        return tuple(label for label in self.labels if label in text.split())


def test_a_classification_is_the_default():
    task = make_task("MRPC", MrpcProcessor())
    assert (task.name, task.headline, task.labels) == ("MRPC", "eval_accuracy", ["0", "1"])


def test_what_is_no_processor_and_settings_that_do_not_fit_are_one_line():
    with pytest.raises(UserError, match="is not a DataProcessor"):
        make_task("x", "MRPC")
    with pytest.raises(UserError, match=r"class_weight: is only for tasks with one label an example.* regression"):
        make_task("x", Share(), LossSettings("balanced"))
    with pytest.raises(UserError, match="class_weight: is '1,2,3', but there are 2 labels"):
        make_task("x", MrpcProcessor(), LossSettings("1,2,3"))


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("model") / "tiny", dropout=0.0)


def finish(processor: DataProcessor, model: Path, folder: Path, **fields) -> dict:
    settings = {"max_seq_length": 6, "train_batch_size": 8, "learning_rate": 3e-3, "num_train_epochs": 8.0}
    actions = {"do_train": True, "do_eval": True, "do_predict": True}
    places = {"data_dir": "none", "output_dir": str(folder), "model": str(model)}
    return run(make_task("words", processor), RunConfig(**(places | settings | actions | fields)))


@pytest.mark.slow
def test_a_regression_is_learned_scored_written_and_loaded(model, tmp_path, caplog):
    caplog.set_level("INFO", logger="absl")
    results = finish(Share(), model, tmp_path)
    long = {split: sum(len(text.split()) > 4 for text in texts(split, size)) for split, size in SIZES.items()}
    assert {split: results[f"{split}_truncated"] for split in long} == long
    assert f"train: {long['train']} of 96 examples" in caplog.text
    assert results["headline"] == "eval_pearson" and results["eval_pearson"] > 0.5
    assert results["eval_mse"] == pytest.approx(results["eval_loss"]) and "per_class" not in results
    scores = read_eval_results(tmp_path)
    assert scores.keys() == {"eval_pearson", "eval_spearman", "eval_mse", "eval_loss", "loss", "global_step"}
    assert not (tmp_path / "labels.txt").exists()
    table = rows(tmp_path / "test_predictions.tsv")
    assert table[0] == ["guid", "prediction"] and table[1][0] == "test-0" and len(table) == 11
    loaded = load(tmp_path)
    assert (loaded.kind, loaded.labels) == ("regression", ()) and loaded.scores["eval_mse"] == results["eval_mse"]
    found = loaded.predict(texts("test", 10), batch_size=3)
    assert isinstance(found[0], NumberPrediction)
    np.testing.assert_allclose([each.value for each in found], [float(row[1]) for row in table[1:]], atol=1e-5)


SIZES = {"train": 96, "dev": 32, "test": 10}


@pytest.mark.slow
def test_many_labels_are_learned_scored_written_and_loaded(model, tmp_path, caplog):
    caplog.set_level("INFO", logger="absl")
    results = finish(Seen(), model, tmp_path, max_seq_length=40, num_train_epochs=16.0)
    assert "examples (" not in caplog.text and results["train_truncated"] == 0
    assert results["headline"] == "eval_micro_f1" and results["eval_micro_f1"] > 0.8
    saved = json.loads((tmp_path / "results.json").read_text())
    assert saved["per_class"] == results["per_class"] and list(results["per_class"]) == ["w1", "w2", "w3"]
    assert "***** Eval results by class *****\n  class  precision" in caplog.text
    table = rows(tmp_path / "test_predictions.tsv")
    assert table[0] == ["guid", "labels", "w1", "w2", "w3"]
    found = load(tmp_path).predict(texts("test", 10))
    assert isinstance(found[0], LabelsPrediction)
    assert [",".join(each.labels) for each in found] == [row[1] for row in table[1:]]
    for each in found:
        assert each.labels == tuple(label for label, share in each.probabilities.items() if share >= 0.5)


@pytest.mark.slow
def test_a_model_of_one_kind_is_refused_by_a_task_of_another(model, tmp_path):
    finish(Share(), model, tmp_path, num_train_epochs=0.1, do_eval=False, do_predict=False)
    with pytest.raises(UserError, match=r'task.json: the model was trained for {"kind": "regression"}, not for'):
        run(make_task("words", Seen()), RunConfig(data_dir="none", output_dir=str(tmp_path), do_eval=True))
