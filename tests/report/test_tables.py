"""Predictions of each kind of task and dev curves are read, and what is cut or foreign in them is named."""

import numpy as np
import pytest
from support.synthetic_runs import (
    LABELS,
    draw_numbers,
    draw_probabilities,
    edit_results,
    write_curve,
    write_label_sets_run,
    write_numbers_run,
    write_run,
)

from bert_tf.report.inventory import BestStep
from bert_tf.report.predictions import LabelSetPredictions, NumberPredictions
from bert_tf.report.runs import read_runs

GOOD = draw_probabilities(LABELS, 0.8, seed=1)
NAMES = ("joy", "fear", "anger")
HAS_LABEL = np.random.default_rng(1).random((30, 3)) < 0.4
PROBABILITIES = np.clip(HAS_LABEL * 0.5 + np.random.default_rng(2).random((30, 3)) * 0.6, 0, 1)


def write_label_sets(folder):
    return write_label_sets_run(folder, PROBABILITIES, HAS_LABEL, NAMES)


def only_run(folder):
    inventory = read_runs([folder])
    (run,) = inventory.runs
    assert not inventory.skipped
    return run


def test_numbers_are_read(tmp_path):
    run = only_run(write_numbers_run(tmp_path / "run", 0.5, 1))
    assert run.kind == "regression" and isinstance(run.predictions, NumberPredictions) and not run.collapsed
    for found, expected in zip((run.predictions.labels, run.predictions.predicted), draw_numbers(0.5, 1), strict=True):
        np.testing.assert_allclose(found, expected)


def test_sets_of_labels_are_read(tmp_path):
    run = only_run(write_label_sets(tmp_path / "run"))
    assert run.kind == "multi_label" and isinstance(run.predictions, LabelSetPredictions) and not run.collapsed
    assert run.predictions.classes == NAMES
    np.testing.assert_array_equal(run.predictions.labels, HAS_LABEL)
    np.testing.assert_array_equal(run.predictions.predicted, PROBABILITIES >= 0.5)


def test_sets_of_labels_with_commas_in_their_names_are_read(tmp_path):
    names = ("joy, delight", *NAMES[1:])
    folder = write_label_sets_run(tmp_path / "run", PROBABILITIES, HAS_LABEL, names)
    path = folder / "eval_predictions.tsv"
    head, *rows = [line.split("\t") for line in path.read_text().splitlines()]
    sets = [";".join(np.array(names)[row]) for row in HAS_LABEL]
    rows = [[row[0], found, *row[2:]] for row, found in zip(rows, sets, strict=True)]
    path.write_text("".join("\t".join(row) + "\n" for row in [head, *rows]))
    np.testing.assert_array_equal(only_run(folder).predictions.labels, HAS_LABEL)


def test_a_regression_that_gives_nearly_the_same_number_has_collapsed(tmp_path):
    folder = write_numbers_run(tmp_path / "run", 0.5, 1)
    labels, _ = draw_numbers(0.5, 1)
    rows = [f"dev-{number}\t{label}\t{2.5 + number / 10_000}" for number, label in enumerate(labels, start=1)]
    (folder / "eval_predictions.tsv").write_text("guid\tlabel\tprediction\n" + "\n".join(rows) + "\n")
    assert only_run(folder).collapsed


def test_a_run_that_gives_all_examples_the_same_labels_has_collapsed(tmp_path):
    folder = write_label_sets_run(tmp_path / "run", np.tile([0.9, 0.1, 0.2], (30, 1)), HAS_LABEL, NAMES)
    assert only_run(folder).collapsed


@pytest.mark.parametrize(
    ("write", "edit", "word"),
    [
        (lambda folder: write_numbers_run(folder, 0.5, 1), lambda text: text.replace("prediction", "x"), "numbers"),
        (
            lambda folder: write_numbers_run(folder, 0.5, 1),
            lambda text: text.rpartition("\t")[0] + "\tnan\n",
            "not finite",
        ),
        (
            lambda folder: write_numbers_run(folder, 0.5, 1),
            lambda text: text.replace("dev-9\t", "dev-9\t1\t"),
            "cut off",
        ),
        (write_label_sets, lambda text: text.replace("labels", "label"), "probabilities of labels"),
        (write_label_sets, lambda text: text.replace("\tjoy,", "\tjoys,", 2), "not in the header"),
        (write_label_sets, lambda text: text.rpartition("\t")[0] + "\t1.5\n", "not probabilities"),
    ],
)
def test_predictions_that_cannot_be_used_are_named_and_the_run_stays(tmp_path, write, edit, word):
    path = write(tmp_path / "run") / "eval_predictions.tsv"
    path.write_text(edit(path.read_text()))
    inventory = read_runs([tmp_path])
    assert inventory.runs[0].predictions is None and inventory.runs[0].values is not None
    (line,) = inventory.skipped
    assert line.startswith(str(path)) and word in line


def test_numbers_of_another_run_are_not_taken(tmp_path):
    folder = write_numbers_run(tmp_path / "run", 0.5, 1)
    other = write_numbers_run(tmp_path / "other", 1.5, 2)
    (folder / "eval_predictions.tsv").write_text((other / "eval_predictions.tsv").read_text())
    inventory = read_runs([folder])
    assert inventory.runs[0].predictions is None and "Pearson correlation differs" in inventory.skipped[0]


@pytest.mark.parametrize("content", ["{", "[]", '{"kind": 3}', '{"kinds": "regression"}'])
def test_a_kind_that_cannot_be_read_makes_a_failed_run(tmp_path, content):
    (write_run(tmp_path / "run", GOOD) / "task.json").write_text(content)
    (failed,) = read_runs([tmp_path]).failed
    assert "task.json" in failed.reason


def test_a_dev_curve_has_the_steps_that_were_evaluated(tmp_path):
    folder = write_run(tmp_path / "run", GOOD)
    write_curve(folder, {"eval_accuracy": [0.5, 0.7, 0.6], "eval_loss": [0.7, 0.6, 0.65]})
    log = only_run(folder).train_log
    assert log.losses[:, 0].tolist() == [5, 10, 15, 20, 25, 30]
    assert log.scores["eval_accuracy"].tolist() == [[10, 0.5], [20, 0.7], [30, 0.6]]
    assert log.scores["eval_loss"].tolist() == [[10, 0.7], [20, 0.6], [30, 0.65]]


def test_a_score_without_a_value_leaves_a_gap(tmp_path):
    folder = write_run(tmp_path / "run", GOOD)
    write_curve(folder, {"eval_accuracy": [0.5, 0.7], "eval_auc": [float("nan"), 0.8]})
    log = only_run(folder).train_log
    assert log.scores["eval_auc"].tolist() == [[20, 0.8]] and len(log.scores["eval_accuracy"]) == 2


def test_a_dev_curve_with_something_else_than_numbers_is_named(tmp_path):
    folder = write_run(tmp_path / "run", GOOD)
    write_curve(folder, {"eval_accuracy": ["0.5", "word"]})
    inventory = read_runs([tmp_path])
    assert inventory.runs[0].train_log is None and "train_log.csv:5" in inventory.skipped[0]


def test_the_step_that_was_kept_is_read(tmp_path):
    folder = write_run(tmp_path / "run", GOOD)
    best = {"metric": "eval_accuracy", "step": 20, "value": 0.8}
    edit_results(folder, best=best, global_step=20, num_train_steps=30)
    run = only_run(folder)
    assert run.best == BestStep("eval_accuracy", 20, 0.8) and not run.unfinished


def test_a_run_that_kept_its_best_step_and_was_not_trained_to_the_end_is_unfinished(tmp_path):
    folder = write_run(tmp_path / "run", GOOD)
    best = {"metric": "eval_accuracy", "step": 20, "value": 0.8}
    edit_results(folder, best=best, global_step=20, num_train_steps=300)
    assert read_runs([tmp_path]).unfinished[0].reason == "evaluated at step 30 of 300"


def test_a_run_that_was_stopped_early_is_finished(tmp_path):
    folder = write_run(tmp_path / "run", GOOD)
    edit_results(folder, stopped_early=30, num_train_steps=300)
    assert only_run(folder).stopped_early == 30


@pytest.mark.parametrize("best", [[1], "20", 20])
def test_a_best_step_that_is_none_is_named(tmp_path, best):
    edit_results(write_run(tmp_path / "run", GOOD), best=best)
    inventory = read_runs([tmp_path])
    assert inventory.runs[0].best is None and "best is not an object" in inventory.skipped[0]
