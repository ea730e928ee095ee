"""The texts of a run's dev set are read as the run read them."""

import json

import numpy as np
import pytest
from support.synthetic_runs import edit_results, edit_training, write_run

from bert_tf.data.own_data import OwnDataOptions, OwnDataProcessor, files_of
from bert_tf.data.own_files import find_files
from bert_tf.report.dev_set import read_dev_examples
from bert_tf.report.runs import read_runs

LABELS = ("bad", "good")
OWN = {"task_name": "reviews", "dev_split": 0.2, "split_seed": 3, "text_column": None, "label_column": None}


def write_own(folder, name="reviews.csv"):
    rows = [f'"a {word} film, number {number}",{LABELS[number % 3 > 0]}' for number in range(60) for word in ("nice",)]
    path = folder / name
    path.write_text("\n".join(["text,label", *rows]) + "\n")
    return str(path)


def write_own_run(folder, train_file, dev_file=None, **options):
    """Writes a run on own files; returns it with the examples that it evaluated."""
    processor = OwnDataProcessor(
        files_of(find_files(train_file, dev_file, None)), OwnDataOptions(dev_split=0.2, split_seed=3)
    )
    examples = processor.get_dev_examples()
    labels = [str(LABELS.index(example.label)) for example in examples]
    probabilities = np.tile(np.float32([[0.4, 0.6]]), (len(labels), 1))
    probabilities[0] = 0.7, 0.3
    run = write_run(folder, probabilities, labels, guids=[example.guid for example in examples])
    path = run / "eval_predictions.tsv"
    names = [line.split("\t") for line in path.read_text().splitlines()]
    for row in names[1:]:
        row[1] = LABELS[int(row[1])]
    names[0][2:] = LABELS
    path.write_text("".join("\t".join(row) + "\n" for row in names))
    (run / "labels.txt").write_text("bad\ngood\n")
    edit_training(run, **OWN, **options)
    flags = {**json.loads((run / "results.json").read_text())["flags"], **OWN, **options}
    edit_results(run, flags={**flags, "train_file": train_file, "dev_file": dev_file, "data_dir": None})
    return examples


def read(folder):
    (run,) = read_runs([folder]).runs
    return read_dev_examples(run)


def test_what_was_held_out_of_own_data_is_found_again(tmp_path):
    examples = write_own_run(tmp_path / "run", write_own(tmp_path))
    assert read(tmp_path / "run") == (examples, None) and 0 < len(examples) < 60


def test_a_dev_file_is_read(tmp_path):
    examples = write_own_run(tmp_path / "run", write_own(tmp_path), write_own(tmp_path, "more.csv"))
    assert read(tmp_path / "run") == (examples, None) and len(examples) == 60


def test_the_sample_of_a_known_task_is_read(tmp_path):
    (tmp_path / "dev.tsv").write_text("Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\n1\t1\t1\tfirst\tsecond\n")
    write_run(tmp_path / "run", np.float32([[0.2, 0.8]]), ["1"], data_dir=str(tmp_path))
    examples, reason = read(tmp_path / "run")
    assert reason is None and examples[0].text_b == "second"


@pytest.mark.parametrize(
    ("content", "word"),
    [(None, "no such file"), ("text,label\nnice,good\n", "not those that were predicted"), ("", "")],
)
def test_own_data_that_is_gone_or_has_changed_is_said(tmp_path, content, word):
    train_file = write_own(tmp_path)
    dev_file = write_own(tmp_path, "dev.csv")
    write_own_run(tmp_path / "run", train_file, dev_file)
    if content is None:
        (tmp_path / "dev.csv").unlink()
    else:
        (tmp_path / "dev.csv").write_text(content)
    examples, reason = read(tmp_path / "run")
    assert examples is None and word in reason and "\n" not in reason
