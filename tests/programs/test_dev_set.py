"""An exported model is checked on the dev set of its run, or on the sample corpus."""

import csv
from pathlib import Path

import numpy as np
import pytest
from support.synthetic_runs import (
    draw_numbers,
    draw_probabilities,
    edit_results,
    edit_training,
    write_label_sets_run,
    write_numbers_run,
    write_run,
)

from bert_tf.programs.dev_set import read_check_set

NAMES = ("anger", "joy")


def name_data(run: Path, labels: list, **settings: object) -> Path:
    """Gives a synthetic run a dev file with these labels."""
    path = run.parent / "dev.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *((f"text {row}", label) for row, label in enumerate(labels))])
    settings = {"task_name": "own", "text_column": None, "label_column": None, "label_separator": None, **settings}
    edit_training(run, **settings)
    edit_results(run, flags={**settings, "train_file": str(path), "dev_file": str(path)})
    return run


def test_a_classifier_is_checked_on_its_dev_set(tmp_path):
    labels = ["0", "1"] * 30
    probabilities = draw_probabilities(labels, 0.8, seed=0)
    run = name_data(write_run(tmp_path / "run", probabilities, labels), labels)
    (run / "labels.txt").write_text("0\n1\n")
    found = read_check_set(run, pairs=None)
    assert [each.text_a for each in found.examples] == [f"text {row}" for row in range(60)]
    np.testing.assert_allclose(found.expected, probabilities)
    assert found.description == "the 60 dev examples of the run, whose predictions are the expected answers"
    assert found.score_name == "accuracy" and found.score(found.expected) == pytest.approx(0.8)
    assert found.score(found.expected[:, ::-1]) == pytest.approx(0.2)


def test_a_regression_is_checked_on_its_dev_set(tmp_path):
    numbers, predictions = draw_numbers(0.5, seed=1)
    run = name_data(write_numbers_run(tmp_path / "run", 0.5, 1), list(numbers))
    found = read_check_set(run, pairs=None)
    np.testing.assert_allclose(found.expected, predictions)
    assert found.score_name == "pearson"
    assert found.score(-numbers) == pytest.approx(-1) and 0.5 < found.score(predictions) < 1


def test_a_model_for_any_number_of_labels_is_checked_on_its_dev_set(tmp_path):
    random = np.random.default_rng(0)
    labels, probabilities = random.random([40, 2]) > 0.5, random.random([40, 2]).astype(np.float32)
    run = write_label_sets_run(tmp_path / "run", probabilities, labels, NAMES)
    (run / "labels.txt").write_text("anger\njoy\n")
    cells = [",".join(np.array(NAMES)[row]) for row in labels]
    found = read_check_set(name_data(run, cells, label_separator=","), pairs=None)
    np.testing.assert_allclose(found.expected, probabilities)
    assert found.score_name == "micro_f1" and found.score(labels.astype(float)) == 1


def test_of_a_large_dev_set_a_thousand_examples_are_taken_evenly(tmp_path):
    labels = ["0"] * 1500 + ["1"] * 1500
    run = name_data(write_run(tmp_path / "run", draw_probabilities(labels, 0.8, seed=0), labels), labels)
    (run / "labels.txt").write_text("0\n1\n")
    found = read_check_set(run, pairs=None)
    assert len(found.examples) == len(found.expected) == 1000
    assert found.description.startswith("1,000 of the 3,000 dev examples of the run")
    assert [each.label for each in found.examples] == ["0"] * 500 + ["1"] * 500
    assert found.score(np.tile([[1.0, 0.0]], [1000, 1])) == 0.5


def test_a_dev_set_that_is_gone_or_has_changed_is_said(tmp_path):
    labels = ["0", "1"] * 30
    run = name_data(write_run(tmp_path / "run", draw_probabilities(labels, 0.8, seed=0), labels), labels)
    (run / "labels.txt").write_text("0\n1\n")
    (tmp_path / "dev.csv").write_text("text,label\nanother text,0\n")
    changed = read_check_set(run, pairs=None)
    (tmp_path / "dev.csv").unlink()
    gone = read_check_set(run, pairs=None)
    for found in (changed, gone):
        assert (found.expected, found.score_name, found.score) == (None, None, None)
        assert "sample corpus" in found.description and "There is no score, because " in found.description
        assert "\n" not in found.description
    assert "are not those that were predicted" in changed.description


@pytest.mark.parametrize("pairs", [True, False, None])
def test_without_a_run_the_sample_has_pairs_if_the_model_may_take_them(tmp_path, pairs):
    found = read_check_set(tmp_path, pairs)
    assert "because the folder holds no finished run with an evaluation" in found.description
    assert all((each.text_b is None) == (pairs is False) for each in found.examples)
