"""`--train_file` on the command line: training, evaluation, resume and prediction with own files."""

import json
import random
import re
import shutil
from pathlib import Path

import pytest
from support.commands import Command, Result, assert_one_error_line
from support.outputs import assert_same_bits, content, latest_step, weights
from support.tiny import WORDS

pytestmark = pytest.mark.slow

MARKS = {"bad": "w1 w2", "good": "w3 w4", "ok": "w5 w6"}


def write_reviews(path: Path, size: int = 200) -> Path:
    """Reviews in three classes, each with its own words among random ones."""
    pick = random.Random(0)
    labels = [pick.choice(sorted(MARKS)) for _ in range(size)]
    rows = (f'"{" ".join(pick.choices(WORDS, k=6))}, {MARKS[label]}",{label}\n' for label in labels)
    path.write_text("review,stars\n" + "".join(rows))
    return path


def texts_with(path: Path, label: str) -> list[str]:
    """The texts of the reviews with a label."""
    rows = (line.rsplit(",", 1) for line in path.read_text().splitlines()[1:])
    return [text.strip('"') for text, found in rows if found == label]


@pytest.fixture(scope="module")
def folder(tmp_path_factory, tiny) -> Path:
    """A folder in which one command trained on 200 reviews and evaluated."""
    folder = tmp_path_factory.mktemp("own")
    write_reviews(folder / "reviews.csv")
    result = command(folder, tiny, "--train_file=reviews.csv", "--do_train", "--do_eval")
    assert result.code == 0, result.stderr
    (folder / "log").write_text(result.stderr)
    return folder


def start(folder: Path, tiny: Path, *flags: str) -> Command:
    """A command in a folder; the paths of its flags are in there."""
    settings = [f"--bert_model={tiny}", "--max_seq_length=16", "--learning_rate=1e-3", "--train_batch_size=8"]
    rest = [re.sub(r"(_file|_dir)=(?=[a-z])", rf"\1={folder}/", flag) for flag in flags]
    given = {flag.partition("=")[0] for flag in rest}
    output = [] if "--output_dir" in given else [f"--output_dir={folder}/out"]
    return Command(folder / "command", [*(x for x in settings if x.partition("=")[0] not in given), *output, *rest])


def command(folder: Path, tiny: Path, *flags: str) -> Result:
    return start(folder, tiny, *flags).result()


def results(folder: Path, name: str = "out") -> dict:
    return json.loads((folder / name / "results.json").read_text())


def test_one_command_trains_on_a_csv_file_and_says_what_it_took_for_what(folder):
    assert (
        "reviews.csv: 200 examples; text is the column 'review', label is 'stars' (3 classes: bad, good, ok); 20 of "
        "them held out as the dev set.\n"
    ) in (folder / "log").read_text()
    assert (folder / "out" / "labels.txt").read_text() == "bad\ngood\nok\n"
    found = results(folder)
    assert found["flags"]["task_name"] == "reviews" and found["dataset"].endswith("reviews.csv")
    assert found["eval_accuracy"] > 0.8 and found["eval_macro_f1"] > 0.8
    assert len((folder / "out" / "eval_predictions.tsv").read_text().splitlines()) == 21


def test_the_same_command_finds_the_run_finished_and_other_rows_are_refused(folder, tiny, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    before = content(copy / "out")
    again = command(copy, tiny, "--train_file=reviews.csv", "--do_train")
    assert again.code == 0 and "is finished" in again.stderr
    assert content(copy / "out")["eval_results.txt"] == before["eval_results.txt"]
    with (copy / "reviews.csv").open("a") as file:
        file.write("w7 w8 w9,bad\nw7 w9 w8,good\n")
    result = command(copy, tiny, "--train_file=reviews.csv", "--do_train")
    assert_one_error_line(result, "was started with other settings: train_data was")
    result = command(copy, tiny, "--train_file=reviews.csv", "--do_train", "--dev_split=0.2")
    assert_one_error_line(result, "was started with other settings: dev_split was 0.1, is 0.2; train_data was")


def test_a_killed_run_resumes_with_the_same_examples_held_out_and_ends_with_the_same_bits(folder, tiny, tmp_path):
    shutil.copy(folder / "reviews.csv", tmp_path)
    flags = ("--train_file=reviews.csv", "--do_train", "--do_eval", "--save_checkpoints_steps=4")
    start(tmp_path, tiny, *flags).kill_when(lambda: latest_step(tmp_path / "out") >= 20)
    resumed = command(tmp_path, tiny, *flags)
    assert resumed.code == 0 and "Resuming after step" in resumed.stderr, resumed.stderr
    assert_same_bits(weights(tmp_path / "out"), weights(folder / "out"))
    assert (tmp_path / "out" / "eval_predictions.tsv").read_bytes() == (
        folder / "out/eval_predictions.tsv"
    ).read_bytes()


def test_a_finished_folder_evaluates_and_predicts_other_files_with_the_labels_that_it_was_trained_with(
    folder, tiny, tmp_path
):
    copy = shutil.copytree(folder, tmp_path / "copy")
    # Only one of the three labels; and a test set without labels, as JSON lines.
    good, bad = (texts_with(copy / "reviews.csv", label) for label in ("good", "bad"))
    (copy / "dev.tsv").write_text("text\tlabel\n" + "".join(f"{text}\tgood\n" for text in good[:20]))
    (copy / "new.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in bad[:5]))
    result = command(copy, tiny, "--dev_file=dev.tsv", "--test_file=new.jsonl", "--do_eval", "--do_predict")
    assert result.code == 0, result.stderr
    assert "20 examples; text is the column 'text', label is 'label'" in result.stderr
    assert results(copy)["eval_accuracy"] > 0.8
    lines = (copy / "out" / "test_predictions.tsv").read_text().splitlines()
    assert lines[0].split("\t") == ["guid", "label", "bad", "good", "ok"]
    assert [line.split("\t")[0] for line in lines[1:]] == [f"test-{i}" for i in range(1, 6)]
    assert [line.split("\t")[1] for line in lines[1:]].count("bad") >= 4
    (copy / "dev.tsv").write_text("text\tlabel\nw1\tgood\nw2\tawful\n")
    result = command(copy, tiny, "--dev_file=dev.tsv", "--do_eval")
    assert_one_error_line(
        result, "dev.tsv:3: column 'label': unknown label 'awful'; use one of the task's: bad, good, ok"
    )


def test_without_training_the_split_is_made_again_and_columns_need_not_be_named_again(folder, tiny, tmp_path):
    (tmp_path / "r.csv").write_text((folder / "reviews.csv").read_text().replace("review,stars", "Kommentar,Urteil", 1))
    named = ("--text_column=Kommentar", "--label_column=Urteil")
    trained = command(tmp_path, tiny, "--train_file=r.csv", "--do_train", "--do_eval", "--num_train_epochs=1", *named)
    assert trained.code == 0, trained.stderr
    scores = (tmp_path / "out" / "eval_results.txt").read_text()
    (tmp_path / "out" / "eval_results.txt").unlink()
    result = command(tmp_path, tiny, "--train_file=r.csv", "--do_eval")
    assert result.code == 0, result.stderr
    assert (tmp_path / "out" / "eval_results.txt").read_text() == scores


def test_numbers_with_a_fraction_train_a_regression(tmp_path, tiny):
    rows = "".join(f"w{i % 80} w{(i * 7) % 80},{(i % 80) / 16 + 0.1:.2f}\n" for i in range(64))
    (tmp_path / "scores.csv").write_text("text,score\n" + rows)
    result = command(tmp_path, tiny, "--train_file=scores.csv", "--do_train", "--do_eval", "--num_train_epochs=1")
    assert result.code == 0, result.stderr
    assert "label is 'score' (a number, so this is a regression)" in result.stderr
    assert json.loads((tmp_path / "out" / "task.json").read_text()) == {"kind": "regression"}
    assert "eval_pearson" in results(tmp_path)
    (tmp_path / "new.csv").write_text("text\nw1\nw2\n")
    result = command(tmp_path, tiny, "--test_file=new.csv", "--do_predict")
    assert result.code == 0, result.stderr
    assert len((tmp_path / "out" / "test_predictions.tsv").read_text().splitlines()) == 3


def test_lists_of_labels_train_with_multi_label(tmp_path, tiny):
    pick = random.Random(0)
    rows = [
        {"text": f"w{i % 80}", "tags": [name for name in ("x", "y", "z") if pick.random() < 0.4]} for i in range(64)
    ]
    (tmp_path / "tags.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    flags = ("--train_file=tags.jsonl", "--multi_label", "--num_train_epochs=1")
    result = command(tmp_path, tiny, *flags, "--do_train", "--do_eval")
    assert result.code == 0, result.stderr
    assert "label is 'tags' (3 labels, any number of them a row: x, y, z)" in result.stderr
    assert "eval_micro_f1" in results(tmp_path)
    evaluated = command(tmp_path, tiny, "--train_file=tags.jsonl", "--do_eval")
    assert evaluated.code == 0, evaluated.stderr


def test_a_folder_of_files_is_a_task_whose_name_may_be_chosen(folder, tiny, tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    write_reviews(data / "train.csv", 40)
    shutil.copy(data / "train.csv", data / "validation.csv")
    flags = ("--task_name=opinions", "--num_train_epochs=0.2", "--do_train", "--do_eval")
    result = command(tmp_path, tiny, *flags, f"--data_dir={data}")
    assert result.code == 0, result.stderr
    assert results(tmp_path)["flags"]["task_name"] == "opinions"
    assert len((tmp_path / "out" / "eval_predictions.tsv").read_text().splitlines()) == 41


def test_a_classifier_of_transformers_is_evaluated_and_predicts_with_its_own_labels(golden, tmp_path):
    (tmp_path / "dev.csv").write_text("text,label\nit rains.,rain\nit falls,not rain\nthe rain,snow\n")
    model = golden / "huggingface" / "classifier"
    files = ["--train_file=dev.csv", "--dev_file=dev.csv", "--test_file=dev.csv"]
    result = command(tmp_path, model, *files, "--do_eval", "--do_predict")
    assert result.code == 0, result.stderr
    assert 0 <= results(tmp_path)["eval_accuracy"] <= 1
    assert (tmp_path / "out" / "test_results.tsv").read_text().count("\n") == 3
    predictions = (tmp_path / "out" / "test_predictions.tsv").read_text().splitlines()[0]
    assert predictions == "guid\tlabel\tnot rain\train\tsnow"


def test_a_model_of_transformers_without_a_classifier_is_not_evaluated(golden, tmp_path):
    (tmp_path / "dev.csv").write_text("text,label\nit rains.,rain\nit falls,not rain\n")
    result = command(tmp_path, golden / "huggingface" / "cased_masked_lm", "--train_file=dev.csv", "--do_eval")
    assert_one_error_line(result, "has no labels.txt that says the labels of a model")
