"""`bert_tf.fine_tune` with examples that are Python objects."""

import json
from pathlib import Path

import pandas as pd
import pytest
from support.outputs import assert_same_bits, weights
from support.tiny import write_tiny_model

import bert_tf

pytestmark = pytest.mark.slow

ROWS = [(f"w{i % 80} w{i % 70}", ("price", "weather")[i % 2]) for i in range(40)]


@pytest.fixture(scope="module")
def settings(tmp_path_factory) -> dict[str, object]:
    model = write_tiny_model(tmp_path_factory.mktemp("model") / "tiny")
    return {"bert_model": model, "max_seq_length": 16, "train_batch_size": 8, "num_train_epochs": 1}


def test_a_list_trains_as_the_same_rows_in_a_file_do_and_its_digest_is_its_folder(tmp_path, settings, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = bert_tf.fine_tune(train=ROWS, **settings)
    assert model.labels == ("price", "weather") and model.predict(["w1"])[0].label in model.labels
    (folder,) = Path("output").glob("own-????????/tiny")
    # The same call finds the run, whatever the form of its rows.
    bert_tf.fine_tune(train=pd.DataFrame(ROWS, columns=["review", "topic"]), **settings)
    assert list(Path("output").glob("*/tiny")) == [folder]
    Path("rows.csv").write_text("text,label\n" + "".join(f"{text},{label}\n" for text, label in ROWS))
    bert_tf.fine_tune(train_file="rows.csv", **settings)
    assert_same_bits(weights(folder), weights(Path("output/rows/tiny")))
    assert (
        json.loads((folder / "results.json").read_text())["dev_data"]
        == (json.loads(Path("output/rows/tiny/results.json").read_text())["dev_data"])
    )


def test_a_call_that_trains_can_also_predict_a_file(tmp_path, settings, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("new.csv").write_text("text\nw1 w2\nw3\n")
    bert_tf.fine_tune("opinions", train=ROWS, do_predict=True, test_file="new.csv", output_dir="out", **settings)
    assert len(Path("out/test_predictions.tsv").read_text().splitlines()) == 3
    assert json.loads(Path("out/results.json").read_text())["dataset"] == "opinions"


@pytest.mark.parametrize(
    ("labels", "flags", "form"),
    [
        ([number / 8 for number in range(40)], {}, "NumberPrediction"),
        ([["price, fee"], [], ["price, fee", "weather"], ["weather"]] * 10, {"multi_label": True}, "LabelsPrediction"),
    ],
)
def test_numbers_and_sets_of_labels_train_to_the_end(tmp_path, settings, monkeypatch, labels, flags, form):
    monkeypatch.chdir(tmp_path)
    table = pd.DataFrame({"text": [text for text, _ in ROWS], "label": labels}, index=range(1, 80, 2))
    model = bert_tf.fine_tune(train=table, **flags, **settings)
    assert {type(prediction).__name__ for prediction in model.predict(["w1", "w2"])} == {form}


def test_an_evaluation_in_another_folder_returns_the_model_that_it_evaluated(tmp_path, settings, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    trained = bert_tf.fine_tune(train=ROWS, output_dir="trained", **settings)
    Path("dev.csv").write_text("text,label\nw1 w2,price\nw3 w4,weather\n")
    model = bert_tf.fine_tune(do_train=False, dev_file="dev.csv", bert_model="trained", output_dir="evaluated")
    assert model.predict(["w1"]) == trained.predict(["w1"])
    scores = json.loads(Path("evaluated/results.json").read_text())
    assert (
        capsys.readouterr().out.splitlines()[-1].startswith(f"evaluated: eval_accuracy = {scores['eval_accuracy']:.4f}")
    )


def test_scores_of_another_task_of_glue_are_not_replaced(tmp_path):
    (tmp_path / "run.json").write_text(json.dumps({"training": {"task_name": "MNLI"}}))
    with pytest.raises(bert_tf.UserError, match="holds a run of MNLI, and an evaluation on MNLI-MM would replace"):
        bert_tf.fine_tune("mnli-mm", do_train=False, data_dir=tmp_path, output_dir=tmp_path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dev": ROWS}, "dev: only valid with train=..., own examples to train on"),
        ({"labels": ["a"]}, "labels: only valid with train=..."),
        ({"train": ROWS, "data_dir": "x"}, "data_dir: contradicts train=...; pass only one of them"),
        ({"train": ROWS, "labels": "ab"}, "labels: is 'ab' (str); give a list of the names"),
        ({"train": ROWS, "labels": []}, "labels: is [] (list); give a list of the names"),
        ({"train": ROWS, "labels": {"price", "weather"}}, "; give a list of the names"),
        ({"train": ROWS, "labels": ["price", None]}, "labels: has None (NoneType); give names"),
        ({"train": ROWS, "labels": ["price", ["weather"]]}, "labels: has ['weather'] (list); give names"),
        ({"train": ROWS, "labels": ["price", "weather", "price"]}, "labels: has 'price' twice; list each name once"),
        ({"train": ROWS, "labels": ["price", "wea\tther"]}, "labels: has 'wea\\tther'; give names of characters"),
        ({"train": ROWS, "dev_file": "x.csv"}, "dev_file: contradicts train=...; pass dev=..."),
        ({"train": ROWS, "dev": ROWS[:4], "dev_split": 0.2}, "dev_split: contradicts dev=...; pass only one of them"),
        ({"train": ROWS, "do_predict": True, "test_file": "x.csv"}, "x.csv: there is no such file"),
        ({"train": ROWS, "labels": ["price"]}, "train[1]: column 'label': unknown label 'weather'"),
        ({"train": ROWS, "dev": [("w1", "news")]}, "dev[0]: column 'label': unknown label 'news'"),
        ({"train": "nowhere.csv"}, "nowhere.csv: there is no such file"),
        ({"train": ROWS, "text_column": "words"}, "text_column: 'words' is no column of train"),
        ({"train": ROWS, "labels": ["a", "b"], "regression": True}, "labels: contradicts regression"),
    ],
)
def test_mistakes_are_one_line_before_anything_is_made(tmp_path, settings, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(bert_tf.UserError) as caught:
        bert_tf.fine_tune("MRPC" if "train" not in arguments else None, **{**settings, **arguments})
    assert message in str(caught.value) and not Path("output").exists()
